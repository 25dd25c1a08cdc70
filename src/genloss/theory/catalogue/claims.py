"""The claims of the literature on model collapse, each with the laws that decide it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from genloss.theory.catalogue import categorical, collapse, curation, gaussian, gaussian_regimes, regression
from genloss.theory.catalogue import multivariate as normal

if TYPE_CHECKING:
    from genloss.theory.laws import Law

SOURCES = "three sources of error"


@dataclass(frozen=True)
class Claim:
    """A statement on model collapse in words, and the law whose numbers stand for it.

    Attributes:
        text: The statement.
        tag: The tag that the laws which back it carry.
        shown: The law whose prediction and measurement are shown for it.
        source: Where it is made.
    """

    text: str
    tag: str
    shown: str
    source: str

    def laws(self, laws: "dict[str, Law]") -> "list[Law]":
        """List the laws that decide it."""
        return [law for law in laws.values() if self.tag in law.tags and law.status == "holds"]


_SHUMAILOV = "Shumailov et al. 2024 (2305.17493)"
CLAIMS = (
    Claim(
        "tails are lost first, the variance later", categorical.TAILS_FIRST, "tails_before_spread_replace", _SHUMAILOV
    ),
    Claim(
        "average quality may improve while minorities lose",
        curation.MINORITIES,
        "minority_share_and_reward_selected",
        "Wyllie et al. 2024 (2403.07857)",
    ),
    Claim(
        "three sources of error: finite samples, what models can express, how they are learned",
        SOURCES,
        "variance_kde_rule_replace",
        _SHUMAILOV,
    ),
    Claim(
        "accumulating real and synthetic data avoids collapse",
        gaussian_regimes.GENTLE,
        "variance_accumulate",
        "Gerstgrasser et al. 2024 (2404.01413)",
    ),
    Claim(
        "sampling that grows super-linearly bounds the error",
        "super-linear sampling bounds it",
        "wasserstein2_squared_schedule_replace",
        _SHUMAILOV,
    ),
    Claim(
        "only infinite sampling gives zero distance",
        gaussian.ZERO_DISTANCE,
        "wasserstein2_squared_replace",
        _SHUMAILOV,
    ),
    Claim("the simplest model collapses", gaussian.SIMPLEST, "std_median_replace", _SHUMAILOV),
    Claim("collapse is exact in d dimensions", normal.EXACT_COLLAPSE, "log_determinant_replace", _SHUMAILOV),
    Claim(
        "regression obeys scaling laws, and its error adds up over generations",
        regression.SCALING,
        "excess_risk_replace",
        regression.DOHMATOB,
    ),
    Claim(
        "a softmax model collapses within bounds, and real data prevent it",
        collapse.SOFTMAX,
        "collapsed_most_replace",
        categorical.SEDDIK,
    ),
)

"""A supervised text classifier: hashed n-grams and logistic regression, trained in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from genloss.chain.data import Data, Floats
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.provenance.detectors import saving
from genloss.provenance.detectors.reading import checked


@dataclass(frozen=True)
class TextClassifier:
    """The recipe of a text classifier.

    Each document becomes a vector of hashed n-grams, of length 1, weighted by the logarithm of counts; a logistic
    regression, in which both classes weigh alike, tells human from synthetic.

    Attributes:
        ngrams: The shortest and the longest n-grams.
        analyzer: Whether n-grams are of words or of characters within words.
        bits: The vector has 2 ** bits places; n-grams that share one are not told apart.
        strength: The inverse of the ridge penalty: larger follows the training documents more closely.
        lower: Whether capital letters become small ones.

    Example:
        >>> detector = TextClassifier(bits=10).fit(["we hold these truths"] * 9, ["truths these hold we"] * 9)
        >>> bool(detector.score(["these hold"])[0] > detector.score(["hold these"])[0])
        True
    """

    ngrams: tuple[int, int] = (1, 2)
    analyzer: Literal["word", "char_wb"] = "word"
    bits: int = 18
    strength: float = 10.0
    lower: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ngrams", tuple(self.ngrams))
        if len(self.ngrams) != 2 or not 1 <= self.ngrams[0] <= self.ngrams[1]:
            raise SpecError(f"text-classifier.ngrams: {self.ngrams}; give the shortest and the longest, such as (1, 2)")
        if self.analyzer not in ("word", "char_wb"):
            raise SpecError(f"text-classifier.analyzer: no analyzer {self.analyzer!r}; known: char_wb, word")
        whole_number(self.bits, "text-classifier.bits", 1, 26)
        if not 0 < self.strength < np.inf:
            raise SpecError(f"text-classifier.strength: {self.strength!r}; give a number above 0")

    def fit(self, human: Data, synthetic: Data) -> "TextDetector":
        """Fit to documents or lists of texts of both kinds.

        Raises:
            SpecError: If there are none of a kind, or scikit-learn is not installed.
        """
        from scipy.sparse import vstack

        parts = [
            self._vectors(checked(texts, f"text-classifier.{name}"))
            for name, texts in (("human", human), ("synthetic", synthetic))
        ]
        from sklearn.linear_model import LogisticRegression

        made = np.repeat([0, 1], [part.shape[0] for part in parts])
        model = LogisticRegression(C=self.strength, class_weight="balanced", solver="liblinear", random_state=0)
        model.fit(vstack(parts), made)
        return TextDetector(self, model.coef_[0].astype(np.float32), float(model.intercept_[0]))

    def _vectors(self, texts: Iterable[str]) -> Any:
        try:
            from sklearn.feature_extraction.text import HashingVectorizer
        except ImportError:
            raise SpecError('text-classifier: needs scikit-learn; pip install "genloss[sklearn]"') from None
        hashing = HashingVectorizer(
            n_features=2**self.bits, ngram_range=self.ngrams, analyzer=self.analyzer, lowercase=self.lower, norm=None,
            alternate_sign=False, token_pattern=r"\w+|[^\w\s]",
        )  # fmt: skip
        try:
            found = hashing.transform(texts)
        except UnicodeEncodeError:
            raise SpecError(
                "text-classifier: a document holds half a surrogate pair, which is not text; read it again as UTF-8"
            ) from None
        found.data = np.log1p(found.data)
        length = np.sqrt(found.multiply(found).sum(1).A1 if hasattr(found, "A1") else np.asarray(
            found.multiply(found).sum(1)).ravel())  # fmt: skip
        found.data /= np.repeat(np.maximum(length, 1e-12), np.diff(found.indptr))
        return found


@dataclass(frozen=True, eq=False)
class TextDetector:
    """A fitted text classifier.

    Attributes:
        recipe: What it was fitted by.
        weight: One number a place of the vector: shape (2 ** bits,).
        intercept: The log-odds of a document without n-grams.
    """

    recipe: TextClassifier
    weight: Any = field(repr=False)
    intercept: float

    def score(self, data: Data) -> Floats:
        """Score each document: the log-odds that it is synthetic, if half of all documents were; shape (documents,)."""
        found: Floats = self.recipe._vectors(checked(data, "text-detector")) @ self.weight.astype(float)
        return found + self.intercept

    def save(self, path: str | Path) -> None:
        """Write it to a file that `load` reads."""
        recipe = self.recipe
        settings = {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}
        at = np.flatnonzero(self.weight)
        arrays = {"at": at, "weight": self.weight[at], "intercept": np.array(self.intercept)}
        saving.save(path, "text-classifier", settings, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "TextDetector":
        """Read one from a file.

        Raises:
            SpecError: If the file holds none.
        """
        return cls.made(*saving.load(path, "text-classifier"), path)

    @classmethod
    def made(cls, settings: dict[str, Any], arrays: dict[str, Any], path: str | Path) -> "TextDetector":
        """Build one from what its file holds."""
        try:
            recipe = TextClassifier(**settings)
            weight = np.zeros(2**recipe.bits, dtype=np.float32)
            weight[arrays["at"]] = arrays["weight"]
            return cls(recipe, weight, float(arrays["intercept"]))
        except SpecError as error:
            raise SpecError(f"{path}: {error}") from None
        except (KeyError, TypeError, IndexError, ValueError):
            raise saving.damaged(path) from None

"""The laws, one family a file; importing the catalogue fills `LAWS`."""

from genloss.theory.catalogue import (  # noqa: F401
    categorical,
    collapse,
    curation,
    draws,
    errata,
    exponential,
    fresh,
    gaussian,
    gaussian_paths,
    gaussian_regimes,
    growth,
    kde,
    limits,
    multivariate,
    passage,
    regression,
    ridge,
    scaling,
    selection,
    softmax,
)

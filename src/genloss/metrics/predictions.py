"""Regression: how far fitted weights are from the true ones."""

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Estimate, estimate


def excess_risk(weights: ArrayLike, truth: ArrayLike, cov: ArrayLike | None = None) -> Estimate:
    """The expected squared error of a regression's predictions beyond the truth's own.

    Definition: (w - w*)' C (w - w*), with C the second moment of the inputs (the identity by default).
    Units: those of the label, squared. Range: from 0.
    Sample size: of least squares about noise^2 d / n.
    Standard error: none: weights are parameters.
    Source: Dohmatob, Feng and Kempe 2024 (2402.07712).

    Args:
        weights: Fitted weights: shape (..., d).
        truth: True weights: shape (d,).
        cov: The second moment of the inputs: shape (d, d).
    """
    off = np.asarray(weights, dtype=float) - np.asarray(truth, dtype=float)
    if cov is not None and np.shape(cov) != (off.shape[-1],) * 2:
        raise SpecError(f"metrics.excess_risk: cov must have shape {(off.shape[-1],) * 2}, got {np.shape(cov)}")
    turned = off if cov is None else (off[..., None, :] @ np.asarray(cov, dtype=float))[..., 0, :]
    return estimate((turned * off).sum(-1), None, 0, False)

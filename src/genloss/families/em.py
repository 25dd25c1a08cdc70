"""Expectation maximisation for Gaussian mixtures, many data sets side by side.

Everywhere: r data sets, n rows, d numbers per row, k components; covariances (r, k, d) are diagonal, (r, k, d, d) full.
"""

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats

_LLOYD = 10
_EMPTY = 1e-10
"""A component with fewer expected rows than this has died: it keeps its place, with weight 0."""

Parameters = tuple[Floats, Floats, Floats]
"""Weights (r, k), means (r, k, d) and covariances."""


def fit(rows: Floats, k: int, full: bool, ridge: Floats, max_iter: int, tol: float, rng: Generator) -> Parameters:
    """Fit k components to each data set, each until its own mean log density gains less than tol.

    Args:
        rows: Shape (r, n, d), centred, so that sums of squares keep their digits.
        k: The number of components.
        full: Whether covariances are full.
        ridge: What is added to every variance: shape (r,).
        max_iter: The most steps.
        tol: The gain below which a step is the last.
        rng: Draws the first centres.
    """
    means = _seeded(rows, k, rng)
    shares, means = _k_means(rows, means)
    found = maximise(rows, shares, means, ridge, full)
    if k == 1:
        return found
    result = tuple(np.array(each) for each in found)
    active = np.arange(len(rows))
    before = np.full(len(rows), -np.inf)
    for _ in range(max_iter):
        log_density, shares = expect(rows, *found)
        found = maximise(rows, shares, found[1], ridge, full)
        now = log_density.mean(1)
        going = ~(now - before < tol)
        before = now
        if going.all():
            continue
        for kept, each in zip(result, found, strict=True):
            kept[active[~going]] = each[~going]
        active, rows, ridge, before = active[going], rows[going], ridge[going], before[going]
        found = (found[0][going], found[1][going], found[2][going])
        if not len(active):
            break
    for kept, each in zip(result, found, strict=True):
        kept[active] = each
    return result[0], result[1], result[2]


def expect(rows: Floats, weights: Floats, means: Floats, covs: Floats) -> tuple[Floats, Floats]:
    """The log density of each row, shape (r, n), and the share each component has in it, shape (r, n, k)."""
    d = rows.shape[-1]
    if covs.ndim == 3:
        precision = 1 / covs
        scaled = means * precision
        far = np.square(rows) @ precision.mT
        far -= 2 * (rows @ scaled.mT)
        far += (means * scaled).sum(-1)[:, None]
        log_det = np.log(covs).sum(-1)
    else:
        roots = np.linalg.cholesky(covs)
        log_det = 2 * np.log(np.diagonal(roots, axis1=-2, axis2=-1)).sum(-1)
        whiten = np.linalg.inv(roots).mT
        far = np.empty((max(len(rows), len(means)), rows.shape[1], means.shape[1]))
        for j in range(means.shape[1]):
            white = (rows - means[:, None, j]) @ whiten[:, j]
            far[..., j] = np.einsum("rnd,rnd->rn", white, white)
    with np.errstate(divide="ignore"):
        constant = np.log(weights) - 0.5 * (log_det + d * np.log(2 * np.pi))
    log_joint = constant[:, None] - 0.5 * far
    top = log_joint.max(-1, keepdims=True)
    shares = np.exp(log_joint - top)
    total = shares.sum(-1, keepdims=True)
    shares /= total
    return (np.log(total) + top)[..., 0], shares


def maximise(rows: Floats, shares: Floats, means: Floats, ridge: Floats, full: bool) -> Parameters:
    """The weighted means and covariances of each component; a dead one keeps its mean."""
    count = shares.sum(1)
    alive = count > _EMPTY
    inverse = np.where(alive, 1 / np.where(alive, count, 1), 0.0)[..., None]
    weights = np.where(alive, count, 0.0)
    weights = weights / weights.sum(-1, keepdims=True)
    means = np.where(alive[..., None], (shares.mT @ rows) * inverse, means)
    if not full:
        covs = (shares.mT @ np.square(rows)) * inverse - np.square(means)
        covs = np.where(alive[..., None], np.maximum(covs, 0), 0) + ridge[:, None, None]
        return weights, means, covs
    d = rows.shape[-1]
    covs = np.empty((*means.shape, d))
    for j in range(means.shape[1]):
        off = rows - means[:, None, j]
        covs[:, j] = (off * shares[:, :, j, None]).mT @ off
    covs *= inverse[..., None]
    covs += ridge[:, None, None, None] * np.eye(d)
    return weights, means, covs


def _seeded(rows: Floats, k: int, rng: Generator) -> Floats:
    """Choose k rows as first centres, far ones likelier: with probability proportional to the squared distance."""
    r, n, d = rows.shape
    each = np.arange(r)
    means = np.empty((r, k, d))
    means[:, 0] = rows[each, rng.integers(n, size=r)]
    far = np.full((r, n), np.inf)
    for j in range(1, k):
        off = rows - means[:, None, j - 1]
        far = np.minimum(far, np.einsum("rnd,rnd->rn", off, off))
        cut = np.cumsum(far, -1)
        chosen = (cut <= np.asarray(rng.random(r))[:, None] * cut[:, -1:]).sum(-1)
        means[:, j] = rows[each, np.minimum(chosen, n - 1)]
    return means


def _k_means(rows: Floats, means: Floats) -> tuple[Floats, Floats]:
    """A few steps of k-means: which centre each row belongs to, as shares of 0 and 1, and the centres."""
    k = means.shape[1]
    nearest: Array = np.empty(0)
    shares: Floats = np.empty(0)
    for _ in range(_LLOYD):
        before = nearest
        far = np.square(means).sum(-1)[:, None] - 2 * (rows @ means.mT)
        nearest = far.argmin(-1)
        if np.array_equal(nearest, before):
            break
        shares = (nearest[..., None] == np.arange(k)).astype(float)
        count = shares.sum(1)[..., None]
        means = np.where(count > 0, (shares.mT @ rows) / np.maximum(count, 1), means)
    return shares, means

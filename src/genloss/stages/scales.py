"""On which scale the loss of a probe is measured, and on which second scale it must show as well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError

_CLIP = 40.0
"""On the log scale a factor beyond e^40 either way counts as e^40: all is gone, or infinitely better."""
_RELATIVE = 1e-9
"""Differences below this share of the level are rounding."""
_FEW = 5
"""Below so many units from an end of its range a count is too discrete for its own scatter to be trusted."""

Gate = Literal["cube root", "logit", "arcsine", "log", "square root", ""]


@dataclass(frozen=True, eq=False)
class Scale:
    """How the values of one probe become goodness, and its second scale.

    Goodness is what falls when something is lost. On the linear scale the loss is 1 - goodness / reference, on the log
    scale 1 - exp(difference of the mean logs): 0 means nothing lost, 1 everything, negative gained.

    Attributes:
        log: Whether goodness is on the log scale.
        good: Turns values into goodness.
        gate: The name of the second scale, on which a loss must show too before it is believed; "" for none.
        gated: Turns values into the second scale, rising with goodness.
        centre: On the log scale, what is subtracted from the logs, one number per label.
        resolution: The smallest step between two values, one number per label.
        sign: 1 where higher is better, -1 where lower is.
    """

    log: bool
    good: Callable[[Array], Array]
    gate: Gate
    gated: Callable[[Array], Array]
    centre: Floats
    resolution: Floats
    sign: float

    def floor(self, level: Array) -> Array:
        """The least standard deviation to believe in on the main scale, where goodness has this mean."""
        half = self.resolution / 2
        if self.log:
            return half / self.value(level) + _RELATIVE
        return half + _RELATIVE * np.abs(level)

    def value(self, level: Array) -> Array:
        """On the log scale, the value that has this goodness."""
        return np.exp(self.sign * level + self.centre)

    def gate_floor(self, level: Array, gated: Array) -> Array:
        """The least standard deviation on the second scale, where goodness and second scale have these means."""
        half = self.resolution / 2
        low = np.abs(level)
        tiny = _RELATIVE * np.maximum(np.abs(gated), _RELATIVE)
        with np.errstate(all="ignore"):
            if self.gate == "logit":
                slope = 1 / (low * (1 - low))
            elif self.gate == "arcsine":
                slope = 1 / (2 * np.sqrt(low * (1 - low)))
            elif self.gate == "log":
                slope = 1 / low
            elif self.gate == "square root":
                slope = 1 / (2 * np.sqrt(low))
            elif self.gate == "cube root":
                slope = np.abs(gated) / (3 * self.value(level))
            else:
                return tiny
            floor = half * slope
            # the root of a count scatters by one half, whatever its mean; its own scatter is no guide when it is small
            if self.gate in ("arcsine", "square root"):
                ends = np.minimum(low, 1 - low) if self.gate == "arcsine" else low
                floor = np.where(ends < _FEW * self.resolution, np.sqrt(self.resolution) / 2, floor)
        return np.where(np.isfinite(floor), floor, 0) + tiny


def scale_of(name: str, arrays: Sequence[Array], better: str, scale: str) -> Scale:
    """Choose the scales for a probe from what it says of itself and the range of its values.

    Args:
        name: The probe's name, for errors.
        arrays: Its values, any shapes that end in the labels; the first holds the replicates and generations.
        better: "higher" or "lower".
        scale: "linear" or "log".

    Raises:
        SpecError: If the probe says something unknown, or a value has no logarithm.
    """
    if better not in ("higher", "lower"):
        raise SpecError(f"probe {name!r}: better = {better!r}; say 'higher' or 'lower'")
    if scale not in ("linear", "log"):
        raise SpecError(f"probe {name!r}: scale = {scale!r}; say 'linear' or 'log'")
    least, most = _range(arrays)
    if scale == "log" and least < 0:
        raise SpecError(f"probe {name!r}: scale = 'log', but a value is {least:.6g}; say scale = 'linear'")
    sign = 1.0 if better == "higher" else -1.0
    resolution = _resolution(arrays)
    share = least >= 0 and most <= 1
    if scale == "log" or (better == "lower" and least > 0 and not share):
        centre = _centre(arrays[0])

        def log(x: Array) -> Array:
            with np.errstate(divide="ignore"):
                y = np.log(x)
            y -= centre
            np.clip(y, -_CLIP, _CLIP, out=y)
            return y if sign > 0 else -y

        def root(x: Array) -> Array:
            return np.exp(log(x) / 3)

        return Scale(True, log, "cube root", root, centre, resolution, sign)
    if better == "higher":
        good: Callable[[Array], Array] = _same
    elif share:
        good = _rest
    else:
        good = np.negative
    gate, gated = _gate(share, least, most, sign)
    return Scale(False, good, gate, gated, np.zeros(arrays[0].shape[-1]), resolution, sign)


def _gate(share: bool, least: float, most: float, sign: float) -> tuple[Gate, Callable[[Array], Array]]:
    """The second scale of a linear probe: the one that makes the usual noise of such values symmetric."""
    if share and least > 0 and most < 1:
        return "logit", lambda x: sign * np.log(x / (1 - x))
    if share:
        return "arcsine", lambda x: sign * np.arcsin(np.sqrt(x))
    if sign > 0 and least > 0:
        return "log", np.log
    if least >= 0:
        return "square root", lambda x: sign * np.sqrt(x)
    return "", _same


def _same(x: Array) -> Array:
    return x


def _rest(x: Array) -> Array:
    return 1 - x


def _range(arrays: Sequence[Array]) -> tuple[float, float]:
    """The least and the greatest number, leaving out what is not a number."""
    least, most = np.inf, -np.inf
    for array in arrays:
        low, high = float(array.min()), float(array.max())
        if np.isnan(low):
            known = array[~np.isnan(array)]
            if not known.size:
                continue
            low, high = float(known.min()), float(known.max())
        least, most = min(least, low), max(most, high)
    return least, most


def _centre(values: Array) -> Floats:
    """The typical log at generation 0, one number per label, around which logs are clipped."""
    first = _first(values, 1)[..., 0, :].reshape(-1, values.shape[-1])
    centres = np.zeros(values.shape[-1])
    for label, column in enumerate(first.T):
        usable = column[np.isfinite(column) & (column > 0)]
        if usable.size:
            centres[label] = np.median(np.log(usable))
    return centres


def _resolution(arrays: Sequence[Array]) -> Floats:
    """The smallest step between two values, one number per label; of many replicates the first ones tell."""
    labels = arrays[0].shape[-1]
    steps = np.zeros(labels)
    samples = [_first(array, array.shape[-2]) if array.ndim > 3 else array for array in arrays]
    for label in range(labels):
        column: Any = np.concatenate([sample[..., label].ravel() for sample in samples])
        column = column[np.isfinite(column)]
        if not column.size:
            continue
        unit = _RELATIVE * max(float(np.abs(column).max()), 1e-300)
        known = np.unique(np.round(column / unit))
        if len(known) > 1:
            steps[label] = float(np.diff(known).min()) * unit
    return steps


def _first(values: Array, generations: int) -> Array:
    """Enough replicates to judge by: the replicate axis is the third from the end."""
    few = max(2, 20_000 // max(1, generations * int(np.prod(values.shape[:-3], dtype=int))))
    return values[..., :few, :, :]

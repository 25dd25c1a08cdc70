"""Watermarks inside `generate` of transformers."""

from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError
from genloss.provenance.watermarks.scheme import Scheme, check_whole


def processor(
    scheme: Scheme, prompt_length: int = 0, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Any:
    """A `LogitsProcessor` that warps the logits of every row of a batch, and then applies a scheme.

    `generate` applies its own temperature, top_k and top_p after all processors, which is too late for a watermark that
    chooses among what they leave: give them here, and switch them off there.

    Args:
        scheme: The scheme.
        prompt_length: Tokens of the prompt.
        temperature: Divides the logits.
        top_k: How many of the most probable tokens are left; 0 for all.
        top_p: The share of the probability that the most probable tokens left add up to.

    Raises:
        SpecError: If transformers or torch is not installed, or a number is out of place.
    """
    check_warping(temperature, top_k, top_p)
    try:
        import torch
        from transformers import LogitsProcessor
    except ImportError:
        raise SpecError("watermark: a logits processor needs transformers and torch; install them") from None

    class Watermark(LogitsProcessor):  # type: ignore[misc]
        """Applies the scheme to each row, past its prompt."""

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            rows = [
                scheme.process(ids[prompt_length:], warped(logits, temperature, top_k, top_p))
                for ids, logits in zip(
                    input_ids.detach().cpu().numpy(), scores.detach().float().cpu().numpy(), strict=True
                )
            ]
            return torch.as_tensor(np.stack(rows), dtype=scores.dtype, device=scores.device)

    return Watermark()


def check_warping(temperature: Any, top_k: Any, top_p: Any) -> None:
    """Refuse what no sampler takes."""
    for name, value, most in (("temperature", temperature, np.inf), ("top_p", top_p, 1.0)):
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not number or not 0 < value <= most or value == np.inf:
            wanted = "a finite number above 0" if most > 1 else "a number above 0, up to 1"
            raise SpecError(f"watermark.{name}: {value!r}; give {wanted}")
    check_whole(top_k, "watermark.top_k", 0)


def warped(logits: Array, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Floats:
    """Logits as the warpers of transformers leave them: temperature, then top_k, then top_p; -inf for what is left out.

    Tokens that tie with the last of the top_k stay.

    Args:
        logits: One number an id.
        temperature: Divides the logits.
        top_k: How many of the most probable tokens are left; 0 for all.
        top_p: The share of the probability that the most probable tokens left add up to.
    """
    found = np.array(logits, dtype=float) / temperature
    if 0 < top_k < len(found):
        found[found < np.partition(found, -top_k)[-top_k]] = -np.inf
    if top_p < 1:
        order = np.argsort(found, kind="stable")
        law = np.exp(found[order] - found[order[-1]])
        out = np.cumsum(law) / law.sum() <= 1 - top_p
        out[-1] = False
        found[order[out]] = -np.inf
    return found

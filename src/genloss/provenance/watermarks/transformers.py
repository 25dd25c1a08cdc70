"""Watermarks inside `generate` of transformers."""

from typing import Any

import numpy as np

from genloss.errors import SpecError
from genloss.provenance.watermarks.scheme import Scheme


def processor(scheme: Scheme, prompt_length: int = 0) -> Any:
    """A `LogitsProcessor` that applies a scheme to every row of a batch.

    Raises:
        SpecError: Where transformers or torch is not installed.
    """
    try:
        import torch
        from transformers import LogitsProcessor
    except ImportError:
        raise SpecError("watermark: a logits processor needs transformers and torch; install them") from None

    class Watermark(LogitsProcessor):  # type: ignore[misc]
        """Applies the scheme to each row, past its prompt."""

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            rows = [
                scheme.process(ids[prompt_length:], logits)
                for ids, logits in zip(
                    input_ids.detach().cpu().numpy(), scores.detach().float().cpu().numpy(), strict=True
                )
            ]
            return torch.as_tensor(np.stack(rows), dtype=scores.dtype, device=scores.device)

    return Watermark()

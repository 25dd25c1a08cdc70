"""Hugging Face models as language models for detectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genloss.chain.data import Data, Floats, Ints
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class HuggingFaceLM:
    """A causal language model of `transformers` and its tokenizer.

    A document's first token is predicted where the model has a token that begins documents; otherwise it is context.

    Attributes:
        model: The model, in its place (`model.device`) and number format: called with ids of shape (1, tokens), it
            gives an object whose `logits` have shape (1, tokens, vocabulary). A model of your own without `device` is
            given a NumPy array of ids, and needs no torch.
        tokenizer: Its tokenizer: called with a text and `add_special_tokens=False` it gives a mapping with `input_ids`;
            `bos_token_id` is the id that begins documents, or None.
        max_length: Documents are read up to so many tokens; the model must know so many positions.
    """

    model: Any
    tokenizer: Any
    max_length: int = 1024

    @classmethod
    def load(cls, folder: str | Path, max_length: int = 1024, **settings: Any) -> "HuggingFaceLM":
        """Read a model and its tokenizer from a folder; nothing is downloaded.

        Args:
            folder: Where `save_pretrained` wrote them.
            max_length: Documents are read up to so many tokens.
            **settings: Handed to `from_pretrained` of both, such as gguf_file=.

        Raises:
            SpecError: If the folder or `transformers` is missing.
        """
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise SpecError("huggingface-lm: needs torch and transformers; pip install torch transformers") from None
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **settings)
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **settings)
        except (OSError, ValueError) as error:
            raise SpecError(f"huggingface-lm: {folder}: no model ({str(error).splitlines()[0]})") from None
        return cls(model.eval(), tokenizer, max_length)

    def laws(self, data: Data) -> Iterator[tuple[Ints, Floats]]:
        """Read documents one by one: the predicted tokens, and the log-probability of every token at each."""
        begin = self.tokenizer.bos_token_id
        for text in data:
            ids = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])[: self.max_length]
            given = [begin, *ids] if begin is not None else ids
            if len(given) < 2:
                yield np.zeros(0, dtype=np.int64), np.zeros((0, 1))
                continue
            # The last token predicts nothing that is asked for.
            yield np.array(given[1:], dtype=np.int64), _logs(_logits(self.model, given[:-1]))


def _logits(model: Any, ids: list[int]) -> Floats:
    """The logits after every token of one document: shape (tokens, vocabulary)."""
    if not hasattr(model, "device"):
        return np.asarray(model(np.array([ids])).logits[0], dtype=float)
    import torch

    with torch.no_grad():
        found = model(torch.tensor([ids], device=model.device)).logits[0]
    logits: Floats = found.float().cpu().numpy().astype(float)
    return logits


def _logs(logits: Floats) -> Floats:
    """Logits as log-probabilities, row by row."""
    off = logits - logits.max(-1, keepdims=True)
    return np.asarray(off - np.log(np.exp(off).sum(-1, keepdims=True)))

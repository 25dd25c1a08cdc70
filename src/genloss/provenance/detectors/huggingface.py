"""Hugging Face models as language models for detectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genloss.data import Data, Floats, Ints
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class HuggingFaceLM:
    """A causal language model of `transformers` and its tokenizer.

    A document's first token is predicted where the model has a token that begins documents; otherwise it is context.

    Attributes:
        model: The model, in its place (`model.device`) and number format.
        tokenizer: Its tokenizer.
        max_length: Documents are read up to so many tokens.
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
            SpecError: Where the folder or `transformers` is missing.
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
        import torch

        begin = self.tokenizer.bos_token_id
        for text in data:
            ids = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])[: self.max_length]
            given = [begin, *ids] if begin is not None else ids
            if len(given) < 2:
                yield np.zeros(0, dtype=np.int64), np.zeros((0, 1))
                continue
            with torch.no_grad():
                logits = self.model(torch.tensor([given], device=self.model.device)).logits[0, :-1]
                law = torch.log_softmax(logits.float(), -1).cpu().numpy().astype(float)
            yield np.array(given[1:], dtype=np.int64), law

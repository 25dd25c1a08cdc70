"""The watermark and the tokenizer to test a corpus by, read from their files."""

import json
from pathlib import Path
from typing import Any

from genloss.corpus.records import what
from genloss.errors import SpecError
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec


def tokenizer_of(path: str | Path) -> Any:
    """Read a tokenizer of the library `tokenizers`.

    Documents are read whole, whatever truncation and padding the file asks for.

    Args:
        path: A tokenizer.json, or the folder that holds one.

    Raises:
        SpecError: If there is none, or the library is missing.
    """
    try:
        import tokenizers
    except ImportError:
        raise SpecError('tokenizer: needs the library tokenizers; pip install "genloss[text]"') from None
    file = Path(path) / "tokenizer.json" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise SpecError(f"tokenizer: {file}: no such file; give a tokenizer.json or the folder that holds one")
    try:
        found = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:
        raise SpecError(f"tokenizer: {file}: no tokenizer ({str(error).splitlines()[0][:100]})") from None
    # Many files are saved as for training: they would cut documents short, and fill them up with one token.
    found.no_truncation()
    found.no_padding()
    return found


def watermark_of(path: str | Path, vocab_size: int | None = None, tokenizer: str | Path | None = None) -> WatermarkSpec:
    """Read the JSON of a watermark, as `transformers`, vLLM or `WatermarkSpec.to_plain` write it.

    Args:
        path: The file.
        vocab_size: The model config's vocab_size; None if the file says it, or a config.json beside the tokenizer.
        tokenizer: The tokenizer's folder or file, for that config.json.

    Raises:
        SpecError: If it is not a watermark, its vocabulary is unknown, or the vocabularies differ.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"spec: {path}: unreadable ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise SpecError(f"spec: {path}: not valid JSON; give the watermark as transformers or vLLM writes it") from None
    if not isinstance(plain, dict):
        raise SpecError(f"spec: {path}: holds {what(plain)}; give the watermark as transformers or vLLM writes it")
    if "scheme" in plain:
        plain = plain["scheme"]
        if not isinstance(plain, dict):
            raise SpecError(f"spec: {path}: scheme holds {what(plain)}; give a scheme's fields, kind among them")
    own = plain.pop("vocab_size", None) if "kind" not in plain else plain.get("vocab_size")
    beside = own or vocab_size or _beside(tokenizer)
    if beside is None:
        raise SpecError(f"spec: {path}: says no vocabulary; give vocab_size=, that of the model's config")
    if vocab_size is not None and beside != vocab_size:
        raise SpecError(f"vocab_size: {vocab_size}, but {path} is made for a vocabulary of {beside}; leave one out")
    if "kind" in plain:
        return WatermarkSpec.from_plain(plain)
    if "algorithm" in plain or "prf" in plain:
        return WatermarkSpec.from_vllm(plain, vocab_size=beside)
    return WatermarkSpec.from_transformers(plain, vocab_size=beside)


def check_vocabulary(spec: WatermarkSpec, tokenizer: Any) -> str:
    """Compare the vocabulary of a watermark with that of a tokenizer.

    Returns:
        A warning if the tokenizer has fewer ids, as with models whose output is padded; "" if they agree.

    Raises:
        SpecError: If the tokenizer has more ids than the watermark: it is that of another model.
    """
    known, size = int(tokenizer.get_vocab_size(with_added_tokens=True)), spec.scheme.vocab_size
    if known > size:
        raise SpecError(
            f"spec: made for a vocabulary of {size} ids, but the tokenizer has {known}; "
            "give the tokenizer and the vocab_size of the model that wrote the text"
        )
    if known < size:
        return (
            f"the tokenizer has {known} ids, the watermark {size}; one id off hides a watermark, so check that "
            f"{size} is the vocab_size of the model's config"
        )
    return ""


def _beside(tokenizer: str | Path | None) -> int | None:
    """The vocab_size of the config.json beside a tokenizer."""
    if tokenizer is None:
        return None
    folder = Path(tokenizer) if Path(tokenizer).is_dir() else Path(tokenizer).parent
    try:
        plain = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = plain.get("vocab_size", (plain.get("text_config") or {}).get("vocab_size"))
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None

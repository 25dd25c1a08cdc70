"""A watermark as it was set up elsewhere: read from the JSON of transformers and vLLM, and put to use."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError
from genloss.plain.describe import describe
from genloss.provenance.evidence.p_values import Evidence, Evidences, against_decoys
from genloss.provenance.watermarks.gumbel import Gumbel
from genloss.provenance.watermarks.kgw import KGW
from genloss.provenance.watermarks.scheme import Scheme, chunks_of, ids_of, kernels
from genloss.provenance.watermarks.spans import Span, find_spans
from genloss.provenance.watermarks.synthid import BayesianHead, SynthID
from genloss.provenance.watermarks.tally import Tally
from genloss.provenance.watermarks.unigram import Unigram

_KINDS: dict[str, type] = {"kgw": KGW, "unigram": Unigram, "gumbel": Gumbel, "synth-id": SynthID}


@dataclass(frozen=True)
class WatermarkSpec:
    """A watermarking scheme with its key, ready to detect and to embed.

    Token ids are those of the generated text alone, made by the model's tokenizer and not decoded and encoded again
    where that can be helped; prompts and a token that opens every text do not belong to it.

    Attributes:
        scheme: `KGW`, `Unigram`, `Gumbel` or `SynthID`, or an object with the same methods.

    Example:
        >>> spec = WatermarkSpec.from_transformers({"greenlist_ratio": 0.25, "bias": 2.0}, vocab_size=1000)
        >>> spec.detect([5, 9, 5, 9]).units
        2
    """

    scheme: Scheme

    def __post_init__(self) -> None:
        if not isinstance(self.scheme, Scheme):
            raise SpecError(
                f"watermark: {type(self.scheme).__name__} is not a scheme; give KGW, Unigram, Gumbel or SynthID"
            )

    @classmethod
    def of(cls, given: Any) -> "WatermarkSpec":
        """A spec as it is, or that of a scheme.

        Raises:
            SpecError: If it is neither.
        """
        return given if isinstance(given, WatermarkSpec) else cls(given)

    @classmethod
    def from_transformers(cls, config: Any, *, vocab_size: int, tokenizer: Any = None) -> "WatermarkSpec":
        """Read a `WatermarkingConfig` or `SynthIDTextWatermarkingConfig` of transformers.

        Args:
            config: The object, its dict, JSON text, or the path of a JSON file (a generation config that holds one, or
                a Bayesian detector's config, will do).
            vocab_size: The model config's `vocab_size`: green lists shuffle exactly so many ids. The length of the
                tokenizer is often another number, and one id off hides the watermark.
            tokenizer: The tokenizer, if at hand: a warning says where its length differs.

        Raises:
            SpecError: If it is no such config.
        """
        plain = _plain(config, "watermark")
        for holder in ("watermarking_config",):
            if isinstance(plain.get(holder), Mapping):
                plain = dict(plain[holder])
        _warn(vocab_size, tokenizer)
        if "ngram_len" in plain:
            known = _known(plain, _SYNTHID, ("debug_mode",))
            for name in ("keys", "ngram"):
                if name not in known:
                    raise SpecError(f"watermark: no {name}; a SynthID config has ngram_len and keys")
            keys = known.pop("keys")
            return cls(SynthID(vocab_size, keys, **known))
        if "greenlist_ratio" not in plain and "seeding_scheme" not in plain and "hashing_key" not in plain:
            raise SpecError("watermark: no watermarking config of transformers; it has greenlist_ratio or ngram_len")
        known = _known(plain, _KGW, ())
        seeding = known.pop("seeding", "lefthash")
        if seeding not in ("lefthash", "selfhash"):
            raise SpecError(f"watermark.seeding_scheme: no scheme {seeding!r}; known: lefthash, selfhash")
        if seeding == "selfhash":
            return cls(KGW(vocab_size, seeding="anchored-minhash", own=True, **known))
        return cls(KGW(vocab_size, **known))

    @classmethod
    def from_vllm(
        cls, config: Any, *, vocab_size: int, key: int | None = None, tokenizer: Any = None
    ) -> "WatermarkSpec":
        """Read vLLM's watermark config: `{"algorithm": "gumbel", "key": 42, "context_width": 4}`.

        Args:
            config: The dict, JSON text, or the path of a JSON file.
            vocab_size: The model config's `vocab_size`.
            key: The secret, which vLLM leaves out of what it writes.
            tokenizer: The tokenizer, if at hand: a warning says where its length differs.

        Raises:
            SpecError: If it is no such config, or has two keys (use `dual_from_vllm`).
        """
        plain = _plain(config, "watermark")
        key = plain.get("key", key) if key is None else key
        algorithm, prf = plain.get("algorithm", "gumbel"), plain.get("prf", "philox")
        if algorithm == "dual_key_gumbel":
            raise SpecError("watermark.algorithm: dual_key_gumbel has two keys; use WatermarkSpec.dual_from_vllm")
        if algorithm != "gumbel" or prf != "philox":
            raise SpecError(f"watermark: algorithm {algorithm!r} with prf {prf!r}; known: gumbel with philox")
        if key is None:
            raise SpecError("watermark.key: none; vLLM does not write its secret, so give key=")
        _warn(vocab_size, tokenizer)
        scope = plain.get("deduplicate_contexts", "single_turn")
        once = scope not in ("none", False)
        return cls(Gumbel(vocab_size, key, plain.get("context_width", 4), once=once, padded=True))

    @classmethod
    def dual_from_vllm(
        cls, config: Any, *, vocab_size: int, key: int | None = None, tokenizer: Any = None
    ) -> tuple["WatermarkSpec", "WatermarkSpec"]:
        """Read a vLLM config with two derived keys; each token bears one of them.

        Detect with both and `combine` the evidence; the keys are independent, so "fisher" holds.
        """
        plain = _plain(config, "watermark")
        if plain.get("algorithm") != "dual_key_gumbel":
            raise SpecError("watermark.algorithm: one key; use WatermarkSpec.from_vllm")
        secret = plain.get("key") if key is None else key
        if isinstance(secret, bool) or not isinstance(secret, int) or not 0 <= secret < 2**64:
            raise SpecError("watermark.key: is not a whole number of 64 bits")
        both = []
        for domain in (b"key_a", b"key_b"):
            derived = int.from_bytes(hashlib.sha256(domain + secret.to_bytes(8, "big")).digest()[:8], "big")
            one = {**plain, "algorithm": "gumbel", "key": derived}
            both.append(cls.from_vllm(one, vocab_size=vocab_size, tokenizer=tokenizer))
        return both[0], both[1]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | str | Path) -> "WatermarkSpec":
        """Build a spec again from what `to_plain` gave, or its JSON."""
        found = _plain(plain, "watermark")
        kind = found.pop("kind", None)
        if not isinstance(kind, str) or kind not in _KINDS:
            raise SpecError(f"watermark.kind: no kind {kind!r}; known: {', '.join(_KINDS)}")
        scheme = _KINDS[kind]
        known = {field.name for field in fields(scheme) if field.name != "table"}
        for name in found:
            if name not in known:
                raise SpecError(f"watermark.{name}: {kind} has no such field; it has {', '.join(sorted(known))}")
        if found.get("head") is not None:
            found["head"] = _head(found["head"])
        try:
            return cls(scheme(**found))
        except TypeError:
            raise SpecError(f"watermark: {kind} needs more; give vocab_size and its key") from None

    def to_plain(self) -> dict[str, Any]:
        """Describe the spec by numbers, text and lists, its secret in clear among them; `from_plain` reads it.

        What is handed round is better made by `describe`, which shows a fingerprint of the secret.

        Raises:
            SpecError: If green lists were made elsewhere: a table of bits is not a plain data.
        """
        if type(self.scheme) not in _KINDS.values():
            raise SpecError(f"watermark: a {type(self.scheme).__name__} of your own is not described as plain data")
        if getattr(self.scheme, "table", None) is not None:
            raise SpecError("watermark.table: green lists made elsewhere are no plain data; save the array beside")
        found: dict[str, Any] = describe(self.scheme)
        for name in {"key", "keys"} & set(found):
            secret = getattr(self.scheme, name)
            found[name] = int(secret) if name == "key" else [int(each) for each in secret]
        return found

    def with_key(self, key: Any) -> "WatermarkSpec":
        """The same scheme under another key."""
        return replace(self, scheme=self.scheme.with_key(key))

    def detect(self, token_ids: Sequence[int] | Array) -> Evidence:
        """Test one document.

        A document without a token that can be scored gives p = 1.

        Raises:
            SpecError: If an id is outside the vocabulary.
        """
        return self.detect_each([ids_of(token_ids, self.scheme.vocab_size)])[0]

    def detect_each(self, documents: Any, *, tally: Tally | None = None) -> Evidences:
        """Test many documents, each for itself.

        Args:
            documents: `Documents`, or any iterable of one sequence of token ids a document.
            tally: Takes the documents in on the way, so that they are scored once for both questions.
        """
        if tally is not None and tally.scheme != self.scheme:
            raise SpecError("watermark.tally: counts another watermark; give one of this spec's tally()")
        parts: list[tuple[Any, Any]] = []
        for tokens, offsets in chunks_of(documents, self.scheme.vocab_size):
            scored = self.scheme.scored(tokens, offsets)
            if tally is not None:
                tally.take(scored)
            parts.append(kernels().per_document(scored.values, scored.counted, offsets))
        totals = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0)
        units = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.int64)
        log_p = np.where(units > 0, self.scheme.log_tail(totals, units), 0.0) if len(units) else np.zeros(0)
        return Evidences(self.scheme.statistic(totals, units), units, log_p / np.log(10), self.scheme.method)

    def detect_corpus(self, documents: Any, *, most: int = 1 << 22) -> Evidence:
        """Test a corpus as one text, whose units are distinct over all documents.

        Memory does not grow with the corpus: beyond `most` units a fixed share of them is kept, chosen blindly. Use
        `tally` to take documents in one by one, or to add up shards.
        """
        return Tally(self.scheme, most).add(documents).evidence()

    def tally(self, most: int = 1 << 22) -> Tally:
        """An empty tally of units, to take documents in."""
        return Tally(self.scheme, most)

    def spans(self, token_ids: Sequence[int] | Array, *, level: float = 0.01) -> list[Span]:
        """Find watermarked passages in a document.

        Args:
            token_ids: The document.
            level: The chance that any passage is reported of a document without the watermark is at most this.
        """
        tokens = ids_of(token_ids, self.scheme.vocab_size)
        return find_spans(self.scheme, self.scheme.scored(tokens, np.array([0, len(tokens)])), level)

    def against_decoys(self, token_ids: Sequence[int] | Array, rng: Generator, *, decoys: int = 99) -> Evidence:
        """Test one document against keys drawn at random (`genloss.provenance.evidence.p_values.against_decoys`)."""
        tokens = ids_of(token_ids, self.scheme.vocab_size)

        def detect(key: Any) -> Evidence:
            return self.with_key(key).detect(tokens)

        return against_decoys(detect, self.scheme.secret, decoys, self.scheme.random_key, rng)

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Change the logits of the next token of a document: shape (vocab_size,)."""
        return self.scheme.process(context, logits)

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Choose the next token of a document from its law."""
        return self.scheme.choose(context, probs, rng)

    def logits_processor(
        self, prompt_length: int = 0, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> Any:
        """A `LogitsProcessor` of transformers that embeds the watermark.

        `generate` runs it before its own temperature, top_k and top_p, which come too late: a token that `Gumbel` or
        `SynthID` has chosen by then may be any. Give the sampling parameters here, and to `generate` do_sample=True,
        temperature=1.0, top_k=0 and top_p=1.0.

        Args:
            prompt_length: Tokens of the prompt, which the watermark of schemes that look at whole documents leaves out.
            temperature: Divides the logits before the watermark.
            top_k: How many of the most probable tokens the watermark chooses from; 0 for all.
            top_p: The share of the probability that the tokens it chooses from add up to.
        """
        from genloss.provenance.watermarks.transformers import processor

        return processor(self.scheme, prompt_length, temperature=temperature, top_k=top_k, top_p=top_p)


_KGW = {
    "greenlist_ratio": "gamma",
    "bias": "bias",
    "hashing_key": "key",
    "seeding_scheme": "seeding",
    "context_width": "width",
}
_SYNTHID = {
    "ngram_len": "ngram",
    "keys": "keys",
    "context_history_size": "history",
    "sampling_table_size": "table_size",
    "sampling_table_seed": "table_seed",
    "skip_first_ngram_calls": "skip_first",
}


def _head(plain: Any) -> BayesianHead:
    """Read the trained head of a Bayesian detector."""
    try:
        head = {name: value for name, value in plain.items() if name != "kind"}
        beta, delta = np.asarray(head.pop("beta"), float), np.asarray(head.pop("delta"), float)
        prior = float(head.pop("prior", 0.5))
        if head or beta.ndim != 1 or delta.ndim != 2 or not np.isfinite([*beta, *delta.ravel(), prior]).all():
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise SpecError(
            "watermark.head: give finite numbers: beta (one per key), delta (a row of as many a key) and prior"
        ) from None
    return BayesianHead(tuple(beta.tolist()), tuple(map(tuple, delta.tolist())), prior)


def _known(plain: Mapping[str, Any], names: Mapping[str, str], ignored: Sequence[str]) -> dict[str, Any]:
    for name in plain:
        if name not in names and name not in ignored:
            raise SpecError(f"watermark.{name}: no such field; known: {', '.join(names)}")
    return {names[name]: value for name, value in plain.items() if name in names}


def _plain(config: Any, where: str) -> dict[str, Any]:
    """Read a config object, mapping, JSON text or file as a mapping."""
    if isinstance(config, Path) or (isinstance(config, str) and not config.lstrip().startswith("{")):
        try:
            config = Path(config).read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise SpecError(f"{where}: {str(config)[:80]!r} is not a readable file of JSON, nor JSON") from None
    if isinstance(config, (str, bytes)):
        try:
            config = json.loads(config)
        except (ValueError, RecursionError):
            raise SpecError(f"{where}: no JSON; give the config as transformers or vLLM writes it") from None
    if not isinstance(config, Mapping) and hasattr(config, "to_dict"):
        config = config.to_dict()
    if not isinstance(config, Mapping):
        raise SpecError(f"{where}: {type(config).__name__}; give a config, its dict, JSON, or the path of a JSON file")
    return dict(config)


def _warn(vocab_size: int, tokenizer: Any) -> None:
    if tokenizer is None:
        return
    length = tokenizer.size if hasattr(tokenizer, "size") else len(tokenizer)
    if length != vocab_size:
        warnings.warn(
            f"the tokenizer has {length} ids, vocab_size is {vocab_size}; the watermark follows the model config's "
            "vocab_size: check that this is it",
            stacklevel=3,
        )

"""Radioactivity: was this model trained on watermarked text?

A student of watermarked text favours, a little, the tokens that the watermark favoured (Sander et al. 2024,
2402.14904). One document shows nothing; many distinct pairs of a window and a token do. The null hypothesis is that the
model knows nothing of the key: its choices then are as good as drawn beforehand, and every new pair is a new draw of
the pseudorandom function, whatever the model is. For that to hold, the model must not have read the key's traces in its
own prompt or context: what it may have copied from there is left out, by windows and by units (a seed and a token),
since several windows may share per unit.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError
from genloss.provenance.evidence.p_values import Evidence
from genloss.provenance.watermarks.kgw import KGW
from genloss.provenance.watermarks.scheme import CHUNK, Scheme, Tokens, Units, check_law, check_whole, drawn, ids_of
from genloss.provenance.watermarks.tally import evidence_of
from genloss.provenance.watermarks.unigram import Unigram
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

_CHOICES = ("best", "drawn", "law")


def closed_model(spec: WatermarkSpec | Scheme, outputs: Any, prompts: Any = None) -> Evidence:
    """Test a model by what it writes, as one can with a model behind an interface.

    Scored are distinct pairs of a window and a token over all outputs. Left out are tokens whose window stands in their
    prompt, and pairs that do: a model may copy them from there.

    Args:
        spec: The watermark of the text that the model may have been trained on.
        outputs: What the model wrote: `Documents`, or one sequence of token ids each.
        prompts: What each output answers to, in ids of the same tokenizer; None if the model wrote freely.

    Returns:
        Evidence with an exact p-value, on average over keys; `against_decoys` judges one key.

    Raises:
        SpecError: If ids are outside the vocabulary, or prompts and outputs differ in number.

    Example:
        >>> from genloss.provenance import KGW
        >>> closed_model(KGW(1000), [[5, 9, 5, 9]]).units
        2
    """
    scheme = _scheme(spec)
    reach = _reach(scheme)
    found = _Pairs()
    for tokens, offsets, begins in _pairs(scheme, outputs, prompts):
        scored = scheme.scored(tokens, offsets)
        place = np.arange(len(tokens)) - np.repeat(offsets[:-1], np.diff(offsets))
        prompt = np.repeat(begins, np.diff(offsets))
        written = scored.counted & (place >= prompt)
        if reach and begins.any():
            names = _windows(tokens, offsets, reach)
            inside = (place >= reach) & (place <= prompt)
            written &= (place < reach) | ~np.isin(names, names[inside])
        found.add(scored.units[written], scored.values[written])
    return found.evidence(scheme)


def open_model(
    spec: WatermarkSpec | Scheme,
    model: Any,
    documents: Any,
    *,
    choice: Literal["best", "drawn", "law"] = "best",
    rng: Generator | None = None,
    context: int = 64,
    most: int = 100_000,
) -> Evidence:
    """Test a model by its law of the next token, after contexts like those that it may have been trained on.

    The contexts are the beginnings of documents, best of all of watermarked ones like those suspected: the model has
    seen what follows their windows. A model may copy the key's traces from its context, so that left out are tokens
    whose window stands earlier in their document, and choices whose unit (seed and token) does; every unit counts once.

    Args:
        spec: The watermark.
        model: Anything with `probabilities(context)`, such as an `NGramModel`; with `laws(data)`, such as
            `HuggingFaceLM` (which takes text); or a function of the ids so far that gives one probability an id.
        documents: `Documents`, or one sequence of token ids each; texts for a model with `laws`.
        choice: "best" scores the most probable token, "drawn" one drawn from the law, "law" the probability that the
            law gives to the whole green list of each distinct window: the sharpest, for `KGW` whose list does not hang
            on the token itself. The p-value of "law" is a bound (Bennett 1962), so that it errs on the safe side.
        rng: Randomness for "drawn"; a fixed seed if None.
        context: How many tokens before it a choice is asked after.
        most: How many contexts are asked at most.

    Raises:
        SpecError: If ids are outside the vocabulary, the model gives no law, or the watermark has no green lists.
    """
    scheme = _scheme(spec)
    if choice not in _CHOICES:
        raise SpecError(f"radioactivity.choice: no choice {choice!r}; known: {', '.join(_CHOICES)}")
    if choice == "law" and (not isinstance(scheme, KGW) or scheme.own):
        raise SpecError("radioactivity.choice: 'law' needs KGW whose list does not hang on the token; use 'best'")
    check_whole(context, "radioactivity.context")
    check_whole(most, "radioactivity.most")
    rng = np.random.default_rng(0) if rng is None else rng
    reach = _reach(scheme)
    asked = _asked(scheme, model, documents, reach, max(context, reach), most)
    if choice == "law":
        assert isinstance(scheme, KGW)
        return _by_law(scheme, asked)
    found = _Pairs()
    for tokens, each in asked:
        at: list[int] = []
        chosen: list[int] = []
        for i, law in each:
            at.append(i)
            chosen.append(int(np.argmax(law)) if choice == "best" else drawn(law, rng))
            if len(at) * (reach + 1) >= CHUNK:
                found.add(*_chosen(scheme, tokens, reach, at, chosen))
                at, chosen = [], []
        if at:
            found.add(*_chosen(scheme, tokens, reach, at, chosen))
    return found.evidence(scheme)


class _Pairs:
    """Distinct units and their values: 16 bytes each."""

    def __init__(self) -> None:
        self.units: Units = np.zeros(0, np.uint64)
        self.values: Floats = np.zeros(0)

    def add(self, units: Units, values: Floats) -> None:
        joined = np.concatenate([self.units, units])
        self.units, first = np.unique(joined, return_index=True)
        self.values = np.concatenate([self.values, values])[first]

    def evidence(self, scheme: Scheme) -> Evidence:
        return evidence_of(scheme, float(self.values.sum()), len(self.units))


Asked = Iterator[tuple[Tokens, Iterator[tuple[int, Floats]]]]
"""Documents; of each the places where the model is asked, and its law there."""


def _asked(scheme: Scheme, model: Any, documents: Any, reach: int, context: int, most: int) -> Asked:
    """Ask the model for each token but those whose window stands earlier in its document."""
    left = most

    def places(tokens: Tokens, law_at: Callable[[int], Floats]) -> Iterator[tuple[int, Floats]]:
        nonlocal left
        seen: set[bytes] = set()
        for i in range(reach, len(tokens)):
            name = tokens[i - reach : i].tobytes()
            if name in seen and reach:
                continue
            seen.add(name)
            if not left:
                return
            left -= 1
            yield i, law_at(i)

    for tokens, law_at in _documents(scheme, model, documents, context):
        if not left:
            return
        yield tokens, places(tokens, law_at)


def _documents(
    scheme: Scheme, model: Any, documents: Any, context: int
) -> Iterator[tuple[Tokens, Callable[[int], Floats]]]:
    """The tokens of each document, and the model's law of each."""
    size = scheme.vocab_size
    if hasattr(model, "laws"):
        for number, (found, logs) in enumerate(model.laws(documents)):
            tokens = ids_of(found, size, f"document {number}")
            yield tokens, partial(_row, logs, size)
        return
    ask: Any = getattr(model, "probabilities", model)
    if not callable(ask):
        raise SpecError(
            f"radioactivity.model: {type(model).__name__} gives no law; give it probabilities(context), or a function"
        )
    order = getattr(getattr(model, "learner", None), "order", None)
    if isinstance(order, int):
        # An n-gram model sees no further; its laws are kept, as few contexts differ.
        context = min(context, order)
    last: dict[bytes, Floats] = {}

    def law(before: Tokens) -> Floats:
        name = before.tobytes()
        if name not in last:
            if len(last) * size > 1 << 24:
                last.clear()
            last[name] = _law(ask(before), size)
        return last[name]

    def after(tokens: Tokens, i: int) -> Floats:
        return law(tokens[max(0, i - context) : i])

    for number, ids in enumerate(_sequences(documents)):
        tokens = ids_of(ids, size, f"document {number}")
        yield tokens, partial(after, tokens)


def _row(logs: Floats, size: int, i: int) -> Floats:
    return _law(np.exp(logs[i]), size)


def _law(given: Any, size: int) -> Floats:
    """A law over all ids; a model may know fewer than the watermark."""
    found = np.asarray(given, dtype=float)
    if found.ndim == 1 and len(found) < size:
        found = np.concatenate([found, np.zeros(size - len(found))])
    return check_law(found, size)


def _by_law(scheme: KGW, asked: Asked) -> Evidence:
    """The probability of green lists over windows of distinct seeds.

    Under the null, a list is a random subset: the probability that a law gives it lies between 0 and 1, with mean G / V
    and a variance that the sum of squares of the law decides. A seed that stands earlier in its document is left out:
    the model has read which tokens its list favours.
    """
    seen: set[int] = set()
    total = variance = 0.0
    gamma, size = scheme.greens / scheme.vocab_size, scheme.vocab_size
    for tokens, each in asked:
        first = _first_of_seeds(scheme, tokens)
        for i, law in each:
            seed = first.get(i)
            if seed is None or seed in seen:
                continue
            seen.add(seed)
            total += float(law[scheme.green(tokens[:i])].sum())
            variance += gamma * (1 - gamma) * size / (size - 1) * max(float(law @ law) - 1 / size, 0.0)
    excess, largest = total - gamma * len(seen), 1 - gamma
    log_p = 0.0
    if excess > 0 and variance > 0:
        u = largest * excess / variance
        log_p = -variance / largest**2 * ((1 + u) * math.log1p(u) - u)
    return Evidence(total, len(seen), log_p / math.log(10), "Bennett's bound over distinct windows")


def _first_of_seeds(scheme: KGW, tokens: Tokens) -> dict[int, int]:
    """The places where a seed stands first in a document, and that seed."""
    seeds, full = scheme.seeds(tokens, np.array([0, len(tokens)]))
    if scheme.table is not None:
        # The device's seeds are unknown: the token before stands for them.
        seeds = np.concatenate([[0], tokens[:-1]]).astype(np.uint32)
    places = np.flatnonzero(full)
    known, first = np.unique(seeds[places], return_index=True)
    # A seed that hangs on no key is not evidence; where another stands first, its unit is new and so is counted.
    keyed = scheme.scored(tokens, np.array([0, len(tokens)])).counted[places[first]]
    return dict(zip(places[first][keyed].tolist(), known[keyed].tolist(), strict=True))


def _chosen(scheme: Scheme, tokens: Tokens, reach: int, at: list[int], chosen: list[int]) -> tuple[Units, Floats]:
    """Units and values of choices at places of a document, less those whose unit stands earlier in it."""
    places = np.array(at)
    windows = tokens[places[:, None] + np.arange(-reach, 0)]
    rows = np.column_stack([windows, chosen]).astype(np.int32)
    offsets = np.arange(len(rows) + 1) * rows.shape[1]
    scored = scheme.scored(rows.ravel(), offsets)
    last = offsets[1:] - 1
    whole = scheme.scored(tokens, np.array([0, len(tokens)]))
    stand = np.flatnonzero(whole.counted)
    known, first = np.unique(whole.units[stand], return_index=True)
    units = scored.units[last]
    near = np.minimum(np.searchsorted(known, units), max(len(known) - 1, 0))
    copied = (known[near] == units) & (stand[first[near]] < places) if len(known) else np.zeros(len(units), np.bool_)
    kept = last[scored.counted[last] & ~copied]
    return scored.units[kept], scored.values[kept]


def _pairs(scheme: Scheme, outputs: Any, prompts: Any) -> Iterator[tuple[Tokens, Array, Array]]:
    """Prompts with their outputs behind them: ids, offsets, and how long each prompt is; in chunks."""
    held: list[Tokens] = []
    begins: list[int] = []
    size = 0
    given = iter(()) if prompts is None else iter(_sequences(prompts))
    missing = object()
    number = -1
    for number, ids in enumerate(_sequences(outputs)):
        before: Any = [] if prompts is None else next(given, missing)
        if before is missing:
            raise SpecError(f"radioactivity.prompts: {number} prompts for more outputs; give one for each output")
        one = ids_of(before, scheme.vocab_size, f"prompt {number}")
        held.append(np.concatenate([one, ids_of(ids, scheme.vocab_size, f"output {number}")]))
        begins.append(len(one))
        size += len(held[-1])
        if size >= CHUNK:
            yield _chunk(held, begins)
            held, begins, size = [], [], 0
    if prompts is not None and next(given, missing) is not missing:
        raise SpecError(f"radioactivity.prompts: more prompts than {number + 1} outputs; give one for each output")
    if held:
        yield _chunk(held, begins)


def _chunk(held: list[Tokens], begins: list[int]) -> tuple[Tokens, Array, Array]:
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in held])])
    return np.concatenate(held).astype(np.int32), offsets, np.array(begins)


def _sequences(documents: Any) -> Iterable[Any]:
    """One sequence of ids a document."""
    if hasattr(documents, "tokens") and hasattr(documents, "offsets"):
        edges = documents.offsets
        return (documents.tokens[edges[i] : edges[i + 1]] for i in range(len(edges) - 1))
    if isinstance(documents, (str, bytes)) or not hasattr(documents, "__iter__"):
        raise SpecError(f"radioactivity: {type(documents).__name__}; give one sequence of token ids a document")
    return (_no_text(each) for each in documents)


def _no_text(document: Any) -> Any:
    if isinstance(document, (str, bytes)):
        raise SpecError("radioactivity: a document is text; encode it with the model's tokenizer first")
    return document


def _windows(tokens: Tokens, offsets: Array, reach: int) -> NDArray[np.uint64]:
    """Names the tokens before each token, and its document; where fewer stand before it, the name means nothing."""
    names = np.repeat(np.arange(1, len(offsets)), np.diff(offsets)).astype(np.uint64)
    with np.errstate(over="ignore"):
        names *= np.uint64(0xD1B54A32D192ED03)
        for back in range(1, reach + 1):
            before = np.roll(tokens, back).astype(np.uint64)
            names = (names ^ (before + np.uint64(1))) * np.uint64(0x9E3779B97F4A7C15)
            names ^= names >> np.uint64(29)
    return names


def _reach(scheme: Any) -> int:
    """How many tokens before a token decide its draw."""
    if isinstance(scheme, Unigram):
        return 0
    if hasattr(scheme, "ngram"):
        return int(scheme.ngram) - 1
    if hasattr(scheme, "width"):
        return int(scheme.width) - int(getattr(scheme, "own", False))
    raise SpecError(f"radioactivity: a {type(scheme).__name__} does not say how many tokens seed a draw; give it width")


def _scheme(spec: Any) -> Scheme:
    return (spec if isinstance(spec, WatermarkSpec) else WatermarkSpec(spec)).scheme

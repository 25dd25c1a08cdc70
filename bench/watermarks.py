"""Claim: detection is at least 40 (lefthash), 15 (selfhash) and 100 (SynthID) times as fast as that of transformers.

On the same ids, on one core. vLLM's form runs at 3 million tokens a second or more, and the memory of a corpus test
does not grow with the corpus. `python bench/watermarks.py` prints the ratios; the anchors need transformers and torch
(without them, our own speeds alone are printed).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import time
import tracemalloc
from functools import partial

import numpy as np

from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec

VOCAB = 32_000
KEYS = (654, 400, 836, 123, 340, 443, 597, 160, 57, 29, 590, 639, 13, 715, 468)
KEYS += (990, 966, 226, 324, 585, 118, 504, 421, 521, 129, 669, 732, 225, 90, 960)
SELF = {"seeding_scheme": "selfhash", "context_width": 4}
SPECS = {
    "lefthash": WatermarkSpec(KGW(VOCAB)),
    "selfhash": WatermarkSpec.from_transformers(SELF, vocab_size=VOCAB),
    "unigram": WatermarkSpec(Unigram(VOCAB)),
    "vllm": WatermarkSpec(Gumbel(VOCAB, 42)),
    "gumbel-twister": WatermarkSpec(Gumbel(VOCAB, 35317, 2, prf="twister")),
    "synthid": WatermarkSpec(SynthID(VOCAB, KEYS)),
    "synthid-text": WatermarkSpec(SynthID(VOCAB, KEYS, hash="rounds")),
}


def ids(documents: int, length: int = 1000, seed: int = 0) -> np.ndarray:
    """Ids with the frequencies of text: Zipf's law with exponent 1 over the vocabulary, scattered."""
    rng = np.random.default_rng(seed)
    law = 1 / np.arange(1, VOCAB + 1)
    return rng.permutation(VOCAB)[rng.choice(VOCAB, (documents, length), p=law / law.sum())]


class Detection:
    """One benchmark a scheme: documents of 1,000 tokens."""

    params = tuple(SPECS)

    def setup(self, name: str) -> None:
        self.ids = ids(20)
        SPECS[name].detect_each(self.ids[:1])

    def time_documents(self, name: str) -> None:
        SPECS[name].detect_each(self.ids)

    def track_peak_megabytes_of_a_corpus(self, name: str) -> float:
        return peak(name, 20)


def peak(name: str, rounds: int) -> float:
    """The peak memory of a corpus test of so many batches, of which none is held, in megabytes."""
    tracemalloc.start()
    tally = SPECS[name].tally(most=1 << 16)
    for seed in range(rounds):
        tally.add(ids(10, seed=seed))
    tally.evidence()
    found = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def cpu(work, times: int = 3) -> float:
    """The least CPU seconds of several runs."""
    seen = []
    for _ in range(times):
        begin = time.process_time()
        work()
        seen.append(time.process_time() - begin)
    return min(seen)


def anchors(name: str, rows: np.ndarray):
    """The detector of transformers on the same ids, or None if there is none."""
    import torch
    from transformers import GPT2Config, SynthIDTextWatermarkLogitsProcessor, WatermarkDetector, WatermarkingConfig

    torch.set_num_threads(1)
    tensors = torch.as_tensor(rows)
    config = GPT2Config(vocab_size=VOCAB, bos_token_id=VOCAB, eos_token_id=None)
    if name in ("lefthash", "selfhash"):
        settings = WatermarkingConfig(**(SELF if name == "selfhash" else {}))
        detector = WatermarkDetector(config, "cpu", settings, ignore_repeated_ngrams=True)
        return lambda: detector(tensors, return_dict=True)
    if name == "synthid":
        processor = SynthIDTextWatermarkLogitsProcessor(
            5, list(KEYS), sampling_table_size=2**16, sampling_table_seed=0, context_history_size=1024, device="cpu"
        )

        def work() -> None:
            # As its detectors do, document by document.
            for row in tensors:
                processor.compute_g_values(row[None])
                processor.compute_context_repetition_mask(row[None])

        return work
    return None


def main() -> None:
    few, many = ids(50), ids(1000)
    for name, spec in SPECS.items():
        spec.detect_each(few[:1])
        fast, bulk = (rows.size / cpu(partial(spec.detect_each, rows)) for rows in (few, many))
        line = f"{name}: {fast / 1e3:,.0f}k tokens/s on 50 documents, {bulk / 1e3:,.0f}k on 1,000"
        try:
            anchor = anchors(name, few)
        except ImportError:
            anchor = None
        if anchor is not None:
            slow = few.size / cpu(anchor, 1)
            line += f"; transformers {slow / 1e3:.1f}k on the same 50: {fast / slow:,.0f} times as fast"
        print(line)
    print("corpus test, peak MB at 20 and 80 batches:", [round(peak("vllm", rounds), 1) for rounds in (20, 80)])


if __name__ == "__main__":
    main()

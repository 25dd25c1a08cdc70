"""The n-gram language model: learner, smoothing, and compiled loops."""

from genloss.families.ngram.learner import NGram, NGramModel

__all__ = ["NGram", "NGramModel"]

"""A fitted detector named by the file that it was saved to, so that a spec can say which one it means."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from genloss.chain.data import Data, Floats
from genloss.corpus.shards import Shard, bytes_of, check_checksum
from genloss.errors import SpecError
from genloss.plain.describe import checksum
from genloss.provenance.detectors import saving
from genloss.provenance.detectors.classifier import TextDetector
from genloss.provenance.detectors.embedding import EmbeddingDetector


@dataclass(frozen=True)
class SavedDetector:
    """A detector read from the file that its `save` wrote; it holds arrays and settings, and nothing of it is run.

    It knows the checksum of its file, and so does the description of a chain that holds it: a run goes on only with the
    same detector.

    Attributes:
        path: The file, usually with the ending .npz, or its address; a path that does not begin at the root begins in
            the current folder.
        checksum: The SHA-256 that the file must have, in hexadecimal; None takes the file as it is.
        embed: Turns data into rows of numbers, for a detector that was fitted with such a function.
    """

    path: str
    checksum: str | None = None
    embed: Callable[[Data], Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))
        _, found = _content(self.path, self.checksum)
        object.__setattr__(self, "checksum", found)
        self._detector()

    def score(self, data: Data) -> Floats:
        """Score each row as the saved detector does; higher is more synthetic."""
        scores: Floats = self._detector().score(data)
        return scores

    def _detector(self) -> Any:
        return _loaded(self.path, self.checksum, self.embed)


@lru_cache(maxsize=8)
def _loaded(path: str, wanted: str, embed: Callable[[Data], Any] | None) -> Any:
    content, _ = _content(path, wanted)
    kind, settings, arrays = saving.parse(content, path)
    if kind == "text-classifier":
        if embed is not None:
            raise SpecError(f"{path}: a text classifier, which embeds nothing; leave embed out")
        return TextDetector.made(settings, arrays, path)
    if kind == "embedding-classifier":
        return EmbeddingDetector.made(settings, arrays, path, embed)
    raise SpecError(f"{path}: holds {kind}, which this version does not know")


def _content(path: str, wanted: str | None) -> tuple[bytes, str]:
    """The bytes of a file and their checksum, which must be the one wanted."""
    content = bytes_of(Shard(path, ".npz"))
    found = checksum(content)
    check_checksum(found, wanted, path)
    return content, found

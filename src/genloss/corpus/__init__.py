"""Text: one reader and one writer of corpora, documents, the tokenizers that read them, and the sources they make."""

from genloss.corpus.documents import Documents, Tokenizer
from genloss.corpus.readers import Reading, read
from genloss.corpus.records import Columns, Document
from genloss.corpus.sources import Corpus, Sotu, TextFiles
from genloss.corpus.tokenizers import BPE, Bytes, Words
from genloss.corpus.writers import write

__all__ = [
    "BPE",
    "Bytes",
    "Columns",
    "Corpus",
    "Document",
    "Documents",
    "Reading",
    "Sotu",
    "TextFiles",
    "Tokenizer",
    "Words",
    "read",
    "write",
]

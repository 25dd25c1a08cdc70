"""Text: documents, the tokenizers that read them, and the sources that hold them."""

from genloss.corpus.documents import Documents, Tokenizer
from genloss.corpus.sources import Corpus, Sotu, TextFiles
from genloss.corpus.tokenizers import BPE, Bytes, Words

__all__ = ["BPE", "Bytes", "Corpus", "Documents", "Sotu", "TextFiles", "Tokenizer", "Words"]

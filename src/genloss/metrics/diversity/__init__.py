"""Diversity of documents: of their words, of their forms, and of their meanings."""

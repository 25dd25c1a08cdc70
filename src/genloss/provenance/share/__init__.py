"""The synthetic share of a corpus, and filters that lower it."""

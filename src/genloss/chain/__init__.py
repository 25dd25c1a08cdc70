"""The recursion and what it is made of: data, protocols, streams, regimes and curators."""

from genloss.chain.recursion import Chain, Engine, Generation

__all__ = ["Chain", "Engine", "Generation"]

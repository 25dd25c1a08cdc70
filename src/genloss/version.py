"""The version, which every result carries."""

VERSION = "0.1.0"

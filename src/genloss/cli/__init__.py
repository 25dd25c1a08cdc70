"""The command line: it parses, calls and prints; no decision is made here."""

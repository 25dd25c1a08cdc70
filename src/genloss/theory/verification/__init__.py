"""The ledger of theory held against simulation."""

from genloss.theory.verification.verify import Ledger, verify

__all__ = ["Ledger", "verify"]

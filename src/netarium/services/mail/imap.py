"""IMAP: under construction."""

from __future__ import annotations

from netarium.services.mail.pop3 import Pop3

__all__ = ["Imap"]


class Imap(Pop3):
    """A stand-in."""

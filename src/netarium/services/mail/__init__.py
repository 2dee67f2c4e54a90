"""Mail: SMTP takes it in, POP3 and IMAP hand it out, all in one process on one event loop.

Each protocol is a pure core (bytes in, effects out); ``server`` has the sockets.
"""

from netarium.services.mail.server import serve

__all__ = ["serve"]

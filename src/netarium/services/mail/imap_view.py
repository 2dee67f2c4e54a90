"""What one IMAP session sees of the mailbox it has selected.

Message numbers may only change when the client is told, so the session keeps
its own list of UIDs, and ``news`` says how the mailbox has moved on since.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from netarium.services.mail.imap_syntax import Fault, Sequence
from netarium.services.mail.maildir import SYSTEM_FLAGS, Mailbox, Message

__all__ = ["Selected", "flag_list"]


def flag_list(flags: frozenset[str] | set[str]) -> bytes:
    """Flags in parentheses, in a steady order."""
    return ("(" + " ".join(sorted(flags)) + ")").encode()


class Selected:
    """A mailbox, open in one session.

    Attributes:
        mailbox: the folder.
        read_only: opened by EXAMINE.
        uids: the UID of message 1, 2, 3 ... as the client knows them.
        recent: the UIDs that are recent to this session.
    """

    def __init__(self, mailbox: Mailbox, *, read_only: bool) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        mailbox.rescan()
        self.recent = set(mailbox.recent) if read_only else mailbox.take_recent()
        self.uids = list(mailbox.messages)
        self._flags = {uid: message.flags for uid, message in mailbox.messages.items()}
        self._changes = mailbox.changes
        self.told_keywords = mailbox.keywords

    def flags(self, message: Message) -> frozenset[str]:
        """The message's flags, and that it is recent where it is that to this session."""
        return message.flags | {"\\Recent"} if message.uid in self.recent else message.flags

    def flag_responses(self) -> bytes:
        """FLAGS and PERMANENTFLAGS."""
        names = [*SYSTEM_FLAGS, *self.mailbox.keywords]
        room = len(self.mailbox.keywords) < 26
        permanent = [] if self.read_only else [*names, *(["\\*"] if room else [])]
        return (
            f"* FLAGS ({' '.join(names)})\r\n"
            f"* OK [PERMANENTFLAGS ({' '.join(permanent)})] these are kept\r\n"
        ).encode()

    def told(self, message: Message) -> None:
        """The client knows the message's flags now, or asked not to be told."""
        self._flags[message.uid] = message.flags

    def news(self, *, expunges: bool) -> Iterator[bytes]:
        """What changed since the client last heard.

        Args:
            expunges: whether messages may be said to be gone; not while the
                client speaks in message numbers (RFC 3501 section 7.4.1).
        """
        if self.mailbox.changes == self._changes:
            return
        messages = self.mailbox.messages
        if expunges:
            gone = [number for number, uid in enumerate(self.uids, 1) if uid not in messages]
            for number in reversed(gone):
                uid = self.uids.pop(number - 1)
                self.recent.discard(uid)
                self._flags.pop(uid, None)
                yield b"* %d EXPUNGE\r\n" % number
        if self.mailbox.keywords != self.told_keywords:
            self.told_keywords = self.mailbox.keywords
            yield self.flag_responses()
        last = self.uids[-1] if self.uids else 0
        new = [uid for uid in messages if uid > last]
        if new:
            self.recent |= self.mailbox.recent if self.read_only else self.mailbox.take_recent()
            self.uids += new
            self._flags.update((uid, messages[uid].flags) for uid in new)
            yield b"* %d EXISTS\r\n* %d RECENT\r\n" % (len(self.uids), len(self.recent))
        for number, uid in enumerate(self.uids, 1):
            message = messages.get(uid)
            if message and self._flags[uid] != message.flags:
                self._flags[uid] = message.flags
                flags = flag_list(self.flags(message))
                yield b"* %d FETCH (UID %d FLAGS %s)\r\n" % (number, uid, flags)
        if expunges or all(uid in messages for uid in self.uids):
            self._changes = self.mailbox.changes

    def pick(self, sequence: Sequence, *, by_uid: bool) -> list[tuple[int, int]]:
        """Number and UID of each message in the set, ascending.

        Raises Fault for a message number that there is not; a UID may be any.
        """
        count = len(self.uids)
        picked: list[tuple[int, int]] = []
        if by_uid:
            last = self.uids[-1] if self.uids else 0
            for low, high in sequence.resolve(last):
                start, stop = bisect_left(self.uids, low), bisect_right(self.uids, high)
                picked += [(place + 1, self.uids[place]) for place in range(start, stop)]
            return picked
        for first, final in sequence.ranges:
            if any(end is not None and end > count for end in (first, final)) and not (
                count == 0 and None in (first, final)
            ):
                raise Fault(f"there are only {count} messages")
        for low, high in sequence.resolve(count):
            stop = min(high, count)
            picked += [(number, self.uids[number - 1]) for number in range(max(1, low), stop + 1)]
        return picked

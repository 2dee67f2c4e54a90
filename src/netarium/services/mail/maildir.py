"""One folder of mail on disk: a Maildir whose messages keep their IMAP numbers in their names.

A message is a file ``TIME.UNIQUE.HOST,U=UID,W=SIZE:2,FLAGS`` below ``new`` or
``cur``, with lines that end in a bare line feed, as every Maildir program
expects; SIZE counts its octets on the wire, where lines end in CR LF. The file
``netarium-uids`` holds UIDVALIDITY and a lower bound of UIDNEXT, and
``dovecot-keywords`` the names of the flags ``a`` to ``z``. A file that another
program drops into ``new`` gets its numbers when the folder is read again.

One process owns the folder while it runs; every operation is complete when
it returns, so an event loop needs no locks.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SYSTEM_FLAGS", "Mailbox", "Message", "Owner", "to_wire"]

#: Flags of RFC 3501 section 2.3.2 and the letters that Maildir gives them.
SYSTEM_FLAGS = {
    "\\Answered": "R",
    "\\Flagged": "F",
    "\\Deleted": "T",
    "\\Seen": "S",
    "\\Draft": "D",
}
_BY_LETTER = {letter: flag for flag, letter in SYSTEM_FLAGS.items()}
_KEYWORD_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_UID = re.compile(r",U=(\d{1,10})(?=[,:]|$)")
_SIZE = re.compile(r",W=(\d{1,12})(?=[,:]|$)")
_LINE_END = re.compile(rb"\r*\n")
_serial = itertools.count(1)
_last_validity = 0


@dataclass(frozen=True)
class Owner:
    """Whom the files belong to; None leaves them to the process that writes them."""

    uid: int
    gid: int

    def take(self, target: int | Path) -> None:
        """Make a file or an open descriptor theirs."""
        os.chown(target, self.uid, self.gid)


@dataclass(slots=True, eq=False)
class Message:
    """One message: its number, where it lies, and what IMAP says of it.

    ``received`` is the internal date in seconds since 1970, ``size`` the
    octets on the wire.
    """

    uid: int
    file: str
    flags: frozenset[str]
    received: float
    size: int


def to_wire(data: bytes) -> bytes:
    """The message with every line ending in CR LF, as RFC 5322 wants it."""
    return _LINE_END.sub(b"\r\n", data)


def _new_validity() -> int:
    """A UIDVALIDITY greater than any before: the time, or one more than the last."""
    global _last_validity
    _last_validity = max(_last_validity + 1, int(time.time()))
    return _last_validity


class Mailbox:
    """The messages of one folder, in the order of their UIDs.

    Attributes:
        path: the Maildir.
        uid_validity, uid_next: RFC 3501 section 2.3.1.1.
        messages: by UID, ascending.
        recent: UIDs that no session has been told of as recent yet.
        changes: grows with every change of messages or flags.
        watchers: called after every change; must not raise.
    """

    def __init__(self, path: Path, owner: Owner | None = None, host: str = "localhost") -> None:
        self.path = path
        self.owner = owner
        self.messages: dict[int, Message] = {}
        self.recent: set[int] = set()
        self.changes = 0
        self.watchers: set[Callable[[], None]] = set()
        self.uid_validity = 0
        self.uid_next = 1
        self._host = re.sub(r"[^A-Za-z0-9.-]", "-", host)
        self._keywords: list[str] = []
        self._scanned: tuple[int, int] | None = None
        self._create()
        self._load()
        self._scan(first=True)

    # What is on disk

    def _create(self) -> None:
        for directory in (self.path, *(self.path / part for part in ("tmp", "new", "cur"))):
            if not directory.is_dir():
                directory.mkdir(mode=0o700, parents=True)
                if self.owner:
                    self.owner.take(directory)

    def _replace(self, name: str, text: str) -> None:
        draft = self.path / "tmp" / f"{name}.{os.getpid()}"
        draft.write_text(text)
        if self.owner:
            self.owner.take(draft)
        draft.rename(self.path / name)

    def _load(self) -> None:
        try:
            validity, following = (self.path / "netarium-uids").read_text().split()
            self.uid_validity, self.uid_next = int(validity), int(following)
        except (FileNotFoundError, ValueError):
            self.uid_validity, self.uid_next = _new_validity(), 1
            self._save_uids()
        with contextlib.suppress(FileNotFoundError):
            lines = (self.path / "dovecot-keywords").read_text(errors="replace").splitlines()
            self._keywords = [line.partition(" ")[2] for line in lines if " " in line][:26]

    def _save_uids(self) -> None:
        self._replace("netarium-uids", f"{self.uid_validity} {self.uid_next}\n")

    def rescan(self) -> None:
        """Notice what other programs did to the files."""
        if self._stamp() != self._scanned and self.path.is_dir():
            self._scan(first=False)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            return tuple((self.path / part).stat().st_mtime_ns for part in ("new", "cur"))  # type: ignore[return-value]
        except FileNotFoundError:
            return None

    def _scan(self, *, first: bool) -> None:
        # Taken before the listing: what changes meanwhile is seen the next time. A change in
        # the same tick of the kernel's clock would not show, so a fresh stamp is not trusted.
        stamp = self._stamp()
        fresh = stamp is None or time.time_ns() - max(stamp) < 50_000_000
        self._scanned = None if fresh else stamp
        known = {_key(message.file): message for message in self.messages.values()}
        found: dict[int, Message] = {}
        strangers: list[str] = []
        moved = False
        for part in ("cur", "new"):
            with os.scandir(self.path / part) as entries:
                files = sorted(f"{part}/{entry.name}" for entry in entries if entry.name[0] != ".")
            for file in files:
                message = known.get(_key(file))
                if message is None and first:
                    message = self._recognise(file)
                if message is None or message.uid in found:
                    strangers.append(file)
                    continue
                if message.file != file:
                    message.file, message.flags, moved = file, self._flags(file), True
                found[message.uid] = message
                if first and part == "new":
                    self.recent.add(message.uid)
        changed = moved or len(found) != len(self.messages)
        self.messages = dict(sorted(found.items()))
        if self.messages:
            self.uid_next = max(self.uid_next, next(reversed(self.messages)) + 1)
        for file in sorted(strangers, key=lambda name: name.partition("/")[2]):
            self._adopt(file)
        if changed or strangers:
            self._changed()

    def _recognise(self, file: str) -> Message | None:
        uid, size = _UID.search(file), _SIZE.search(file)
        start = file.partition("/")[2].partition(".")[0]
        if not uid or not size or not start.isdigit() or not 0 < int(uid[1]) < 2**32:
            return None
        return Message(int(uid[1]), file, self._flags(file), float(start[:12]), int(size[1]))

    def _adopt(self, file: str) -> None:
        """Number a message that another program put here."""
        part, _, name = file.partition("/")
        path = self.path / file
        with contextlib.suppress(OSError):  # gone again already, or not a file
            size = len(to_wire(path.read_bytes()))
            received = path.stat().st_mtime
            base, _, info = name.partition(":")
            base = _SIZE.sub("", _UID.sub("", base))
            uid = self._next_uid()
            renamed = f"{part}/{base},U={uid},W={size}" + (f":{info}" if info else "")
            path.rename(self.path / renamed)
            self.messages[uid] = Message(uid, renamed, self._flags(renamed), received, size)
            if part == "new":
                self.recent.add(uid)

    def _next_uid(self) -> int:
        uid = self.uid_next
        self.uid_next += 1
        return uid

    def _changed(self) -> None:
        self.changes += 1
        for watcher in tuple(self.watchers):
            watcher()

    # Flags

    @property
    def keywords(self) -> tuple[str, ...]:
        """The flags of their own that people use here (``$Forwarded``)."""
        return tuple(self._keywords)

    def _flags(self, file: str) -> frozenset[str]:
        letters = file.partition(":2,")[2]
        flags = {_BY_LETTER[letter] for letter in letters if letter in _BY_LETTER}
        for letter in letters:
            place = _KEYWORD_LETTERS.find(letter)
            if 0 <= place < len(self._keywords):
                flags.add(self._keywords[place])
        return frozenset(flags)

    def _letters(self, flags: frozenset[str]) -> str:
        letters = [SYSTEM_FLAGS[flag] for flag in flags if flag in SYSTEM_FLAGS]
        letters += [
            _KEYWORD_LETTERS[self._keywords.index(flag)] for flag in flags if flag in self._keywords
        ]
        return "".join(sorted(letters))

    def accept_flags(self, flags: Iterable[str]) -> frozenset[str]:
        """Those of the flags that can be kept, spelt as the mailbox spells them.

        New keywords are remembered until all 26 letters are taken;
        that a message is recent is nobody's to set.
        """
        spelling = {flag.lower(): flag for flag in (*SYSTEM_FLAGS, *self._keywords)}
        kept = set()
        for flag in flags:
            known = spelling.get(flag.lower())
            if known is None and not flag.startswith("\\") and len(self._keywords) < 26:
                self._keywords.append(flag)
                spelling[flag.lower()] = known = flag
                lines = (f"{place} {name}\n" for place, name in enumerate(self._keywords))
                self._replace("dovecot-keywords", "".join(lines))
            if known is not None:
                kept.add(known)
        return frozenset(kept)

    def set_flags(self, message: Message, flags: Iterable[str]) -> None:
        """Give the message exactly these flags. Raises FileNotFoundError where it is gone."""
        kept = self.accept_flags(flags)
        if kept == message.flags:
            return
        base = message.file.partition("/")[2].partition(":")[0]
        self._rename(message, f"cur/{base}:2,{self._letters(kept)}")
        message.flags = kept
        self._changed()

    def _rename(self, message: Message, file: str) -> None:
        (self.path / message.file).rename(self.path / file)
        message.file = file

    # Messages

    def deliver(
        self, data: bytes, flags: Iterable[str] = (), received: float | None = None
    ) -> Message:
        """Add a message; it is whole on disk and announced when this returns.

        Args:
            data: the message; its lines may end in LF or CR LF.
            flags: what it starts with; without any it counts as new mail.
            received: the internal date, by default now.
        """
        stored = _LINE_END.sub(b"\n", data)
        size = len(stored) + stored.count(b"\n")
        kept = self.accept_flags(flags)
        now = time.time()
        when = now if received is None else received
        uid = self._next_uid()
        base = (
            f"{max(0, int(when))}.M{int(now % 1 * 1e6)}P{os.getpid()}Q{next(_serial)}.{self._host}"
            f",U={uid},W={size}"
        )
        draft = f"{self.path}/tmp/{base}"
        # Plain os calls: pathlib and buffered files would double the cost of a delivery.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(stored)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if self.owner:
                self.owner.take(descriptor)
            file = f"cur/{base}:2,{self._letters(kept)}" if kept else f"new/{base}"
            os.rename(draft, f"{self.path}/{file}")  # noqa: PTH104
        except OSError:
            os.unlink(draft)  # noqa: PTH108
            raise
        finally:
            os.close(descriptor)
        message = Message(uid, file, kept, float(int(when)), size)
        self.messages[uid] = message
        self.recent.add(uid)
        self._changed()
        return message

    def read(self, message: Message) -> bytes:
        """The message as it travels. Raises FileNotFoundError where it is gone."""
        return to_wire((self.path / message.file).read_bytes())

    def take_recent(self) -> set[int]:
        """The UIDs that are recent, for the session that asks, and for no later one."""
        taken, self.recent = self.recent, set()
        for uid in taken:
            message = self.messages.get(uid)
            if message and message.file.startswith("new/"):
                with contextlib.suppress(FileNotFoundError):
                    base = message.file.removeprefix("new/").partition(":")[0]
                    self._rename(message, f"cur/{base}:2,{self._letters(message.flags)}")
        return taken & self.messages.keys()

    def expunge(self, uids: Iterable[int]) -> list[int]:
        """Remove messages for good; returns the UIDs of those that were there."""
        gone = [uid for uid in uids if uid in self.messages]
        if gone:
            # Kept first, so that a number is never given twice, whatever happens next.
            self._save_uids()
            for uid in gone:
                message = self.messages.pop(uid)
                self.recent.discard(uid)
                (self.path / message.file).unlink(missing_ok=True)
            self._changed()
        return gone

    def vanish(self) -> None:
        """The folder was deleted: whoever has it open sees it empty."""
        self.messages.clear()
        self.recent.clear()
        self._changed()


def _key(file: str) -> str:
    """What names a message whatever its directory and flags."""
    return file.partition("/")[2].partition(":")[0]

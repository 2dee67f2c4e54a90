"""Everybody's mail: one tree of folders an account, below one directory, with INBOX at its root."""

from __future__ import annotations

import contextlib
import hmac
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from netarium.model.lab import Account
from netarium.services.mail import folder_names
from netarium.services.mail.maildir import Mailbox, Owner

__all__ = ["FolderError", "Folders", "Store"]

_MOST_FOLDERS = 1000


class FolderError(Exception):
    """A folder cannot be opened, made, renamed or removed.

    ``code`` is the response code of RFC 5530 (``NONEXISTENT``).
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Folders:
    """The folders of one account. Names are as ``folder_names.normalise`` gives them."""

    def __init__(self, root: Path, owner: Owner | None, host: str) -> None:
        self._root = root
        self._owner = owner
        self._host = host
        self._open: dict[str, Mailbox] = {}
        self.fresh = not root.is_dir()
        self.inbox = self._mailbox("INBOX")

    def _path(self, name: str) -> Path:
        return self._root if name == "INBOX" else self._root / folder_names.to_directory(name)

    def _mailbox(self, name: str) -> Mailbox:
        mailbox = self._open.get(name)
        if mailbox is None:
            mailbox = self._open[name] = Mailbox(self._path(name), self._owner, self._host)
        return mailbox

    def names(self) -> list[str]:
        """Every folder that holds or may hold messages, sorted, INBOX first."""
        found = []
        for entry in os.scandir(self._root):
            with contextlib.suppress(ValueError):
                if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    found.append(folder_names.from_directory(entry.name))
        return ["INBOX", *sorted(found)]

    def exists(self, name: str) -> bool:
        """Whether messages can be put there."""
        return name == "INBOX" or self._path(name).is_dir()

    def get(self, name: str) -> Mailbox:
        """The folder. Raises FolderError(NONEXISTENT)."""
        if not self.exists(name):
            raise FolderError("NONEXISTENT", f"there is no folder {name}")
        return self._mailbox(name)

    def create(self, name: str) -> None:
        """Make a folder and those above it. Raises FolderError(ALREADYEXISTS or LIMIT)."""
        if self.exists(name):
            raise FolderError("ALREADYEXISTS", f"the folder {name} exists already")
        if len(self.names()) >= _MOST_FOLDERS:
            raise FolderError("LIMIT", f"a mailbox has at most {_MOST_FOLDERS} folders")
        levels = name.split(folder_names.SEPARATOR)
        for depth in range(1, len(levels) + 1):
            self._mailbox(folder_names.SEPARATOR.join(levels[:depth]))

    def delete(self, name: str) -> None:
        """Remove a folder and its messages; folders below it stay.

        Raises FolderError(NONEXISTENT, or CANNOT for INBOX).
        """
        if name == "INBOX":
            raise FolderError("CANNOT", "INBOX cannot be deleted")
        mailbox = self.get(name)
        del self._open[name]
        shutil.rmtree(mailbox.path)
        mailbox.vanish()

    def rename(self, old: str, new: str) -> None:
        """Rename a folder and all below it; INBOX instead gives its messages to the new one.

        Raises FolderError(NONEXISTENT, ALREADYEXISTS, or CANNOT where it would go into itself).
        """
        below = old + folder_names.SEPARATOR
        if new.startswith(below) and old != "INBOX":
            raise FolderError("CANNOT", f"{old} cannot go into itself")
        if self.exists(new):
            raise FolderError("ALREADYEXISTS", f"the folder {new} exists already")
        if old == "INBOX":
            self.create(new)
            target = self.get(new)
            for message in tuple(self.inbox.messages.values()):
                target.deliver(self.inbox.read(message), message.flags, message.received)
            self.inbox.expunge(tuple(self.inbox.messages))
            return
        self.get(old)
        parent = new.rpartition(folder_names.SEPARATOR)[0]
        if parent and not self.exists(parent):
            self.create(parent)
        for name in self.names():
            if name == old or name.startswith(below):
                target_name = folder_names.normalise(new + name[len(old) :])
                self._path(name).rename(self._path(target_name))
                mailbox = self._open.pop(name, None)
                if mailbox:
                    mailbox.path = self._path(target_name)
                    self._open[target_name] = mailbox

    # Subscriptions are names, whether the folder exists or not (RFC 3501 section 6.3.6).

    def subscriptions(self) -> list[str]:
        """The names subscribed to, sorted."""
        try:
            return sorted((self._root / "subscriptions").read_text().splitlines())
        except FileNotFoundError:
            return []

    def subscribe(self, name: str, wanted: bool = True) -> None:
        """Add a name to the subscriptions, or take it off. Raises FolderError(LIMIT)."""
        names = set(self.subscriptions())
        if wanted and len(names) >= _MOST_FOLDERS:
            raise FolderError("LIMIT", f"at most {_MOST_FOLDERS} subscriptions")
        changed = names | {name} if wanted else names - {name}
        if changed == names:
            return
        path = self._root / "subscriptions"
        draft = path.with_name("subscriptions.new")
        draft.write_text("".join(f"{line}\n" for line in sorted(changed)))
        if self._owner:
            self._owner.take(draft)
        draft.rename(path)


class Store:
    """The mailboxes of all accounts, below ``base``."""

    def __init__(self, base: Path, accounts: Iterable[Account], host: str) -> None:
        self._base = base
        self._host = host
        self._accounts = {account.name.lower(): account for account in accounts}
        self._open: dict[str, Folders] = {}
        base.mkdir(mode=0o755, parents=True, exist_ok=True)

    def check(self, name: str, password: str) -> str | None:
        """The account's name where the password is its own, else None."""
        account = self._accounts.get(name.lower())
        given = password.encode(errors="surrogateescape")
        if account and hmac.compare_digest(account.password.encode(), given):
            return account.name
        return None

    def known(self, name: str) -> str | None:
        """The account whose mailbox takes mail for a local part, else None.

        Case does not matter, what follows a ``+`` neither; ``postmaster`` (RFC
        5321 section 4.5.1) is the first account where nobody has that name.
        """
        local = name.lower()
        for candidate in (local, local.partition("+")[0]):
            if candidate in self._accounts:
                return self._accounts[candidate].name
        if local == "postmaster" and self._accounts:
            return next(iter(self._accounts.values())).name
        return None

    def folders(self, account: str) -> Folders:
        """The folders of an account. Raises KeyError where there is no such account."""
        folders = self._open.get(account)
        if folders is None:
            who = self._accounts[account.lower()]
            root = self._base / who.name
            if root.is_file():  # an mbox of the machine's own, seen through the overlay
                root.rename(root.with_name(f"{who.name}.mbox"))
            owner = Owner(who.uid, who.gid) if who.uid != os.geteuid() else None
            folders = self._open[account] = Folders(root, owner, self._host)
        return folders

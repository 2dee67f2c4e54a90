"""Who can log in to a lab's nodes."""

from __future__ import annotations

from netarium.model.declaration import AccountDeclaration, LabDeclaration
from netarium.model.faults import Faults
from netarium.model.lab import Account

__all__ = ["accounts_of"]

_PASSWORD = "abc123"
_FIRST_UID = 1000


def accounts_of(declared: LabDeclaration, faults: Faults) -> tuple[Account, ...]:
    """The lab's accounts, root first. root is always there; brandon unless others are given."""
    given = declared.accounts
    if given is None:
        given = {"brandon": AccountDeclaration(admin=True)}
    given = {"root": None, **given}
    taken = {a.uid for a in given.values() if a and a.uid is not None}
    next_uid = _FIRST_UID
    found: list[Account] = []
    for name, account in given.items():
        account = account or AccountDeclaration()
        path = ("accounts", name)
        uid = account.uid
        if name == "root":
            if uid not in (None, 0):
                faults.add((*path, "uid"), f"root's uid is 0, not {uid}", "remove it")
            uid = 0
        elif uid is None:
            while next_uid in taken:
                next_uid += 1
            uid = next_uid
            taken.add(uid)
        elif uid < _FIRST_UID:
            faults.add(
                (*path, "uid"),
                f"{uid} is a system account's uid",
                f"write {_FIRST_UID} or more, or leave it out",
            )
        found.append(
            Account(
                name=name,
                password=account.password if account.password is not None else _PASSWORD,
                uid=uid,
                gid=uid,
                home=account.home or ("/root" if name == "root" else f"/home/{name}"),
                shell=account.shell or "/bin/bash",
                admin=bool(account.admin),
            )
        )
    return tuple(found)

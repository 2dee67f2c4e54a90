from __future__ import annotations

from pathlib import Path

import pytest

from netarium.model.lab import Account, Interface, Lab, Node
from netarium.runtime import etc

ROOT = Account(name="root", password="abc123", uid=0, gid=0, home="/root", admin=True)
USER = Account(name="brandon", password="x", uid=1000, gid=1000, home="/home/brandon", admin=True)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that stands for the host's /etc."""

    def here(path: str) -> Path:
        return tmp_path / path.rsplit("/", 1)[1]

    monkeypatch.setattr(etc, "Path", here)
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/zsh\n")
    (tmp_path / "group").write_text("root:x:0:\n")
    return tmp_path


def test_people_of_the_host_stay_out_and_its_daemons_in(host: Path) -> None:
    (host / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/zsh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"
        "alice:x:1001:1001::/home/alice:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"
    )
    (host / "group").write_text("root:x:0:\nadm:x:4:alice,bob\nalice:x:1001:\n")
    files = etc.account_files((ROOT, USER))
    names = [line.split(":")[0] for line in files["passwd"].splitlines()]
    assert names == ["root", "brandon", "www-data", "nobody"]
    assert files["passwd"].startswith("root:x:0:0:root:/root:/bin/bash\n")
    assert "alice" not in "".join(files.values())
    assert "adm:x:4:\n" in files["group"]


def test_everybody_has_a_shadow_and_only_the_lab_s_a_password(host: Path) -> None:
    (host / "passwd").write_text("daemon:x:1:1::/:/usr/sbin/nologin\n")
    lines = dict(line.split(":")[:2] for line in etc.account_files((ROOT,))["shadow"].splitlines())
    assert lines["daemon"] == "*"
    assert lines["root"] == "*" or lines["root"].startswith("$6$rounds=1000$")


@pytest.mark.parametrize("line", ["+:::", "+::::::", "-@them", "a:x:²:", "a:x::", "", "a:b"])
def test_lines_of_nis_and_nonsense_are_left_out(host: Path, line: str) -> None:
    for name in ("passwd", "group"):
        (host / name).write_text(f"{line}\n")
    files = etc.account_files((ROOT,))
    assert files["group"] == "root:x:0:\n"
    assert len(files["passwd"].splitlines()) == 1


def test_a_group_of_the_host_gives_way_to_an_account_s(host: Path) -> None:
    (host / "group").write_text("docker:x:998:\n")
    own = Account(name="kim", password="x", uid=998, gid=998, home="/home/kim")
    assert "docker" not in etc.account_files((ROOT, own))["group"]


def test_every_name_of_every_node_is_in_hosts() -> None:
    at = Interface(name="eth0", link="l", addresses=("10.0.0.1/24", "fd00::1/64"))
    nodes = [
        Node(name="www", names=("www.example.com", "www"), interfaces=(at,)),
        Node(name="alone", names=("alone",)),
    ]
    lines = etc.hosts(nodes).splitlines()
    assert "10.0.0.1\twww.example.com www" in lines
    assert "fd00::1\twww.example.com www" in lines
    assert "127.0.1.1\talone" in lines


def test_resolv_conf_names_the_domain_and_all_resolvers() -> None:
    lab = Lab(name="x", domain="example.com", resolvers=("10.1.1.1", "fd00::1"))
    said = etc.resolv_conf(lab)
    assert said == "search example.com\nnameserver 10.1.1.1\nnameserver fd00::1\n"


def test_only_admins_may_do_anything() -> None:
    kim = Account(name="kim", password="x", uid=1001, gid=1001, home="/home/kim")
    said = etc.sudoers((USER, kim))
    assert "brandon ALL=(ALL:ALL) NOPASSWD: ALL\n" in said
    assert "kim" not in said

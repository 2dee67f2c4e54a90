"""Application headers of the whole corpus, field by field beside tshark."""

from __future__ import annotations

import pytest

from netarium.wire.packet import Packet
from tests.wire import as_tshark, corpus

#: Frames that are left out, and why.
_ODD = {
    "tls on an odd port": "tshark guesses TLS only where it saw a connection begin",
    "ssh on an odd port": "tshark goes by the port",
    "ssh key exchange": "not one: its names are noise",
    "http malformed": "tshark takes the port's word for it",
    "tls client hello malformed": "tshark reads nothing of it",
    "tls client hello, cut": "tshark reads nothing of it without the rest",
    "dhcp option cut": "tshark gives the option that is cut, too",
    "dns pointer loop": "tshark has a text for the name",
    "dns pointer outside": "tshark has a text for the name",
    "dns update": "tshark counts zones and prerequisites in it",
    "llmnr": "tshark has other names for its flags",
    "dns type nsec": "tshark gives the types in its map as if they were records'",
    "dns type nsec3": "as of NSEC",
    "dns type csync": "as of NSEC",
    "dhcp overload": "tshark gives options in the order of their bytes, not that of RFC 2131",
    "http folded": "tshark takes the second line for a header field",
    "http escapes": "tshark has question marks where the bytes are no UTF-8",
    "http header cut": "tshark gives the line as if it ended",
    "tls record cut": "tshark reads nothing of it without the rest",
    "smtp letter": "tshark takes its lines for commands, as it has seen no DATA",
    "ftp commands": "tshark reads the first line alone",
    "ftp features": "tshark reads the first line alone",
    "imap literal": "tshark takes the bracket behind it for a tag",
    "ssh banner and more": "tshark reads the banner alone",
}


def _is_told_differently(name: str) -> bool:
    # Quotes are cut off and not read further; nor is what the capture has cut.
    return name in _ODD or name.startswith("icmp") or ", cut" in name


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory):
    """By name of each frame: what netarium reads, and what tshark reads."""
    path = tmp_path_factory.mktemp("applications") / "corpus.pcap"
    frames = [each for each in corpus.corpus() if not _is_told_differently(each[0])]
    path.write_bytes(corpus.pcap([(data, length) for _, data, length in frames]))
    theirs = as_tshark.tshark(path)
    return {
        name: (as_tshark.netarium(Packet.parse(data, 1, length)), theirs[number])
        for number, (name, data, length) in enumerate(frames, 1)
    }


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(
    "protocol", ["dns", "dhcp", "http", "tls", "smtp", "ftp", "pop", "imap", "ssh"]
)
def test_fields_are_those_that_tshark_reads(protocol: str, read) -> None:
    differ, seen = {}, set()
    for name, (ours, theirs) in read.items():
        for field in ours.keys() | theirs.keys():
            if not field.startswith(protocol + "."):
                continue
            seen.add(field)
            if ours.get(field) != theirs.get(field):
                differ[name, field] = (ours.get(field), theirs.get(field))
    assert differ == {}
    # Every field that is compared stands in some frame.
    assert seen == {field for field in as_tshark.FIELDS if field.startswith(protocol + ".")}

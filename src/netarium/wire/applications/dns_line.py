"""A DNS message on a line, in the manner of tcpdump."""

from __future__ import annotations

from typing import Any

from netarium.wire.applications.dns import DNS, DNSLength
from netarium.wire.applications.dns_edns import OPT
from netarium.wire.applications.dns_numbers import RCODES, class_name, type_name
from netarium.wire.escaping import escaped
from netarium.wire.header import Header
from netarium.wire.transport.udp import UDP

__all__ = ["dns_line"]

_OPERATIONS = {0: "", 1: " inv_q", 2: " stat", 4: " notify", 5: " update"}
_CODES = {0: "", 1: " FormErr", 2: " ServFail", 3: " NXDomain", 4: " NotImp", 5: " Refused"}
_LONGEST = 1000  # characters of what is asked and answered
#: Types whose data are left out: nobody reads them on a line.
_SILENT = frozenset(
    {"SOA", "RRSIG", "DNSKEY", "DS", "NSEC", "NSEC3", "NSEC3PARAM", "TLSA", "SMIMEA", "TSIG"}
    | {"SSHFP", "CERT", "OPENPGPKEY", "ZONEMD"}
)


def dns_line(message: DNS) -> str:
    """``12345+ A? www.example.com. (33)`` or ``12345 1/0/0 A 192.0.2.80 (49)``.

    At the end its length on the wire, without the header around it.
    """
    below = _below(message)
    length, multicast = message.message_end - message.start, False
    if isinstance(below, UDP):
        length = max(length, below.length - 8)
        multicast = 5353 in (below.sport, below.dport)
    elif isinstance(below, DNSLength):
        length = below.length
    operation = _OPERATIONS.get(message.opcode, f" op{message.opcode}")
    parts = _response(message, multicast) if message.response else _query(message, multicast)
    if len(parts) > _LONGEST:
        parts = parts[:_LONGEST] + "..."
    broken = " [|domain]" if message.walked.stop is not None else f" ({length})"
    return escaped(f"{message.id}{operation}{parts}{broken}")


def _below(message: DNS) -> Header | None:
    """The header around it."""
    layers = message.packet.layers if message.packet else []
    inside = [layer for layer in layers if layer.start < message.start]
    return inside[-1] if inside else None


def _query(message: DNS, multicast: bool) -> str:
    marks = ("+" if message.recursion_desired else "") + ("%" if message.checking_disabled else "")
    odd = int.from_bytes(message.data[message.start + 2 : message.start + 4], "big") & 0x06CF
    counts = [
        f" [b2&3=0x{odd:x}]" if odd else "",
        f" [{message.answer_count}a]" if message.answer_count else "",
        f" [{message.question_count}q]" if message.question_count != 1 else "",
        f" [{message.authority_count}n]" if message.authority_count else "",
        f" [{message.additional_count}au]" if message.additional_count else "",
    ]
    question: Any
    asked = []
    for question in message.questions:
        flag = (" (QU)" if question.rclass & 0x8000 else " (QM)") if multicast else ""
        class_ = question.rclass & (0x7FFF if multicast else 0xFFFF)
        kind = "" if class_ == 1 else f" {class_name(class_)}"
        asked.append(f" {type_name(question.type)}{kind}{flag}? {_dotted(question.name)}")
    return marks + "".join(counts) + "".join(asked)


def _response(message: DNS, multicast: bool) -> str:
    code = message.rcode
    head = _CODES.get(code, f" {RCODES.get(code, f'Resp{code}')}")
    head += "*" if message.authoritative else ""
    head += "" if message.recursion_available else "-"
    head += "|" if message.truncated else ""
    head += "$" if message.authentic_data else ""
    if message.question_count != 1:
        head += f" [{message.question_count}q]"
    head += f" {message.answer_count}/{message.authority_count}/{message.additional_count}"
    answers = ",".join(f" {_record(answer, multicast)}" for answer in message.answers)
    return head + answers


def _record(record: Any, multicast: bool) -> str:
    if isinstance(record, OPT):
        return f"OPT UDPsize={record.udp_size}" + (" DO" if record.flags & 0x8000 else "")
    kind, class_ = type_name(record.type), record.rclass
    flush = "(Cache flush) " if multicast and class_ & 0x8000 else ""
    class_ &= 0x7FFF if multicast else 0xFFFF
    inside = "" if class_ == 1 else f"{class_name(class_)} "
    return f"{inside}{flush}{kind} {_data(record, kind)}".rstrip()


def _data(record: Any, kind: str) -> str:
    if kind in _SILENT:
        return ""
    if kind == "MX":
        return f"{_dotted(record.exchange)} {record.preference}"
    if kind == "SRV":
        where = f"{_dotted(record.target)}:{record.port}"
        return f"{where} {record.priority} {record.weight}"
    return str(record.rdata()) if record.own else ""


def _dotted(name: str) -> str:
    return name if name == "." else f"{name}."

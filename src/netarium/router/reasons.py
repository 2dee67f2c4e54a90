"""Why a frame left the fast path, or ended: a number, a name and a sentence for each reason."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["EXPLANATIONS", "Explanation", "Reason", "explain"]


class Reason(enum.IntEnum):
    """What became of a frame. The numbers index the counters; the steps know them, too."""

    FORWARDED = 0
    OTHER_STATION = 1
    CUT_SHORT = 2
    OTHER_PROTOCOL = 3
    ADDRESS_RESOLUTION = 4
    BAD_HEADER = 5
    BAD_CHECKSUM = 6
    BAD_LENGTH = 7
    MARTIAN_SOURCE = 8
    MARTIAN_DESTINATION = 9
    OPTIONS = 10
    FOR_ME = 11
    TO_A_GROUP = 12
    NO_ROUTE = 13
    UNREACHABLE = 14
    PROHIBITED = 15
    BLACKHOLE = 16
    REVERSE_PATH = 17
    FORWARDING_OFF = 18
    LINK_BROADCAST = 19
    TTL_EXPIRED = 20
    BEYOND_SCOPE = 21
    REDIRECT = 22
    INTERFACE_DOWN = 23
    TOO_BIG = 24
    NEIGHBOUR = 25
    NAT_MISSING = 26
    NAT_STATE = 27
    NAT_FRAGMENT = 28
    NAT_ERROR = 29
    NAT_FILTERED = 30
    NAT_FULL = 31
    BUFFER_FULL = 32
    # Where Python ended it.
    DELIVERED = 33
    FRAGMENTED = 34
    QUEUED = 35
    QUEUE_FULL = 36
    NEIGHBOUR_FAILED = 37
    BAD_OPTION = 38
    SOURCE_ROUTE = 39
    TIME_EXCEEDED = 40
    DESTINATION_UNREACHABLE = 41
    FRAGMENTATION_NEEDED = 42
    NOT_LISTENING = 43
    REASSEMBLING = 44
    REASSEMBLY_FAILED = 45
    NO_ERROR_ABOUT = 46
    ERROR_LIMITED = 47
    TRANSLATED = 48
    CANNOT_TRANSLATE = 49


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason for people: ``name`` in a word or two, ``sentence``, and the RFC it follows."""

    reason: Reason
    name: str
    sentence: str
    clause: str

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence} ({self.clause})"


_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.FORWARDED: (
        "It was sent on by the interface that its route names.",
        "RFC 1812, section 5.2.1; RFC 8200, section 3",
    ),
    Reason.OTHER_STATION: (
        "The frame's destination address is another station's.",
        "IEEE 802.3, clause 4A.2.4.1.1",
    ),
    Reason.CUT_SHORT: ("The frame ends before its headers do.", "RFC 1812, section 5.2.2"),
    Reason.OTHER_PROTOCOL: (
        "The frame carries neither IPv4 nor IPv6 nor ARP.",
        "RFC 1122, section 2.3.1",
    ),
    Reason.ADDRESS_RESOLUTION: ("ARP asks for an address or tells one.", "RFC 826"),
    Reason.BAD_HEADER: (
        "The version is not the one announced, or the header length is below its least.",
        "RFC 1812, section 5.2.2",
    ),
    Reason.BAD_CHECKSUM: (
        "The header checksum is wrong; whom such a header names cannot be trusted.",
        "RFC 1812, section 5.2.2",
    ),
    Reason.BAD_LENGTH: (
        "The length in the header is below the header's own or beyond the frame's end.",
        "RFC 1812, section 5.2.2; RFC 8200, section 3",
    ),
    Reason.MARTIAN_SOURCE: (
        "The source can be nobody's on a network: loopback, a group, all zeros, or our own.",
        "RFC 1812, section 5.3.7; RFC 4291, section 2.7",
    ),
    Reason.MARTIAN_DESTINATION: (
        "No network may carry a packet to this destination.",
        "RFC 1812, section 5.3.7; RFC 4291, section 2.5.3",
    ),
    Reason.OPTIONS: (
        "It carries options, which each router on the way has to look at.",
        "RFC 1812, section 5.2.4; RFC 8200, section 4.3",
    ),
    Reason.FOR_ME: ("The destination is an address of this router.", "RFC 1812, section 5.2.3"),
    Reason.TO_A_GROUP: (
        "The destination is a multicast group or all stations; those are not forwarded.",
        "RFC 1812, sections 5.2.3 and 5.3.5",
    ),
    Reason.NO_ROUTE: (
        "No route leads to the destination.",
        "RFC 1812, section 5.2.7.1; RFC 4443, section 3.1",
    ),
    Reason.UNREACHABLE: (
        "The route says that the destination cannot be reached.",
        "RFC 1812, section 5.2.7.1; RFC 4443, section 3.1",
    ),
    Reason.PROHIBITED: (
        "The route says that going there is prohibited.",
        "RFC 1812, section 5.2.7.1; RFC 4443, section 3.1",
    ),
    Reason.BLACKHOLE: ("The route swallows it without a word.", "RFC 3882, section 3"),
    Reason.REVERSE_PATH: (
        "An answer to the source would not leave where this came in: the source looks forged.",
        "RFC 3704, section 2.2",
    ),
    Reason.FORWARDING_OFF: (
        "This interface does not take packets for others.",
        "RFC 1122, section 3.3.4.2",
    ),
    Reason.LINK_BROADCAST: (
        "The frame was for all stations though the packet is for one: it is not forwarded.",
        "RFC 1812, section 5.3.4",
    ),
    Reason.TTL_EXPIRED: (
        "This was the last hop that its time to live (hop limit) allowed.",
        "RFC 1812, section 5.3.1; RFC 8200, section 3",
    ),
    Reason.BEYOND_SCOPE: (
        "The source is valid on its own link alone.",
        "RFC 4291, section 2.5.6; RFC 4443, section 3.1",
    ),
    Reason.REDIRECT: (
        "It goes out where it came in: the sender is told the shorter way, too.",
        "RFC 1812, section 5.2.7.2; RFC 4861, section 8.2",
    ),
    Reason.INTERFACE_DOWN: ("The interface of its route is down.", "RFC 1812, section 5.2.4.3"),
    Reason.TOO_BIG: (
        "It is longer than the MTU of the link that it is to leave by.",
        "RFC 1812, section 5.2.6; RFC 8200, section 5",
    ),
    Reason.NEIGHBOUR: (
        "The link-layer address of the next hop has to be found or confirmed.",
        "RFC 1812, section 3.3.2; RFC 4861, section 7.2.2",
    ),
    Reason.NAT_MISSING: (
        "Its flow has no translation yet, or none that lives.",
        "RFC 4787, section 4.1",
    ),
    Reason.NAT_STATE: (
        "It opens or ends a TCP connection, which changes how long its translation lives.",
        "RFC 5382, section 5",
    ),
    Reason.NAT_FRAGMENT: (
        "Fragments are joined before they are translated: only the first has ports.",
        "RFC 4787, section 11",
    ),
    Reason.NAT_ERROR: (
        "It is an ICMP error: the packet inside it has to be translated back.",
        "RFC 5508, section 4",
    ),
    Reason.NAT_FILTERED: (
        "The NAT's filtering does not let this sender in.",
        "RFC 4787, section 5",
    ),
    Reason.NAT_FULL: ("No port or room is left for one more translation.", "RFC 4787, section 4.2"),
    Reason.BUFFER_FULL: ("The output buffer has no room; it grows.", "own"),
    Reason.DELIVERED: ("It was for this router, which took it.", "RFC 1812, section 5.2.3"),
    Reason.FRAGMENTED: ("It was sent on in fragments.", "RFC 791, section 3.2"),
    Reason.QUEUED: (
        "It waits until the next hop's link-layer address is known.",
        "RFC 1122, section 2.3.2.2; RFC 4861, section 7.2.2",
    ),
    Reason.QUEUE_FULL: (
        "Too many packets waited for the same neighbour: the oldest went.",
        "RFC 4861, section 7.2.2",
    ),
    Reason.NEIGHBOUR_FAILED: (
        "Nobody on the link answered for the next hop: host (address) unreachable.",
        "RFC 1812, section 5.2.7.1; RFC 4861, section 7.2.2",
    ),
    Reason.BAD_OPTION: (
        "An option breaks its format: parameter problem.",
        "RFC 1812, section 5.2.7.3; RFC 8200, section 4.2",
    ),
    Reason.SOURCE_ROUTE: (
        "The sender wants to choose the way; nobody lets senders do that any more.",
        "RFC 7126, section 4.3; RFC 5095",
    ),
    Reason.TIME_EXCEEDED: (
        "Its sender was told that the time to live (hop limit) ran out here.",
        "RFC 792; RFC 4443, section 3.3",
    ),
    Reason.DESTINATION_UNREACHABLE: (
        "Its sender was told that the destination cannot be reached.",
        "RFC 792; RFC 4443, section 3.1",
    ),
    Reason.FRAGMENTATION_NEEDED: (
        "Its sender was told the MTU that it has to keep to.",
        "RFC 1191, section 4; RFC 8201",
    ),
    Reason.NOT_LISTENING: (
        "It was for this router, where nothing listens to it.",
        "RFC 1122, sections 3.2.2.1 and 4.1.3.1; RFC 9293, section 3.5.2",
    ),
    Reason.REASSEMBLING: ("It waits for the other fragments.", "RFC 815; RFC 8200, section 4.5"),
    Reason.REASSEMBLY_FAILED: (
        "Its fragments overlap, or break off.",
        "RFC 1858; RFC 5722",
    ),
    Reason.NO_ERROR_ABOUT: (
        "About such a packet (an error, a group's, a later fragment) no error is sent.",
        "RFC 1812, section 4.3.2.7; RFC 4443, section 2.4",
    ),
    Reason.ERROR_LIMITED: (
        "An error was due; too many were sent already.",
        "RFC 1812, section 4.3.2.8; RFC 4443, section 2.4",
    ),
    Reason.TRANSLATED: ("It was sent on with other addresses.", "RFC 4787; RFC 5382; RFC 5508"),
    Reason.CANNOT_TRANSLATE: (
        "The NAT knows no way to translate this protocol.",
        "RFC 4787, section 4.1",
    ),
}

#: All reasons, in the order of their numbers.
EXPLANATIONS: tuple[Explanation, ...] = tuple(
    Explanation(reason, reason.name.lower().replace("_", " "), *_TEXTS[reason]) for reason in Reason
)


def explain(reason: int) -> Explanation:
    """The name, the sentence and the RFC clause of a reason's number."""
    return EXPLANATIONS[reason]

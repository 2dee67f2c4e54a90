"""Frames of the corpus that are about layers 2 to 4."""

from __future__ import annotations

import struct
import warnings

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SRC, DST = "10.0.0.1", "10.0.0.2"
SRC6, DST6 = "2001:db8::1", "2001:db8::2"


def scapy_names():
    """Scapy, with all the layers that are needed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scapy.all as s
        from scapy.contrib import mpls, ospf
        from scapy.layers import igmp, vxlan

        s.VXLAN, s.MPLS, s.OSPF_Hdr, s.OSPF_Hello = (
            vxlan.VXLAN,
            mpls.MPLS,
            ospf.OSPF_Hdr,
            ospf.OSPF_Hello,
        )
        s.igmp = igmp
    return s


def frames():
    s = scapy_names()
    made = {}
    for part in (_link, _ipv4, _ipv4_inside, _icmp, _tcp, _udp, _ipv6, _icmpv6, _tunnels, _odd):
        for name, packet in part(s).items():
            assert name not in made, name
            made[name] = bytes(packet)
    return made


def _eth(s):
    return s.Ether(src=A, dst=B)


def _ip(s, **more):
    return _eth(s) / s.IP(**{"src": SRC, "dst": DST, "id": 0x1234, **more})


def _ip6(s, **more):
    return _eth(s) / s.IPv6(**{"src": SRC6, "dst": DST6, **more})


def _link(s):
    eth = _eth(s)
    hello = s.IP(src=SRC, dst=DST, id=1) / s.UDP(sport=1000, dport=2000) / b"hello"
    bpdu = s.STP(rootid=32768, rootmac=A, bridgeid=32768, bridgemac=A, portid=0x8001)
    return {
        "arp": s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / s.ARP(op=1, hwsrc=A, psrc=SRC, hwdst="00:00:00:00:00:00", pdst=DST),
        "arp reply": eth / s.ARP(op=2, hwsrc=A, psrc=SRC, hwdst=B, pdst=DST),
        "arp gratuitous, padded": s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / s.ARP(op=1, hwsrc=A, psrc=SRC, hwdst="00:00:00:00:00:00", pdst=SRC)
        / s.Padding(bytes(18)),
        "rarp": s.Ether(src=A, dst=B, type=0x8035) / s.ARP(op=3, hwsrc=A, psrc="0.0.0.0", hwdst=A),
        "arp of odd sizes": s.Ether(src=A, dst=B, type=0x0806)
        / bytes.fromhex("0006 0800 08 04 0001 0011223344556677 0a000001 8899aabbccddeeff 0a000002"),
        "vlan": eth / s.Dot1Q(vlan=42, prio=3, dei=1) / hello,
        "vlan in vlan": s.Ether(src=A, dst=B, type=0x88A8)
        / s.Dot1Q(vlan=100, type=0x8100)
        / s.Dot1Q(vlan=200)
        / hello,
        "vlan priority only": eth / s.Dot1Q(vlan=0, prio=7) / s.ARP(psrc=SRC, pdst=DST, hwsrc=A),
        "stp": s.Dot3(src=A, dst="01:80:c2:00:00:00") / s.LLC() / bpdu / s.Padding(bytes(8)),
        "stp topology change": s.Dot3(src=A, dst="01:80:c2:00:00:00")
        / s.LLC(dsap=0x42, ssap=0x42, ctrl=3)
        / bytes.fromhex("0000 00 80")
        / s.Padding(bytes(39)),
        "snap": s.Dot3(src=A, dst=B)
        / s.LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / s.SNAP(OUI=0, code=0x0800)
        / hello,
        "cdp in snap": s.Dot3(src=A, dst="01:00:0c:cc:cc:cc")
        / s.LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / s.SNAP(OUI=0x00000C, code=0x2000)
        / bytes.fromhex("02b4 0000 0001 0006 6831"),
        "llc information": s.Dot3(src=A, dst=B) / bytes.fromhex("f0f0 0002 0102"),
        "lldp": s.Ether(src=A, dst="01:80:c2:00:00:0e", type=0x88CC)
        / bytes.fromhex("0207 04 02000000000a 0404 05 657430 0602 0078 0000"),
        "mpls": s.Ether(src=A, dst=B, type=0x8847)
        / s.MPLS(label=100, s=0, ttl=64, cos=1)
        / s.MPLS(label=200, s=1, ttl=64)
        / hello,
        "mpls, ipv6 inside": s.Ether(src=A, dst=B, type=0x8847)
        / s.MPLS(label=2, s=1, ttl=3)
        / s.IPv6(src=SRC6, dst=DST6)
        / s.UDP(sport=1, dport=2)
        / b"x",
        "unknown ethertype": s.Ether(src=A, dst=B, type=0x88B5) / b"local experiment",
        "loopback test": s.Ether(src=A, dst=B, type=0x9000) / bytes(46),
        "pppoe": s.Ether(src=A, dst=B, type=0x8863) / bytes.fromhex("1109 0000 0004 0101 0000"),
    }


def _ipv4(s):
    udp = s.UDP(sport=1000, dport=2000) / b"hello"
    options = {
        "nop, end": [s.IPOption_NOP(), s.IPOption_EOL()],
        "record route": [s.IPOption_RR(pointer=8, routers=["10.0.0.254", "0.0.0.0", "0.0.0.0"])],
        "loose source route": [s.IPOption_LSRR(routers=["10.0.1.1", "10.0.2.2"])],
        "strict source route": [s.IPOption_SSRR(routers=["10.0.1.1", "10.0.2.2"])],
        "timestamp": [bytes.fromhex("440c0900 00000001 00000000")],
        "timestamp with addresses": [bytes.fromhex("44140d01 0a0000fe 00000064 00000000 00000000")],
        "timestamp prespecified": [bytes.fromhex("440c0533 0a0000fe 00000064")],
        "router alert": [s.IPOption_Router_Alert()],
        "security": [s.IPOption_Security()],
        "stream id": [s.IPOption_Stream_Id(security=0xBEEF)],
        "mtu probe": [s.IPOption_MTU_Probe(mtu=1480)],
        "traceroute": [
            s.IPOption_Traceroute(
                optclass=2, id=1, outbound_hops=2, return_hops=3, originator_ip=SRC
            )
        ],
        "unknown": [bytes.fromhex("9904abcd")],
        "several": [
            s.IPOption_Router_Alert(),
            s.IPOption_NOP(),
            s.IPOption_RR(routers=["0.0.0.0"] * 2),
        ],
    }
    made = {
        f"ipv4 {name}": _ip(s, options=[s.IPOption(o) if isinstance(o, bytes) else o for o in many])
        / udp
        for name, many in options.items()
    }
    done = s.IPOption_LSRR(pointer=12, routers=["10.0.1.1", "10.0.2.2"])
    made["ipv4 source route, done"] = _ip(s, dst="10.0.2.2", options=[done]) / udp
    long = bytes(range(256)) * 6
    datagram = s.IP(src=SRC, dst=DST, id=0x77) / s.UDP(sport=5000, dport=6000) / long
    for number, piece in enumerate(s.fragment(datagram, fragsize=600)):
        made[f"ipv4 fragment {number}"] = _eth(s) / piece
    tcp = s.IP(src=SRC, dst=DST, id=0x78) / s.TCP(sport=5000, dport=80) / long[:900]
    for number, piece in enumerate(s.fragment(tcp, fragsize=600)):
        made[f"ipv4 tcp fragment {number}"] = _eth(s) / piece
    made |= {
        "ipv4 dscp, ecn": _ip(s, tos=0xB9, flags="DF", ttl=1) / udp,
        "ipv4 ect(0)": _ip(s, tos=2) / udp,
        "ipv4 flags": _ip(s, flags="evil") / udp,
        "ipv4 padded": _ip(s) / s.UDP(sport=1, dport=2) / b"" / s.Padding(bytes(18)),
        "ipv4 trailer": _ip(s) / s.UDP(sport=1, dport=2) / b"abc" / s.Padding(b"trailer!"),
        "ipv4 wrong checksum": _ip(s, chksum=0xDEAD) / udp,
        "ipv4 no payload": _ip(s, proto=61),
        "ipv4 unknown protocol": _ip(s, proto=253) / b"experimental",
        "ipv4 length too long": _ip(s, len=500) / udp,
        "ipv4 length too short": _ip(s, len=10) / udp,
        "ipv4 length zero": _ip(s, len=0) / udp,
        "ipv4 ihl too small": _ip(s, ihl=4) / udp,
        "ipv4 ihl too large": _ip(s, ihl=15),
        "ipv4 version 5": _ip(s, version=5) / udp,
        "ipv4 broadcast": s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / s.IP(src=SRC, dst="255.255.255.255", id=1)
        / udp,
        "ipv4 multicast": s.Ether(src=A, dst="01:00:5e:00:00:fb")
        / s.IP(src=SRC, dst="224.0.0.251", id=1, ttl=1)
        / udp,
        "ipv4 option cut": s.Ether(src=A, dst=B, type=0x0800)
        / _summed(bytes.fromhex("46000020 12340000 40110000 0a000001 0a000002 0708 0400"), 10)
        / bytes.fromhex("03e807d0 00080000"),
        "ipv4 option length zero": s.Ether(src=A, dst=B, type=0x0800)
        / _summed(bytes.fromhex("46000020 12340000 40110000 0a000001 0a000002 0700 0400"), 10)
        / bytes.fromhex("03e807d0 00080000"),
    }
    return made


def _ipv4_inside(s):
    return {
        "ospf hello": _ip(s, proto=89, ttl=1, dst="224.0.0.5")
        / s.OSPF_Hdr(src="1.1.1.1", area="0.0.0.0")
        / s.OSPF_Hello(mask="255.255.255.0"),
        "esp": _ip(s, proto=50) / struct.pack("!II", 0x100, 1) / bytes(32),
        "ah": _ip(s, proto=51)
        / s.AH(nh=17, payloadlen=4, spi=0x100, seq=1, icv=bytes(12))
        / s.UDP(sport=1, dport=2)
        / b"x",
        "sctp init": _ip(s, proto=132)
        / s.SCTP(sport=1000, dport=2000, tag=0)
        / s.SCTPChunkInit(init_tag=1, a_rwnd=1500, n_out_streams=10, n_in_streams=10, init_tsn=1),
        "udp-lite": _ip(s, proto=136) / struct.pack("!HHHH", 1000, 2000, 8, 0x1234) / b"hello",
        "igmp query": _ip(s, dst="224.0.0.1", ttl=1, options=[s.IPOption_Router_Alert()])
        / s.igmp.IGMP(type=0x11, mrcode=100, gaddr="0.0.0.0"),
        "igmp v1 report": _ip(s, dst="239.1.1.1", ttl=1, proto=2)
        / _summed(bytes.fromhex("12000000ef010101")),
        "igmp report": _ip(s, dst="239.1.1.1", ttl=1) / s.igmp.IGMP(type=0x16, gaddr="239.1.1.1"),
        "igmp leave": _ip(s, dst="224.0.0.2", ttl=1) / s.igmp.IGMP(type=0x17, gaddr="239.1.1.1"),
        "igmp v3 query": _ip(s, dst="239.1.1.1", ttl=1, proto=2)
        / _summed(bytes.fromhex("11640000 ef010101 0a7d0001 0a000001")),
        "igmp v3 report": _ip(s, dst="224.0.0.22", ttl=1, proto=2)
        / _summed(bytes.fromhex("22000000 00000002 04000000 ef010101 01000001 ef010102 0a000001")),
    }


def _summed(message, at=2):
    """A message with the Internet checksum put in at ``at``."""
    words = struct.unpack(f"!{len(message) // 2}H", message)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return message[:at] + struct.pack("!H", total ^ 0xFFFF) + message[at + 2 :]


def _icmp(s):
    def icmp(**more):
        return _ip(s) / s.ICMP(**more)

    sent = s.IP(src=DST, dst="192.0.2.9", id=7) / s.UDP(sport=40000, dport=53) / bytes(30)
    tcp = s.IP(src=DST, dst="192.0.2.9", id=8, ttl=1) / s.TCP(sport=40000, dport=80, seq=1000)
    quote = bytes(sent)[:28]
    made = {
        "icmp echo request": icmp(type=8, id=0x1234, seq=1) / bytes(range(56)),
        "icmp echo reply": icmp(type=0, id=0x1234, seq=1) / bytes(range(56)),
        "icmp echo, odd length": icmp(type=8, id=1, seq=2) / b"odd",
        "icmp wrong checksum": icmp(type=8, chksum=0xBEEF, id=1, seq=3) / b"payload!",
        "icmp fragmentation needed": icmp(type=3, code=4, nexthopmtu=1400) / quote,
        "icmp whole quote": icmp(type=3, code=3) / bytes(sent),
        "icmp source quench": icmp(type=4) / quote,
        "icmp redirect": icmp(type=5, code=1, gw="10.0.0.254") / quote,
        "icmp time exceeded": icmp(type=11, code=0) / bytes(tcp)[:28],
        "icmp reassembly time exceeded": icmp(type=11, code=1) / bytes(tcp),
        "icmp parameter problem": icmp(type=12, code=0, ptr=20) / quote,
        "icmp timestamp request": icmp(type=13, id=1, seq=1, ts_ori=1000, ts_rx=0, ts_tx=0),
        "icmp timestamp reply": icmp(type=14, id=1, seq=1, ts_ori=1000, ts_rx=2000, ts_tx=2001),
        "icmp information request": icmp(type=15, id=1, seq=1),
        "icmp information reply": icmp(type=16, id=1, seq=1),
        "icmp address mask request": icmp(type=17, id=1, seq=1, addr_mask="0.0.0.0"),
        "icmp address mask reply": icmp(type=18, id=1, seq=1, addr_mask="255.255.255.0"),
        "icmp router solicitation": _ip(s, proto=1) / _summed(bytes.fromhex("0a00000000000000")),
        "icmp router advertisement": _ip(s, proto=1)
        / _summed(bytes.fromhex("0900000001020708 0a0000fe 00000000")),
        "icmp unknown type": _ip(s, proto=1) / _summed(bytes.fromhex("fd01000001020304 05060708")),
        "icmp with mpls extension": _ip(s, proto=1)
        / _summed(
            bytes.fromhex("0b00000000200000")
            + bytes(sent).ljust(128, b"\0")[:128]
            + _summed(bytes.fromhex("20000000 00080101 00064140")),
        ),
        "icmp quotes an icmp": icmp(type=3, code=1)
        / bytes(s.IP(src=DST, dst="192.0.2.9") / s.ICMP(type=8, id=5, seq=6)),
        "icmp quotes an icmp error": icmp(type=3, code=1)
        / bytes(s.IP(src=DST, dst="192.0.2.9") / s.ICMP(type=3, code=1) / quote),
        "icmp quotes nothing": icmp(type=3, code=1),
        "icmp quotes half an ip header": icmp(type=3, code=1) / quote[:11],
    }
    for part in _ip(s, proto=1) / bytes(4), _ip(s, proto=1) / bytes(2):
        made[f"icmp of {len(part) - 34} bytes"] = part
    for code in range(16):
        made[f"icmp unreachable {code}"] = icmp(type=3, code=code) / quote
    return made


def _tcp(s):
    def tcp(**more):
        return _ip(s) / s.TCP(**{"sport": 40000, "dport": 80, "seq": 0x1000, "ack": 0, **more})

    options = {
        "syn": [
            ("MSS", 1460),
            ("SAckOK", b""),
            ("Timestamp", (1, 0)),
            ("NOP", None),
            ("WScale", 7),
        ],
        "sack": [("NOP", None), ("NOP", None), ("SAck", (2000, 3000, 4000, 5000))],
        "end": [("EOL", None)],
        "md5": [(19, bytes(range(16))), ("NOP", None), ("NOP", None)],
        "authentication": [(29, bytes(range(14)))],
        "fast open": [(34, b"cookie!!"), ("NOP", None), ("NOP", None)],
        "fast open request": [(34, b""), ("NOP", None), ("NOP", None)],
        "user timeout": [(28, b"\x80\x3c")],
        "mptcp": [(30, bytes.fromhex("0001 0102030405060708"))],
        "experiment": [(253, bytes.fromhex("f989 01020304")), ("NOP", None), ("NOP", None)],
        "unknown": [(77, b"\x01\x02"), ("NOP", None), ("NOP", None)],
    }
    made = {
        f"tcp options: {name}": tcp(flags="S" if "syn" in name else "A", options=many)
        for name, many in options.items()
    }
    flags = ("S", "SA", "A", "PA", "FA", "R", "RA", "FPU", "SEC", "AE", "", "FSRPAUEC")
    made |= {f"tcp flags {each or 'none'}": tcp(flags=each, reserved=0) for each in flags}
    made |= {
        "tcp data": tcp(
            flags="PA",
            ack=0x2000,
            dport=5001,
            options=[("NOP", None), ("NOP", None), ("Timestamp", (100, 200))],
        )
        / b"some data that flows",
        "tcp odd data": tcp(flags="PA", dport=5001) / b"odd",
        "tcp urgent": tcp(flags="UPA", urgptr=3, dport=5001) / b"now!",
        "tcp accurate ecn": tcp(flags="AN"),
        "tcp wrong checksum": tcp(chksum=0xBAD0, dport=5001) / b"data",
        "tcp offload": _partial(bytes(tcp(dport=5001, flags="PA") / b"data of a sender"), 34 + 16),
        "tcp data offset too small": tcp(dataofs=4),
        "tcp data offset too large": tcp(dataofs=15),
        "tcp option length zero": _with_options(s, "0800 0000"),
        "tcp option cut": _with_options(s, "0101 080a"),
        "tcp option of odd length": _with_options(s, "0203 0500"),
        "tcp padded": tcp(flags="A") / s.Padding(bytes(6)),
        "tcp super-frame": tcp(flags="PA", dport=5001) / (bytes(range(256)) * 20),
        "tcp zero window": tcp(flags="A", window=0),
    }
    return made


def _with_options(s, options):
    raw = bytes.fromhex(options)
    header = struct.pack("!HHIIBBHHH", 40000, 80, 1, 2, (5 + len(raw) // 4) << 4, 16, 100, 0, 0)
    return _ip(s, proto=6) / (header + raw)


def _partial(frame, at):
    """The frame with its TCP or UDP checksum left to the card: the pseudo-header's sum alone."""
    segment = len(frame) - 34
    words = struct.unpack("!4H", frame[26:34])
    total = sum(words) + frame[23] + segment
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return frame[:at] + struct.pack("!H", total) + frame[at + 2 :]


def _udp(s):
    def udp(**more):
        return _ip(s) / s.UDP(**{"sport": 1000, "dport": 2000, **more})

    return {
        "udp": udp() / b"hello, world",
        "udp empty": udp(),
        "udp odd": udp() / b"odd",
        "udp without checksum": udp(chksum=0) / b"hello",
        "udp wrong checksum": udp(chksum=0x1234) / b"hello",
        "udp offload": _partial(bytes(udp() / b"hello"), 34 + 6),
        "udp length too long": udp(len=100) / b"hello",
        "udp length too short": udp(len=7) / b"hello",
        "udp shorter than ip": udp(len=10) / b"hello",
    }


def _ipv6(s):
    udp = s.UDP(sport=1000, dport=2000) / b"hello"
    tcp = s.TCP(sport=40000, dport=80, flags="S", seq=1, options=[("MSS", 1440)])
    made = {
        "ipv6 udp": _ip6(s, tc=0xB8, fl=0x12345, hlim=3) / udp,
        "ipv6 udp without checksum": _ip6(s) / s.UDP(sport=1, dport=2, chksum=0) / b"hello",
        "ipv6 tcp": _ip6(s) / tcp,
        "ipv6 no next header": _ip6(s, nh=59) / b"ignored",
        "ipv6 multicast": s.Ether(src=A, dst="33:33:00:00:00:fb")
        / s.IPv6(src="fe80::1", dst="ff02::fb", hlim=255)
        / udp,
        "ipv6 hop-by-hop": _ip6(s) / s.IPv6ExtHdrHopByHop(options=[s.RouterAlert()]) / udp,
        "ipv6 destination options": _ip6(s)
        / s.IPv6ExtHdrDestOpt(options=[s.HAO(hoa="2001:db8::99")])
        / udp,
        "ipv6 unknown option": _ip6(s)
        / s.IPv6ExtHdrDestOpt(options=[s.HBHOptUnknown(otype=0x9E, optdata=b"abcd")])
        / udp,
        "ipv6 jumbo": _ip6(s, plen=0)
        / s.IPv6ExtHdrHopByHop(options=[s.Jumbo(jumboplen=66008 + 20)])
        / s.TCP(sport=40000, dport=5001, flags="A")
        / bytes(66000),
        "ipv6 jumbo that is none": _ip6(s, plen=0)
        / s.IPv6ExtHdrHopByHop(options=[s.Jumbo(jumboplen=21)])
        / udp,
        "ipv6 routing": _ip6(s)
        / s.IPv6ExtHdrRouting(addresses=["2001:db8::a", "2001:db8::b"])
        / udp,
        "ipv6 segment routing": _ip6(s, dst="2001:db8::b")
        / s.IPv6ExtHdrSegmentRouting(
            addresses=["2001:db8::2", "2001:db8::b"], segleft=1, lastentry=1
        )
        / udp,
        "ipv6 authentication": _ip6(s)
        / s.AH(nh=17, payloadlen=4, spi=1, seq=2, icv=bytes(12))
        / udp,
        "ipv6 esp": _ip6(s, nh=50) / struct.pack("!II", 0x100, 1) / bytes(32),
        "ipv6 whole chain": _ip6(s)
        / s.IPv6ExtHdrHopByHop()
        / s.IPv6ExtHdrDestOpt()
        / s.IPv6ExtHdrRouting(addresses=["2001:db8::a"], segleft=0)
        / s.IPv6ExtHdrFragment(id=5)
        / s.IPv6ExtHdrDestOpt()
        / tcp,
        "ipv6 atomic fragment": _ip6(s) / s.IPv6ExtHdrFragment(id=9) / udp,
        "ipv6 length too long": _ip6(s, plen=400) / udp,
        "ipv6 extension cut": _ip6(s, nh=0) / bytes.fromhex("1105 0104 0000 0000"),
        "ipv6 option cut": _ip6(s, nh=0) / bytes.fromhex("1100 05ff 0000 0000") / bytes(udp),
        "ipv6 version 7": _ip6(s, version=7) / udp,
        "ipv6 padded": _ip6(s) / s.UDP(sport=1, dport=2) / s.Padding(b"\0" * 4),
        "ipv6 router alert, unknown routing": _ip6(s, nh=43)
        / bytes.fromhex("1100 fd01 00000000")
        / bytes(8),
    }
    whole = (
        s.IPv6(src=SRC6, dst=DST6)
        / s.IPv6ExtHdrFragment(id=0xABC)
        / s.UDP(sport=5000, dport=6000)
        / bytes(2500)
    )
    for number, piece in enumerate(s.fragment6(whole, 1280)):
        made[f"ipv6 fragment {number}"] = _eth(s) / piece
    return made


def _icmpv6(s):
    link, group = "fe80::a", "ff02::1:ff00:2"

    def local(src=link, dst="ff02::1"):
        return _eth(s) / s.IPv6(src=src, dst=dst, hlim=255)

    own = s.ICMPv6NDOptSrcLLAddr(lladdr=A)
    sent = s.IPv6(src=DST6, dst="2001:db8::99") / s.UDP(sport=40000, dport=53) / bytes(30)
    made = {
        "icmpv6 echo request": _ip6(s) / s.ICMPv6EchoRequest(id=1, seq=2, data=b"ping" * 10),
        "icmpv6 echo reply": _ip6(s) / s.ICMPv6EchoReply(id=1, seq=2, data=b"ping" * 10),
        "icmpv6 wrong checksum": _ip6(s) / s.ICMPv6EchoRequest(id=1, seq=2, cksum=0xBEEF),
        "icmpv6 packet too big": _ip6(s) / s.ICMPv6PacketTooBig(mtu=1280) / sent,
        "icmpv6 time exceeded": _ip6(s) / s.ICMPv6TimeExceeded() / sent,
        "icmpv6 parameter problem": _ip6(s) / s.ICMPv6ParamProblem(code=1, ptr=40) / sent,
        "router solicitation": local(dst="ff02::2") / s.ICMPv6ND_RS() / own,
        "router advertisement": local()
        / s.ICMPv6ND_RA(
            chlim=64, M=1, O=1, prf=1, routerlifetime=1800, reachabletime=30000, retranstimer=1000
        )
        / own
        / s.ICMPv6NDOptMTU(mtu=1480)
        / s.ICMPv6NDOptPrefixInfo(
            prefix="2001:db8::", prefixlen=64, validlifetime=86400, preferredlifetime=14400
        )
        / s.ICMPv6NDOptRouteInfo(prefix="2001:db8:1::", plen=48, rtlifetime=1800)
        / s.ICMPv6NDOptRDNSS(dns=["2001:db8::53", "2001:db8::54"], lifetime=600)
        / s.ICMPv6NDOptDNSSL(searchlist=["example.org", "lab.example.org"], lifetime=600),
        "neighbour solicitation": local(dst=group) / s.ICMPv6ND_NS(tgt="fe80::2") / own,
        "neighbour solicitation, duplicate detection": local(src="::", dst=group)
        / s.ICMPv6ND_NS(tgt="fe80::2")
        / bytes.fromhex("0e01 010203040506"),
        "neighbour advertisement": local(dst=link)
        / s.ICMPv6ND_NA(tgt="fe80::2", R=1, S=1, O=1)
        / s.ICMPv6NDOptDstLLAddr(lladdr=B),
        "icmpv6 redirect": local(dst=link)
        / s.ICMPv6ND_Redirect(tgt="fe80::3", dst="2001:db8::99")
        / s.ICMPv6NDOptDstLLAddr(lladdr=B)
        / s.ICMPv6NDOptRedirectedHdr(pkt=sent),
        "neighbour option of length 0": local()
        / s.ICMPv6ND_RS()
        / bytes.fromhex("0100 020000000001"),
        "neighbour option cut": local() / s.ICMPv6ND_RS() / bytes.fromhex("0302 020000000001"),
        "mld query": _mld(s) / s.ICMPv6MLQuery(mrd=1000),
        "mld report": _mld(s) / s.ICMPv6MLReport(mladdr="ff02::fb"),
        "mld done": _mld(s) / s.ICMPv6MLDone(mladdr="ff02::fb"),
        "mld v2 query": _mld(s)
        / s.ICMPv6MLQuery2(
            mrd=1000, mladdr="ff02::fb", S=1, QRV=2, QQIC=125, sources=["2001:db8::5"]
        ),
        "mld v2 report": _mld(s)
        / s.ICMPv6MLReport2(
            records=[
                s.ICMPv6MLDMultAddrRec(rtype=4, dst="ff02::fb"),
                s.ICMPv6MLDMultAddrRec(
                    rtype=1, dst="ff3e::1", sources=["2001:db8::5", "2001:db8::6"]
                ),
            ]
        ),
        "icmpv6 unknown type": _ip6(s) / s.ICMPv6Unknown(type=200, code=1, msgbody=b"private."),
        "icmpv6 node information": _ip6(s) / s.ICMPv6NIQueryNOOP(nonce=b"12345678"),
        "icmpv6 of 2 bytes": _ip6(s, nh=58) / bytes(2),
    }
    made |= {
        f"icmpv6 unreachable {code}": _ip6(s) / s.ICMPv6DestUnreach(code=code) / sent
        for code in range(8)
    }
    return made


def _mld(s):
    return (
        _eth(s)
        / s.IPv6(src="fe80::a", dst="ff02::16", hlim=1)
        / s.IPv6ExtHdrHopByHop(options=[s.RouterAlert(), s.PadN(optdata=b"")])
    )


def _tunnels(s):
    inner = s.IP(src="192.168.0.1", dst="192.168.0.2", id=9) / s.UDP(sport=7, dport=9) / b"inside"
    inner6 = s.IPv6(src="fd00::1", dst="fd00::2") / s.ICMPv6EchoRequest(id=1, seq=1, data=b"six")
    frame = s.Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / inner
    outer = s.UDP(sport=55555, dport=4789, chksum=0)
    return {
        "vxlan": _ip(s) / outer / s.VXLAN(vni=100, flags="Instance") / frame,
        "vxlan over ipv6": _ip6(s) / outer / s.VXLAN(vni=0xABCDEF, flags="Instance") / frame,
        "vxlan, port 8472": _ip(s) / s.UDP(sport=1, dport=8472) / s.VXLAN(vni=5, flags=8) / frame,
        "vxlan, inner frame padded": _ip(s)
        / outer
        / s.VXLAN(vni=1, flags=8)
        / (bytes(frame) + bytes(12)),
        "vxlan, arp inside": _ip(s)
        / outer
        / s.VXLAN(vni=1, flags=8)
        / s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / s.ARP(hwsrc=A, psrc=SRC, pdst=DST),
        "vxlan, tcp inside": _ip(s)
        / outer
        / s.VXLAN(vni=1, flags=8)
        / s.Ether(src=A, dst=B)
        / s.IP(src=SRC, dst=DST)
        / s.TCP(sport=1, dport=2),
        "gre": _ip(s) / s.GRE() / inner,
        "gre key, sequence": _ip(s)
        / s.GRE(key_present=1, key=42, seqnum_present=1, sequence_number=7)
        / inner,
        "gre checksum": _ip(s) / s.GRE(chksum_present=1) / inner,
        "gre everything": _ip(s)
        / s.GRE(chksum_present=1, key_present=1, seqnum_present=1, key=1, sequence_number=2)
        / inner,
        "gre of ethernet": _ip(s) / s.GRE(proto=0x6558, key_present=1, key=9) / frame,
        "gre ipv6 inside": _ip(s) / s.GRE() / inner6,
        "gre over ipv6": _ip6(s) / s.GRE() / inner,
        "gre version 1": _ip(s, proto=47) / bytes.fromhex("3001880b 0004 0001 00000001 ff030021"),
        "ip in ip": _ip(s) / inner,
        "6in4": _ip(s) / inner6,
        "4in6": _ip6(s) / inner,
        "6in6": _ip6(s) / inner6,
        "ip in ip, many": _ip(s) / s.IP(src=SRC, dst=DST) / s.IP(src=SRC, dst=DST) / inner,
    }


def _odd(s):
    deep = s.IP(src=SRC, dst=DST)
    for _ in range(79):
        deep = s.IP(src=SRC, dst=DST) / deep
    return {
        "nothing but a header": s.Ether(src=A, dst=B, type=0x0800),
        "ipv4 with half a header": s.Ether(src=A, dst=B, type=0x0800)
        / bytes.fromhex("4500001c0001"),
        "eighty headers": s.Ether(src=A, dst=B, type=0x0800) / deep,
        "ipv6 of one byte": s.Ether(src=A, dst=B, type=0x86DD) / b"\x60",
        "arp cut": s.Ether(src=A, dst=B, type=0x0806) / bytes.fromhex("0001 0800 06 04 0001 0200"),
        "vlan cut": s.Ether(src=A, dst=B, type=0x8100) / b"\x00",
        "zeros": bytes(60),
        "ones": b"\xff" * 60,
    }


def other_links():
    s = scapy_names()
    ping = bytes(s.IP(src=SRC, dst=DST, id=1) / s.ICMP(id=1, seq=1) / b"ping")
    ping6 = bytes(s.IPv6(src=SRC6, dst=DST6) / s.ICMPv6EchoRequest(id=1, seq=1, data=b"ping"))
    arp = bytes(s.ARP(hwsrc=A, psrc=SRC, pdst=DST))
    address = bytes.fromhex("02000000000a0000")
    cooked = struct.pack("!HHH", 4, 1, 6) + address
    cooked2 = struct.pack("!HHIHBB", 0x0800, 0, 3, 1, 0, 6) + address
    return [
        ("cooked ipv4", 113, cooked + b"\x08\x00" + ping),
        ("cooked ipv6", 113, cooked + b"\x86\xdd" + ping6),
        ("cooked arp", 113, cooked + b"\x08\x06" + arp),
        ("cooked vlan", 113, cooked + bytes.fromhex("8100 002a 0800") + ping),
        ("cooked 802.3", 113, cooked + b"\x00\x04" + bytes.fromhex("424203") + bytes(35)),
        ("cooked cut", 113, cooked[:9]),
        ("cooked v2 ipv4", 276, cooked2 + ping),
        ("cooked v2 ipv6", 276, b"\x86\xdd" + cooked2[2:] + ping6),
        ("cooked v2 arp", 276, b"\x08\x06" + cooked2[2:] + arp),
        ("loopback ipv4", 0, struct.pack("<I", 2) + ping),
        ("loopback ipv4, big endian", 0, struct.pack(">I", 2) + ping),
        ("loopback ipv6", 0, struct.pack("<I", 30) + ping6),
        ("loopback ipv6, freebsd", 0, struct.pack("<I", 28) + ping6),
        ("openbsd loopback ipv4", 108, struct.pack(">I", 2) + ping),
        ("openbsd loopback ipv6", 108, struct.pack(">I", 24) + ping6),
        ("raw ipv4", 101, ping),
        ("raw ipv6", 101, ping6),
        ("raw nothing", 101, b""),
        ("raw neither", 101, b"\x10\x20\x30"),
        ("raw 12", 12, ping),
        ("raw 14", 14, ping6),
        ("ipv4 only", 228, ping),
        ("ipv6 only", 229, ping6),
        ("unknown link", 147, b"whatever"),
    ]

"""Reads packets of a pcap file with a Python library, ten fields of each.

Usage: decoding.py scapy|dpkt|pypacker FILE COUNT. Prints how many packets it read, the seconds
it took without its imports, and those of processors.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path


def with_scapy(path: str, count: int) -> int:
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether
    from scapy.utils import RawPcapReader

    began()
    rows = []
    for data, _ in itertools.islice(RawPcapReader(path), count):
        frame = Ether(data)
        row = [frame.src, frame.dst]
        network = frame.getlayer(IP) or frame.getlayer(IPv6)
        if network is not None:
            row += [network.src, network.dst, getattr(network, "ttl", None)]
        if TCP in frame:
            tcp = frame[TCP]
            row += [tcp.sport, tcp.dport, int(tcp.flags), tcp.seq, tcp.ack]
        elif UDP in frame:
            row += [frame[UDP].sport, frame[UDP].dport]
        rows.append(row)
    return len(rows)


def with_dpkt(path: str, count: int) -> int:
    import dpkt
    from dpkt.utils import inet_to_str, mac_to_str

    began()
    rows = []
    with Path(path).open("rb") as file:
        for _, data in itertools.islice(dpkt.pcap.Reader(file), count):
            frame = dpkt.ethernet.Ethernet(data)
            row = [mac_to_str(frame.src), mac_to_str(frame.dst)]
            network = frame.data
            if isinstance(network, (dpkt.ip.IP, dpkt.ip6.IP6)):
                row += [inet_to_str(network.src), inet_to_str(network.dst)]
                row.append(network.ttl if isinstance(network, dpkt.ip.IP) else network.hlim)
                upper = network.data
                if isinstance(upper, dpkt.tcp.TCP):
                    row += [upper.sport, upper.dport, upper.flags, upper.seq, upper.ack]
                elif isinstance(upper, dpkt.udp.UDP):
                    row += [upper.sport, upper.dport]
            rows.append(row)
    return len(rows)


def with_pypacker(path: str, count: int) -> int:
    from pypacker.layer3.ip import IP
    from pypacker.layer3.ip6 import IP6
    from pypacker.layer4.tcp import TCP
    from pypacker.layer4.udp import UDP
    from pypacker.layer12.ethernet import Ethernet
    from pypacker.ppcap import Reader

    began()
    rows = []
    with Reader(filename=path) as reader:
        for _, data in itertools.islice(reader, count):
            frame = Ethernet(data)
            row = [frame.src_s, frame.dst_s]
            network = frame[IP] or frame[IP6]
            if network is not None:
                row += [network.src_s, network.dst_s]
                row.append(network.ttl if isinstance(network, IP) else network.hlim)
            tcp = frame[TCP]
            if tcp is not None:
                row += [tcp.sport, tcp.dport, tcp.flags, tcp.seq, tcp.ack]
            elif (udp := frame[UDP]) is not None:
                row += [udp.sport, udp.dport]
            rows.append(row)
    return len(rows)


_start = [0.0, 0.0]


def began() -> None:
    _start[:] = time.perf_counter(), time.process_time()


if __name__ == "__main__":
    readers = {"scapy": with_scapy, "dpkt": with_dpkt, "pypacker": with_pypacker}
    read = readers[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(read, time.perf_counter() - _start[0], time.process_time() - _start[1])

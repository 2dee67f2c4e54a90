"""Count a dozen packets of a web page on their way to h1, and keep them in hello.pcap.

Bring the playground up, start this, then: netarium exec h1 -- curl -s http://www.example.com/
"""

from netarium.capture import live, write

packets = []
for packet in live("h1:eth0", filter="tcp port 80", count=12):
    packets.append(packet)
    print(len(packets), packet)
write("hello.pcap", packets)

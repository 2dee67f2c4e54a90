"""Where frames enter and leave Python: packet rings, libpcap, pcap and pcapng files."""

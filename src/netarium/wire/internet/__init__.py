"""Headers of the internet layer: IP of both versions, ICMP, neighbour discovery, multicast."""

"""Headers of the transport layer, and of tunnels, which carry networks as if they were one."""

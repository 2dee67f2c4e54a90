"""A lab made real: namespaces, filesystem, wiring, addresses, NAT, exec, state, teardown."""

"""What travels: headers, packets, checksums, and their text and drawings. Pure functions."""

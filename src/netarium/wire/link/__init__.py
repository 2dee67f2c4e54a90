"""Headers of the link layer: who is meant on one cable or LAN."""

"""Packets and conversations as pictures."""

"""Packets as text: lines, layers, bytes, JSON."""

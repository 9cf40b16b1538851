"""Bytes to members: reading and writing the ZIP container."""

"""Readers of this machine: read, then decide."""

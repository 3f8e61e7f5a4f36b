"""Bytes in, facts out: what a library or a wheel needs, provides and carries."""

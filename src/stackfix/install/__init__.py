"""Environments on the disk: made beside, proved, then switched."""

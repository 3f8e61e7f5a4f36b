"""Rules: what makes a set of wheels work on a machine, one rule a file."""

"""A set in the form of other tools: pure texts, one module a format."""

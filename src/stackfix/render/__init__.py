"""Values into text and JSON."""

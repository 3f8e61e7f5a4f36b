"""Model files: where they are kept, and how they get there whole or not at all."""

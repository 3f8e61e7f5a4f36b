"""The database: rows are read, checked and turned into model values."""

"""The package index: addresses, pages and files, behind one HTTP door."""

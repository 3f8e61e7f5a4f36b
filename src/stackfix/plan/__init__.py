"""Plans: locks, and the difference between what is there and what should be."""

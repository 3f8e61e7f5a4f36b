"""The pure core: a closed problem in, a resolution or an explanation out."""

"""stackfix: the newest CUDA set that really works on a machine, installed and proved."""

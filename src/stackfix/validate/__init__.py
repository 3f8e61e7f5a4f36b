"""Proof: DWPose run inside the target environment, and what may be said of the run."""

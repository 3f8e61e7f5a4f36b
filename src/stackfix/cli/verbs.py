"""The verbs: name, the module that holds it, and its sentence for `--help`."""

from __future__ import annotations

VERBS = {
    "install": ("build", "Make a fresh environment with the newest set that works, and prove it."),
    "resolve": ("reason", "The newest set that works on this machine, or why there is none."),
    "explain": ("reason", "Why this set, why not newer; or why there is none."),
    "matrix": ("table", "What goes with what, on this machine or a described one."),
    "lock": ("build", "Write the set to pylock.toml, every file by address and sha256."),
    "export": (
        "export",
        "Write the set as a file of another tool: requirements, Dockerfile, conda, a script.",
    ),
    "bundle": ("bundle", "Put the tool, the set, its models and its lock into one folder, for no network."),
    "validate": ("build", "Run DWPose in an environment and say where it ran."),
    "undo": ("build", "Put back the environment that was there before the last install."),
    "doctor": ("judge", "Judge an installed environment without importing it."),
    "fix": ("mend", "Mend an environment by the smallest change, and prove it."),
    "machine": ("look", "What this machine is, and how each reading was found."),
    "models": ("models", "DWPose's networks in the cache: list, fetch, import."),
    "facts": ("look", "The database: date, coverage, one release, soundness."),
}

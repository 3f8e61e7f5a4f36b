"""KeptModel: one model file of a recipe, and how it lies in the cache of all environments."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from stackfix.model.recipe import Model

State = Literal["here", "missing", "partial", "damaged"]


class KeptModel(Struct, frozen=True, kw_only=True):
    """A model and its state: "here" is a file of its size and sha256, both read just now, and nothing less.

    "partial" is a download that goes on where it stopped, "damaged" a file that is not the recipe's. `path` is where
    the whole file lies or will lie, `present` how many bytes are there, `why` what is wrong ("" if nothing is).
    """

    recipe: str
    model: Model
    state: State
    path: str
    present: int
    why: str = ""

    @property
    def here(self) -> bool:
        """Whether the file can be used."""
        return self.state == "here"

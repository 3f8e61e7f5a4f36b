"""Networks: the real models in the cache, and those that a proof runs on: the real ones, stand-ins, or a folder's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stackfix.errors import NetworkError, QuestionError, StackfixError
from stackfix.facts.recipes import load_recipe, recipe_names
from stackfix.facts.root import data_root
from stackfix.hub.answering import Answers, answering
from stackfix.hub.bring import bring, place_of
from stackfix.hub.cache import Place, models_folder, what_is_wrong
from stackfix.hub.fetch import HINT, NotHadError, fetch
from stackfix.hub.mirrors import Mirror, mirrors_of
from stackfix.hub.neighbour import lent_by_neighbour
from stackfix.hub.transfer import Patience
from stackfix.index.config import certificate
from stackfix.meter import Listener, amount
from stackfix.model.kept import KeptModel
from stackfix.model.recipe import Model
from stackfix.validate.weights import (
    DETECTOR,
    POSE,
    REAL,
    RECIPE,
    STANDIN,
    TWIN,
    Weights,
    from_folder,
    standins,
    twins,
)
from stackfix.web import Web

AUTO = "auto"
_QUICK_SECONDS = 3.0  # where stand-ins will do
_PATIENT_SECONDS = 6.0
_SHORT_PATIENCE = Patience(stall_seconds=10, tries=2)  # likewise; what came is kept for the next time
OFFLINE = "`--offline` forbids fetching"
_VERIFIED = "DWPose's own, every byte verified by sha256"
_TWINS = "twins of the real ones: same layers and size, random weights, so they find nothing"
_LIMITS = "this proves placement, libraries and numbers, not the real weights' accuracy"


def places(variables: Mapping[str, str], only: str = "") -> tuple[Place, ...]:
    """Return where each model of each recipe lies, or of one recipe."""
    root, folder = data_root(), models_folder(variables)
    return tuple(
        Place(folder, name, model)
        for name in ([only] if only else recipe_names(root))
        for model in load_recipe(root, name).models
    )


def kept(variables: Mapping[str, str] | None = None) -> tuple[KeptModel, ...]:
    """Return every model and its state; every byte that is there is read."""
    return tuple(place.kept() for place in places(os.environ if variables is None else variables))


def fetched(
    wished: Sequence[str],
    listener: Listener,
    *,
    optional: bool = False,
    offline: bool = False,
    variables: Mapping[str, str] | None = None,
) -> tuple[KeptModel, ...]:
    """Return the wished models, each here. A wish is a recipe or the file name of a model; none is every recipe.

    What is optional is fetched if it is wished for by its file name, or if `optional` says so. Every model is tried,
    also after one could not be had; then the first reason is raised.
    """
    environment = os.environ if variables is None else variables
    chosen = _wished(places(environment), wished, optional=optional)
    missing = [place for place in chosen if not place.kept().here and not _lent(place, listener, environment)]
    if missing and offline:
        names = ", ".join(f"`{place.model.file}`" for place in missing)
        raise NetworkError(f"{names}: not here, and {OFFLINE}", hint=HINT)
    if len(missing) > 1:
        total = amount(sum(place.rest() for place in missing))
        listener.stage(f"{len(missing)} models to fetch, {total}, into `{models_folder(environment)}`")
    outcomes = [_fetched_or_why(place, listener, environment) for place in missing]
    failures = [each for each in outcomes if each is not None]
    if len(failures) > 1:
        raise NetworkError("\n".join(each.message for each in failures), hint=failures[0].hint)
    if failures:
        raise failures[0]
    return tuple(place.kept() for place in chosen)


def _lent(place: Place, listener: Listener, environment: Mapping[str, str]) -> bool:
    """Whether the model could be copied from the cache of Hugging Face's own libraries."""
    file = lent_by_neighbour(place.model, environment)
    if file is None:
        return False
    listener.stage(f"`{place.model.file}` is in Hugging Face's cache, and is copied: {file}")
    bring(file, place, listener)
    return True


def _fetched_or_why(place: Place, listener: Listener, environment: Mapping[str, str]) -> StackfixError | None:
    mirrors = mirrors_of(place.model, environment)
    try:
        answers = answering(place.model, mirrors, certificate(environment), _PATIENT_SECONDS)
        if not answers.good + answers.busy:
            return NotHadError(place.model.file, answers.refused)
        _fetch(place, answers, listener, environment, Patience())
    except StackfixError as error:
        return error
    return None


def brought(
    files: Sequence[Path], listener: Listener, *, variables: Mapping[str, str] | None = None
) -> tuple[KeptModel, ...]:
    """Return the models that these files are, each put into the cache; QuestionError if one of them is none.

    Nothing is copied unless every file is a model.
    """
    known = places(os.environ if variables is None else variables)
    found = [(file, place_of(file, known)) for file in files]
    for file, place in found:
        bring(file, place, listener)
    return tuple(place.kept() for _, place in found)


def networks(
    word: str,
    listener: Listener,
    *,
    offline: bool = False,
    unfetched: str = OFFLINE,
    variables: Mapping[str, str] | None = None,
) -> Weights:
    """Return the networks that `--weights` names: "auto", "real", "standin", "twin" or a folder.

    "auto" is the real ones where they are here or can be had, and else the stand-ins, with the reason; where no hub
    answers, that takes three seconds. "real" insists. With `offline` nothing is fetched; `unfetched`
    says why.
    """
    found = at_once(word)
    if found is not None:
        return found
    environment = os.environ if variables is None else variables
    try:
        return _real(listener, environment, unfetched if offline else "")
    except StackfixError as error:
        if word == REAL or isinstance(error, QuestionError):
            raise
        return _standins(_in_a_line(error))


def at_once(word: str) -> Weights | None:
    """Return the stand-ins, the twins or the networks of a folder, None for what may have to be fetched."""
    if word in {AUTO, REAL}:
        return None
    if word == TWIN:
        return replace(twins(data_root()), note=_TWINS)
    return _standins("as asked") if word == STANDIN else _of_folder(Path(word))


def _standins(why: str) -> Weights:
    return replace(standins(data_root()), note=f"stand-ins: {why}; {_LIMITS}")


def _of_folder(folder: Path) -> Weights:
    """Return a folder's networks, and whether they are DWPose's own: only their sha256 tells, not their names."""
    given = from_folder(folder, data_root())
    published = {place.model.file: place.model for place in places(os.environ, RECIPE)}
    others = [
        f"`{path.name}`" for path in (given.detector, given.pose) if what_is_wrong(path, published[path.name])
    ]
    if not others:
        return replace(given, note=f"{_VERIFIED}, in {folder}")
    return replace(given, note=f"of {folder}; {' and '.join(others)}: by sha256 not DWPose's own")


def _real(listener: Listener, environment: Mapping[str, str], unfetched: str) -> Weights:
    needed = [place for place in places(environment, RECIPE) if not place.model.optional]
    states = [(place, place.kept()) for place in needed]
    for _, state in states:
        if state.state == "damaged":
            listener.stage(f"`{state.path}` is left aside: it is {state.why}")
    missing = [place for place, state in states if not state.here and not _lent(place, listener, environment)]
    if missing and unfetched:
        names = " and ".join(f"`{place.model.file}`" for place in missing)
        raise NetworkError(f"{names}: not in the cache, and {unfetched}", hint=HINT)
    if missing:
        _fetch_together(missing, listener, environment)
    folder = needed[0].folder
    note = f"{_VERIFIED}, in {folder}"
    return Weights(folder / DETECTOR, folder / POSE, standins(data_root()).scene, None, REAL, note)


def _fetch_together(missing: Sequence[Place], listener: Listener, environment: Mapping[str, str]) -> None:
    """Fetch all or begin with none: each is asked for before the first is downloaded."""
    answers = []
    for place in missing:
        mirrors = mirrors_of(place.model, environment)
        found = answering(place.model, mirrors, certificate(environment), _QUICK_SECONDS)
        if not found.good:
            raise NetworkError(_silent(place.model, found), hint=HINT)
        answers.append(found)
    total = sum(place.rest() for place in missing)
    listener.stage(
        f"DWPose's networks: {amount(total)} to download from {answers[0].good[0].host}, "
        f"once for all environments (`--weights {STANDIN}` does without)"
    )
    for place, found in zip(missing, answers, strict=True):
        _fetch(place, found, listener, environment, _SHORT_PATIENCE)


def _silent(model: Model, answers: Answers) -> str:
    if not answers.refused:
        return f"there is no address to ask for `{model.file}`"
    hosts: dict[str, list[str]] = {}
    for each in answers.refused:
        hosts.setdefault(each.why, []).append(Mirror(address=each.address).host)
    tried = "; ".join(f"{', '.join(named)}: {why}" for why, named in hosts.items())
    return f"no hub gave `{model.file}` ({tried})"


def _fetch(
    place: Place, answers: Answers, listener: Listener, environment: Mapping[str, str], patience: Patience
) -> None:
    web = Web(
        certificate=certificate(environment),
        connect_seconds=patience.connect_seconds,
        read_seconds=patience.stall_seconds,
    )
    usable = (*answers.good, *answers.busy)
    hosts = {mirror.address for mirror in usable}
    before = [each for each in answers.refused if each.address not in hosts]
    try:
        fetch(place, usable, web, listener, patience, before)
    finally:
        web.close()


def _wished(known: Sequence[Place], wished: Sequence[str], *, optional: bool) -> list[Place]:
    recipes = {place.recipe for place in known}
    files = {place.model.file for place in known}
    for wish in wished:
        if wish not in recipes | files:
            raise QuestionError(
                f"`{wish}` is neither a recipe nor a model",
                hint=f"recipes: {', '.join(sorted(recipes))}; models: {', '.join(sorted(files))}",
            )
    return [
        place
        for place in known
        if place.model.file in wished
        or ((not wished or place.recipe in wished) and (optional or not place.model.optional))
    ]


def _in_a_line(error: StackfixError) -> str:
    first, *more = (line.strip() for line in error.message.splitlines())
    return f"{first} {'; '.join(more)}" if more else first

"""Where the two networks come from: the stand-ins that ship with stackfix, or a folder of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stackfix.errors import DataError, QuestionError
from stackfix.measure.onnx_model import USUAL, NotAModelError, OnnxModel, read_onnx

DETECTOR = "yolox_l.onnx"
POSE = "dw-ll_ucoco_384.onnx"
RECIPE = "dwpose"
STANDIN = "standin"
REAL = "real"
TWIN = "twin"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One of DWPose's two networks, known by its only input and by outputs of certain shapes; None is any number.

    With `framed` the input may be of another width and height, and the outputs have two bins for each pixel of them:
    DWPose comes in smaller sizes too, and its own code takes the size from the network.
    """

    name: str
    input: tuple[int | None, ...]
    outputs: tuple[tuple[int | None, ...], ...]
    takes: str
    gives: str
    framed: bool = False

    def is_this(self, found: OnnxModel) -> bool:
        if len(found.inputs) != 1:
            return False
        taken, given = self.input, self.outputs
        sides = found.inputs[0].shape[2:]
        if self.framed and len(sides) == 2 and all(isinstance(side, int) for side in sides):
            height, width = (int(side) for side in sides)
            taken = (*self.input[:2], height, width)
            given = tuple((*shape[:2], 2 * side) for shape, side in zip(given, (width, height), strict=True))
        return found.inputs[0].fits(taken) and all(
            any(mine.fits(theirs) for mine in found.outputs) for theirs in given
        )


_DETECTOR = _Kind(
    name="the detector",
    input=(1, 3, 640, 640),
    outputs=((1, 8400, 85),),
    takes="[1,3,640,640]",
    gives="[1,8400,85]",
)
_POSE = _Kind(
    name="the pose network",
    input=(None, 3, 384, 288),
    outputs=((None, 133, 576), (None, 133, 768)),
    takes="[batch,3,384,288]",
    gives="[batch,133,576] and [batch,133,768]",
    framed=True,
)


@dataclass(frozen=True, slots=True)
class Weights:
    """Two networks and a picture; `truth` is who is in it where that is known: for stand-ins.

    `name` is "standin", "real" or the folder; `note` is where they come from and what they prove, in a sentence.
    """

    detector: Path
    pose: Path
    scene: Path
    truth: Path | None
    name: str
    note: str = ""


def standins(data: Path) -> Weights:
    """Return the stand-ins of the data folder `data`; their answer is known."""
    folder = data / "standins"
    files = (folder / DETECTOR, folder / POSE, folder / "scene.png", folder / "truth.json")
    for file in files:
        if not file.is_file():
            raise DataError(str(file), "", "is missing from this installation")
    return Weights(files[0], files[1], files[2], files[3], STANDIN)


def twins(data: Path) -> Weights:
    """Return networks as large as the real ones, with random weights; the worker writes them in its own folder."""
    return Weights(Path(DETECTOR), Path(POSE), standins(data).scene, None, TWIN)


def from_folder(folder: Path, data: Path) -> Weights:
    """Return the networks of a folder; QuestionError names the file that is missing or none of ONNX's."""
    if not folder.is_dir():
        instead = "is a file" if folder.exists() else "there is no such folder of networks"
        raise QuestionError(
            f"{folder}: {instead}",
            hint=f"name the folder that holds `{DETECTOR}` and `{POSE}`: `--weights DIR`",
        )
    missing = [name for name in (DETECTOR, POSE) if not (folder / name).is_file()]
    if missing:
        raise QuestionError(
            f"{folder}: {' and '.join(f'`{name}`' for name in missing)} missing",
            hint="put both files of DWPose there",
        )
    _refuse_other_networks(folder / DETECTOR, folder / POSE)
    return Weights(folder / DETECTOR, folder / POSE, standins(data).scene, None, str(folder))


def refuse_what_is_no_network(path: Path) -> OnnxModel:
    """Return what a network takes and gives; QuestionError if the file is a pointer, a web page, cut short or none."""
    try:
        return read_onnx(path)
    except NotAModelError as error:
        hint = (
            "run `git lfs pull` in the repository it came from"
            if error.instead == "lfs"
            else "download it again, and compare its sha256"
        )
        raise QuestionError(f"{path}: {error.message}", hint=hint) from error
    except OSError as error:
        raise QuestionError(f"{path}: can't be read: {error.strerror or error}") from error


def _refuse_other_networks(detector: Path, pose: Path) -> None:
    """Raise QuestionError if one of the files takes or gives something else than DWPose's network of that name."""
    for path, own, other in ((detector, _DETECTOR, _POSE), (pose, _POSE, _DETECTOR)):
        found = refuse_what_is_no_network(path)
        if own.is_this(found):
            _refuse_a_fixed_number(path, own, found)
            given = found.inputs[0].numbers
            if given in ("", USUAL):
                continue
            raise QuestionError(
                f"{path}: {own.name} with an input of {given}; DWPose's own code gives it {USUAL}",
                hint="convert it with inputs and outputs kept (`keep_io_types=True`), or take the file that DWPose names",
            )
        if other.is_this(found):
            raise QuestionError(
                f"{path}: this is {other.name}, under {own.name}'s name",
                hint=f"name them `{DETECTOR}` (the detector) and `{POSE}` (the pose network)",
            )
        raise QuestionError(
            f"{path}: this is another network than {own.name}: it {found}; {own.name} takes {own.takes} and gives {own.gives}",
            hint="`--weights standin` proves the environment without networks of your own",
        )


def _refuse_a_fixed_number(path: Path, own: _Kind, found: OnnxModel) -> None:
    """Raise QuestionError if a network takes several at once and no other number of them."""
    number = next(iter(found.inputs[0].shape), 1)
    if isinstance(number, int) and number > 1:
        raise QuestionError(
            f"{path}: {own.name} takes {number} people at once and no fewer; DWPose's own code gives it one",
            hint="export it with one person, or with a number that is left open (`dynamic_axes`)",
        )

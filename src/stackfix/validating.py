"""Whether DWPose runs in an environment: its networks, its proof, and the report on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from stackfix.errors import DiskError, QuestionError
from stackfix.facts.database import Database
from stackfix.install.progress import Progress, Silent
from stackfix.model.verdict import Verdict
from stackfix.networks import at_once, networks
from stackfix.probe.environment import read_environment
from stackfix.proving import device_of, proof
from stackfix.render.redaction import Redaction, same
from stackfix.validate.weights import Weights
from stackfix.whole_file import try_whole


class ProofWish(Struct, frozen=True, kw_only=True):
    """How to prove: which networks, on which picture and device, within how many seconds, and what to write.

    `html` is a file for the report, or what takes its text; `hide` takes out of it what is not to be told.
    """

    weights: str = "auto"
    image: str = ""
    save: str = ""
    html: str | Callable[[str], None] = ""
    hide: Redaction | None = None
    device: str = "auto"
    timeout: int = 600
    offline: bool = False


# Endings that some build of OpenCV 4 or 5 writes a colour picture in; all write PNG, JPEG, BMP and WebP.
# https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html; .gif came with 4.11, .avif and .jp2 depend on the build.
PICTURES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".webp",
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".ppm",
    ".gif",
    ".avif",
    ".jp2",
)


def validated(venv: Path, wish: ProofWish, facts: Database, progress: Progress | None = None) -> Verdict:
    """Return whether DWPose runs in an environment, where, and whether its numbers are right."""
    picture = Path(wish.image) if wish.image else None
    if picture is not None and not picture.is_file():
        raise QuestionError(f"{wish.image}: there is no such picture")
    _refuse_unwritable(wish)
    write: Callable[[str], None] | None = None
    if wish.html:
        from stackfix.reporting import into  # noqa: PLC0415 - few verdicts become a report

        write = into(Path(wish.html)) if isinstance(wish.html, str) else wish.html
    chosen = at_once(wish.weights)

    def fetched() -> Weights:
        return networks(wish.weights, progress or Silent(), offline=wish.offline)

    environment = read_environment(venv)
    device = device_of(environment, wish.device)
    interpreter = Path(environment.executable)

    def proved(page: Path | None = None, driver_breaks: str = "") -> Verdict:
        return proof(
            environment,
            interpreter,
            facts,
            device,
            chosen or fetched,
            image=picture,
            save=Path(wish.save) if wish.save else None,
            page=page,
            timeout=wish.timeout,
            driver_breaks=driver_breaks,
            progress=progress,
        )

    if write is None:
        return proved()
    from stackfix.reporting import reported  # noqa: PLC0415 - likewise

    return reported(environment, facts, proved, write, wish.hide or same)


def _refuse_unwritable(wish: ProofWish) -> None:
    """Raise QuestionError or DiskError, before anything runs, for what is asked for and cannot be written."""
    ending = Path(wish.save).suffix.lower()
    if ending and ending not in PICTURES:
        raise QuestionError(
            f"{wish.save}: OpenCV writes no picture that ends in `{ending}`",
            hint="name a file that ends in .png, .jpg, .webp or .bmp",
        )
    for flag, file in (("--save", wish.save), ("--html", wish.html)):
        if isinstance(file, str) and file and not Path(file).absolute().parent.is_dir():
            raise QuestionError(
                f"{file}: there is no folder `{Path(file).parent}` to write into",
                hint=f"make it, or name another: `{flag} FILE`",
            )
    if wish.save and Path(wish.save).is_dir():
        raise QuestionError(f"{wish.save}: is a folder", hint="name a file: `--save FILE`")
    if wish.save:
        _try_picture(Path(wish.save))


def _try_picture(file: Path) -> None:
    """Raise DiskError where a picture cannot be written into a file: one that is there is written over, in place."""
    try:
        if file.is_file():
            with file.open("ab"):
                return
        try_whole(file)
    except OSError as error:
        raise DiskError(
            f"{file}: can't be written: {error.strerror or error}",
            hint="nothing was run; name another: `--save FILE`",
        ) from error

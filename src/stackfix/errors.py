"""Why a question could not be read or answered; "no" is an answer and is never raised.

StackfixError
├── QuestionError      exit 2: the question could not be read
│   ├── DataError          a data file, lock or machine file is broken: file, place, reason
│   └── TargetError        the named environment is not what the verb needs
└── AnswerError        exit 3: the question is fine, the answer is out of reach
    ├── NetworkError       an index or file server did not answer as it must
    ├── HashError          a file is not the file that the lock names
    ├── DiskError          not enough room, or not writable
    ├── InstallerError     uv or pip ended with an error
    └── MeasureError       bytes that are not the wheel, ELF or fatbin they claim to be
"""


class StackfixError(Exception):
    """What was found, what it means, and (when known) the one thing to do about it."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message (lower case, no full stop) and the hint apart."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class QuestionError(StackfixError):
    """The question could not be read (exit 2)."""

    exit_code = 2


class DataError(QuestionError):
    """A file that should hold facts, a lock or a machine does not: names file and place."""

    def __init__(self, file: str, place: str, reason: str, *, hint: str = "") -> None:
        """Keep file, place (key, line or byte offset) and reason apart for `--json`."""
        super().__init__(f"{file}: {place}: {reason}" if place else f"{file}: {reason}", hint=hint)
        self.file = file
        self.place = place
        self.reason = reason


class TargetError(QuestionError):
    """The named environment is not what the verb needs."""


class AnswerError(StackfixError):
    """The question is fine, the answer is out of reach (exit 3)."""


class NetworkError(AnswerError):
    """An index or file server did not answer as it must."""


class HashError(AnswerError):
    """A file is not the file that the lock names."""


class DiskError(AnswerError):
    """Not enough room, or not writable."""


class InstallerError(AnswerError):
    """uv or pip ended with an error."""


class MeasureError(AnswerError):
    """Bytes that are not the wheel, ELF file or fatbin they claim to be."""

"""What the doctor has seen of one part."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one part is; only `failed` makes the doctor's exit code 1."""

    ok = "ok"
    note = "note"
    failed = "FAILED"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one part; a failure's text says what to do."""

    part: str
    state: State
    text: str

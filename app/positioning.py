"""What we sell, to whom, and how we compare: the operator's own words, read from TOML.

Talking points are tied to it where a condition holds. See positioning.example.toml.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.errors import BadSettings

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Seniority = Literal["owner", "c_suite", "president", "vp", "head", "director", "manager", "staff"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seller(_Part):
    """Who we are: our name, what we offer and to whom."""

    name: Words
    offer: Words | None = None
    audience: Words | None = None


class When(_Part):
    """The condition of a value point: each key that is given must match with one of its words.

    `functions` and `seniorities` are about the prospect, `technologies` and `industries` about the
    company; `signals` are kinds such as funding or hiring; `keywords` are looked for in the
    company's description and industry, the prospect's title and the headlines.
    """

    functions: tuple[Words, ...] = ()
    seniorities: tuple[Seniority, ...] = ()
    technologies: tuple[Words, ...] = ()
    industries: tuple[Words, ...] = ()
    signals: tuple[Words, ...] = ()
    keywords: tuple[Words, ...] = ()


class ValuePoint(_Part):
    """Something we can say for ourselves, and to whom it matters."""

    name: Words
    text: Words
    when: When


class Competitor(_Part):
    """A product the prospect may use instead of ours, and what to say then."""

    name: Words
    angle: Words


class Positioning(_Part):
    """What talking points are tied to."""

    seller: Seller
    value_points: tuple[ValuePoint, ...] = Field(default=(), max_length=100)
    competitors: tuple[Competitor, ...] = Field(default=(), max_length=100)

    @staticmethod
    def parse(text: str) -> "Positioning":
        """Read TOML text. Raises BadSettings, whose message names every bad key."""
        try:
            found = Positioning.read(tomllib.loads(text))
        except tomllib.TOMLDecodeError as exc:
            raise BadSettings(f"The positioning file is not TOML: {exc}.") from exc
        return found

    @staticmethod
    def read(table: Mapping[str, object]) -> "Positioning":
        """Read a parsed table. Raises BadSettings, whose message names every bad key."""
        try:
            found = Positioning.model_validate(table)
        except ValidationError as exc:
            faults = "; ".join(
                _fault(error["type"], error["loc"], error["msg"])
                for error in exc.errors(include_url=False, include_input=False)
            )
            raise BadSettings(f"The positioning file is not usable: {faults}.") from exc
        if unbound := [f"`{_key(loc)}`" for loc in found._unbound()]:
            names = ", ".join(unbound)
            raise BadSettings(f"The positioning file is not usable: {names} has no condition.")
        return found

    def _unbound(self) -> list[tuple[str, int, str]]:
        """Return the places of empty conditions: such a point would rest on no fact."""
        return [
            ("value_points", place, "when")
            for place, point in enumerate(self.value_points)
            if not any(point.when.model_dump().values())
        ]


_PLAIN: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "string_too_short": "is empty",
}
"""Kinds of fault that are said in our own words; pydantic words the others."""


def _fault(kind: str, loc: tuple[int | str, ...], message: str) -> str:
    said = _PLAIN.get(kind, message[:1].lower() + message[1:])
    return f"`{_key(loc)}` {said}"


def _key(loc: tuple[int | str, ...]) -> str:
    """Write a place as the operator counts: `value_points[2].when` is the second one."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in loc)
    return re.sub(r"^\.", "", "".join(parts))

"""What an operator's account needs: scopes of the token, our group, our properties.

Everything may be done again: what is there already is compared, and never changed
(facts/crm.md sections 3 and 5, read 2026-11-21).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from app.crm import Kind, Steps
from app.job import Status
from app.provider import Answer
from integrations.crm.hubspot.adapter import HubSpot, read, results
from integrations.crm.hubspot.answers import Object, is_fine, missing_scopes, refuse
from integrations.crm.hubspot.paths import OBJECTS
from integrations.crm.render import MANUAL

GROUP = "warmcall"
NOBODY = "0"
"""The id of no record: what is written to it tells only whether it may be written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One property of ours: its name, what people read, HubSpot's type and form of it."""

    name: str
    label: str
    type: str
    form: str
    options: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Return how HubSpot is asked to make it."""
        made: dict[str, object] = {
            "groupName": GROUP,
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.form,
        }
        options = [
            {"label": label, "value": value, "displayOrder": number, "hidden": False}
            for number, (value, label) in enumerate(self.options.items())
        ]
        return made | ({"options": options} if options else {})


STATES: Mapping[str, str] = {
    word: word.replace("_", " ").capitalize()
    for word in (
        *(one.value for one in Status if one not in {Status.queued, Status.in_progress}),
        MANUAL,
    )
}

WANTED: Sequence[Wanted] = (
    Wanted("warmcall_status", "Warmcall status", "enumeration", "select", STATES),
    Wanted("warmcall_enriched_at", "Warmcall enriched at", "datetime", "date"),
    Wanted("warmcall_confidence", "Warmcall confidence (0 to 1)", "number", "number"),
    Wanted("warmcall_battlecard_url", "Warmcall battlecard", "string", "text"),
    Wanted("warmcall_summary", "Warmcall summary", "string", "textarea"),
    Wanted("warmcall_sources", "Warmcall sources", "string", "textarea"),
)


@dataclass(frozen=True, slots=True)
class SetUp:
    """What was found and done: names of properties as `contacts.NAME`, scopes as HubSpot's."""

    missing_scopes: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    other: tuple[str, ...] = ()  # there, with another type: left as they are

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is left to do."""
        return not (self.missing_scopes or self.other)


def set_up(hubspot: HubSpot) -> Steps[SetUp]:
    """Check the scopes, then make what is not there yet. Raises as the adapter's verbs do."""
    if lacking := (yield from lacking_scopes(hubspot)):
        return SetUp(missing_scopes=tuple(lacking))
    found: dict[str, list[str]] = {"made": [], "there": [], "other": []}
    for kind in Kind:
        yield from _group(hubspot, kind)
        defined = yield from _defined(hubspot, kind)
        for one in WANTED:
            how = yield from _property(hubspot, kind, one, defined.get(one.name))
            found[how].append(f"{OBJECTS[kind]}.{one.name}")
    return SetUp((), *(tuple(found[how]) for how in ("made", "there", "other")))


def lacking_scopes(hubspot: HubSpot) -> Steps[list[str]]:
    """Return the scopes that the token lacks, each tried by a call that changes nothing.

    That HubSpot looks at scopes before it looks at the body and for the record is an inference.
    """
    lacking: set[str] = set()
    for kind in Kind:
        name = OBJECTS[kind]
        groups = hubspot.paths.at("properties", name, "groups")
        nothing: Mapping[str, object] = {}
        tried = {
            f"crm.objects.{name}.read": ("GET", f"{hubspot.objects(kind)}?limit=1", None),
            f"crm.objects.{name}.write": ("PATCH", hubspot.objects(kind, NOBODY), nothing),
            f"crm.schemas.{name}.read": ("GET", groups, None),
            f"crm.schemas.{name}.write": ("POST", groups, nothing),
        }
        for scope, (method, url, body) in tried.items():
            answer = yield hubspot.request(method, url, body=body)
            lacking |= _lacking(answer, scope)
    return sorted(lacking)


def _lacking(answer: Answer, scope: str) -> set[str]:
    if answer.status == HTTPStatus.FORBIDDEN:
        return set(missing_scopes(answer)) or {scope}
    is_told = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS} or not (
        is_told or is_fine(answer)
    ):
        refuse(answer)
    return set()


def _group(hubspot: HubSpot, kind: Kind) -> Steps[None]:
    body = {"name": GROUP, "label": "Warmcall"}
    url = hubspot.paths.at("properties", OBJECTS[kind], "groups")
    answer = yield hubspot.request("POST", url, body=body)
    if answer.status != HTTPStatus.CONFLICT:
        read(answer)


def _defined(hubspot: HubSpot, kind: Kind) -> Steps[dict[str, Object]]:
    answer = yield hubspot.request("GET", hubspot.paths.at("properties", OBJECTS[kind]))
    return {str(one.get("name", "")): one for one in results(read(answer))}


def _property(hubspot: HubSpot, kind: Kind, wanted: Wanted, known: Object | None) -> Steps[str]:
    """Make a property, and return: made, there, or other, when it is there with another type."""
    url = hubspot.paths.at("properties", OBJECTS[kind])
    if known is None:
        answer = yield hubspot.request("POST", url, body=wanted.body())
        if answer.status != HTTPStatus.CONFLICT:
            read(answer)
            return "made"
        known = read((yield hubspot.request("GET", f"{url}/{wanted.name}")))
    return "there" if known.get("type") == wanted.type else "other"

"""What the answers of small CRMs mean: statuses are those of HTTP, bodies are theirs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NoReturn

from app.crm import MISSING_SCOPE, UNAUTHORIZED, Property, Steps, Written
from app.errors import DeliveryFailed, DeliveryPutOff
from app.provider import Answer, Request, Unreadable

WINDOW_S = 10.0
"""How long to wait after a 429 that does not say so."""

BUSY_S = 5.0
LONGEST_S = 86_400.0

NOT_SENT = frozenset({"connect", "tls", "blocked_address", "dns_nxdomain", "dns_no_answer"})
"""Failures after which nothing has been seen at the other end."""

REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Statuses of a write in which some value is not taken."""

UNDEFINED, READ_ONLY, NOT_TAKEN = "undefined", "read_only", "not_taken"
"""Why a property was not written."""

Object = Mapping[str, Any]


def body_of(answer: Answer) -> Any:
    """Return what an answer carries as JSON; None when it carries none."""
    try:
        return answer.json()
    except Unreadable:
        return None


def is_fine(answer: Answer) -> bool:
    """Tell whether an answer is one to read."""
    return not answer.failure and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


def is_gone(answer: Answer) -> bool:
    """Tell whether there is no such record (any more)."""
    return not answer.failure and answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


def read(answer: Answer, vendor: str) -> Object:
    """Return the object of a good answer. Raises DeliveryFailed, DeliveryPutOff by its meaning."""
    if not is_fine(answer):
        refuse(answer, vendor)
    body = body_of(answer)
    if isinstance(body, dict):
        return body
    if answer.status == HTTPStatus.NO_CONTENT:
        return {}
    raise DeliveryFailed(f"{vendor}'s answer is not in the documented shape")


def refuse(answer: Answer, vendor: str) -> NoReturn:
    """Raise what an answer means that is not fine: nothing of its text is passed on."""
    status = answer.status
    if answer.failure:
        undone = answer.failure in NOT_SENT
        raise DeliveryFailed(f"no answer of {vendor}: {answer.failure}", undone=undone)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise DeliveryPutOff(f"{vendor} asks to wait", asked_s(answer) or WINDOW_S)
    if status == HTTPStatus.UNAUTHORIZED:
        raise _no(status, UNAUTHORIZED, f"{vendor} does not take the token (any more)")
    if status == HTTPStatus.FORBIDDEN:
        raise _no(status, MISSING_SCOPE, f"the token may not do this at {vendor}: see its scopes")
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _no(status, f"status_{status}", f"{vendor} refuses: status {status}")
    told = f"{vendor} failed: status {status}"
    raise DeliveryFailed(told, status=status, retry_after_s=asked_s(answer) or BUSY_S)


def _no(status: int, word: str, message: str) -> DeliveryFailed:
    return DeliveryFailed(message, final=True, undone=True, status=status, word=word)


def asked_s(answer: Answer) -> float:
    """Return what Retry-After says in seconds, a day at most; 0 when it says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text[:9]), LONGEST_S) if text.isascii() and text.isdigit() else 0.0


def is_uncertain(answer: Answer) -> bool:
    """Tell whether something may have been done although the answer says no such thing."""
    return bool(answer.failure) or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def objects(value: object) -> list[Object]:
    """Return the objects of a list, nothing else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(body: object, name: str) -> Object:
    """Return an object inside another one, empty if there is none."""
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def sorted_out(
    changes: Mapping[str, str], known: Mapping[str, Property]
) -> tuple[dict[str, str], dict[str, str]]:
    """Part changes into those that may be sent and those that may not, with the reason."""
    refused = {name: UNDEFINED for name in changes if name not in known}
    read_only = [name for name in changes if name in known and known[name].is_read_only]
    refused |= dict.fromkeys(read_only, READ_ONLY)
    return {name: value for name, value in changes.items() if name not in refused}, refused


def written(
    changes: Mapping[str, str],
    refused: Mapping[str, str],
    request: Any,
    vendor: str,
) -> Steps[Written]:
    """Write all changes at once; when something of them is not taken, one by one.

    `request` makes the Request for some of the changes. The bodies of refusals name what is wrong
    in ways that are not documented: so each property is tried on its own, and costs no other.
    """
    if not changes:
        return Written(frozenset(), refused)
    answer = yield request(changes)
    if answer.status not in REFUSED or answer.failure:
        read(answer, vendor)
        return Written(frozenset(changes), refused, answer.status)
    if len(changes) == 1:
        return Written(frozenset(), {**refused, **dict.fromkeys(changes, NOT_TAKEN)}, answer.status)
    whole = Written(frozenset(), refused)
    for name, value in changes.items():
        one = yield from written({name: value}, {}, request, vendor)
        whole = replace(
            whole,
            written=whole.written | one.written,
            refused={**whole.refused, **one.refused},
            status=max(whole.status, one.status) if one.refused else whole.status or one.status,
        )
    return whole


def fitting(prop: Property, value: str) -> str | None:
    """Return a fact's value as a property takes it; None when it would be a guess.

    >>> fitting(Property("size", "number"), "many") is None
    True
    >>> fitting(Property("kind", "choice", {"7": "Software"}), "software")
    '7'
    """
    text = value.strip()
    if prop.type == "choice":
        return next(_options(prop, text), None)
    if prop.type == "number":
        whole = text.replace(".", "", 1)
        return text if whole.isascii() and whole.isdigit() else None
    if prop.type == "boolean":
        return text.lower() if text.lower() in {"true", "false"} else None
    if prop.type == "date":
        day = text[:10]
        return day if len(day) == 10 and day.replace("-", "").isdigit() else None
    return text or None


def _options(prop: Property, text: str) -> Iterator[str]:
    """Yield the options that a text is: by value, then by label. Case and spaces do not count."""
    wanted = _folded(text)
    yield from (value for value in prop.options if _folded(value) == wanted)
    yield from (value for value, label in prop.options.items() if _folded(label) == wanted)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def call(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
) -> Request:
    """Return one call of a CRM's API. What `query` says of a person does not show in the URL."""
    return Request(method, url, query or {}, headers, body, max_bytes=4_000_000)

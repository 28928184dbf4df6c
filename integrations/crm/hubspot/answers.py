"""What HubSpot's answers mean: a failure by its name, or a wait.

Statuses and categories from facts/crm.md section 4, read 2026-11-21; every part of an error is
optional. Nothing of a record is repeated here: messages may name people.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from app.errors import DeliveryFailed, DeliveryPutOff
from app.provider import Answer, Unreadable

NOT_SENT = frozenset(
    {"connect", "tls", "dns_nxdomain", "dns_no_answer", "dns_error", "blocked_address"}
)
"""Failures after which HubSpot has not even seen a call."""

LOCKED, MIGRATING = 423, 477
LOCKED_S = 2.0
MIGRATING_S = 3_600.0
LONGEST_S = 86_400.0

DAILY_S = 3_600.0
"""The daily limit ends at midnight of the account's time zone, which is not told: look hourly."""

WINDOW_S = 10.0
SEARCH_S = 1.0
BUSY_S = 5.0

EXPIRED = "EXPIRED_AUTHENTICATION"
INVALID = "VALIDATION_ERROR"

_SCOPE = re.compile(r"[a-z0-9_.-]{1,80}")
_WORD = re.compile(r"[A-Z0-9_]{1,64}")
_NOT_VALID = "Property values were not valid: "
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")

Object = Mapping[str, Any]


def body_of(answer: Answer) -> Object:
    """Return the object that an answer carries; empty when it is a page, or no object."""
    try:
        body = answer.json()
    except Unreadable:
        return {}
    return body if isinstance(body, dict) else {}


def category(answer: Answer) -> str:
    """Return HubSpot's word for an error; empty when it has none."""
    word = str(body_of(answer).get("category", ""))
    return word if _WORD.fullmatch(word) else ""


def correlation(answer: Answer) -> str:
    """Return the id by which HubSpot's support finds a call; empty when there is none."""
    told = str(body_of(answer).get("correlationId", ""))
    return told if len(told) <= 64 and told.isascii() else ""


def is_fine(answer: Answer) -> bool:
    """Tell whether an answer is one to read."""
    return not answer.failure and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


def is_gone(answer: Answer) -> bool:
    """Tell whether a record is not there; another 404 is no such path."""
    return answer.status == HTTPStatus.NOT_FOUND and category(answer) == "OBJECT_NOT_FOUND"


def wait_s(answer: Answer) -> float:
    """Return for how long HubSpot wants no further calls; 0 when it says nothing of the kind."""
    if answer.failure or answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return 0.0
    told = body_of(answer)
    limit = f"{told.get('policyName', '')} {told.get('message', '')}".upper()
    usual = DAILY_S if "DAILY" in limit else WINDOW_S
    usual = SEARCH_S if "SECONDLY" in limit and "TEN" not in limit else usual
    return max(usual, asked_s(answer)) if usual == DAILY_S else asked_s(answer) or usual


def asked_s(answer: Answer) -> float:
    """Return what Retry-After says in seconds, a day at most; 0 when it says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text[:9]), LONGEST_S) if text.isascii() and text.isdigit() else 0.0


def refuse(answer: Answer) -> NoReturn:
    """Raise what an answer means that is not fine: DeliveryPutOff, or DeliveryFailed by name."""
    if answer.failure in NOT_SENT:
        raise DeliveryFailed("HubSpot could not be reached", undone=True)
    if answer.failure:
        raise DeliveryFailed(f"no answer of HubSpot: {answer.failure}")
    if wait := wait_s(answer) or _pause_s(answer):
        raise DeliveryPutOff(f"HubSpot asks to wait (status {answer.status})", wait)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise _no(answer, "unauthorized", "HubSpot does not take the token (any more)")
    if answer.status == HTTPStatus.FORBIDDEN:
        _forbid(answer)
    if is_gone(answer):
        raise _no(answer, "gone", "HubSpot has no such record (any more)")
    if answer.status < HTTPStatus.BAD_REQUEST or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        told = f"HubSpot failed: status {answer.status}"
        raise DeliveryFailed(told, status=answer.status, retry_after_s=asked_s(answer) or BUSY_S)
    word = category(answer).lower() or f"status_{answer.status}"
    raise _no(answer, word, f"HubSpot refuses: {word}")


def _pause_s(answer: Answer) -> float:
    if answer.status == LOCKED:
        return max(LOCKED_S, asked_s(answer))
    return (asked_s(answer) or MIGRATING_S) if answer.status == MIGRATING else 0.0


def _no(answer: Answer, word: str, message: str) -> DeliveryFailed:
    return DeliveryFailed(message, final=True, undone=True, status=answer.status, word=word)


def _forbid(answer: Answer) -> NoReturn:
    scopes = missing_scopes(answer)
    if scopes or category(answer) == "MISSING_SCOPES":
        named = ", ".join(scopes) or "(not named)"
        raise _no(answer, "missing_scope", f"the HubSpot app lacks the scope {named}")
    raise _no(answer, "forbidden", "HubSpot forbids this call")


def missing_scopes(answer: Answer) -> list[str]:
    """Return the scopes whose lack an answer tells of."""
    found: list[str] = []
    for error in _objects(body_of(answer).get("errors")):
        context = error.get("context")
        wanted = context.get("requiredGranularScopes") if isinstance(context, dict) else None
        found += [one for one in wanted or () if isinstance(one, str) and _SCOPE.fullmatch(one)]
    return sorted(set(found))


def bad_properties(answer: Answer) -> dict[str, str]:
    """Return the properties that a 400 names, each with HubSpot's word for what is wrong."""
    body = body_of(answer)
    found: dict[str, str] = {}
    for one in _objects(_listed_in(str(body.get("message", "")))):
        _add(found, one.get("name"), one.get("error"))
    for error in _objects(body.get("errors")):
        context = error.get("context")
        names = context.get("propertyName") if isinstance(context, dict) else None
        for name in names if isinstance(names, list) else ():
            _add(found, name, error.get("code"))
    return found


def _listed_in(message: str) -> object:
    """Return the list of JSON that stands inside a message."""
    _, is_there, listed = message.partition(_NOT_VALID)
    if not is_there:
        return []
    try:
        return json.JSONDecoder().raw_decode(listed)[0]
    except (ValueError, RecursionError):
        return []


def _objects(value: object) -> list[Object]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _add(found: dict[str, str], name: object, word: object) -> None:
    if isinstance(name, str) and _NAME.fullmatch(name):
        told = word if isinstance(word, str) and _WORD.fullmatch(word) else INVALID
        found.setdefault(name, told)

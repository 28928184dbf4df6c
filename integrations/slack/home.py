"""The Home tab of one user: how to ask, their last cards, what is used, and what they may choose.

A Home tab has at most 100 blocks and 250 kB (facts/slack.md section 10, read 2026-11-21).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.job import Status
from app.preference import Preference
from app.views import JobView, RecentView, UsageView
from integrations.slack.blocks import (
    Object,
    actions,
    button,
    context,
    header,
    option,
    section,
    select,
    url_button,
    words,
)
from integrations.slack.render import titled
from integrations.slack.text import clock, date, escaped

OPEN = "home_open"
PLACE = "home_place"
PLACE_OWN = "home_place_own"
QUIET_FROM = "home_quiet_from"
QUIET_UNTIL = "home_quiet_until"
UNASKED = "home_unasked"

ACTIONS = (OPEN, PLACE, PLACE_OWN, QUIET_FROM, QUIET_UNTIL, UNASKED)
"""All of them: tabs that were shown long ago still carry them."""

OFF = "off"
"""What is chosen as the begin of quiet hours that are none."""

STEP = 30  # minutes between the times that may be chosen
DAY = 24 * 60
TITLE = 150  # characters of who a card is about
ASKED = 120  # characters of who was asked about
ZONE = 64
CARDS = 10
"""So many cards are listed at most."""

STATES: Mapping[Status, str] = {
    Status.queued: "under way",
    Status.in_progress: "under way",
    Status.complete: "ready",
    Status.partial: "partly filled",
    Status.ambiguous: "several people match",
    Status.not_found: "no match",
    Status.provider_error: "could not be prepared",
    Status.budget_exhausted: "could not be prepared",
    Status.cancelled: "cancelled",
    Status.suppressed: "not looked up",
}
"""Status of a job -> how its card is called in a list."""

HOW = (
    "Type `/prep` with an e-mail address, a domain, a LinkedIn URL, or `Name, Company`, anywhere "
    "in Slack. Or write `prep` and the same to this app, or mention it with that in a channel."
)
FOUND = frozenset({Status.complete, Status.partial})
"""States of a card that grows old."""

LOST = ":warning: This card could not be posted here: open it with its button."
PLACES = "*Where your cards go*\nYour messages with this app, or a channel that the app is in."
QUIET = "*Quiet hours*\nCards that you did not ask for wait until they end."


@dataclass(frozen=True, slots=True)
class Seen:
    """What the tab of one user is made of. `page` + a card's token is where that card opens."""

    recent: Sequence[RecentView]
    usage: UsageView
    preference: Preference
    page: str


def view(seen: Seen, now: datetime) -> Object:
    """Return the tab as Slack's `views.publish` takes it."""
    return {
        "type": "home",
        "blocks": [
            header("Call prep"),
            section(HOW),
            {"type": "divider"},
            section("*Recent cards*"),
            *_cards(seen, now),
            *context(_used(seen.usage)),
            {"type": "divider"},
            *_settings(seen.preference),
        ],
    }


def _cards(seen: Seen, now: datetime) -> list[Object]:
    if not seen.recent:
        return context("Nothing yet. Your cards appear here.")
    return [_card(one, seen.page, now) for one in seen.recent[:CARDS]]


def _card(one: RecentView, page: str, now: datetime) -> Object:
    job = one.view
    is_hidden = job.status is Status.suppressed
    who = "On the do-not-enrich list" if is_hidden else escaped(titled(job), TITLE)
    told = [date(job.finished_at or job.created_at), _state(job, now)]
    asked = "" if is_hidden else escaped(job.prospect, ASKED)
    lines = [f"*{who}*", " · ".join([*told, asked] if asked not in {"", who} else told)]
    shown = section("\n".join([*lines, LOST] if one.is_undelivered else lines))
    if is_hidden:
        return shown
    return shown | {"accessory": url_button("Open", OPEN, f"{page}{job.card_token}")}


def _state(job: JobView, now: datetime) -> str:
    told = STATES[job.status]
    is_old = job.fresh_until is not None and job.fresh_until <= now
    return f"{told}, no longer fresh" if is_old and job.status in FOUND else told


def _used(usage: UsageView) -> str:
    if usage.quota is None:
        return f"{usage.used} look-ups used this month"
    return (
        f"{usage.used} of {usage.quota} look-ups used this month. "
        f"The next ones come {date(usage.resets_at)}."
    )


# --- what a user may choose ----------------------------------------------------------------


def _settings(preference: Preference) -> list[Object]:
    own = button("Send them to my messages", PLACE_OWN, "own")
    return [
        section("*Settings*"),
        section(PLACES) | {"accessory": _places(preference.place)},
        *([actions([own])] if preference.place else []),
        section(QUIET),
        actions([_begins(preference.quiet_from), _ends(preference.quiet_until)]),
        *context(_zone(preference)),
        actions([_unasked(is_on=preference.unasked)]),
    ]


def _places(place: str) -> Object:
    """Return the choice of a channel; those shared with other companies are not offered."""
    chosen = {"initial_conversation": place} if place else {}
    return {
        "type": "conversations_select",
        "action_id": PLACE,
        "placeholder": words("A channel"),
        "filter": {
            "include": ["public", "private"],
            "exclude_bot_users": True,
            "exclude_external_shared_channels": True,
        },
        **chosen,
    }


def _begins(minute: int | None) -> Object:
    options = [option("No quiet hours", OFF, ""), *_times("From ")]
    found = select(QUIET_FROM, "From", options)
    return found | {"initial_option": _at(minute, "From ") if minute is not None else options[0]}


def _ends(minute: int | None) -> Object:
    found = select(QUIET_UNTIL, "Until", _times("Until "))
    return found | ({"initial_option": _at(minute, "Until ")} if minute is not None else {})


def _times(label: str) -> list[Object]:
    return [_at(minute, label) for minute in range(0, DAY, STEP)]


def _at(minute: int, label: str) -> Object:
    """Return the choice of one time; a time between two steps is the step before."""
    step = minute - minute % STEP
    return option(f"{label}{clock(step)}", str(step), "")


def _zone(preference: Preference) -> str:
    if not preference.has_quiet_hours:
        return ""
    return f"Times of your own time zone: {escaped(preference.zone, ZONE) or 'UTC'}."


def _unasked(*, is_on: bool) -> Object:
    choice = option("Send me cards that I did not ask for, such as for new CRM contacts", "on", "")
    chosen = {"initial_options": [choice]} if is_on else {}
    return {"type": "checkboxes", "action_id": UNASKED, "options": [choice], **chosen}

"""A job as a Slack message: the card with its opener first, and every other state it may be in.

All is within Slack's limits whatever strangers wrote: values are bounded after escaping, and a card
that would still be too large is composed again with less of each (size.py).
"""

from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from app.card import Card
from app.facts import Section
from app.job import LIVE, Status
from app.views import JobView, UsageView
from integrations.slack import details, ends, ready
from integrations.slack.blocks import Message as Message
from integrations.slack.blocks import context, section
from integrations.slack.ready import Known
from integrations.slack.ready import Links as Links
from integrations.slack.size import CARD, FULL, fitted
from integrations.slack.text import date, escaped

STEPS = {
    Section.person: "Person",
    Section.company: "Company",
    Section.decision_makers: "Decision makers",
    Section.signals: "News",
}
"""Section -> its name in a placeholder."""

EXAMPLES = {
    "sarah.chen@acme.example": "a person, by e-mail address",
    "acme.example": "a company, by domain or web address",
    "https://www.linkedin.com/in/sarah-chen-example": "a person, by LinkedIn profile",
    "Sarah Chen, Acme Corp": "a person, by name and company",
}
"""What may be asked for -> what it is."""

TROUBLE = 500
"""Characters of what operators are told, as sent."""


# --- jobs ----------------------------------------------------------------------------------


def loading(view: JobView, asked: str) -> Message:
    """Return the placeholder of a job under way; `asked` is what the rep typed."""
    who = escaped(asked, ends.ASKED)
    known = escaped(details.headline(_read(view)), ready.WHO)
    so_far = f"\nSo far: {known}" if known else ""
    return Message(
        f"Preparing the card for {who}. It usually takes some seconds.",
        [
            section(f":mag: *Preparing the card* for {who}{so_far}"),
            *context(
                *_steps(view),
                "Usually ready within some seconds. You can go on: this message updates itself.",
            ),
        ],
    )


def _steps(view: JobView) -> Iterator[str]:
    """Tell of each section whether somebody has answered, and that the points come last."""
    heard = {one.section: one.outcome for one in view.attempts}
    for name, title in STEPS.items():
        outcome = heard.get(name.value)
        if outcome in {"matched", "not_found"}:
            found = "found" if outcome == "matched" else "nothing known"
            yield f":white_check_mark: {title}: {found}"
        elif name in view.sections:
            is_waiting = view.sections[name] is Status.queued
            told = (":white_circle:", "waiting") if is_waiting else (":mag:", "asking")
            yield f"{told[0]} {title}: {told[1]}"
    yield ":white_circle: Talking points: waiting"


def card(view: JobView, links: Links, now: datetime) -> Message:
    """Return the message for a job, in whatever state it is."""
    if view.status in LIVE:
        return loading(view, str(view.prospect))
    shown = _read(view)
    is_empty = not (details.headline(shown) or shown.signals or shown.decision_makers)
    match view.status:
        case Status.suppressed:
            return ends.suppressed(view)
        case Status.ambiguous:
            return ends.ambiguous(view, shown)
        case Status.provider_error | Status.budget_exhausted:
            return ends.failed(view)
        case Status.cancelled if is_empty:
            return ends.cancelled(view)
        case _ if is_empty or view.status is Status.not_found:
            return ends.not_found(view)
    blocks = fitted(lambda size: ready.card(Known.of(view, shown, now, size), links), CARD)
    return Message(ready.fallback(Known.of(view, shown, now, CARD[0])), blocks)


def shared(view: JobView, now: datetime) -> Message:
    """Return a finished card for a channel: nothing to press, no links of ours."""
    shown = _read(view)
    blocks = fitted(lambda size: ready.copy(Known.of(view, shown, now, size)), CARD)
    return Message(ready.fallback(Known.of(view, shown, now, CARD[0])), blocks)


def full(view: JobView, links: Links, now: datetime) -> Message:
    """Return everything that is known, every value with its source, as far as it fits."""
    if view.status is Status.suppressed:
        return ends.suppressed(view)
    shown = _read(view)
    blocks = fitted(lambda size: ready.full(Known.of(view, shown, now, size), links), FULL)
    who = escaped(ready.who(view, shown), ready.WHO)
    return Message(f"Full details: {who}.", blocks)


def titled(view: JobView) -> str:
    """Return who a card is about, for a text that is not mrkdwn."""
    return ready.who(view, _read(view))


def _read(view: JobView) -> Card:
    """Read the card; a part in a shape that it should not have is left out."""
    try:
        return Card.model_validate(view.card)
    except ValidationError as exc:
        bad = {error["loc"][0] for error in exc.errors()}
        return Card.model_validate({k: part for k, part in view.card.items() if k not in bad})


# --- what is said without a job ------------------------------------------------------------


def quota(usage: UsageView) -> Message:
    """Return that this month's look-ups are used up, and when the next ones come."""
    used = f"{usage.used} of {usage.quota}" if usage.quota is not None else str(usage.used)
    return Message(
        f"No look-ups left this month ({used} used).",
        [
            section(
                f":no_entry: *No look-ups left this month*: {used} are used. "
                f"The next ones come {date(usage.resets_at)}."
            ),
            *context("Cards of before still open. Ask your Warmcall admin for a higher limit."),
        ],
    )


def usage_help(command: str) -> Message:
    """Return how the command is used, by example."""
    name = escaped(command, ends.ASKED)
    lines = [f"• `{name} {asked}`: {what}" for asked, what in EXAMPLES.items()]
    return Message(
        f"Type {name} and who you are about to call: an e-mail address, a domain, a LinkedIn URL, "
        "or a name and a company.",
        [
            section("\n".join([f"*Type `{name}` and who you are about to call*", *lines])),
            *context(
                "Up to five at once, with semicolons between.",
                f"`{name} settings`: where cards go. `{name} help`: this.",
            ),
        ],
    )


def erased() -> Message:
    """Return what stands where the card of somebody was who has been erased."""
    return Message("Removed on request.", [section(":wastebasket: Removed on request.")])


def trouble(words: str) -> Message:
    """Return what operators have to hear of."""
    told = escaped(words, TROUBLE)
    return Message(
        f"Warmcall needs a look: {told}",
        [
            section(f":warning: *Warmcall needs a look*: {told}"),
            *context("`warmcall doctor` tells more. Of one cause you hear once in six hours."),
        ],
    )

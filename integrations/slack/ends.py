"""What is said when a job ended and there is no card to show: why, and what to do about it."""

from collections.abc import Mapping, Sequence

from app.card import Card
from app.job import Status
from app.views import AttemptView, JobView
from integrations.slack import buttons
from integrations.slack.blocks import Message, Object, actions, context, option, section, select
from integrations.slack.text import date, escaped

ASKED = 120  # characters of who was asked about
TOLD = 300  # characters of our own words about a failure

REASONS: Mapping[str, str] = {
    "rate_limited": "too busy",
    "out_of_credits": "out of credits",
    "auth_failed": "refuses our key",
    "forbidden": "not in our plan",
    "pending": "still working",
    "provider_error": "failed",
}
"""Outcome of an attempt without an answer -> why, as a rep would say it."""

NAMED = 5  # providers named in one sentence

MOST_CHOICES = 20
"""Of so many people a rep can still find the right one."""


def not_found(view: JobView) -> Message:
    """Say that nobody knew the prospect, and what may be known instead."""
    asked = named(view)
    heard = providers(view.attempts)
    why = "A personal address or a new starter often has no public record."
    return Message(
        f"No match for {asked}. Try the company's domain or a LinkedIn URL.",
        [
            section(f":grey_question: *No match* for {asked}\n{heard and f'Asked {heard}. '}{why}"),
            actions([buttons.edit_first(view.id), buttons.menu(view.id, "delete")]),
            *context("Try the company's domain or a LinkedIn URL. This look-up was not counted."),
        ],
    )


def failed(view: JobView) -> Message:
    """Say why there is no card, and when trying again may help."""
    asked = named(view)
    again = view.error and view.error.retry_at
    when = f" It can be tried again {date(again)}." if again else ""
    return Message(
        f"Could not prepare the card for {asked}. Press Try again, or ask your Warmcall admin.",
        [
            section(f":x: *Could not prepare the card* for {asked}\n{_reason(view)}{when}"),
            actions([buttons.retry("Try again", view.id), buttons.menu(view.id, "delete")]),
            *context("This look-up was not counted.", f"Reference {view.id}"),
        ],
    )


def ambiguous(view: JobView, card: Card) -> Message:
    """Offer the people who could be meant; nobody is guessed."""
    asked = named(view)
    found = card.candidates
    who = ", ".join(escaped(one.full_name, 60) for one in found[:3])
    count = f"{len(found)} people" if found else "Several people"
    choice = [_choice(view, card)] if found else []
    return Message(
        f"{count} match {asked}: {who}. Choose one." if found else f"{count} match {asked}.",
        [
            section(f":busts_in_silhouette: *{count} match* {asked}\nNobody was guessed."),
            actions([*choice, buttons.edit(view.id), buttons.menu(view.id, "full", "delete")]),
            *context("Choose one, or search by LinkedIn URL. This look-up was not counted."),
        ],
    )


def _choice(view: JobView, card: Card) -> Object:
    people = [
        option(one.full_name, f"{view.id}:{place}", _post(one.title, one.company))
        for place, one in enumerate(card.candidates[:MOST_CHOICES])
    ]
    return select(buttons.CHOOSE, "Choose a person", people)


def _post(title: str | None, company: str | None) -> str:
    return " at ".join(part for part in (title, company) if part)


def cancelled(view: JobView) -> Message:
    """Say that somebody stopped the job before anything was known."""
    return Message(
        "The look-up was cancelled.",
        [
            section(f":octagonal_sign: *Cancelled* before anything was known of {named(view)}."),
            actions([buttons.retry("Try again", view.id), buttons.menu(view.id, "delete")]),
        ],
    )


def suppressed(view: JobView) -> Message:
    """Say that nobody is looked up, without saying who."""
    said = "This prospect is on the do-not-enrich list; nobody was asked."
    told = escaped(view.error.message if view.error else said, TOLD)
    return Message(told, [section(f":no_entry: *Not looked up.* {told}")])


def _reason(view: JobView) -> str:
    """Return our own words: what providers say about a failure is for the operator."""
    if view.status is Status.budget_exhausted:
        return "The credits allowed were spent before anything was found."
    if view.error and view.error.code != view.status.value:
        return escaped(view.error.message, TOLD)
    deaf = unheard(view)
    return f"Nothing was found, and {deaf} did not answer." if deaf else "Nothing was found."


def unheard(view: JobView) -> str:
    """Return the providers that did not answer and why, empty when all did."""
    why = {one.provider: REASONS.get(one.outcome, "failed") for one in view.unheard}
    return _first([f"{provider} ({reason})" for provider, reason in why.items()])


def providers(attempts: Sequence[AttemptView]) -> str:
    """Return the names of those who were asked."""
    return _first(list(dict.fromkeys(one.provider for one in attempts)))


def _first(names: Sequence[str]) -> str:
    told = [escaped(name, 40) for name in names[:NAMED]]
    left = len(names) - NAMED
    return ", ".join([*told, f"{left} more"] if left > 0 else told)


def named(view: JobView) -> str:
    """Return the prospect as it was asked for."""
    return escaped(view.prospect, ASKED)

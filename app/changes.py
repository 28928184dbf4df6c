"""What a refresh changed: the card of last time against the new one."""

from collections.abc import Iterator, Mapping

from app.card import Card, Change, Company, Person
from app.facts import Json


def changed(before: Mapping[str, Json] | Card, after: Card) -> tuple[Change, ...]:
    """Tell what is different on a new card of the same prospect, field by field.

    `before` is the card of last time, dumped or not. A card that said nothing changes nothing.
    That an old signal is no longer listed is no change.
    """
    old = before if isinstance(before, Card) else Card.model_validate(before)
    if old.person is None and old.company is None:
        return ()
    return (*_changed_fields(old, after), *_changed_lists(old, after))


def _changed_fields(old: Card, new: Card) -> Iterator[Change]:
    was, now = dict(_leaves(old)), dict(_leaves(new))
    for name in [*was, *(name for name in now if name not in was)]:
        if was.get(name) != now.get(name):
            yield Change(field=name, before=was.get(name), after=now.get(name))


def _leaves(card: Card) -> Iterator[tuple[str, str | int]]:
    parts = card.model_dump(include={"person", "company"}, exclude_none=True)
    open_parts: list[tuple[str, object]] = list(parts.items())
    for name, value in open_parts:
        if isinstance(value, dict):
            open_parts += [(f"{name}.{key}", one) for key, one in value.items()]
        elif isinstance(value, str | int):
            yield name, value


def _changed_lists(old: Card, new: Card) -> Iterator[Change]:
    was, now = dict(_lists(old)), dict(_lists(new))
    for name, labels in now.items():
        gone = [] if name == "signals" else [one for one in was[name] if one not in labels]
        come = [one for one in labels if one not in was[name]]
        yield from (Change(field=name, before=one) for one in gone)
        yield from (Change(field=name, after=one) for one in come)


def _lists(card: Card) -> Iterator[tuple[str, list[str]]]:
    """Yield the lists whose changes matter, each as what a rep would call its items."""
    person, company = card.person or Person(), card.company or Company()
    yield "person.phones", [phone.number for phone in person.phones or ()]
    yield "company.technologies", list(company.technologies or ())
    yield (
        "decision_makers",
        [", ".join(filter(None, (one.full_name, one.title))) for one in card.decision_makers],
    )
    yield "signals", [signal.headline for signal in card.signals]

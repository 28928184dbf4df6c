"""What would be, and what was, written into the CRM, as a window shows it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.crm_plan import OWN, Change
from app.crm_views import Saved
from app.views import JobView
from integrations.slack import buttons
from integrations.slack.blocks import Message, Object, actions, context, section, window
from integrations.slack.text import escaped, link

TITLE = "Save to CRM"
SAVE = "prep_save_to_crm"
"""What the window is called when it is submitted."""

MOST = 25  # values that are listed of a record
VALUE = 120  # characters, as sent
NAME = 80
URL = 2_000
SECTION = 2_900  # characters of a list, as sent

NOTHING: Mapping[str, str] = {
    "no_record": "There is no record of this prospect in the CRM. Warmcall makes none.",
    "gone": "The record is no longer in the CRM.",
    "deleted": "The record was deleted in the CRM.",
    "erased": "This person was erased in the CRM: nothing is written.",
    "opted_out": "This person opted out of enrichment in the CRM: nothing is written.",
}
"""Why nothing is written -> what is said."""


def proposal(view: JobView, proposed: Sequence[Change]) -> Message:
    """Return what waits for consent, for a conversation: what it replaces, and where it is from."""
    who = escaped(view.prospect, NAME)
    text = f"Proposed for the CRM record of {who}"
    if not proposed:
        return Message(f"{text}: nothing waits any more.", [section(f"*{text}*: nothing waits.")])
    blocks = [
        section("\n".join([f"*{text}*", *_lines(proposed)])),
        actions([buttons.save_crm(view.id)]),
    ]
    return Message(f"{text}: {_counted(len(proposed))}. Review and save.", blocks)


def looking() -> Object:
    """Return what is shown while the record is read."""
    return window(TITLE, [section(":mag: Looking at the record in the CRM.")])


def writing() -> Object:
    """Return what is shown while the record is written."""
    return window(TITLE, [section(":pencil2: Writing into the CRM.")])


def failed(why: str) -> Object:
    """Return what went wrong."""
    return window(TITLE, [section(f":warning: {escaped(why, SECTION)}")])


def plan(saved: Saved, about: str) -> Object:
    """Return what would be written, to agree to; `about` comes back with the consent."""
    if saved.reason:
        return window(TITLE, [section(_nothing(saved))])
    agreed = [one.agreed for one in _parts(saved)]
    if not any(_values(one.due) for one in agreed):
        text = "Everything that is known is in the CRM already. The note is brought up to date."
        return window(
            TITLE, [section(text), *_page(saved)], callback_id=SAVE, submit="Save", about=about
        )
    blocks = [block for one in agreed for block in _listed(one, one.due)]
    kept = [one for part in agreed for one in part.changes if one.reason and one.policy != OWN]
    small = context(f"{len(kept)} more properties stay as they are.") if kept else []
    note = context("A note with the card is added to the record, or brought up to date.")
    return window(
        TITLE, [*blocks, *small, *note, *_page(saved)], callback_id=SAVE, submit="Save", about=about
    )


def done(saved: Saved) -> Object:
    """Return what became of it."""
    if saved.reason:
        return window(TITLE, [section(_nothing(saved))])
    written = sum(len(one.written) for one in _parts(saved))
    head = f":white_check_mark: Saved: {_counted(written)} written, the note is on the record."
    refused = [
        f"• {escaped(name, NAME)}: {escaped(why, VALUE)}"
        for one in _parts(saved)
        for name, why in sorted(one.refused.items())
    ]
    blocks = [section(head)]
    if refused:
        blocks.append(section("\n".join([":warning: *Refused by the CRM*", *refused[:MOST]])))
    undo = context("An operator can take it back: `warmcall crm undo`.")
    return window(TITLE, [*blocks, *undo, *_page(saved)])


def _parts(saved: Saved) -> Iterator[Saved]:
    yield saved
    if saved.also is not None and not saved.also.reason:
        yield saved.also


def _counted(values: int) -> str:
    return "1 value" if values == 1 else f"{values} values"


def _values(changes: Iterable[Change]) -> list[Change]:
    """Return the values of facts, without our own properties."""
    return [one for one in changes if one.policy != OWN]


def _listed(saved: Saved, changes: Iterable[Change]) -> list[Object]:
    values = _values(changes)
    if not values:
        return []
    return [section("\n".join([f"*{saved.ref.kind.value.capitalize()}*", *_lines(values)]))]


def _lines(changes: Sequence[Change]) -> list[str]:
    """Return a line for each value, as many as fit into a section."""
    lines: list[str] = []
    for one in changes[:MOST]:
        old = f"~{escaped(one.old, VALUE)}~ → " if one.old else ""
        sure = f"{escaped(one.source, NAME)}, {100 * one.confidence:.0f}% sure"
        line = f"• {escaped(one.property, NAME)}: {old}*{escaped(one.new, VALUE)}* ({sure})"
        if sum(map(len, lines)) + len(lines) + len(line) > SECTION - 4 * NAME:
            break
        lines.append(line)
    left = len(changes) - len(lines)
    return [*lines, f"… and {left} more"] if left else lines


def _page(saved: Saved) -> list[Object]:
    return context(link(saved.url, "Open in CRM", URL)) if saved.url else []


def _nothing(saved: Saved) -> str:
    told = NOTHING.get(saved.reason)
    return told or f"Nothing is written: {escaped(saved.reason.replace('_', ' '), VALUE)}."

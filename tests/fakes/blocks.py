"""What Slack refuses in blocks, views and messages, and what of its mrkdwn would go wrong.

Stricter than slack_sdk, which does not look at the length of a field, empty texts, the number of
blocks, repeated ids or everything together. Limits from https://docs.slack.dev/reference/block-kit,
read 2026-11-21. Blocks that old clients do not show (cards, tables, rich text) are refused too.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

import orjson

Problems = Iterator[str]
Check = Callable[[Any], Problems]

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
MESSAGE = 13_200  # JSON characters: more was seen to be refused as msg_blocks_too_long
FALLBACK = 4_000  # what chat.update takes of a text
VIEW = 250_000  # bytes
MARKDOWN = 12_000  # all markdown blocks together


def check_message(text: object, blocks: object) -> list[str]:
    """Return everything for which Slack would refuse this message; empty when it would not."""
    problems = list(length("text", text, FALLBACK))
    problems += markup(text) if isinstance(text, str) else []
    return problems + check_blocks(blocks)


def check_blocks(blocks: object, surface: str = "message") -> list[str]:
    """Return everything for which Slack would refuse these blocks on a message, modal or home."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str) or not blocks:
        return ["blocks: a list with something in it"]
    problems = [] if len(blocks) <= MOST_BLOCKS[surface] else ["blocks: too many"]
    for number, one in enumerate(blocks):
        problems += [f"{number} {problem}" for problem in block(one, surface)]
    blocks = [one for one in blocks if isinstance(one, dict)]
    problems += repeated(blocks)
    if surface == "message" and size(blocks) > MESSAGE:
        problems.append("blocks: msg_blocks_too_long")
    marked = sum(len(str(one.get("text"))) for one in blocks if one.get("type") == "markdown")
    return problems if marked <= MARKDOWN else [*problems, "markdown: too long together"]


def check_view(view: Mapping[str, Any]) -> list[str]:
    """Return everything for which Slack would refuse this modal or Home tab."""
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        return ["view: of no known type"]
    problems = check_blocks(view.get("blocks"), str(kind))
    for name in ("title", "submit", "close"):
        if name in view or (kind == "modal" and name == "title"):
            problems += plain(24)(view.get(name))
    has_input = any(one.get("type") == "input" for one in view.get("blocks") or ())
    problems += (
        ["submit: missing"] if has_input and kind == "modal" and "submit" not in view else []
    )
    problems += limited(view, private_metadata=3_000, callback_id=255)
    return problems if len(orjson.dumps(view)) <= VIEW else [*problems, "view: view_too_large"]


def size(value: object) -> int:
    """Return how many characters a value has as JSON."""
    return units(orjson.dumps(value).decode())


def units(text: str) -> int:
    """Return the length in UTF-16, the larger of what Slack may count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- blocks --------------------------------------------------------------------------------


def block(one: Any, surface: str) -> Problems:
    kind = str(one.get("type")) if isinstance(one, dict) else ""
    if kind not in BLOCKS:
        yield f"{kind}: no block that every client shows"
        return
    allowed, needed, check, surfaces = BLOCKS[kind]
    yield from keys(one, {"type", "block_id", *allowed}, needed)
    yield from limited(one, block_id=255)
    if surface not in surfaces:
        yield f"{kind}: not on a {surface}"
    yield from (f"{kind} {problem}" for problem in check(one))


def header(one: Any) -> Problems:
    yield from plain(150)(one.get("text"))


def section(one: Any) -> Problems:
    if not one.keys() & {"text", "fields"}:
        yield "text or fields: missing"
    if "text" in one:
        yield from text(3_000)(one["text"])
    if "fields" in one:
        yield from several("fields", one["fields"], 10, text(2_000))
    if "accessory" in one:
        yield from element(one["accessory"])


def context(one: Any) -> Problems:
    yield from several("elements", one.get("elements"), 10, small_print)


def small_print(one: Any) -> Problems:
    is_image = isinstance(one, dict) and one.get("type") == "image"
    return image(one) if is_image else text(3_000)(one)


def actions(one: Any) -> Problems:
    yield from several("elements", one.get("elements"), 25, element)
    yield from repeated_actions(one.get("elements"))


def context_actions(one: Any) -> Problems:
    yield from several("elements", one.get("elements"), 5, lambda each: element(each, CONTEXT))


def image(one: Any) -> Problems:
    yield from length("alt_text", one.get("alt_text"), 2_000)
    yield from length("image_url", one.get("image_url"), 3_000)
    if "title" in one:
        yield from plain(2_000)(one["title"])


def markdown(one: Any) -> Problems:
    yield from length("text", one.get("text"), MARKDOWN)


def put_in(one: Any) -> Problems:
    yield from plain(2_000)(one.get("label"))
    if "hint" in one:
        yield from plain(2_000)(one["hint"])
    yield from element(one.get("element"), INPUTS)


def nothing(_: Any) -> Problems:
    return iter(())


EVERYWHERE = ("message", "modal", "home")

BLOCKS: Mapping[str, tuple[set[str], set[str], Check, Sequence[str]]] = {
    "header": ({"text"}, {"text"}, header, EVERYWHERE),
    "section": ({"text", "fields", "accessory", "expand"}, set(), section, EVERYWHERE),
    "context": ({"elements"}, {"elements"}, context, EVERYWHERE),
    "actions": ({"elements"}, {"elements"}, actions, EVERYWHERE),
    "context_actions": ({"elements"}, {"elements"}, context_actions, ("message",)),
    "image": ({"alt_text", "image_url", "title"}, {"alt_text", "image_url"}, image, EVERYWHERE),
    "divider": (set(), set(), nothing, EVERYWHERE),
    "markdown": ({"text"}, {"text"}, markdown, ("message",)),
    "input": (
        {"label", "element", "hint", "optional", "dispatch_action"},
        {"label", "element"},
        put_in,
        ("modal", "home"),
    ),
}
"""Type -> its keys, those it must have, what else is checked, and where it may be."""


# --- elements ------------------------------------------------------------------------------


def element(one: Any, kinds: frozenset[str] | None = None) -> Problems:
    kind = str(one.get("type")) if isinstance(one, dict) else ""
    if kind not in ELEMENTS or kind not in (kinds or PRESSED):
        yield f"{kind}: no element for this place"
        return
    allowed, needed, check = ELEMENTS[kind]
    yield from keys(one, {"type", "action_id", "confirm", "focus_on_load", *allowed}, needed)
    yield from limited(one, action_id=255)
    if "confirm" in one:
        yield from confirm(one["confirm"])
    yield from (f"{kind} {problem}" for problem in check(one))


def button(one: Any) -> Problems:
    yield from plain(75)(one.get("text"))
    yield from limited(one, value=2_000, url=3_000, accessibility_label=75)
    if one.get("style", "primary") not in {"primary", "danger"}:
        yield "style: primary, danger or none"
    if not re.match("https?://", one.get("url", "https://")):
        yield "url: of another scheme"


def overflow(one: Any) -> Problems:
    yield from several("options", one.get("options"), 5, option)


def select(one: Any) -> Problems:
    yield from placeholder(one)
    if "option_groups" in one:
        yield from several("option_groups", one["option_groups"], 100, group)
    else:
        yield from several("options", one.get("options"), 100, option)


def group(one: Any) -> Problems:
    yield from plain(75)(one.get("label"))
    yield from several("options", one.get("options"), 100, option)


def choice(one: Any) -> Problems:
    yield from several("options", one.get("options"), 10, option)


def option(one: Any) -> Problems:
    yield from keys(one, {"text", "value", "description", "url"}, {"text", "value"})
    yield from text(75)(one.get("text"))
    yield from limited(one, value=150)
    if "description" in one:
        yield from text(75)(one["description"])


def placeholder(one: Any) -> Problems:
    if "placeholder" in one:
        yield from plain(150)(one["placeholder"])


def typed(one: Any) -> Problems:
    yield from placeholder(one)
    yield from limited(one, initial_value=3_000)
    if not 0 <= one.get("min_length", 0) <= 3_000 or not 1 <= one.get("max_length", 1) <= 3_000:
        yield "min_length or max_length: out of range"


def files(one: Any) -> Problems:
    if not 1 <= one.get("max_files", 1) <= 10:
        yield "max_files: 1 to 10"


def feedback(one: Any) -> Problems:
    for name in ("positive_button", "negative_button"):
        thumb = one.get(name) or {}
        yield from keys(thumb, {"text", "value", "accessibility_label"}, {"value"})
        yield from plain(75)(thumb.get("text"))
        yield from limited(thumb, value=2_000, accessibility_label=75)


def icon(one: Any) -> Problems:
    yield from plain(75)(one.get("text"))
    yield from limited(one, value=2_000, accessibility_label=75)
    if one.get("icon") != "trash" or len(one.get("visible_to_user_ids", ())) > 10:
        yield "icon: trash, seen by at most 10"


def confirm(one: Any) -> Problems:
    for name, most in {"title": 100, "text": 300, "confirm": 30, "deny": 30}.items():
        yield from text(most)(one.get(name))


CHOICE_KEYS = {"options", "initial_options", "initial_option"}
SELECT_KEYS = {"placeholder", "options", "option_groups", "initial_option"}
CONVERSATION_KEYS = {
    "placeholder",
    "initial_conversation",
    "default_to_current_conversation",
    "filter",
    "response_url_enabled",
}
BUTTON_KEYS = {"text", "value", "url", "style", "accessibility_label"}

ELEMENTS: Mapping[str, tuple[set[str], set[str], Check]] = {
    "button": (BUTTON_KEYS, {"text", "action_id"}, button),
    "overflow": ({"options"}, {"options", "action_id"}, overflow),
    "static_select": (SELECT_KEYS, {"action_id"}, select),
    "conversations_select": (CONVERSATION_KEYS, {"action_id"}, placeholder),
    "checkboxes": (CHOICE_KEYS, {"options", "action_id"}, choice),
    "radio_buttons": (CHOICE_KEYS, {"options", "action_id"}, choice),
    "timepicker": ({"placeholder", "initial_time", "timezone"}, {"action_id"}, placeholder),
    "plain_text_input": (
        {"placeholder", "initial_value", "multiline", "min_length", "max_length"},
        {"action_id"},
        typed,
    ),
    "number_input": (
        {"is_decimal_allowed", "min_value", "max_value", "initial_value", "placeholder"},
        {"is_decimal_allowed", "action_id"},
        placeholder,
    ),
    "file_input": ({"filetypes", "max_files"}, {"action_id"}, files),
    "feedback_buttons": ({"positive_button", "negative_button"}, {"action_id"}, feedback),
    "icon_button": (
        {"icon", "text", "value", "accessibility_label", "visible_to_user_ids"},
        {"icon", "text"},
        icon,
    ),
}
CONTEXT = frozenset({"feedback_buttons", "icon_button"})
TYPED = frozenset({"plain_text_input", "number_input", "file_input"})
PRESSED = frozenset(ELEMENTS) - CONTEXT - TYPED
INPUTS = frozenset(ELEMENTS) - CONTEXT - {"button", "overflow"}


# --- parts ---------------------------------------------------------------------------------


def text(most: int) -> Check:
    """Make a check of a text object, plain or mrkdwn."""

    def check(one: Any) -> Problems:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind not in {"plain_text", "mrkdwn"}:
            yield f"text {kind}: plain_text or mrkdwn"
            return
        yield from keys(one, {"type", "text", "emoji" if kind == "plain_text" else "verbatim"})
        yield from length("text", one.get("text"), most)
        if kind == "mrkdwn":
            yield from markup(str(one.get("text")))

    return check


def plain(most: int) -> Check:
    """Make a check of a text object that must be plain."""

    def check(one: Any) -> Problems:
        if not isinstance(one, dict) or one.get("type") != "plain_text":
            yield "text: has to be plain_text"
        else:
            yield from text(most)(one)

    return check


def length(name: str, value: object, most: int) -> Problems:
    if not isinstance(value, str) or not value.strip():
        yield f"{name}: missing or empty"
    elif units(value) > most:
        yield f"{name}: {units(value)} of at most {most}"


def limited(one: Mapping[str, Any], **most: int) -> Problems:
    for name in most.keys() & one.keys():
        yield from length(name, one[name], most[name])


def keys(one: Any, allowed: Set[str], needed: Set[str] = frozenset()) -> Problems:
    if not isinstance(one, dict):
        yield "an object was expected"
        return
    yield from (f"{name}: unknown" for name in sorted(one.keys() - allowed))
    yield from (f"{name}: missing" for name in sorted(needed - one.keys()))


def several(name: str, found: Any, most: int, check: Check) -> Problems:
    if not isinstance(found, list) or not 1 <= len(found) <= most:
        yield f"{name}: 1 to {most}"
        return
    for one in found:
        yield from check(one)


def repeated(blocks: Sequence[Any]) -> Problems:
    ids = Counter(one["block_id"] for one in blocks if "block_id" in one)
    yield from (f"block_id {name}: twice" for name, count in ids.items() if count > 1)
    if sum(each.get("style") == "primary" for each in pressed(blocks)) > 1:
        yield "style: one primary button in a message"


def repeated_actions(elements: Any) -> Problems:
    ids = Counter(one.get("action_id") for one in elements or () if isinstance(one, dict))
    yield from (f"action_id {name}: twice in a block" for name, count in ids.items() if count > 1)


def pressed(blocks: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield every element of these blocks that can be pressed."""
    for one in blocks:
        found = [*(one.get("elements") or ()), one.get("accessory")]
        yield from (each for each in found if isinstance(each, dict) and "action_id" in each)


# --- mrkdwn --------------------------------------------------------------------------------

_TAG = re.compile(r"<([^<>]*)>")
_LINK = re.compile(r"https?://[^\s|]+\|[^|]+")
_DATE = re.compile(r"!date\^\d+\^[^|^]*\{[a-z_]+\}[^|^]*\|[^|]+")
_BARE = re.compile(r"[<>]|&(?!(amp|lt|gt);)")


def markup(told: str) -> Problems:
    """Find what is not escaped, cut in two, a mention, or a link that leads elsewhere than http."""
    for tag in _TAG.findall(told):
        if not (_LINK.fullmatch(tag) or _DATE.fullmatch(tag)):
            yield f"mrkdwn: neither a link nor a date: <{tag[:20]}>"
    if found := _BARE.search(_TAG.sub(lambda tag: tag[1], told)):
        yield f"mrkdwn: not escaped, or cut in two: {found[0]}"
    if told.count("`") % 2:
        yield "mrkdwn: a backtick that opens code"


def texts(blocks: object) -> Iterator[str]:
    """Yield every mrkdwn text of these blocks."""
    if isinstance(blocks, dict):
        if blocks.get("type") == "mrkdwn":
            yield blocks["text"]
        for part in blocks.values():
            yield from texts(part)
    elif isinstance(blocks, list):
        for part in blocks:
            yield from texts(part)

"""An answer as Markdown, for clients that give their model text alone.

Our words come first, then one line that says what the rest is, then what strangers wrote: each
value on one line behind its label, unable to be a heading, a link or code.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.wording import clean

TITLES: Mapping[str, str] = {
    "person": "Person",
    "company": "Company",
    "talking_points": "Talking points",
    "decision_makers": "Decision makers",
    "signals": "Signals",
    "candidates": "Who is meant?",
    "changes": "Changed since last time",
    "inferred": "Only a guess",
    "conflicts": "Sources disagree about",
    "confidence": "How sure",
    "sources": "Sources",
    "cited": "Sources by field",
    "people": "People",
    "providers": "Providers",
    "rows": "Prospects",
}
"""Member -> its heading."""

LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%()-]+")
"""A web address that is shown as it is."""

_TAME = re.compile(r"[ !\"$-)+-;=?@A-Z^_a-z{}]*")
"""Text in which there is nothing to clean and nothing to disarm: most of a card."""

_MARKUP = re.compile(r"([\\`*\[\]<>~|#])")

ELSEWHERE = frozenset({"notice", "card", "batch", "gaps", "next_step"})


def markdown(shown: Mapping[str, Any]) -> str:
    """Return an answer as Markdown: our words, then the notice, then what strangers wrote."""
    heads, parts = _split(shown)
    lines = [f"- {_label(name)}: {_said(value)}" for name, value in heads.items()]
    if step := shown.get("next_step"):
        lines.append(f"- next step: {_plain(step)}")
    blocks = ["\n".join(lines)]
    if notice := shown.get("notice"):
        blocks.append(f"> {notice}")
    for holder in ("card", "batch"):
        inner_heads, inner = _split(shown.get(holder) or {})
        blocks += ["\n".join(f"- {_label(k)}: {_said(v)}" for k, v in inner_heads.items())]
        parts |= inner
    blocks += [_block(name, value) for name, value in parts.items()]
    return "\n\n".join(block for block in blocks if block)


def _split(shown: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Separate what is said in one line from what has a heading of its own."""
    told = {name: value for name, value in shown.items() if name not in ELSEWHERE and value != []}
    heads = {name: value for name, value in told.items() if name not in TITLES}
    return heads, {name: told[name] for name in TITLES if name in told}


def _block(name: str, value: Any) -> str:
    return "\n".join([f"## {TITLES[name]}", *(f"- {line}" for line in _lines(name, value))])


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"{_label(key)}: {_said(part)}" for key, part in value.items())
    elif name == "talking_points":
        yield from map(_point_line, value)
    elif name == "sources":
        yield from (f"{one['id']}: {_said(_but(one, 'id'))}" for one in value)
    else:
        yield from map(_said, value)


def _but(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def _point_line(point: Mapping[str, Any]) -> str:
    ids = ", ".join(map(str, point.get("sources", ())))
    return f"{point['kind']}: {_inert(point['text'])}" + (f" (sources {ids})" if ids else "")


def _label(name: str) -> str:
    return name.replace("_", " ")


def _plain(text: str) -> str:
    return clean(text)


def _said(value: Any) -> str:
    """Return a value on one line, unable to be anything but text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{_label(key)} {_said(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    if isinstance(value, float):
        return f"{value:g}"
    return _inert(str(value))


def _inert(text: str) -> str:
    if _TAME.fullmatch(text):
        return text
    text = clean(text)
    return text if LINK.fullmatch(text) else _MARKUP.sub(r"\\\1", text)

"""The OpenAPI document as a page for people: no script, nothing from another host."""

import base64
import hashlib
from html import escape

import orjson
from pydantic import BaseModel

from integrations.rest.openapi import ABOUT, HEADERS, OPERATIONS, Operation, schemas
from integrations.rest.problem import KINDS

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:52rem;margin:0 auto;padding:1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow:auto;padding:.75rem;border:1px solid #8884;border-radius:.5rem}
details{border-top:1px solid #8884;padding:.5rem 0}summary{cursor:pointer}
b{display:inline-block;min-width:4.5rem;text-transform:uppercase}
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
"""


def page() -> tuple[str, str]:
    """Return the page, and the content security policy that fits it."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>Warmcall API</title><style>{STYLE}</style><h1>Warmcall API</h1>"
        f"<p>{escape(ABOUT)}</p><p><a href=/openapi.json>openapi.json</a></p>"
        f"{''.join(map(_operation, OPERATIONS))}<h2>Problems</h2>{_problems()}"
        f"<h2>Shapes</h2>{''.join(_shape(name, shape) for name, shape in schemas().items())}</html>"
    )
    return html, policy


def _operation(one: Operation) -> str:
    rows = [(name, HEADERS[name]) for name in one.headers]
    rows += [row for model in (one.query, one.body) if model for row in _members(model)]
    needs = f"<p>Needs the scope <code>{one.scope}</code>.</p>" if one.scope else ""
    says = ", ".join(
        f"{status} {_link(model)}" if model else str(status)
        for status, model in one.answers.items()
    )
    return (
        f"<details><summary><b>{one.method}</b> <code>{escape(one.path)}</code> "
        f"{escape(one.summary)}</summary>{needs}{_table(rows)}<p>Answers: {says}.</p></details>"
    )


def _members(model: type[BaseModel]) -> list[tuple[str, str]]:
    return [(name, field.description or "") for name, field in model.model_fields.items()]


def _link(model: type[BaseModel]) -> str:
    return f"<a href='#{model.__name__}'>{model.__name__}</a>"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = (f"<tr><th><code>{escape(a)}</code><td>{escape(b)}" for a, b in rows)
    return f"<table>{''.join(cells)}</table>" if rows else ""


def _problems() -> str:
    return _table([(f"{kind.status} {code}", kind.title) for code, kind in KINDS.items()])


def _shape(name: str, shape: object) -> str:
    text = orjson.dumps(shape, option=orjson.OPT_INDENT_2).decode()
    return (
        f"<details id='{escape(name)}'><summary><code>{escape(name)}</code></summary>"
        f"<pre>{escape(text)}</pre></details>"
    )

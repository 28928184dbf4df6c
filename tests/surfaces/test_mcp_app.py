"""The battlecard as an MCP App, as a file: whole in itself, small, and without ways to run text.

What it does in a browser is tested in tests/browser (`make test-browser`).
"""

import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

ROOT = Path(__file__).parents[2]
APP = (ROOT / "integrations/mcp/app.html").read_text("utf-8")
BYTES_AT_MOST = 60_000

TREE = HTMLParser(APP)


def script() -> str:
    (found,) = TREE.css("script")
    return found.text()


def style() -> str:
    (found,) = TREE.css("style")
    return found.text()


def test_the_app_is_one_small_file() -> None:
    assert len(APP.encode()) < BYTES_AT_MOST
    assert TREE.css("main h1")
    assert 'lang="en"' in APP


def test_nothing_is_loaded_from_anywhere() -> None:
    assert not TREE.css("link, img, svg, iframe, object, embed, base, form, input")
    assert not re.findall(r"https?://[a-z0-9]", APP)
    assert not re.search(r"url\(|@import|@font-face", style())
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|Worker)\b|\bimport\b",
        script(),
    )


def test_script_and_style_are_two_blocks_that_a_policy_can_name_by_hash() -> None:
    allowed = {"charset", "class", "content", "hidden", "id", "lang", "name", "role", "tabindex"}
    allowed |= {"type", "aria-labelledby"}
    assert TREE.root is not None
    found = {name for node in TREE.root.traverse() for name in node.attributes}
    assert found <= allowed


@pytest.mark.parametrize(
    "way",
    [
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setHTMLUnsafe"),
        *("createContextualFragment", "DOMParser", "srcdoc", "cssText", "eval(", "Function("),
        *(
            "window.location",
            "document.location",
            "location.href",
            "window.open",
            "localStorage",
            "sessionStorage",
            "document.cookie",
        ),
    ],
)
def test_text_has_no_way_to_become_markup_code_or_a_journey(way: str) -> None:
    assert way not in script()


def test_only_messages_of_the_host_are_heard() -> None:
    assert script().count('addEventListener("message"') == 1
    assert "event.source !== window.parent" in script()


def test_the_browser_tests_install_by_hash_and_name_no_place() -> None:
    lock = (ROOT / "tests/browser/package-lock.json").read_text("utf-8")
    assert "resolved" not in lock
    assert not re.search(r"https?:", lock)
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')

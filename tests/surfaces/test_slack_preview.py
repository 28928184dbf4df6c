"""The local page of the Slack card: every state is on it, drawn, and it loads nothing."""

import re

import pytest

from app.job import LIVE, Status
from integrations.slack.render import Message
from tests.fakes.blocks import texts
from tests.slack_preview.page import EMOJIS, mrkdwn, page
from tests.slack_preview.states import State, states


@pytest.fixture(scope="module")
def shown() -> list[State]:
    return states()


def test_every_end_of_a_job_is_on_the_page(shown: list[State]) -> None:
    titles = {one.title for one in shown}
    words = {status: status.value.replace("_", " ").capitalize() for status in Status}
    other = {Status.complete: "Ready", Status.provider_error: "Error"}
    assert {(words | other)[status] for status in set(Status) - LIVE} <= titles


def test_slack_would_take_everything_on_the_page(shown: list[State]) -> None:
    html = page(shown)
    assert html.count('class="message light"') == html.count('class="message dark"') == len(shown)
    assert "Slack refuses" not in html
    assert "is not drawn" not in html


def test_what_slack_refuses_is_said_on_the_page() -> None:
    refused = State("Refused", Message("A card.", [{"type": "banner"}]))
    html = page([refused])
    assert "Slack refuses: 0 banner: no block that every client shows." in html
    assert "banner is not drawn" in html


def test_every_emoji_that_a_message_uses_is_drawn(shown: list[State]) -> None:
    told = "\n".join(text for one in shown for text in texts(list(one.message.blocks)))
    used = set(re.findall(r"(?<!\S):([a-z0-9_]+):", told))
    assert used
    assert used <= EMOJIS.keys()


def test_the_page_loads_nothing_and_runs_nothing(shown: list[State]) -> None:
    html = page(shown)
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\bsrc=", html)
    assert "&lt;script&gt;" in html, "the hostile card is on it"


def test_mrkdwn_is_drawn_as_slack_draws_it() -> None:
    told = (
        ":warning: *Partly* `x`\n<https://a.example/?b=1&amp;c|A &lt;b&gt;> <!date^1^{date}|today>"
    )
    assert mrkdwn(told) == (
        "⚠️ <b>Partly</b> <code>x</code><br>"
        '<a href="https://a.example/?b=1&amp;c" rel="noopener noreferrer">A &lt;b&gt;</a> '
        "<time>today</time>"
    )

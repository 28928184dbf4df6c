"""Slack down a line that we open: what comes is answered, whatever becomes of the line."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from slack_bolt import BoltResponse
from slack_sdk import WebClient

from integrations.slack.socket_mode import Client, SocketMode
from tests.fakes.slack import TEAM, TOKEN, Fault, command
from tests.fakes.slack_app import APP_TOKEN, Lines, SlackApp, Unanswered, app_served
from tests.surfaces.slack_house import House

BY_LINE = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}


@pytest.fixture
def slack() -> Iterator[SlackApp]:
    with app_served(SlackApp()) as slack:
        yield slack


@pytest.fixture
def house(service: Any, slack: SlackApp) -> House:
    return House(service, slack, dict(BY_LINE))


@contextmanager
def connected(house: House) -> Iterator[Lines]:
    line, lines = house.surface.line, house.slack.line
    assert line is not None
    assert lines is not None
    line.ping_s, line.waits_s = 0.2, (0.01,)
    line.start()
    try:
        yield lines
    finally:
        line.stop()


@pytest.fixture
def lines(house: House) -> Iterator[Lines]:
    with connected(house) as lines:
        yield lines


def until(is_so: Any, what: str) -> None:
    pause, end = threading.Event(), time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, what
        pause.wait(0.01)


def asked(house: House) -> int:
    return len(house.service.messages())


def test_a_command_is_answered_down_the_line(house: House, lines: Lines) -> None:
    assert "into your messages" in lines.command(command("ann@acme.example"))
    assert "names nobody" in lines.command(command("x" * 5_000))
    assert "S\\u00f8ren" in lines.command(command("Søren Ås, Acme"))
    assert asked(house) > 0


def test_a_command_that_comes_twice_is_one_job(house: House, lines: Lines) -> None:
    body = command("ann@acme.example", trigger="1.1.same")
    assert lines.command(body) == lines.command(body)
    assert [task for task, _ in house.service.messages()].count("run_job") == 1


def test_an_event_is_answered_with_nothing_and_its_repeat_is_seen(
    house: House, lines: Lines
) -> None:
    event = {"type": "app_uninstalled"}
    payload = {"type": "event_callback", "team_id": TEAM, "event_time": 1, "event": event}
    told = lines.send("events_api", payload, retry_attempt=1, retry_reason="timeout")
    assert told is None


def test_what_nobody_listens_to_is_not_answered(lines: Lines) -> None:
    with pytest.raises(Unanswered):
        lines.send("interactive", {"type": "block_actions", "team": {"id": TEAM}, "actions": []})
    assert "into your messages" in lines.command(command("ann@acme.example"))


def test_large_answers_and_payloads_go_down_the_line(lines: Lines) -> None:
    many = "; ".join(f"p{number}@{'x' * 60}.acme.example" for number in range(5))
    assert len(lines.command(command(many))) > 300
    assert "names nobody" in lines.command(command("y" * 60_000))


def test_when_slack_asks_for_another_line_commands_go_on_being_answered(lines: Lines) -> None:
    assert "into your" in lines.command(command("ann@acme.example"))
    for number in range(3):
        lines.refresh()
        assert "into your" in lines.command(command(f"ann{number}@acme.example"))
    assert lines.opened == 4


def test_a_line_that_is_cut_is_renewed(lines: Lines) -> None:
    assert "into your" in lines.command(command("ann@acme.example"))
    lines.cut()
    until(lambda: lines.opened == 2, "a new line")
    assert "into your" in lines.command(command("bob@acme.example"))


def test_a_line_that_is_lost_is_noticed_before_it_is_tried(slack: SlackApp) -> None:
    web = WebClient(base_url=f"{slack.url}/", retry_handlers=[])
    client = Client(app_token=APP_TOKEN, web_client=web, ping_interval=1_000)
    client.connect()
    lines = slack.line
    assert lines is not None
    until(lambda: lines.opened == 1, "a line")
    lines.cut()
    until(lambda: not client.is_connected(), "it to be noticed")
    client.close()


@pytest.mark.parametrize(
    "faults",
    [[Fault(status=503), Fault(reset=True)], [Fault(error="internal_error"), Fault(status=500)]],
    ids=["down", "ill"],
)
def test_a_first_connection_that_fails_is_tried_again(
    house: House, faults: list[Fault], caplog: pytest.LogCaptureFixture
) -> None:
    house.slack.faults["apps.connections.open"] = faults
    with caplog.at_level(logging.WARNING), connected(house) as lines:
        assert "into your" in lines.command(command("ann@acme.example"))
    ours = [one for one in caplog.records if one.name == "warmcall.slack"]
    assert len(ours) == 1
    assert APP_TOKEN not in caplog.text


def test_without_slack_it_ends_at_once() -> None:
    line = SocketMode(lambda _: BoltResponse(status=200), APP_TOKEN, "http://127.0.0.1:1/api")
    line.start()
    line.stop()


def test_no_log_holds_what_was_typed_or_a_token(
    lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        lines.command(command("secret.person@acme.example"))
        lines.refresh()
        lines.command(command("secret.person@acme.example"))
    assert "secret.person" not in caplog.text
    assert "xapp-" not in caplog.text
    assert TOKEN not in caplog.text


def test_no_signing_secret_is_needed_and_no_url_is_served(house: House) -> None:
    assert list(house.surface.routes) == []
    assert APP_TOKEN not in repr(house.surface.line)

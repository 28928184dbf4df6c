"""The windows in Slack: within its limits, and safe, whatever strangers wrote."""

import pytest

from integrations.slack import windows
from integrations.slack.blocks import Object
from integrations.slack.payloads import Origin
from integrations.slack.render import full
from tests.fakes.blocks import check_view, texts
from tests.surfaces.test_slack_render import LINKS, NOISE, hostile
from tests.surfaces.views import CARDS, NOW, view

ORIGIN = Origin(job="job_01", place="D0CONV", ref="1795000000.000001")


def all_of(name: str, typed: str) -> list[Object]:
    return [
        windows.ask(typed),
        windows.edit(typed, ORIGIN),
        windows.wrong(name, typed, ORIGIN),
        windows.share(name, ORIGIN),
        windows.done(windows.ACCEPTED),
    ]


@pytest.mark.parametrize("noise", NOISE)
def test_every_window_is_one_that_slack_takes(noise: str) -> None:
    told = NOISE[noise] * 4_000
    opened = [*all_of(told, told), windows.details(full(hostile(NOISE[noise]), LINKS, NOW))]
    assert [check_view(one) for one in opened] == [[]] * len(opened)


def test_a_window_without_anything_to_begin_from_is_one_too() -> None:
    for one in all_of("", ""):
        assert check_view(one) == []


@pytest.mark.parametrize("name", CARDS)
def test_all_that_a_card_knows_fits_a_window(name: str) -> None:
    assert check_view(windows.details(full(view(name), LINKS, NOW))) == []


def test_what_a_window_remembers_names_nobody() -> None:
    for one in all_of("Jane Doe", "jane@acme.example"):
        assert "jane" not in one.get("private_metadata", "").lower()
        assert "<!" not in "".join(texts(one["blocks"]))


def test_what_a_window_remembers_is_read_again() -> None:
    [view] = [one for one in all_of("", "") if one.get("callback_id") == windows.SHARE]
    assert Origin.model_validate_json(view["private_metadata"]) == ORIGIN


@pytest.mark.parametrize("noise", NOISE)
def test_an_error_is_short_and_plain(noise: str) -> None:
    assert len(windows.error(NOISE[noise] * 4_000)) <= windows.TOLD

"""What strangers wrote reaches Slack as text: valid blocks, no mass mention, no link of theirs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.market import Company, Market, Person
from tests.fakes.slack import Message, Slack, slack_served
from tests.fakes.vendors import Vendors
from tests.journeys.stack import vendors_served
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

NOISE = "Æ<&>*_`" * 570  # some 4,000 characters
DOMAIN = "loud.example.com"


@dataclass(frozen=True)
class Loud:
    """A workspace whose one provider repeats what a stranger wrote."""

    workspace: Workspace
    vendors: Vendors


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loud]:
    vendors = Vendors(Market())
    with (
        slack_served(Slack()) as slack,
        vendors_served(vendors) as settings,
        running(
            tmp_path_factory.mktemp("loud"),
            slack,
            **settings,
            WARMCALL_PROVIDERS="peopledatalabs,hunter,datalegion",
        ) as workspace,
    ):
        yield Loud(workspace, vendors)


@pytest.mark.parametrize(
    "text",
    [NOISE, "<!channel> <@U0BOSS> <#C0SALES>", "javascript:alert(1)", "*_~`> " * 50],
    ids=["noise", "mentions", "a script", "marks"],
)
def test_what_a_stranger_wrote_is_shown_as_text(
    loud: Loud, text: str, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id.replace(" ", "-")
    mail = f"{name}@{name}.{DOMAIN}"
    market = loud.vendors.market
    market.people.append(Person(mail, f"Jane {text}", f"{name}.{DOMAIN}", title=text, slug=text))
    market.companies.append(
        Company(f"{name}.{DOMAIN}", text, industry=text, slug=text, description=text)
    )
    user = loud.workspace.user(f"loud{name.replace('-', '')}")
    loud.workspace.prep(mail, user)
    card = loud.workspace.card_of(user)
    assert {"header", "section"} <= {block["type"] for block in card.blocks}
    assert "Jane" in card.text
    assert_harmless(card)


def assert_harmless(card: Message) -> None:
    shown = json.dumps(card.blocks, ensure_ascii=False) + card.text
    assert "<!channel" not in marked_up(card)
    assert "<@" not in marked_up(card)
    assert "<javascript:" not in shown
    urls = [one["url"] for one in elements(card.blocks) if "url" in one]
    assert all(url.startswith(("https://", "http://")) for url in urls)


def marked_up(card: Message) -> str:
    """Return the texts in which Slack looks for mentions."""
    return card.text + " ".join(
        one["text"] for one in elements(card.blocks) if one.get("type") == "mrkdwn"
    )


def elements(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from elements(value)
    elif isinstance(part, list):
        for one in part:
            yield from elements(one)

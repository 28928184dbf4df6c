"""A rep saves a card to HubSpot from Slack: a diff, then the write, and nothing once erased."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integrations.slack import buttons
from tests.fakes.hubspot import TOKEN as HUBSPOT_TOKEN
from tests.fakes.hubspot import HubSpot, hubspot_served
from tests.fakes.hubspot_events import PATH, Caller
from tests.fakes.hubspot_events import SECRET as HUBSPOT_SECRET
from tests.fakes.slack import Message, Slack, press, send, slack_served, submit
from tests.journeys.stack import wait_until
from tests.journeys.test_a_contact_appears_in_hubspot import PUBLIC
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

JANE = "sarah.chen@acme.example"


@dataclass
class Desk:
    """A workspace whose service has a HubSpot too; `caller` brings what happens there."""

    workspace: Workspace
    hubspot: HubSpot
    caller: Caller

    def press(self, message: Message, action_id: str, user: str) -> None:
        answer = send(
            self.workspace.door, press(self.workspace.slack, message, action_id, user=user)
        )
        assert answer.status_code == 200


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with slack_served(Slack()) as slack, hubspot_served(HubSpot()) as hubspot:
        settings = {
            "HUBSPOT_ACCESS_TOKEN": HUBSPOT_TOKEN,
            "HUBSPOT_CLIENT_SECRET": HUBSPOT_SECRET,
            "HUBSPOT_API_URL": hubspot.url,
            "WARMCALL_PUBLIC_URL": PUBLIC,
        }
        with running(folder, slack, **settings) as workspace:
            caller = Caller(hubspot, workspace.stack.url + PATH, PUBLIC + PATH)
            yield Desk(workspace, hubspot, caller)


def test_a_card_is_saved_once_its_diff_was_agreed_to_and_goes_when_hubspot_erases_the_person(
    desk: Desk,
) -> None:
    workspace, slack = desk.workspace, desk.workspace.slack
    contact = desk.hubspot.add(email=JANE, city="Bonn")
    user = workspace.user("saver")
    workspace.prep(JANE, user)
    card = workspace.card_of(user)

    desk.press(card, buttons.SAVE_CRM, user)
    wait_until(lambda: slack.views and "jobtitle" in str(slack.views[-1]), "the diff")
    window = slack.views[-1]
    assert "VP of Sales" in str(window["blocks"])
    assert contact.properties.get("jobtitle") is None
    assert send(workspace.door, submit(window, user=user)).status_code == 200
    wait_until(lambda: "Saved" in str(window["blocks"]), "what became of it")
    assert contact.properties["jobtitle"] == "VP of Sales"
    assert contact.properties["city"] == "Bonn"
    assert len(desk.hubspot.notes(contact)) == 1

    workspace.prep(JANE, user)
    wait_until(lambda: len(workspace.cards(user)) == 2, "another card")
    again = workspace.cards(user)[-1]
    assert buttons.OPEN_CRM in str(again.blocks)
    assert buttons.SAVE_CRM not in str(again.blocks)

    desk.hubspot.erase(contact)
    desk.caller.deliver()
    wait_until(
        lambda: {one.text for one in slack.shown(user)} == {"Removed on request."},
        "both cards to go",
    )

"""The check that stands for Slack: what is right passes, and each rule refuses what breaks it."""

from typing import Any

import pytest

from tests.fakes.blocks import check_blocks, check_message, check_view, markup

PLAIN = {"type": "plain_text", "text": "Refresh", "emoji": True}
MARKED = {"type": "mrkdwn", "text": "*Size*\n240", "verbatim": True}
BUTTON = {"type": "button", "text": PLAIN, "action_id": "a", "value": "job_1"}
OPTION = {"text": PLAIN, "value": "full:job_1"}
MENU = {"type": "overflow", "action_id": "b", "options": [OPTION]}
SELECT = {"type": "static_select", "action_id": "c", "placeholder": PLAIN, "options": [OPTION]}
CONFIRM = {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN}
THUMB = {"text": PLAIN, "value": "up:job_1", "accessibility_label": "It helped"}
THUMBS = {
    "type": "feedback_buttons",
    "action_id": "d",
    "positive_button": THUMB,
    "negative_button": THUMB,
}
BIN = {"type": "icon_button", "icon": "trash", "text": PLAIN, "action_id": "e"}
IMAGE = {"type": "image", "image_url": "https://acme.example/a.png", "alt_text": "Acme"}
INPUT = {"type": "plain_text_input", "action_id": "v", "max_length": 200}

HEADER = {"type": "header", "text": PLAIN}
SECTION = {"type": "section", "text": MARKED, "expand": True}
FIELDS = {"type": "section", "fields": [MARKED]}
SMALL = {"type": "context", "elements": [MARKED, IMAGE]}
ACTIONS = {"type": "actions", "elements": [BUTTON, MENU, SELECT]}
FEEDBACK = {"type": "context_actions", "elements": [THUMBS, BIN]}
MARKDOWN = {"type": "markdown", "text": "# Acme"}
ALL = [HEADER, SECTION, FIELDS, SMALL, ACTIONS, FEEDBACK, MARKDOWN, IMAGE, {"type": "divider"}]
ASKING = {"type": "input", "label": PLAIN, "element": INPUT, "block_id": "q"}
MODAL = {
    "type": "modal",
    "title": PLAIN,
    "submit": PLAIN,
    "close": PLAIN,
    "callback_id": "edit",
    "private_metadata": "job_1",
    "blocks": [
        ASKING,
        {**ASKING, "block_id": "f", "element": {"type": "file_input", "action_id": "f"}},
    ],
}


def plain(count: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * count}


def marked(count: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": "x" * count}


def options(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**OPTION, **changes} for _ in range(count)]


def acted(element: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [{**element, **changes}]}


def small(element: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "context_actions", "elements": [{**element, **changes}]}


def test_blocks_as_slack_documents_them_pass() -> None:
    assert check_message("A card.", ALL) == []
    assert (
        check_blocks([{**SECTION, "accessory": acted(BUTTON, confirm=CONFIRM)["elements"][0]}])
        == []
    )
    assert check_view(MODAL) == []
    assert check_view({"type": "home", "blocks": [HEADER, ACTIONS]}) == []


BROKEN: dict[str, list[Any]] = {
    "no block": [],
    "51 blocks": [{"type": "divider"}] * 51,
    "an unknown block": [{"type": "banner"}],
    "a block old clients do not show": [{"type": "card", "title": PLAIN}],
    "not an object": ["divider"],
    "an unknown key": [{**SECTION, "colour": "red"}],
    "a missing key": [acted(MENU, options=[{"text": PLAIN}])],
    "a long block_id": [{**SECTION, "block_id": "b" * 256}],
    "a block_id twice": [{**SECTION, "block_id": "b"}, {**FIELDS, "block_id": "b"}],
    "an input on a message": [ASKING],
    "an empty text": [{**HEADER, "text": plain(0)}],
    "a blank text": [{**SECTION, "text": {"type": "mrkdwn", "text": " \n"}}],
    "a text of no type": [{**SECTION, "text": {"text": "x"}}],
    "an unknown key of a text": [{**SECTION, "text": {**MARKED, "emoji": True}}],
    "a long header": [{**HEADER, "text": plain(151)}],
    "a header of emojis": [{**HEADER, "text": {"type": "plain_text", "text": "🚀" * 76}}],
    "a header in mrkdwn": [{**HEADER, "text": MARKED}],
    "a section of nothing": [{"type": "section"}],
    "a long section": [{**SECTION, "text": marked(3_001)}],
    "11 fields": [{**FIELDS, "fields": [MARKED] * 11}],
    "no field": [{**FIELDS, "fields": []}],
    "a long field": [{**FIELDS, "fields": [marked(2_001)]}],
    "an accessory of no type": [{**SECTION, "accessory": {"type": "lever"}}],
    "11 in a context": [{**SMALL, "elements": [MARKED] * 11}],
    "none in a context": [{**SMALL, "elements": []}],
    "a button in a context": [{**SMALL, "elements": [BUTTON]}],
    "26 actions": [
        {"type": "actions", "elements": [{**BUTTON, "action_id": str(n)} for n in range(26)]}
    ],
    "an action_id twice": [{"type": "actions", "elements": [BUTTON, BUTTON]}],
    "a long action_id": [acted(BUTTON, action_id="a" * 256)],
    "feedback among actions": [acted(THUMBS)],
    "6 in context_actions": [{**FEEDBACK, "elements": [BIN] * 6}],
    "a button in context_actions": [small(BUTTON)],
    "a long button": [acted(BUTTON, text=plain(76))],
    "a button in mrkdwn": [acted(BUTTON, text=MARKED)],
    "a long value": [acted(BUTTON, value="v" * 2_001)],
    "a long url": [acted(BUTTON, url="https://a.example/" + "u" * 3_000)],
    "a url of another scheme": [acted(BUTTON, url="javascript:alert(1)")],
    "a long label": [acted(BUTTON, accessibility_label="l" * 76)],
    "a style of our own": [acted(BUTTON, style="big")],
    "two primary buttons": [acted(BUTTON, style="primary")] * 2,
    "a long confirm title": [acted(BUTTON, confirm={**CONFIRM, "title": plain(101)})],
    "a long confirm text": [acted(BUTTON, confirm={**CONFIRM, "text": plain(301)})],
    "a long confirm": [acted(BUTTON, confirm={**CONFIRM, "confirm": plain(31)})],
    "a long deny": [acted(BUTTON, confirm={**CONFIRM, "deny": plain(31)})],
    "6 in a menu": [acted(MENU, options=options(6))],
    "none in a menu": [acted(MENU, options=[])],
    "101 options": [acted(SELECT, options=options(101))],
    "101 groups": [
        acted(
            SELECT, option_groups=[{"label": plain(1), "options": options(1, text=plain(1))}] * 101
        )
    ],
    "a long group": [acted(SELECT, option_groups=[{"label": plain(76), "options": [OPTION]}])],
    "a long option": [acted(SELECT, options=options(1, text=plain(76)))],
    "a long option value": [acted(SELECT, options=options(1, value="v" * 151))],
    "a long description": [acted(SELECT, options=options(1, description=plain(76)))],
    "a long placeholder": [acted(SELECT, placeholder=plain(151))],
    "11 boxes": [acted({"type": "checkboxes", "action_id": "x"}, options=options(11))],
    "11 radio buttons": [acted({"type": "radio_buttons", "action_id": "x"}, options=options(11))],
    "an image without words": [{**IMAGE, "alt_text": ""}],
    "a long image url": [{**IMAGE, "image_url": "https://a.example/" + "u" * 3_000}],
    "long words of an image": [{**IMAGE, "alt_text": "a" * 2_001}],
    "a long image title": [{**IMAGE, "title": plain(2_001)}],
    "a long thumb": [small(THUMBS, positive_button={**THUMB, "text": plain(76)})],
    "a long value of a thumb": [small(THUMBS, negative_button={**THUMB, "value": "v" * 2_001})],
    "a thumb of no value": [small(THUMBS, negative_button={"text": PLAIN})],
    "another icon": [small(BIN, icon="flag")],
    "an icon for 11 people": [small(BIN, visible_to_user_ids=["U1"] * 11)],
    "long markdown together": [{**MARKDOWN, "text": "x" * 6_001}] * 2,
    "too much together": [{**SECTION, "text": marked(2_900)}] * 5,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_slack_refuses_in_a_message_is_refused(name: str) -> None:
    assert len(check_blocks(BROKEN[name])) == 1, "this rule alone is broken"


VIEWS: dict[str, dict[str, Any]] = {
    "of no type": {**MODAL, "type": "window"},
    "101 blocks": {**MODAL, "blocks": [{"type": "divider"}] * 101},
    "no title": {key: part for key, part in MODAL.items() if key != "title"},
    "a long title": {**MODAL, "title": plain(25)},
    "a long submit": {**MODAL, "submit": plain(25)},
    "a long close": {**MODAL, "close": plain(25)},
    "an input without submit": {key: part for key, part in MODAL.items() if key != "submit"},
    "long metadata": {**MODAL, "private_metadata": "m" * 3_001},
    "a long callback_id": {**MODAL, "callback_id": "c" * 256},
    "feedback": {**MODAL, "blocks": [FEEDBACK]},
    "a long label": {**MODAL, "blocks": [{**ASKING, "label": plain(2_001)}]},
    "a long hint": {**MODAL, "blocks": [{**ASKING, "hint": plain(2_001)}]},
    "a button to fill in": {**MODAL, "blocks": [{**ASKING, "element": BUTTON}]},
    "long input": {**MODAL, "blocks": [{**ASKING, "element": {**INPUT, "max_length": 3_001}}]},
    "11 files": {
        **MODAL,
        "blocks": [
            {**ASKING, "element": {"type": "file_input", "action_id": "f", "max_files": 11}}
        ],
    },
    "too large": {**MODAL, "blocks": [{**SECTION, "text": marked(3_000)}] * 90},
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_slack_refuses_in_a_view_is_refused(name: str) -> None:
    assert len(check_view(VIEWS[name])) == 1, "this rule alone is broken"


@pytest.mark.parametrize("text", ["", "x" * 4_001, None, "<!channel> look"])
def test_a_message_needs_a_fallback_that_notifications_can_show(text: object) -> None:
    assert check_message(text, [SECTION])


@pytest.mark.parametrize(
    "told",
    [
        "<!channel>",
        "<@U012>",
        "<#C012>",
        "<javascript:alert(1)|News>",
        "<https://acme.example>",
        "<!date^1795219200^{date}>",
        "R&D",
        "R&am",
        "a < b",
        "&lt;script&gt; > x",
        "`code",
    ],
)
def test_mrkdwn_that_is_not_escaped_is_found(told: str) -> None:
    assert list(markup(told))


@pytest.mark.parametrize(
    "told",
    [
        "R&amp;D &lt;b&gt;",
        "<https://acme.example/a?b=1&amp;c=2|News>",
        "<!date^1795219200^{date_short_pretty} at {time}|20 Nov 2026, 12:00 UTC>",
        "Type `/prep`",
    ],
)
def test_mrkdwn_that_is_escaped_passes(told: str) -> None:
    assert list(markup(told)) == []

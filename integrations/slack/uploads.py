"""A list of prospects as a CSV file: a shortcut or `/prep csv` opens a window, the worker does it.

Slack's file_input gives us a file of the user's (facts/slack.md section 13, read 2026-11-21).
Nothing here reads it: that may take longer than Slack waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError
from slack_bolt import Ack, App

from app.delivery import Address
from app.intake import Intake
from app.sheet import MOST_BYTES
from integrations.slack.asking import caller, digest
from integrations.slack.blocks import Object, section, words
from integrations.slack.reading import plain
from integrations.slack.verify import FILES, is_slacks

COMMAND = "/prep"
WORD = "csv"
CALLBACK = "prep_csv"
"""The id of the global shortcut, and of the window that it opens."""

CHANNEL = "slack_file"
EVENT = "file.shared"

FILE, FIELD, CREDITS = "file", "list", "credits"
"""The blocks of the window, and what is in the first."""

MOST_ROWS = 1_000

ABOUT = (
    "A CSV file with a column for e-mail addresses, company domains or LinkedIn URLs, or for names "
    f"and companies: up to {MOST_ROWS:,} rows. The result comes into your messages with this app."
)
UNREADABLE = "This is not a file of yours that can be read. Please choose it again."
TOO_LARGE = f"The file is larger than {MOST_BYTES // 1_000_000} MB."


class File(BaseModel):
    """A file as a view_submission has it."""

    size: int = 0
    url_private_download: str = Field(max_length=2_000)


class _Files(BaseModel):
    files: list[File] = Field(min_length=1, max_length=1)


class _Number(BaseModel):
    value: float | None = Field(None, ge=0, allow_inf_nan=False)


class _Id(BaseModel):
    id: str = Field(pattern="^[A-Z0-9]{2,32}$")


class _State(BaseModel):
    values: dict[str, dict[str, dict[str, Any]]]


class _View(BaseModel):
    id: str = Field(min_length=1, max_length=64)
    state: _State


class Submission(BaseModel):
    """A window that was sent off."""

    team: _Id
    user: _Id
    view: _View


@dataclass(frozen=True, slots=True)
class Uploads:
    """The listeners for lists. `api_url` is that of Slack's Web API.

    `opens` opens a window with the client of a request, for a trigger. It does not raise.
    """

    intake: Intake
    api_url: str
    opens: Callable[[Any, str, Object], object]

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners: before those for other words of the command."""
        bolt.command(COMMAND, matchers=[_is_ours])(self.asked)
        bolt.global_shortcut(CALLBACK)(self.asked)
        bolt.view(CALLBACK)(self.sent)

    def asked(self, ack: Ack, body: dict[str, Any], client: Any) -> None:
        """Open the window."""
        ack()
        self.opens(client, str(body.get("trigger_id", "")), window())

    def sent(self, ack: Ack, body: dict[str, Any]) -> None:
        """Have the worker fetch the file, once however often Slack sends the window."""
        try:
            told = Submission.model_validate(body)
            state = told.view.state.values
            [file] = _Files.model_validate(state[FILE][FIELD]).files
            most = _Number.model_validate(state.get(CREDITS, {}).get(FIELD, {})).value
        except (ValidationError, KeyError):
            self._refuse(ack, UNREADABLE)
            return
        if file.size > MOST_BYTES:
            self._refuse(ack, TOO_LARGE)
        elif not is_slacks(file.url_private_download, FILES, self.api_url):
            self._refuse(ack, UNREADABLE)
        else:
            self._fetch(told, file, most)
            ack()

    def _refuse(self, ack: Callable[..., Any], why: str) -> None:
        ack(response_action="errors", errors={FILE: why})

    def _fetch(self, told: Submission, file: File, max_credits: float | None) -> None:
        mark = digest(f"{told.team.id}:{told.view.id}")
        job = {"url": file.url_private_download, "max_credits": max_credits}
        target = f"{told.team.id}:{told.user.id}:{mark}:{orjson.dumps(job).decode()}"
        self.intake.send_once(caller(told.team.id), Address(CHANNEL, target), EVENT, mark)


def _is_ours(command: dict[str, Any]) -> bool:
    return plain(str(command.get("text", ""))).strip().lower() == WORD


def window() -> Object:
    """Return the window in which a file is chosen."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": words("Prep a list", 24),
        "submit": words("Look up", 24),
        "close": words("Cancel", 24),
        "blocks": [
            section(ABOUT),
            {
                "type": "input",
                "block_id": FILE,
                "label": words("File"),
                "element": {
                    "type": "file_input",
                    "action_id": FIELD,
                    "filetypes": ["csv"],
                    "max_files": 1,
                },
            },
            {
                "type": "input",
                "block_id": CREDITS,
                "optional": True,
                "label": words("Spend no more credits than"),
                "element": {
                    "type": "number_input",
                    "action_id": FIELD,
                    "is_decimal_allowed": True,
                    "min_value": "0",
                },
            },
        ],
    }

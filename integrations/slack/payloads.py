"""What Slack sends when somebody presses, submits or picks something.

Shapes from https://docs.slack.dev/reference/interaction-payloads, by facts/slack.md section 13,
read 2026-11-21. A button's value comes back from the client: it says which job, not that it may be
seen.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, Field

from app.intake import Spot
from integrations.slack.addresses import ONLY_TEAM

Id: TypeAlias = Annotated[str, Field(pattern="^[A-Z0-9]{2,32}$")]
Word: TypeAlias = Annotated[str, Field(max_length=256)]


class Team(BaseModel):
    """A workspace."""

    id: Id


class User(BaseModel):
    """Who pressed. In a shared channel that may be somebody of another workspace."""

    id: Id
    team_id: Id | None = None


class Sent(BaseModel):
    """What all of them carry."""

    team: Team
    user: User

    @property
    def is_own(self) -> bool:
        """Tell whether somebody of the workspace itself pressed it."""
        return self.user.team_id in {None, self.team.id}


class Option(BaseModel):
    """A choice of a menu."""

    value: Word


class Action(BaseModel):
    """The element that was pressed."""

    value: Word = ""
    selected_option: Option | None = None

    @property
    def told(self) -> str:
        """Return what the element stands for."""
        return self.selected_option.value if self.selected_option else self.value


class Container(BaseModel):
    """The message that it is under."""

    channel_id: Id
    message_ts: Word


class Click(Sent):
    """Somebody pressed something under a message."""

    container: Container
    actions: list[Action] = Field(min_length=1)
    trigger_id: Word
    response_url: str = Field("", max_length=2_000, repr=False)

    @property
    def told(self) -> str:
        """Return what the pressed element stands for."""
        return self.actions[0].told

    @property
    def spot(self) -> Spot:
        """Return where the message is."""
        return spot(self.team.id, self.container.channel_id, self.container.message_ts)


class State(BaseModel):
    """What was put into a modal: block -> element -> what it holds."""

    values: dict[str, dict[str, dict[str, Any]]] = {}


class View(BaseModel):
    """A modal that was submitted."""

    id: Word
    hash: Word
    private_metadata: str = Field("", max_length=3_000)
    state: State = State()


class Submission(Sent):
    """Somebody submitted a modal."""

    view: View

    @property
    def once(self) -> str:
        """Return what tells this submission from all others."""
        return f"{self.view.id}:{self.view.hash}"

    def put(self, block: str, key: str) -> str:
        """Return what the one element of a block holds under `key`; empty when it holds nothing."""
        for element in self.view.state.values.get(block, {}).values():
            found = element.get(key)
            return found if isinstance(found, str) else ""
        return ""


class Picked(BaseModel):
    """The message that a shortcut was picked at."""

    text: str = ""


class Shortcut(Sent):
    """Somebody picked a shortcut, from the menu or at a message."""

    trigger_id: Word
    message: Picked = Picked()
    response_url: str = Field("", max_length=2_000, repr=False)


class Origin(BaseModel):
    """What a modal remembers of the card that it was opened at: nothing about people."""

    job: Word
    place: Id
    ref: Word

    @staticmethod
    def of(click: Click, job_id: str) -> "Origin":
        """Note where something was pressed."""
        at = click.container
        return Origin(job=job_id, place=at.channel_id, ref=at.message_ts)

    def spot(self, team: str) -> Spot:
        """Return where the message is."""
        return spot(team, self.place, self.ref)


def spot(team: str, place: str, ref: str) -> Spot:
    """Return where a message of a workspace is."""
    return Spot(place, ref, (f"{team}:", f"{ONLY_TEAM}:"))

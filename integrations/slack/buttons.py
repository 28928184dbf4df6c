"""What a rep can press under a message: every action's id. Each carries the job's id only."""

from collections.abc import Mapping

from integrations.slack.blocks import Object, button, overflow, url_button

REFRESH = "prep_refresh"
SHARE = "prep_share"
MORE = "prep_more"
CHOOSE = "prep_choose"
EDIT = "prep_edit"
FEEDBACK = "prep_feedback"
OPEN_CRM = "open_crm"
SAVE_CRM = "save_crm"

ACTIONS = (REFRESH, SHARE, MORE, CHOOSE, EDIT, FEEDBACK, OPEN_CRM, SAVE_CRM)
"""All of them: messages that were posted long ago still carry them."""

MENU: Mapping[str, str] = {
    "wrong": "Wrong person",
    "full": "Full details",
    "delete": "Delete this card",
}
"""What the `…` menu offers: the head of its value `HEAD:JOB` -> its label."""


def refresh(job_id: str) -> Object:
    return button("Refresh", REFRESH, job_id)


def retry(label: str, job_id: str) -> Object:
    """Return the button that looks up again, as what is most likely wanted."""
    return {**button(label, REFRESH, job_id), "style": "primary"}


def edit(job_id: str) -> Object:
    return button("Edit search", EDIT, job_id)


def edit_first(job_id: str) -> Object:
    """Return the button that asks about somebody else, as what is most likely wanted."""
    return {**edit(job_id), "style": "primary"}


def share(job_id: str) -> Object:
    return button("Share to a channel", SHARE, job_id)


def open_crm(url: str) -> Object:
    return url_button("Open in CRM", OPEN_CRM, url)


def save_crm(job_id: str) -> Object:
    return button("Save to CRM", SAVE_CRM, job_id)


def menu(job_id: str, *heads: str) -> Object:
    """Return the `…` menu with these of its choices."""
    return overflow(MORE, {f"{head}:{job_id}": MENU[head] for head in heads})

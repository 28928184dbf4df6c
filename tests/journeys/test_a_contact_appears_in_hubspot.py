"""A contact appears in HubSpot: it comes back enriched, whatever HubSpot does meanwhile.

The rows of facts/crm.md section 12, read 2026-11-21, with real processes and a strict HubSpot.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hubspot import APP, PORTAL, TOKEN, HubSpot, Record, hubspot_served
from tests.fakes.hubspot_events import PATH, SECRET, Caller
from tests.journeys.stack import Stack, installed, wait_until

PUBLIC = "https://warm.example.com"
SETTINGS = {
    "HUBSPOT_ACCESS_TOKEN": TOKEN,
    "HUBSPOT_CLIENT_SECRET": f"{SECRET},older",
    "HUBSPOT_APP_ID": str(APP),
    "HUBSPOT_PORTAL_ID": str(PORTAL),
    "WARMCALL_PUBLIC_URL": PUBLIC,
    "WARMCALL_LEASE": "2s",
}
OPEN = "SELECT count(*) FROM crm_record WHERE state IN ('new', 'waiting', 'asked')"


@dataclass
class Account:
    """A running service and the account that it serves; `caller` brings what happens there."""

    stack: Stack
    hubspot: HubSpot
    caller: Caller

    def add(self, email: str, **values: str) -> Record:
        """Create a contact, and have it delivered."""
        record = self.hubspot.add(email=email, **values)
        self.caller.deliver()
        return record

    def rows(self, question: str, *values: str) -> list[Any]:
        file = self.stack.folder / "warmcall.db"
        with closing(sqlite3.connect(file, timeout=30)) as db:
            return db.execute(question, values).fetchall()

    def state(self, record: Record) -> tuple[str, str]:
        kind = "person" if record.kind == "contacts" else "company"
        target = f"hubspot:{kind}:{record.id}"
        found = self.rows("SELECT state, reason FROM crm_record WHERE target = ?", target)
        return found[0] if found else ("", "")

    def is_calm(self) -> bool:
        """Tell whether nothing is open: no record, no job, no delivery."""
        [(live,)] = self.rows("SELECT count(*) FROM job WHERE finished_at IS NULL")
        [(due,)] = self.rows("SELECT count(*) FROM outbox WHERE state = 'pending'")
        [(waiting,)] = self.rows(OPEN)
        return not (live or due or waiting)

    def settle(self) -> None:
        wait_until(self.is_calm, "everything to be done")

    def jobs(self, email: str) -> int:
        found = self.rows("SELECT count(*) FROM job WHERE prospect_key = ?", f"email:{email}")
        return int(found[0][0])

    def refused(self) -> list[Any]:
        """Return what of ours HubSpot found to be wrong."""
        return [one for one in self.hubspot.calls if one.status in {400, 404, 405}]


@contextmanager
def running(folder: Path, hubspot: HubSpot, **settings: str) -> Iterator[Account]:
    with installed(folder, **{"HUBSPOT_API_URL": hubspot.url, **SETTINGS, **settings}) as stack:
        stack.start_worker()
        stack.start_web()
        yield Account(stack, hubspot, Caller(hubspot, stack.url + PATH, PUBLIC + PATH))


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("hubspot")
    with hubspot_served(HubSpot()) as hubspot, running(folder, hubspot) as found:
        yield found


# --- 1, 2: what is written


def test_a_new_contact_gets_its_blanks_filled_and_one_note(account: Account) -> None:
    jane = account.add("sarah.chen@acme.example", city="Bonn")
    account.settle()
    assert jane.properties["jobtitle"] == "VP of Sales"
    assert jane.properties["city"] == "Bonn"
    assert len(account.hubspot.notes(jane)) == 1
    assert account.refused() == []

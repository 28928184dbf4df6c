"""A contact appears in HubSpot: it comes back enriched, whatever HubSpot does meanwhile.

The rows of facts/crm.md section 12, read 2026-11-21, with real processes and a strict HubSpot.
"""

import re
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.crm.hubspot.adapter import HubSpot as Adapter
from integrations.crm.hubspot.setup import set_up
from tests.crm.talking import talk
from tests.fakes.hubspot import (
    APP,
    DAILY,
    PORTAL,
    SECONDLY,
    TEN_SECONDLY,
    TOKEN,
    Fault,
    HubSpot,
    Record,
    hubspot_served,
)
from tests.fakes.hubspot_events import ANSWERS_IN_S, PATH, SECRET, Caller
from tests.journeys.nursery import Forked
from tests.journeys.stack import Stack, installed, wait_until

SOON_S = 30.0
LIMIT = 1_000  # calls in 10 s: ten times what an account has, so that tests end soon
PUBLIC = "https://warm.example.com"
SETTINGS = {
    "HUBSPOT_ACCESS_TOKEN": TOKEN,
    "HUBSPOT_CLIENT_SECRET": f"{SECRET},older",
    "HUBSPOT_APP_ID": str(APP),
    "HUBSPOT_PORTAL_ID": str(PORTAL),
    "WARMCALL_PUBLIC_URL": PUBLIC,
    "WARMCALL_LEASE": "2s",
    "HUBSPOT_PACE": str(LIMIT),
}
OPEN = "SELECT count(*) FROM crm_record WHERE state IN ('new', 'waiting', 'asked')"


@dataclass
class Account:
    """A running service and the account that it serves; `caller` brings what happens there."""

    stack: Stack
    hubspot: HubSpot
    caller: Caller
    web: Forked

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
        wait_until(self.is_calm, "everything to be done", SOON_S)

    def change(self, statement: str, *values: str) -> None:
        file = self.stack.folder / "warmcall.db"
        with closing(sqlite3.connect(file, timeout=30)) as db, db:
            db.execute(statement, values)

    def reopen(self, target: str) -> None:
        """Let the time come for which something of a record was put off."""
        now = (datetime.now(UTC) - timedelta(seconds=30)).strftime("%Y-%m-%d %H:%M:%S.%f")
        self.change("UPDATE turn SET shut_until = NULL")
        self.change("UPDATE crm_record SET due_at = ? WHERE target = ?", now, target)
        self.change("UPDATE outbox SET next_at = ? WHERE target = ?", now, target)
        self.change("UPDATE message SET due_at = ? WHERE due_at IS NOT NULL", now)

    def found(self, text: str) -> list[str]:
        """Return the tables in which a text is anywhere."""
        names = [
            name for (name,) in self.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return [name for name in names if text in str(self.rows(f'SELECT * FROM "{name}"'))]

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
        web = stack.start_web()
        yield Account(stack, hubspot, Caller(hubspot, stack.url + PATH, PUBLIC + PATH), web)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("hubspot")
    rules = folder / "crm.toml"
    rules.write_text('[fields.hubspot.company]\nno_such_property = "company.industry"\n', "utf-8")
    options = {"WARMCALL_CRM": str(rules)}
    busy = HubSpot(per_ten_s=LIMIT, searches_per_s=LIMIT // 10)
    with hubspot_served(busy) as hubspot:
        talk(set_up(Adapter(key=TOKEN, base_url=hubspot.url)))
        with running(folder, hubspot, **options) as found:
            yield found


# --- 1, 2: what is written


def test_a_new_contact_gets_its_blanks_filled_and_one_note(account: Account) -> None:
    before = len(account.hubspot.calls)
    jane = account.add("sarah.chen@acme.example", city="Bonn", phone="+49 228 5550100")
    account.settle()
    assert jane.properties["jobtitle"] == "VP of Sales"
    typed = {"city": "Bonn", "phone": "+49 228 5550100"}
    assert typed.items() <= jane.properties.items()
    [note] = account.hubspot.notes(jane)
    assert note.linked["contacts"] == {jane.id: {202}}
    assert "Sarah Chen" in note.properties["hs_note_body"]
    calls = account.hubspot.calls[before:]
    [patch] = [one for one in calls if one.method == "PATCH"]
    assert not typed.keys() & patch.body["properties"].keys()
    assert all(re.match(r"/crm/(objects|properties)/2026-09/", one.path) for one in calls)
    assert {one.status for one in calls} <= {200, 201}


def test_why_a_value_was_not_written_is_on_the_books(account: Account) -> None:
    rae = account.add("rae@acme.example", jobtitle="Chancellor")
    account.settle()
    assert rae.properties["jobtitle"] == "Chancellor"
    found = "SELECT state, reason FROM crm_write WHERE target = ? AND property = 'jobtitle'"
    assert account.rows(found, f"hubspot:person:{rae.id}") == [("skipped", "kept")]


def test_our_own_properties_say_what_became_of_it(account: Account) -> None:
    known = account.hubspot.add(email="pia@own.example")
    unknown = account.hubspot.add(email="notfound@own.example")
    account.caller.deliver()
    account.settle()
    assert known.properties["warmcall_status"] == "complete"
    assert known.properties["warmcall_battlecard_url"].startswith(f"{PUBLIC}/card/")
    assert 0 < float(known.properties["warmcall_confidence"]) <= 1
    assert unknown.properties["warmcall_status"] == "needs_manual_enrichment"
    assert account.hubspot.notes(unknown) == []


# --- 3, 4: how it is delivered


def test_an_import_of_230_contacts_is_taken_in_time_and_done(account: Account) -> None:
    account.caller.sent.clear()
    made = [account.hubspot.add(email=f"ann{n}@import{n}.example") for n in range(230)]
    account.caller.deliver()
    assert len(account.caller.sent) == 3
    assert {one.status for one in account.caller.sent} == {200}
    assert max(one.took_s for one in account.caller.sent) < ANSWERS_IN_S
    account.settle()
    assert {len(account.hubspot.notes(one)) for one in made} == {1}
    assert {account.state(one)[0] for one in made} == {"done"}
    assert account.hubspot.statuses()[429] == 0


def test_what_comes_twice_in_any_order_and_both_formats_is_one_job_each(account: Account) -> None:
    caller = replace(account.caller, formats=("object", "legacy"), shared=0.2, again=0.3)
    made = [account.hubspot.add(email=f"dup{n}@dup{n}.example") for n in range(60)]
    account.hubspot.changed.remove(caller.note)
    account.caller.waiting.clear()
    assert len({one["eventId"] for one in caller.waiting}) < len(caller.waiting) == 120
    caller.deliver(is_shuffled=True)
    account.settle()
    assert {len(account.hubspot.notes(one)) for one in made} == {1}
    assert {account.jobs(f"dup{n}@dup{n}.example") for n in range(60)} == {1}


# --- 5, 7: what we have heard before


def test_what_our_own_writing_tells_brings_no_second_job(account: Account) -> None:
    caller = replace(account.caller, tells=("creation", "propertyChange"))
    kim = account.hubspot.add(email="kim@acme.example")
    caller.deliver()
    account.settle()
    before = len(account.hubspot.calls)
    echoes = [one for one in caller.waiting if one["changeSource"] == "INTEGRATION"]
    assert {one["objectId"] for one in echoes} == {int(kim.id)}
    caller.deliver()
    account.hubspot.changed.remove(caller.note)
    account.settle()
    assert len(account.hubspot.calls) == before
    assert account.jobs("kim@acme.example") == 1


def test_what_is_sent_again_is_taken_and_starts_nothing(account: Account) -> None:
    account.hubspot.add(email="again@acme.example")
    events = list(account.caller.waiting)
    account.caller.deliver()
    account.settle()
    before = len(account.hubspot.calls)
    assert account.caller.send(events).status == 200
    account.settle()
    assert (len(account.hubspot.calls), account.jobs("again@acme.example")) == (before, 1)


# --- 6, 8, 18: who may tell us, and what


@pytest.mark.parametrize(
    "changes",
    [
        {"sent_body": b"[]"},
        {"headers": {"X-HubSpot-Signature-v3": "bm90IGl0"}},
        {"headers": {"X-HubSpot-Request-Timestamp": "1790000001000"}},
        {"secret": "another"},
        {"method": "PUT"},
        {"without": "X-HubSpot-Signature-v3"},
        {"without": "X-HubSpot-Request-Timestamp"},
        {"age_s": 301},
        {"age_s": -301},
    ],
    ids=str,
)
def test_a_delivery_that_is_not_hubspots_is_refused(
    account: Account, changes: dict[str, Any]
) -> None:
    mallory = account.hubspot.add(email="mallory@acme.example")
    events, account.caller.waiting = account.caller.waiting, []
    sent = account.caller.send(events, **changes)
    assert (sent.status, sent.body) == (401, "")
    assert account.state(mallory) == ("", "")


def test_the_address_that_is_signed_is_the_public_one_with_its_query(account: Account) -> None:
    query = "?src=hs%3Aapp%2Fv3&q=a%20b"
    url = account.caller.url + query
    caller = replace(account.caller, url=url, public_url=PUBLIC + PATH + query, secret="older")
    zoe = account.hubspot.add(email="zoe@acme.example")
    account.caller.waiting.clear()
    caller.deliver()
    account.hubspot.changed.remove(caller.note)
    account.settle()
    assert account.state(zoe)[0] == "done"


def test_what_we_do_not_want_is_taken_and_left_alone(account: Account) -> None:
    yan = account.hubspot.add(email="yan@acme.example")
    [told] = account.caller.waiting
    account.caller.waiting.clear()
    merge = {key: value for key, value in told.items() if key != "objectId"}
    odd = [
        {**told, "portalId": 1},
        {**told, "appId": 1},
        {**told, "subscriptionType": "object.unheardOf"},
        {**told, "subscriptionType": "conversation.newMessage"},
        {**told, "objectTypeId": "0-3"},
        {**merge, "subscriptionType": "object.merge"},
        {},
    ]
    assert [account.caller.send(some).status for some in (odd, [])] == [200, 200]
    account.settle()
    assert account.state(yan) == ("", "")


# --- 9, 10: when HubSpot is busy, or fails


def test_a_limit_or_a_failure_is_waited_for(account: Account) -> None:
    busy = [
        Fault(429, TEN_SECONDLY, {"Retry-After": "1"}),
        Fault(429, SECONDLY),
        Fault(423, {"category": "LOCKED", "message": "locked"}),
        Fault(477, {"message": "migrating"}, {"Retry-After": "1"}),
        Fault(503),
    ]
    account.hubspot.fail("GET", "contacts/", *busy)
    account.hubspot.fail("PATCH", "contacts/", *busy)
    made = [account.hubspot.add(email=f"bob{n}@bob{n}.example") for n in range(len(busy))]
    account.caller.deliver()
    account.settle()
    assert not any(account.hubspot.faults.values())
    assert all("jobtitle" in one.properties for one in made)
    assert [len(account.hubspot.notes(one)) for one in made] == [1] * len(busy)


def test_a_daily_limit_parks_what_is_to_be_done(account: Account) -> None:
    account.hubspot.fail("PATCH", "contacts/", Fault(429, DAILY))
    dee = account.add("dee@acme.example")
    target = f"hubspot:person:{dee.id}"
    parked = "SELECT state FROM outbox WHERE target = ? AND next_at > ?"
    later = (datetime.now(UTC) + timedelta(minutes=50)).isoformat(" ")
    wait_until(lambda: account.rows(parked, target, later), "the delivery to be parked")
    assert account.rows(parked, target, later) == [("pending",)]
    assert not account.hubspot.notes(dee)
    account.reopen(target)
    account.settle()
    assert len(account.hubspot.notes(dee)) == 1


def test_a_note_whose_making_is_in_doubt_is_there_once(account: Account) -> None:
    lost = [
        Fault(502, after=True),
        Fault(reset=True, after=True),
        Fault(hang_s=11, after=True),
        Fault(503),
        Fault(reset=True),
    ]
    account.hubspot.fail("POST", "notes$", *lost)
    made = [account.hubspot.add(email=f"lost{n}@lost{n}.example") for n in range(len(lost))]
    account.caller.deliver()
    account.settle()
    assert not any(account.hubspot.faults.values())
    assert [len(account.hubspot.notes(one)) for one in made] == [1] * len(lost)


# --- 11: when a value does not fit


def test_a_value_that_is_no_option_any_more_costs_none_of_the_others(account: Account) -> None:
    account.add("warm@acme.example")
    account.settle()  # the definitions are known by now
    seniority = account.hubspot.properties["contacts"]["hs_seniority"]
    options, seniority["options"] = seniority["options"], []
    eve = account.add("eve@acme.example")
    account.settle()
    seniority["options"] = options
    assert eve.properties["jobtitle"]
    assert "hs_seniority" not in eve.properties
    found = "SELECT state, reason FROM crm_write WHERE target = ? AND property = 'hs_seniority'"
    refused = ("refused", "INVALID_OPTION")
    assert account.rows(found, f"hubspot:person:{eve.id}") == [refused]


def test_a_property_or_an_option_that_is_not_there_is_not_written(account: Account) -> None:
    acme = account.hubspot.add("companies", domain="nooption.example")
    account.caller.deliver()
    account.settle()
    assert acme.properties["name"]
    assert acme.properties["description"]
    found = "SELECT property, reason FROM crm_write WHERE target = ? AND state = 'skipped'"
    reasons = dict(account.rows(found, f"hubspot:company:{acme.id}"))
    assert reasons["no_such_property"] == "undefined"


# --- 12, 13: who is gone, or is not to be looked up


def test_a_contact_that_is_gone_before_we_look_is_closed(account: Account) -> None:
    gus = account.hubspot.add(email="gus@acme.example")
    gus.is_archived = True
    account.caller.deliver()
    wait_until(lambda: account.state(gus)[0] == "gone", "the record to be closed")
    assert account.jobs("gus@acme.example") == 0


def test_of_two_contacts_that_were_merged_the_winner_is_written(account: Account) -> None:
    winner = account.hubspot.add(email="winner@acme.example")
    loser = account.hubspot.add(email="loser@acme.example")
    account.caller.waiting = [
        one for one in account.caller.waiting if one["objectId"] == int(loser.id)
    ]
    account.hubspot.merge(winner, loser)
    [creation, _] = account.caller.waiting
    account.caller.waiting = [creation]
    account.caller.deliver()
    account.settle()
    assert len(account.hubspot.notes(winner)) == 1
    assert "jobtitle" in winner.properties
    assert "jobtitle" not in loser.properties


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"email": "opted@acme.example", "hs_contact_enrichment_opt_out": "true"}, "opted_out"),
        ({"email": "jane.roe@gmail.com"}, "free_mail"),
        ({"firstname": "Nobody"}, "no_email"),
    ],
    ids=["opted out", "free mail", "no address"],
)
def test_who_is_not_to_be_looked_up_is_left_alone(
    account: Account, values: dict[str, str], reason: str
) -> None:
    record = account.hubspot.add(**values)
    account.caller.deliver()
    account.settle()
    assert account.state(record) == ("skipped", reason)
    assert account.hubspot.notes(record) == []
    assert not account.hubspot.called("PATCH", record.id)


# --- 14: who is to be forgotten


def test_nothing_is_left_of_a_person_who_was_deleted_for_ever(account: Account) -> None:
    ida = account.add("ida.roth@forgotten.example", city="Bonn")
    account.settle()
    account.hubspot.erase(ida)
    account.caller.deliver(is_shuffled=True)
    wait_until(lambda: account.state(ida)[0] == "erased", "the person to be forgotten")
    account.settle()
    assert account.found("ida.roth") == []
    assert account.found("Ida Roth") == []
    assert "ida.roth" not in account.stack.log("worker") + account.stack.log("web")


# --- 16, 17: what happens at the same time


def test_what_was_told_while_we_were_down_is_caught_up_with(account: Account) -> None:
    [web] = [one for one in account.stack.processes if one is account.web]
    web.send_signal(signal.SIGTERM)
    web.wait(30)
    liv = account.hubspot.add(email="liv@acme.example")
    with ThreadPoolExecutor(1) as pool:
        delivering = pool.submit(account.caller.deliver)
        wait_until(lambda: account.caller.sent[-1].status == 0, "a first try")
        account.web = account.stack.start_web()
        delivering.result()
    account.settle()
    assert len(account.hubspot.notes(liv)) == 1


def test_the_company_that_hubspot_makes_in_the_same_second_is_the_only_one(
    account: Account,
) -> None:
    def with_company(hubspot: HubSpot, record: Record) -> None:
        if record.kind == "contacts":
            company = hubspot.add("companies", source="CRM", domain="same.example", name="Same")
            hubspot.link(record, company)

    account.hubspot.on_create = with_company
    mia = account.hubspot.add(email="mia@same.example")
    account.hubspot.on_create = None
    account.caller.deliver()
    account.settle()
    domains = [
        one.properties.get("domain") for one in account.hubspot.records["companies"].values()
    ]
    assert domains.count("same.example") == 1
    [company_id] = mia.linked["companies"]
    company = account.hubspot.records["companies"][company_id]
    assert company.properties["description"]
    assert not account.hubspot.called("POST", "objects/.*companies$")


def test_the_logs_name_nobody_and_no_key(account: Account) -> None:
    told = account.stack.log("worker") + account.stack.log("web")
    assert "a record arrived" in told
    assert not [word for word in ("@", "Sarah", TOKEN, SECRET, "Bonn") if word in told]


# --- 15: when we are not let in


@pytest.fixture(scope="module")
def oauth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("oauth")
    granted = HubSpot(keys={}, refresh_tokens={"refresh-1": SECRET})
    settings = {
        "HUBSPOT_ACCESS_TOKEN": "",
        "HUBSPOT_CLIENT_ID": "client-1",
        "HUBSPOT_REFRESH_TOKEN": "refresh-1",
    }
    with hubspot_served(granted) as hubspot, running(folder, hubspot, **settings) as found:
        yield found


def test_a_token_that_has_ended_is_renewed_once(oauth: Account) -> None:
    first = oauth.add("first@acme.example")
    oauth.settle()
    assert len(oauth.hubspot.notes(first)) == 1
    for key in oauth.hubspot.keys.values():
        key.until = 0.0
    second = oauth.add("second@acme.example")
    oauth.settle()
    assert len(oauth.hubspot.notes(second)) == 1
    assert len(oauth.hubspot.called("POST", "/oauth/2026-09/token")) == 2
    assert oauth.hubspot.statuses()[401] == 1


@pytest.mark.parametrize(
    ("is_revoked", "told"),
    [(False, "crm.objects.contacts.read"), (True, "install the app anew")],
    ids=["wrong scope", "revoked"],
)
def test_a_connection_that_is_not_let_in_is_marked_and_waits(
    oauth: Account, is_revoked: bool, told: str
) -> None:
    kept = dict(oauth.hubspot.keys)
    if is_revoked:
        oauth.hubspot.keys.clear()
        oauth.hubspot.refresh_tokens.clear()
        for key in kept.values():
            key.until = 0.0
            oauth.hubspot.keys = kept
    else:
        for name, key in kept.items():
            scopes = key.scopes - {"crm.objects.contacts.read"}
            oauth.hubspot.keys[name] = replace(key, scopes=scopes)
    uma = oauth.add(f"uma{is_revoked}@acme.example")
    broken = "SELECT reason FROM crm_health WHERE connection = 'hubspot'"
    wait_until(lambda: told in str(oauth.rows(broken)), "the connection to be marked")
    assert oauth.state(uma)[0] == "waiting"
    oauth.hubspot.keys = kept
    oauth.change("DELETE FROM crm_health")
    oauth.reopen(f"hubspot:person:{uma.id}")
    if not is_revoked:
        oauth.settle()
        assert len(oauth.hubspot.notes(uma)) == 1


# --- where HubSpot cannot call us


def test_new_contacts_are_looked_for_where_hubspot_cannot_call_us(tmp_path: Path) -> None:
    late = HubSpot(lag_s=0.5, searches_per_s=100)
    settings = {"HUBSPOT_CLIENT_SECRET": "", "HUBSPOT_POLL": "1s"}
    with hubspot_served(late) as hubspot:
        old = hubspot.add(email="old@acme.example")
        old.created_ms -= 600_000
        with running(tmp_path, hubspot, **settings) as polled:
            assert polled.caller.send([]).status == 404
            polled.stack.start_worker()
            made = [hubspot.add(email=f"poll{n}@poll{n}.example") for n in range(3)]
            wait_until(lambda: all(map(hubspot.notes, made)), "the cards", SOON_S)
            for worker in [one for one in polled.stack.processes if one is not polled.web]:
                worker.send_signal(signal.SIGKILL)
            missed = hubspot.add(email="missed@acme.example")
            polled.stack.start_worker()
            wait_until(lambda: hubspot.notes(missed), "the card of the missed one", SOON_S)
            polled.settle()
        assert {len(hubspot.notes(one)) for one in (*made, missed)} == {1}
        assert hubspot.notes(old) == []

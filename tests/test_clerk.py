"""Records that arrive: which are enriched, how often, and what becomes of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select

from app import callers, crm_store
from app.crm import Happening, Kind
from app.crm_refresh import Refresher
from app.delivery import Address
from app.facts import Json, Section
from app.provider import Answer, Outcome, Request
from app.retention import Retention
from app.tables import CrmRow, CrmSeen, CrmWrite, Event, Job, KnownFact, Outbox
from integrations.crm.line import CrmLine
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.servers import BACKENDS
from tests.fakes.small_crm import Fault, Office

JANE = "jane.roe@initech.example"
SAYS: dict[str, Json] = {"person.full_name": "Jane Roe", "person.title": "Head of Sales"}
FIRM: dict[str, Json] = {"company.name": "Initech", "company.employee_count": 240}

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@pytest.fixture
def oracle(clock: Clock) -> Oracle:
    return Oracle("orbit", {Section.person: SAYS, Section.company: FIRM}, clock, sandbox=True)


@pytest.fixture
def office(make: Any, oracle: Oracle) -> Office:
    return Office(make(oracle))


def row(office: Office, record_id: str, kind: str = "person") -> Any:
    target = f"small:{kind}:{record_id}"
    return office.service.database.read(lambda db: crm_store.row(db, target))


def jobs(office: Office) -> list[Any]:
    return office.service.database.read(lambda db: list(db.execute(select(Job)).all()))


def test_a_new_person_arrives_enriched_with_one_note(office: Office) -> None:
    kept = office.crm.person("1", email=JANE)
    office.arrive("1")
    assert kept.values["title"] == "Head of Sales"
    assert kept.values["warmcall_status"] in {"complete", "partial"}
    assert len(office.crm.notes) == 1
    assert row(office, "1").state == "done"
    assert [job.caller_id for job in jobs(office)] == ["crm_small"]


def test_what_is_told_again_is_nothing_new(office: Office) -> None:
    office.crm.person("1", email=JANE)
    event = office.event("1", key="e1")
    assert (office.tell(event), office.tell(event), office.tell(event, event)) == (1, 0, 0)
    office.work()
    assert office.tell(event) == 0
    assert len(jobs(office)) == len(office.crm.notes) == 1


def test_all_that_is_told_of_a_record_at_once_is_one_arrival(office: Office) -> None:
    office.crm.person("1", email=JANE)
    told = [office.event("1", key=f"e{n}", ago_s=n) for n in range(5)]
    told.append(office.event("1", Happening.updated, key="u1"))
    assert office.tell(*told) == 1
    office.work()
    assert len(jobs(office)) == len(office.crm.notes) == 1


def test_what_is_told_while_the_job_runs_opens_nothing(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    [(_, target)] = office.service.messages()
    asyncio.run(office.clerk.arrive(target))
    assert row(office, "1").state == "asked"
    assert office.tell(office.event("1", Happening.updated)) == 0
    office.clock.move(hours=2)  # it cannot run for so long
    assert office.tell(office.event("1", Happening.updated)) == 1


def test_the_card_of_a_new_record_comes_where_it_is_to_be_shown_once(office: Office) -> None:
    shown = Address("slack", "T1:C3:event-1")
    office.clerk = replace(office.clerk, shown_at=lambda record: (shown,))
    office.crm.person("1", email=JANE)
    office.arrive("1")
    office.arrive("1")
    assert [one.address for one in office.service.postbox.got] == [shown]


def test_where_a_record_is_in_its_crm_is_known_before_its_card_is_there(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    [(_, target)] = office.service.messages()
    asyncio.run(office.clerk.arrive(target))
    intake = office.service.intake
    [job] = jobs(office)
    view = intake.job(intake.local_caller(), job.id)
    assert not view.is_final
    assert intake.crm_page(view).endswith("/open/1")


def test_our_own_writing_is_no_news(office: Office) -> None:
    office.crm.person("1", email=JANE)
    assert office.tell(office.event("1", Happening.updated, is_echo=True)) == 0
    assert office.service.messages() == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "Jane Roe"}, "no_email"),
        ({"email": "jane.roe@gmail.com"}, "free_mail"),
        ({"email": "info@initech.example"}, "role"),
        ({"email": "jane@mailinator.com"}, "disposable"),
        ({"email": "not an address"}, "invalid_email"),
    ],
)
def test_who_cannot_be_prepared_for_is_skipped_with_the_reason(
    office: Office, values: dict[str, str], reason: str
) -> None:
    office.crm.person("1", **values)
    office.arrive("1")
    assert (row(office, "1").state, row(office, "1").reason) == ("skipped", reason)
    assert jobs(office) == []


def test_who_opted_out_is_not_enriched(office: Office) -> None:
    office.crm.person("1", email=JANE).opted_out = True
    office.arrive("1")
    assert (row(office, "1").state, row(office, "1").reason) == ("skipped", "opted_out")
    assert jobs(office) == []


def test_a_record_that_was_skipped_is_looked_at_again_when_more_is_told(office: Office) -> None:
    office.crm.person("1", name="Jane Roe")
    office.arrive("1")
    office.crm.type("person", "1", email=JANE)
    office.arrive("1", happening=Happening.updated)
    assert row(office, "1").state == "done"


def test_a_record_that_cannot_be_seen_yet_is_looked_for_once_more(office: Office) -> None:
    office.arrive("1")
    assert (row(office, "1").state, row(office, "1").reason) == ("waiting", "unseen")
    office.crm.person("1", email=JANE)
    office.clock.move(seconds=6)
    office.work()
    assert row(office, "1").state == "done"


def test_a_record_that_is_gone_is_closed(office: Office) -> None:
    office.arrive("1")
    office.clock.move(seconds=6)
    office.work()
    office.arrive("2", ago_s=120)
    assert [row(office, one).state for one in "12"] == ["gone", "gone"]
    assert jobs(office) == []


def test_a_record_is_not_enriched_again_before_it_has_cooled_down(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.arrive("1")
    office.clock.move(days=6)
    office.arrive("1", happening=Happening.updated)
    assert (row(office, "1").state, row(office, "1").reason) == ("done", "cool_down")
    assert len(jobs(office)) == 1
    office.clock.move(days=2)
    office.arrive("1", happening=Happening.updated)
    assert len(jobs(office)) == 2
    assert len(office.crm.notes) == 1  # the same note, changed


def test_what_another_installation_has_enriched_lately_is_left_alone(office: Office) -> None:
    office.crm.person("1", email=JANE, warmcall_enriched_at="2026-11-20T09:00:00Z")
    office.arrive("1")
    assert (row(office, "1").state, row(office, "1").reason) == ("done", "cool_down")


def test_a_deleted_record_stops_its_job_and_may_come_back(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1", ago_s=60), office.event("1", Happening.deleted, ago_s=30))
    office.work()
    assert row(office, "1").state == "deleted"
    assert jobs(office) == []
    office.arrive("1", ago_s=1)
    assert row(office, "1").state == "done"


def test_a_creation_told_after_its_deletion_opens_nothing(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1", Happening.deleted, ago_s=5))
    assert office.tell(office.event("1", ago_s=50)) == 0


def test_a_deletion_while_the_job_runs_writes_nothing(office: Office) -> None:
    kept = office.crm.person("1", email=JANE)
    office.tell(office.event("1", ago_s=60))
    [(task, target)] = office.service.messages()
    assert task == "arrive"
    asyncio.run(office.clerk.arrive(target))
    office.tell(office.event("1", Happening.deleted))
    office.work()
    assert "title" not in kept.values
    assert office.crm.notes == {}
    assert [job.status for job in jobs(office)] == ["cancelled"]


def test_what_is_known_of_a_deleted_record_goes_after_a_month(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.arrive("1")
    office.tell(office.event("1", Happening.deleted))
    office.service.sweep()
    assert len(jobs(office)) == 1
    office.clock.move(days=31)
    office.service.sweep()
    assert jobs(office) == []
    assert traces(office) == []


def test_the_winner_of_a_merge_is_written_and_the_loser_no_more(office: Office) -> None:
    office.crm.person("1", email=JANE).merged_into = "2"
    winner = office.crm.person("2", email=JANE)
    office.tell(office.event("1", ago_s=60))
    office.tell(office.event("2", Happening.merged, others=("1",)))
    office.work()
    assert winner.values["title"] == "Head of Sales"
    assert (row(office, "1").state, row(office, "1").winner) == ("merged", "small:person:2")
    office.arrive("1", happening=Happening.updated)  # which is heard as of the winner
    assert len(jobs(office)) == len(office.crm.notes) == 1


def test_a_merge_that_only_the_crm_knows_of_is_followed(office: Office) -> None:
    office.crm.person("1", email=JANE).merged_into = "2"
    winner = office.crm.person("2", email=JANE)
    office.arrive("1")
    assert winner.values["title"] == "Head of Sales"
    assert [row(office, one).state for one in "12"] == ["merged", "done"]


@pytest.mark.parametrize("deleted_first", [True, False])
def test_nothing_is_left_of_a_person_who_was_erased(office: Office, deleted_first: bool) -> None:
    office.crm.person("1", email=JANE)
    office.arrive("1")
    happenings = [Happening.deleted, Happening.erased]
    for happening in happenings if deleted_first else reversed(happenings):
        office.tell(office.event("1", happening))
    assert jobs(office) == []
    assert traces(office) == []
    assert row(office, "1").state == "erased"
    assert office.tell(office.event("1", Happening.updated)) == 0
    office.crm.person("3", email=JANE)
    office.arrive("3")
    assert (row(office, "3").state, row(office, "3").reason) == ("skipped", "suppressed")


def test_a_record_that_is_erased_before_it_was_heard_of_stays_shut(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1", Happening.erased))
    assert office.tell(office.event("1", ago_s=60), office.event("1", ago_s=0)) == 0
    assert jobs(office) == []


@pytest.mark.parametrize("is_asked", [True, False])
def test_who_is_erased_while_their_card_is_asked_for_is_forgotten(
    office: Office, *, is_asked: bool
) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    [(_, target)] = office.service.messages()
    asked = office.clerk.request

    def request(*ask: Any) -> Any:
        if is_asked:
            told = asked(*ask)
            told.result()
        office.tell(office.event("1", Happening.erased))
        return told if is_asked else asked(*ask)

    asyncio.run(replace(office.clerk, request=request).arrive(target))
    office.work()
    assert jobs(office) == []
    assert traces(office) == []


def test_an_arrival_whose_message_was_lost_is_taken_up_again(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    office.service.messages()  # taken, and lost
    office.clock.move(seconds=6)
    if office.service.queue_is_elsewhere:
        office.clock.move(minutes=11)
    office.service.sweep()
    office.work()
    assert row(office, "1").state == "done"


def test_an_arrival_is_parked_while_the_limit_of_the_day_is_reached(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.crm.faults.append(Fault("GET", "/records", 429, {"wait": 3_000}))
    office.arrive("1")
    assert row(office, "1").state == "waiting"
    office.clock.move(seconds=3_001)
    office.work()
    assert row(office, "1").state == "done"


def test_an_arrival_is_not_given_up_however_often_it_has_to_wait(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    for _ in range(12):
        office.crm.faults = [Fault("GET", "/records", 429, {"wait": 60})]
        office.work()
        office.clock.move(seconds=61)
    office.crm.faults = [Fault("GET", "/records", 502)]
    office.work()
    assert row(office, "1").state == "waiting"
    office.clock.move(seconds=6)
    office.work()
    assert row(office, "1").state == "done"


def test_a_crm_that_does_not_answer_is_asked_again_later(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.crm.faults += [Fault("GET", "/records", 502), Fault("GET", "/records", 0)]
    office.arrive("1")
    assert row(office, "1").state == "waiting"
    for _ in range(3):
        office.clock.move(seconds=61)
        office.work()
    assert row(office, "1").state == "done"


def test_a_connection_that_is_not_let_in_is_broken_until_it_is(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.crm.person("2", email="bob.ray@initech.example")
    office.crm.token = "another"
    office.arrive("1")
    office.arrive("2")
    assert [row(office, one).state for one in "12"] == ["waiting", "waiting"]
    assert len(office.crm.requests) == 1  # the second one was not even tried
    broken = office.service.database.read(crm_store.all_health)
    assert [(one.connection, one.reason) for one in broken] == [("small", "the key is not valid")]
    office.crm.token = "small-secret"
    for _ in range(3):
        office.clock.move(minutes=6)
        office.work()
    assert [row(office, one).state for one in "12"] == ["done", "done"]
    assert office.service.database.read(crm_store.all_health) == []


def test_a_company_arrives_enriched(office: Office) -> None:
    kept = office.crm.company("7", domain="initech.example")
    office.arrive("7", kind=Kind.company)
    assert (kept.values["name"], kept.values["headcount"]) == ("Initech", "240")
    assert row(office, "7", "company").state == "done"


def test_a_company_without_a_domain_is_skipped(office: Office) -> None:
    office.crm.company("7", name="Initech")
    office.arrive("7", kind=Kind.company)
    assert row(office, "7", "company").reason == "no_domain"


def traces(office: Office) -> list[str]:
    """Return where the person is still named in our own tables."""
    tables: tuple[Any, ...] = (CrmSeen, CrmRow, CrmWrite, KnownFact, Job, Outbox, Event)
    clear = ("jane", "head of sales")
    return [
        table.__tablename__
        for table in tables
        for one in office.service.database.read(partial(all_of, table=table))
        if any(text in str(tuple(one)).lower() for text in clear)
    ]


def all_of(db: Connection, table: Any) -> list[Any]:
    return list(db.execute(select(table)).all())


# --- looking up again what has grown old ---


def refresh(office: Office, budget: float) -> int:
    refresher = Refresher(tasks=office.service.tasks, now=office.clock, budget=budget)
    begin = partial(refresher.begin, connection="small")
    return office.service.database.write(begin).result()


def enriched(office: Office, *numbers: int) -> None:
    for number in numbers:
        office.crm.person(str(number), email=f"p{number}@initech.example")
        office.arrive(str(number))
        office.clock.move(hours=1)


def test_the_oldest_records_are_enriched_again_and_what_changed_is_told(
    office: Office, oracle: Oracle
) -> None:
    enriched(office, 1, 2)
    office.clock.move(days=29, hours=23)
    oracle.says = {**oracle.says, Section.person: {**SAYS, "person.seniority": "vp"}}
    assert refresh(office, 100) == 1
    office.work()
    assert [office.crm.records["person", one].values.get("seniority") for one in "12"] == [
        "vp",
        None,
    ]
    since = office.clock().replace(hour=0)
    changed = office.service.intake.refreshed("small", since)
    assert [(one.target, one.change.property) for one in changed] == [
        ("small:person:1", "seniority")
    ]
    assert refresh(office, 100) == 0  # the other one is not old yet


def test_no_more_is_begun_than_the_budget_pays_for(office: Office) -> None:
    enriched(office, 1, 2, 3, 4)
    office.clock.move(days=31)
    assert refresh(office, 0) == refresh(office, 4.9) == 0
    assert refresh(office, 12) == 2
    assert refresh(office, 12) == 0  # what is under way may cost all of it
    office.work()
    spent = office.service.database.read(
        lambda db: callers.usage(db, "crm_small_refresh", f"{office.clock():%Y-%m}")[1]
    )
    assert spent > 0
    assert refresh(office, spent + 4.9) == 0
    assert refresh(office, spent + 5) == 1


def test_a_refresh_that_has_to_wait_stays_within_its_budget(office: Office) -> None:
    enriched(office, 1)
    office.clock.move(days=31)
    office.crm.faults = [Fault("GET", "/records", 502), Fault("GET", "/records", 429)]
    assert refresh(office, 5) == 1
    for _ in range(4):
        office.work()
        office.clock.move(minutes=2)
    assert row(office, "1").enriched_at > office.clock() - timedelta(hours=1)
    assert {job.caller_id for job in jobs(office)} == {"crm_small", "crm_small_refresh"}


def test_what_was_told_in_vain_makes_a_record_not_incomplete(office: Office) -> None:
    enriched(office, 1)
    assert row(office, "1").ended == "complete"
    office.arrive("1", happening=Happening.updated)
    office.clock.move(days=10)
    assert refresh(office, 100) == 0


def test_a_record_that_stayed_incomplete_comes_first(make: Any, clock: Clock) -> None:
    says: dict[Section, Any] = {Section.person: Outcome.provider_error, Section.company: FIRM}
    oracle = Oracle("orbit", says, clock, sandbox=True)
    office = Office(make(oracle))
    enriched(office, 1)
    oracle.says = {Section.person: SAYS, Section.company: FIRM}
    clock.move(days=8)
    assert refresh(office, 5) == 1
    office.work()
    assert office.crm.records["person", "1"].values["title"] == "Head of Sales"


def test_what_is_told_while_a_record_is_looked_at_is_not_missed(office: Office) -> None:
    kept = office.crm.person("1", name="Jane Roe")
    office.tell(office.event("1"))
    [(_, target)] = office.service.messages()

    async def call(request: Request) -> Answer:
        answer = await office.crm.call(request)
        if not kept.values.get("email"):
            office.crm.type("person", "1", email=JANE)
            assert office.tell(office.event("1", Happening.updated)) == 0
        return answer

    line = office.desk.lines("small")
    assert isinstance(line, CrmLine)
    clerk = replace(office.clerk, lines=lambda name: replace(line, call=call))
    asyncio.run(clerk.arrive(target))
    office.work()
    assert row(office, "1").state == "done"


def test_only_one_of_two_workers_looks_at_a_record(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    [(_, target)] = office.service.messages()
    other = replace(office.clerk, owner="worker_2")

    async def both() -> None:
        await asyncio.gather(office.clerk.arrive(target), other.arrive(target))

    asyncio.run(both())
    assert len([one for one in office.crm.requests if "/records" in one[1]]) == 1


def test_the_record_of_a_worker_that_died_is_taken_up_again(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.tell(office.event("1"))
    office.service.messages()
    target = "small:person:1"
    claim = partial(
        crm_store.claim,
        target=target,
        owner="worker_dead",
        now=office.clock(),
        lease=timedelta(seconds=60),
    )
    office.service.database.write(claim).result()
    office.clock.move(minutes=11)
    office.service.sweep()
    office.work()
    assert row(office, "1").state == "done"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_order_and_whatever_fails_each_record_is_enriched_once(
    office: Office, seed: int
) -> None:
    dice = Random(seed)
    people = [str(number) for number in range(8)]
    for number in people:
        office.crm.person(number, email=f"p{number}@initech.example", city="Boston")
    told = [office.event(number, ago_s=100) for number in people]
    told += [office.event(number, Happening.updated, ago_s=50) for number in people]
    told += dice.sample(told, 6)
    dice.shuffle(told)
    while told:
        batch, told = told[:5], told[5:]
        office.crm.faults = [dice.choice(TROUBLE) for _ in range(dice.randrange(3))]
        office.tell(*batch)
        office.work()
        office.clock.move(seconds=dice.randrange(20))
    office.crm.faults = []
    for _ in range(6):
        office.clock.move(minutes=6)
        office.service.sweep()
        office.work()
    assert [row(office, number).state for number in people] == ["done"] * len(people)
    kept = [office.crm.records["person", number].values for number in people]
    assert {(one["title"], one["city"]) for one in kept} == {("Head of Sales", "Boston")}
    about = sorted(note["about"][0] for note in office.crm.notes.values())
    assert about == [f"person/{number}" for number in people]
    assert len(jobs(office)) == len(people)


TROUBLE = (
    Fault("GET", "/records", 502),
    Fault("GET", "/definitions", 0),
    Fault("PATCH", "/records", 502, after=True),
    Fault("PATCH", "/records", 429, {"wait": 2}),
    Fault("POST", "/notes", 0, after=True),
    Fault("POST", "/notes", 502),
)
"""What a CRM does that has a bad day."""


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_order_nothing_is_left_of_who_was_erased(office: Office, seed: int) -> None:
    dice = Random(seed)
    office.crm.person("1", email=JANE)
    told = [
        office.event("1", ago_s=90),
        office.event("1", Happening.updated, ago_s=60),
        office.event("1", Happening.deleted, ago_s=30),
        office.event("1", Happening.erased, ago_s=30),
    ]
    dice.shuffle(told)
    for event in told:
        office.tell(event)
        if dice.random() < 0.5:
            office.work()
    office.work()
    assert row(office, "1").state == "erased"
    assert jobs(office) == []
    assert traces(office) == []


def test_what_was_told_and_written_goes_when_it_is_old(office: Office) -> None:
    office.crm.person("1", email=JANE)
    office.crm.person("2", name="Nobody")
    office.arrive("1")
    office.arrive("2")
    office.tell(office.event("3", Happening.erased))
    days = {"jobs": 90, "people": 30, "events": 7}
    keep = Retention(**{name: timedelta(days=span) for name, span in days.items()})

    def left(table: Any) -> int:
        office.service.database.write(lambda db: keep.clean(db, office.clock())).result()
        return len(office.service.database.read(partial(all_of, table=table)))

    office.clock.move(days=2)
    assert left(CrmSeen) == 3  # a CRM that was not heard tells again for a day
    office.clock.move(days=2)
    assert left(CrmSeen) == 0
    assert left(CrmWrite) > 0
    office.clock.move(days=90)
    assert left(CrmWrite) == 0
    assert left(CrmRow) == 2  # where our note is, and who must not be looked up

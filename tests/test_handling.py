"""What is done with a card: found again, taken away, sent on, retracted, voted on."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.delivery import Address
from app.errors import Conflict, DeliveryFailed, NotFound
from app.facts import Json
from app.handling import Spot
from app.job import Status
from app.posted import PostingsKept
from app.prospect import By
from app.retention import Retention
from app.tables import Feedback, Rejected
from app.views import JobView, Vote
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

Make = Callable[..., Any]
HERE, ELSEWHERE = (
    Address("callback", "https://here.example"),
    Address("callback", "https://b.example"),
)
SOMEBODY_ELSE: dict[str, Json] = {"person.full_name": "Jana Roth", "person.title": "Buyer"}
SPOT = Spot("D1", "1.5", ("https://here",))
JR = "jr@initech.example"  # from which no name can be guessed
PROFILE = "https://www.linkedin.com/in/{}"

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def person(name: str, profile: str = "") -> dict[str, Json]:
    page: dict[str, Json] = {"person.linkedin_url": PROFILE.format(profile)} if profile else {}
    return {"person.full_name": name, **page}


def name_of(view: JobView) -> object:
    shown = view.card.get("person")
    return shown.get("full_name") if isinstance(shown, dict) else None


def rows(service: Any, table: Any) -> list[Any]:
    found: list[Any] = service.database.read(lambda db: db.execute(table.__table__.select()).all())
    return found


# --- a message


def posted(service: Any, view: JobView, **changes: Any) -> PostingsKept:
    """Have a message posted that shows a job, at the address HERE."""
    kept = PostingsKept(database=service.database, now=service.clock, owner="worker_1")

    async def post() -> None:
        posting = await kept.claim("callback", HERE.target, view.id, view.created_at)
        assert posting is not None
        told = {name: getattr(posting, name) for name in type(posting).__slots__}
        there = {"state": "posted", "place": "D1", "ref": "1.5", "version": view.version}
        await kept.note(type(posting)(**{**told, **there, **changes}))
        await kept.let_go("callback", HERE.target)

    asyncio.run(post())
    return kept


def state(service: Any) -> Any:
    kept = PostingsKept(database=service.database, now=service.clock, owner="worker_2")
    return asyncio.run(_claimed(kept))


async def _claimed(kept: PostingsKept) -> Any:
    return await kept.claim("callback", HERE.target, "job_none", kept.now())


async def _noted(kept: PostingsKept, posting: Any) -> None:
    await kept.note(posting)


@pytest.mark.parametrize(
    ("spot", "found"),
    [
        (SPOT, HERE),
        (Spot("D1", "1.6", ("https://here",)), None),
        (Spot("D1", "1.5", ("https://there",)), None),
    ],
)
def test_a_message_is_found_by_its_place_by_those_whose_it_is(
    make: Make, clock: Clock, spot: Spot, found: Address | None
) -> None:
    service = make(oracle(clock, person=PERSON))
    posted(service, service.settle(JANE))
    assert service.intake.posting_at(service.caller, "callback", spot) == found


def test_who_has_a_card_before_them_may_see_its_job(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    posted(service, view)
    reader, _ = service.intake.create_key("reader")
    service.intake.posting_at(reader, "callback", SPOT)
    assert service.intake.job(reader, view.id).id == view.id


def test_a_message_that_is_taken_away_stays_away_whoever_changes_it_now(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    kept = posted(service, view)
    held = asyncio.run(_claimed(kept))
    service.intake.take_away("callback", SPOT)
    asyncio.run(_noted(kept, held))
    assert state(service).state == "gone"
    with pytest.raises(NotFound):
        service.intake.take_away("callback", Spot("D1", "1.6", ("",)))


def test_a_message_shows_what_was_asked_last_even_when_that_job_is_the_older_one(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    older = service.settle(JANE)
    clock.move(minutes=5)
    view = service.settle("joe@initech.example", notify=(HERE,))
    posted(service, view)
    at = service.intake.posting_at(service.caller, "callback", SPOT)
    service.ask(JANE, notify=(at,))
    shown = state(service)
    assert (shown.job_id, shown.job_at, shown.version) == (older.id, older.created_at, 0)


def test_what_a_message_was_to_be_told_of_another_job_is_dropped(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    first = service.ask("joe@initech.example", notify=(HERE,))
    posted(service, first)
    at = service.intake.posting_at(service.caller, "callback", SPOT)
    second = service.ask(JANE, notify=(at,))
    asyncio.run(service.work())
    assert {one.body["job_id"] for one in service.postbox.got} == {second.id}


def test_nor_does_it_get_what_could_not_be_delivered_yet(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    service.postbox.refuses = DeliveryFailed("not now")
    posted(service, service.settle("joe@initech.example", notify=(HERE,)))
    at = service.intake.posting_at(service.caller, "callback", SPOT)
    second = service.ask(JANE, notify=(at,))
    service.postbox.refuses = None
    clock.move(minutes=30)
    asyncio.run(service.work())
    assert {one.body["job_id"] for one in service.postbox.got} == {second.id}


def test_a_card_is_sent_to_one_more_address_once_the_job_has_ended(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    stranger, _ = service.intake.create_key("stranger")
    with pytest.raises(Conflict):
        service.intake.send(service.caller, view.id, ELSEWHERE)
    asyncio.run(service.work())
    with pytest.raises(NotFound):
        service.intake.send(stranger, view.id, ELSEWHERE)
    service.intake.send(service.caller, view.id, ELSEWHERE)
    asyncio.run(service.work())
    [got] = service.postbox.got
    assert (got.address, got.body["job_id"]) == (ELSEWHERE, view.id)


# --- the wrong person


def test_who_was_said_to_be_somebody_else_is_not_shown_again_and_not_paid_for_twice(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=SOMEBODY_ELSE, company=COMPANY)
    service = make(source)
    view = service.settle(JR)
    assert name_of(view) == "Jana Roth"
    service.intake.retract(service.caller, view.id)
    assert service.see(view).card == {}
    again = service.settle(JR)
    assert again.id != view.id
    assert name_of(again) is None
    assert again.card["company"]["name"] == "Initech"
    assert [section for section, _ in source.asked].count("person") == 1


def test_nor_is_that_person_taken_from_a_source_that_is_asked_anew(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=SOMEBODY_ELSE)
    service = make(source)
    view = service.settle(JR)
    service.intake.retract(service.caller, view.id)
    clock.move(days=2)
    assert name_of(service.settle(JR, refresh=True)) is None
    assert len(source.asked) == 2


def test_the_next_source_is_asked_who_it_is_instead(make: Make, clock: Clock) -> None:
    first = oracle(clock, "first", person=person("Jana Roth", "jana-roth"))
    second = oracle(clock, "second", person={})
    service = make(first, second)
    view = service.settle(JANE)
    second.says = {next(iter(second.says)): person("Jane Roe", "jane-roe")}
    service.intake.retract(service.caller, view.id)
    clock.move(days=2)
    assert name_of(service.settle(JANE)) == "Jane Roe"


@pytest.mark.parametrize(
    ("wrong", "right", "is_shown"),
    [
        (person("Jane Roe", "jane-a"), person("Jane Roe", "jane-b"), True),
        (person("Jane Roe", "jane-a"), person("Jane Roe"), False),
        (person("Jane Roe", "jane-a"), person("Janet Roe", "jane-a"), False),
        (person("Jane Roe"), person("Jane M. Roe", "jane-b"), False),
        (person("Jane Roe"), person("Joan Roe"), True),
    ],
)
def test_somebody_is_told_by_the_profile_and_only_without_one_by_the_name(
    make: Make, clock: Clock, wrong: dict[str, Json], right: dict[str, Json], is_shown: bool
) -> None:
    source = oracle(clock, person=wrong)
    service = make(source)
    view = service.settle(JR)
    service.intake.retract(service.caller, view.id)
    source.says = {next(iter(source.says)): right}
    clock.move(days=2)
    assert (name_of(service.settle(JR)) is not None) is is_shown


def test_nor_is_that_person_guessed_from_the_address_again(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    service.intake.retract(service.caller, service.settle(JANE).id)
    assert "person" not in service.settle(JANE).card


def test_nor_recognised_among_the_people_of_the_company_where_they_still_are(
    make: Make, clock: Clock
) -> None:
    people: dict[str, Json] = {"decision_makers": {"full_name": "Jane Roe", "title": "CFO"}}
    service = make(oracle(clock, company=COMPANY, decision_makers=people))
    view = service.settle(JANE)
    assert view.card["person"]["title"] == "CFO"
    service.intake.retract(service.caller, view.id)
    card = service.settle(JANE).card
    assert "person" not in card
    assert [one["full_name"] for one in card["decision_makers"]] == ["Jane Roe"]


def test_a_name_that_the_caller_gave_is_not_held_against_who_is_found_by_it(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle("Jane Roe, initech.example")
    service.intake.retract(service.caller, view.id)
    assert rows(service, Rejected) == []
    assert name_of(service.settle("Jane Roe, initech.example")) == "Jane Roe"


def test_what_is_known_of_the_mailbox_and_the_company_stays(make: Make, clock: Clock) -> None:
    mail: dict[str, Json] = {"person.email": {"address": JANE, "status": "verified"}}
    wrong = oracle(clock, "wrong", person=SOMEBODY_ELSE)
    checks, firm = oracle(clock, "checks", person=mail), oracle(clock, "firm", company=COMPANY)
    service = make(wrong, checks, firm)
    view = service.settle(JR)
    service.intake.retract(service.caller, view.id)
    again = service.settle(JR)
    assert again.card["person"]["email"]["status"] == "verified"
    assert name_of(again) is None


def test_nothing_is_retracted_while_the_prospect_is_looked_up(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    service.ask(JANE, refresh=True)
    with pytest.raises(Conflict):
        service.intake.retract(service.caller, view.id)
    assert name_of(service.see(view)) == "Jane Roe"


def test_a_retraction_can_be_repeated_is_the_callers_own_and_is_on_record(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    stranger, _ = service.intake.create_key("stranger")
    with pytest.raises(NotFound):
        service.intake.retract(stranger, view.id)
    for _ in range(2):
        service.intake.retract(service.caller, view.id)
    told = [one.data for one in service.intake.events(view.id) if "retracted" in one.data]
    assert told == [{"status": Status.complete, "retracted": "person"}]


def test_only_digests_are_kept_of_it_until_the_prospect_is_erased(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=person("Jana Roth", "jana-roth")))
    service.intake.retract(service.caller, service.settle(JANE).id)
    kept = rows(service, Rejected)
    assert len(kept) == 2
    assert not any(word in str(kept).lower() for word in ("jana", "roth", "initech"))
    service.intake.forget(JANE)
    assert rows(service, Rejected) == []


# --- votes


def helped(service: Any, name: str = "orbit") -> tuple[int, int]:
    [found] = [one for one in service.intake.providers() if one.name == name]
    return found.helped, found.not_helped


def test_a_vote_counts_for_the_sources_of_what_the_card_shows(make: Make, clock: Clock) -> None:
    silent = oracle(clock, "silent", company=COMPANY, accepts=(frozenset({By.linkedin}),))
    service = make(oracle(clock, person=PERSON), silent)
    view = service.settle(JANE)
    service.intake.vote(service.caller, view.id, "jane", Vote.up)
    service.intake.vote(service.caller, view.id, "joe", Vote.down)
    assert (helped(service), helped(service, "silent")) == ((1, 1), (0, 0))


def test_a_voter_has_one_vote_and_may_change_it(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    for vote, counted in ((Vote.up, (1, 0)), (Vote.up, (1, 0)), (Vote.down, (0, 1))):
        service.intake.vote(service.caller, view.id, "jane", vote)
        assert helped(service) == counted
    assert [(row.voter, row.vote) for row in rows(service, Feedback)] == [("jane", "down")]


def test_who_may_not_see_a_card_has_no_vote(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    stranger, _ = service.intake.create_key("stranger")
    with pytest.raises(NotFound):
        service.intake.vote(stranger, view.id, "jane", Vote.up)
    assert helped(service) == (0, 0)


@pytest.mark.parametrize("is_erased", [True, False], ids=["erased", "old"])
def test_votes_go_with_their_job_and_the_sums_stay(
    make: Make, clock: Clock, is_erased: bool
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    service.intake.vote(service.caller, view.id, "jane", Vote.up)
    if is_erased:
        service.intake.forget(JANE)
    else:
        clock.move(days=100)
        month = timedelta(days=30)
        kept = Retention(jobs=month, people=month, events=month)
        service.database.write(lambda db: kept.clean(db, clock())).result()
    assert rows(service, Feedback) == []
    assert helped(service) == (1, 0)

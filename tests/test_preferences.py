"""What people choose about their cards, and what they asked for: theirs alone, and by ids alone."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.delivery import Address
from app.errors import Conflict, DeliveryFailed, InvalidRequest
from app.intake import Ask, Caller
from app.preference import DAY, Preference, quiet_until
from app.tables import Asked, Preferred
from app.views import SCOPES
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

TEAM, ANN, BOB = "T0ACME", "U0ANN", "U0BOB"
WORKSPACE = Caller(f"slack_{TEAM}", "Slack workspace", SCOPES)
JOE = "joe.bloggs@initech.example"

on_every_store = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def service(make: Any, clock: Clock) -> Any:
    return make(oracle(clock, person=PERSON, company=COMPANY))


def ask(service: Any, text: str, reader: str | None, caller: Caller = WORKSPACE) -> Any:
    to = (Address("callback", f"{TEAM}:{reader}:mark"),)
    wanted = Ask(prospect=service.prospect(text), reader=reader, notify=to)
    return service.intake.request(caller, wanted)


def recent(service: Any, reader: str, caller: Caller = WORKSPACE) -> list[str]:
    return [one.view.id for one in service.intake.recent(caller, reader)]


def rows(service: Any, table: Any) -> Sequence[Any]:
    found: Sequence[Any] = service.database.read(lambda db: db.execute(select(table)).all())
    return found


# --- what is chosen


@on_every_store
def test_who_has_chosen_nothing_gets_cards_in_their_messages_at_any_time(service: Any) -> None:
    assert service.intake.preference(TEAM, ANN) == Preference()
    assert service.intake.takes_unasked(TEAM, ANN)
    assert service.intake.held_until(TEAM, ANN, service.clock()) is None


@on_every_store
def test_each_choice_is_kept_beside_those_of_before_and_of_others(service: Any) -> None:
    service.intake.prefer(TEAM, ANN, place="C0SALES")
    service.intake.prefer(TEAM, ANN, unasked=False)
    service.intake.prefer(TEAM, BOB, quiet_from=0, quiet_until=60, zone="Europe/Berlin")
    service.intake.prefer("T0OTHER", ANN, place="C0OTHER")
    assert service.intake.preference(TEAM, ANN) == Preference(place="C0SALES", unasked=False)
    assert not service.intake.takes_unasked(TEAM, ANN)
    assert service.intake.preference(TEAM, BOB).zone == "Europe/Berlin"
    assert service.intake.prefer(TEAM, ANN, place="") == Preference(unasked=False)


@on_every_store
def test_a_workspace_that_leaves_takes_its_choices_along_and_no_others(service: Any) -> None:
    for team, user in ((TEAM, ANN), (TEAM, BOB), ("T0OTHER", ANN)):
        service.intake.prefer(team, user, place="C0SALES")
    assert service.intake.forget_team(TEAM) == 2
    assert [(row.team, row.user_id) for row in rows(service, Preferred)] == [("T0OTHER", ANN)]


@pytest.mark.parametrize("minute", [-1, DAY])
def test_a_quiet_hour_is_a_minute_of_the_day(service: Any, minute: int) -> None:
    with pytest.raises(InvalidRequest):
        service.intake.prefer(TEAM, ANN, quiet_from=minute)
    assert rows(service, Preferred) == []


# --- quiet hours

NIGHT = Preference(quiet_from=22 * 60, quiet_until=7 * 60, zone="Europe/Berlin")
NOON = Preference(quiet_from=12 * 60, quiet_until=13 * 60, zone="Asia/Kolkata")
ODD = Preference(quiet_from=22 * 60, quiet_until=7 * 60, zone="../etc", offset_s=-5 * 3600)


@pytest.mark.parametrize(
    ("preference", "now", "ends"),
    [
        (NIGHT, "2026-11-21T20:59", None),
        (NIGHT, "2026-11-21T21:00", "2026-11-22T06:00"),
        (NIGHT, "2026-11-22T05:59", "2026-11-22T06:00"),
        (NIGHT, "2026-11-22T06:00", None),
        (NIGHT, "2026-10-24T21:00", "2026-10-25T06:00"),  # the clocks go back that night
        (NIGHT, "2026-03-28T22:00", "2026-03-29T05:00"),  # and forward
        (NOON, "2026-11-21T06:30", "2026-11-21T07:30"),
        (NOON, "2026-11-21T07:30", None),
        (ODD, "2026-11-21T04:00", "2026-11-21T12:00"),  # no such zone: its seconds count
        (Preference(quiet_from=0, quiet_until=0), "2026-11-21T00:00", None),
        (Preference(quiet_from=0), "2026-11-21T00:00", None),
    ],
)
def test_it_is_quiet_from_one_time_of_the_day_to_the_other(
    preference: Preference, now: str, ends: str | None
) -> None:
    assert quiet_until(preference, at(now)) == (at(ends) if ends else None)


@given(
    st.integers(0, DAY - 1),
    st.integers(0, DAY - 1),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "", "Mars/Base"]),
    st.integers(0, 2 * 365 * DAY).map(
        lambda minutes: at("2026-01-01") + timedelta(minutes=minutes)
    ),
)
def test_quiet_hours_end_within_a_day_and_nothing_is_held_then(
    begin: int, end: int, zone: str, now: datetime
) -> None:
    preference = Preference(quiet_from=begin, quiet_until=end, zone=zone)
    until = quiet_until(preference, now)
    if until is not None:
        assert now < until <= now + timedelta(hours=25)
        again = quiet_until(preference, until)
        assert again is None or again > until


def test_what_was_not_asked_for_is_held_until_the_quiet_hours_end(service: Any) -> None:
    service.intake.prefer(TEAM, ANN, quiet_from=8 * 60, quiet_until=10 * 60)
    assert service.intake.held_until(TEAM, ANN, at("2026-11-21T09:00")) == at("2026-11-21T10:00")
    assert service.intake.held_until(TEAM, BOB, at("2026-11-21T09:00")) is None


# --- what was asked for


@on_every_store
def test_a_person_sees_what_they_asked_for_and_not_what_a_colleague_did(service: Any) -> None:
    jane, joe = ask(service, JANE, ANN), ask(service, JOE, BOB)
    assert (recent(service, ANN), recent(service, BOB)) == ([jane.id], [joe.id])
    assert recent(service, ANN, Caller("slack_T0OTHER", "another", SCOPES)) == []


@on_every_store
def test_what_was_asked_for_last_comes_first_also_when_it_was_kept(
    service: Any, clock: Clock
) -> None:
    jane = ask(service, JANE, ANN)
    clock.move(seconds=1)
    joe = ask(service, JOE, ANN)
    asyncio.run(service.work())
    assert recent(service, ANN) == [joe.id, jane.id]
    clock.move(seconds=1)
    again = ask(service, JANE, ANN)
    assert again.served_from == "fresh_cache"
    assert recent(service, ANN) == [jane.id, joe.id]
    assert [one.view.id for one in service.intake.recent(WORKSPACE, ANN, 1)] == [jane.id]


@on_every_store
def test_the_card_that_renews_a_stale_one_is_theirs_too(service: Any, clock: Clock) -> None:
    ask(service, JANE, ANN)
    asyncio.run(service.work())
    clock.move(days=2)
    stale = ask(service, JANE, ANN)
    assert stale.refresh_job_id in recent(service, ANN)


@pytest.mark.parametrize("listed", [JANE, "initech.example"])
def test_who_is_not_looked_up_any_more_is_not_listed(service: Any, listed: str) -> None:
    ask(service, JANE, ANN)
    other = ask(service, "max@hooli.example", ANN)
    asyncio.run(service.work())
    service.intake.suppress(listed)
    assert recent(service, ANN) == [other.id]


def test_of_who_is_erased_nothing_is_listed_or_kept(service: Any) -> None:
    ask(service, JANE, ANN)
    asyncio.run(service.work())
    service.intake.forget(JANE)
    assert recent(service, ANN) == []
    assert rows(service, Asked) == []


@on_every_store
def test_a_card_that_did_not_arrive_is_marked_until_one_does(service: Any, clock: Clock) -> None:
    service.postbox.refuses = DeliveryFailed("gone", final=True)
    ask(service, JANE, ANN)
    asyncio.run(service.work())
    assert [one.is_undelivered for one in service.intake.recent(WORKSPACE, ANN)] == [True]
    service.postbox.refuses = None
    clock.move(seconds=1)
    ask(service, JANE, BOB)
    asyncio.run(service.work())
    assert [one.is_undelivered for one in service.intake.recent(WORKSPACE, ANN)] == [True]
    clock.move(seconds=1)
    ask(service, JANE, ANN)
    asyncio.run(service.work())
    assert [one.is_undelivered for one in service.intake.recent(WORKSPACE, ANN)] == [False]


@on_every_store
def test_a_workspace_may_cancel_what_its_own_people_asked_for_and_not_what_others_did(
    service: Any,
) -> None:
    view = ask(service, JANE, ANN)
    assert service.intake.cancel(WORKSPACE, view.id).status == "cancelled"
    shared = ask(service, JOE, ANN)
    service.ask(JOE)
    with pytest.raises(Conflict):
        service.intake.cancel(WORKSPACE, shared.id)


@on_every_store
def test_what_comes_once_is_new_to_one_of_all_who_ask(service: Any, clock: Clock) -> None:
    said = [service.intake.is_first(WORKSPACE, "Ev1") for _ in range(3)]
    assert said == [True, False, False]
    assert service.intake.is_first(Caller("slack_T0OTHER", "another", SCOPES), "Ev1")

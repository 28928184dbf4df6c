"""The made-up world of `.example`."""

from datetime import date

from app import fiction
from app.facts import Json

TODAY = date(2026, 11, 21)
DOMAINS = [f"{label}.example" for label in ("acme", "globex", "blue-harbor", "x7", "ebb", "flow")]


def records(answer: fiction.Record, key: str) -> list[dict[str, Json]]:
    found = answer[key]
    assert isinstance(found, list)
    return [record for record in found if isinstance(record, dict)]


def test_a_team_has_six_different_people_with_addresses_of_their_company() -> None:
    for domain in DOMAINS:
        team = records(fiction.people(domain), "people")
        assert len({str(member["full_name"]) for member in team}) == 6
        assert all(str(member["email"]).endswith(f"@{domain}") for member in team)


def test_a_decision_maker_has_the_same_job_under_the_own_address() -> None:
    for domain in DOMAINS:
        for member in records(fiction.people(domain), "people"):
            person = fiction.person(str(member["email"]), domain)["person"]
            assert isinstance(person, dict)
            assert person["full_name"] == member["full_name"]
            assert person["title"] == member["title"]


def test_news_is_newest_first_and_agrees_with_the_companys_funding() -> None:
    for domain in DOMAINS:
        news = records(fiction.signals(domain, TODAY), "signals")
        days = [str(one["seen_at"]) for one in news]
        assert days == sorted(days, reverse=True)
        company = fiction.company(domain, TODAY)["company"]
        assert isinstance(company, dict)
        assert isinstance(company["funding"], dict)
        [funding] = [one for one in news if one["kind"] == "funding"]
        assert funding["seen_at"] == company["funding"]["last_round_at"]
        assert str(company["funding"]["stage"]) in str(funding["headline"])


def test_months_are_counted_across_the_year() -> None:
    assert [fiction.month_before(date(2026, 2, 28), n) for n in (0, 1, 2, 14)] == [
        *("2026-02-01", "2026-01-01", "2025-12-01", "2024-12-01")
    ]

"""The MCP tools over the real core, in both eras: what they answer, spend and refuse."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult

from app import sheet
from app.errors import WarmcallError
from app.intake import BatchOrder, Caller
from integrations.mcp.front import NEXT
from tests.surfaces.agents import ERAS, SARAH, call, refused, talk, text, told
from tests.surfaces.asking import settled, work
from tests.words import error_kinds

eras = pytest.mark.parametrize("era", ERAS)


def key(service: Any, *scopes: str) -> Caller:
    caller: Caller = service.intake.create_key("agent", scopes=frozenset(scopes))[0]
    return caller


def jobs(service: Any) -> int:
    return len(service.intake.jobs(service.intake.local_caller(), 1_000))


# preparing a call


@eras
def test_one_call_prepares_a_prospect_and_says_who_was_asked(service: Any, era: str) -> None:
    bar: list[tuple[float, str | None]] = []

    async def script(client: Client) -> dict[str, Any]:
        async def moved(progress: float, total: float | None, message: str | None) -> None:
            bar.append((progress, message))

        asked = {"prospect": SARAH, "goal": "a demo"}
        return told(await client.call_tool("prepare_call", asked, progress_callback=moved))

    card = talk(service, script, era=era)
    assert card["status"] == "complete"
    assert card["card"]["person"]["title"] == "VP of Sales"
    assert card["resource_uri"] == f"battlecard://{SARAH}"
    assert card["goal"] == "a demo"
    assert {"person: sandbox matched", "company: sandbox matched"} <= {said for _, said in bar}
    steps = [progress for progress, _ in bar]
    assert steps == sorted(set(steps))


def test_both_forms_of_an_answer_are_complete(service: Any) -> None:
    result = call(service, "prepare_call", {"prospect": SARAH})
    shown, markdown = told(result), text(result)
    for part in (shown["job_id"], shown["resource_uri"], shown["card"]["summary"]):
        assert part in markdown
    for source in shown["card"]["sources"]:
        assert source.get("url", source["name"]) in markdown
    for point in shown["card"]["talking_points"]:
        assert point["text"] in markdown
        assert point["sources"]


@eras
def test_the_same_prospect_again_is_the_same_job_and_is_paid_once(service: Any, era: str) -> None:
    async def script(client: Client) -> list[str]:
        spelled = [SARAH, "Sarah.Chen+crm@ACME.example", f"Sarah Chen <{SARAH}>"]
        asked = [client.call_tool("prepare_call", {"prospect": one}) for one in spelled]
        together = await asyncio.gather(*asked)
        later = await client.call_tool("prepare_call", {"prospect": SARAH})
        return [told(one)["job_id"] for one in (*together, later)]

    assert len(set(talk(service, script, era=era))) == 1
    usage = service.intake.usage(service.caller)
    assert (usage.used, usage.credits_spent) == (1, 4)


def test_a_card_from_the_cache_cost_nothing(service: Any) -> None:
    first = told(call(service, "prepare_call", {"prospect": SARAH}))
    again = told(call(service, "prepare_call", {"prospect": SARAH}))
    assert first["credits_spent"] == 4
    assert again["served_from"] == "fresh_cache"
    assert "credits_spent" not in again


@eras
def test_at_the_deadline_the_answer_says_how_to_go_on(service: Any, era: str) -> None:
    async def script(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
        asked = {"prospect": SARAH, "wait_seconds": 0}
        first = told(await client.call_tool("prepare_call", asked))
        await work(service)
        return first, told(await client.call_tool("get_enrichment", {"job_id": first["job_id"]}))

    first, then = talk(service, script, era=era, works=False)
    assert first["status"] == "working"
    assert first["progress"] < 1
    assert f"get_enrichment with job_id={first['job_id']}" in first["next_step"]
    assert (then["status"], then["job_id"]) == ("complete", first["job_id"])


@eras
def test_a_client_that_gives_up_leaves_the_job_running(service: Any, era: str) -> None:
    async def script(client: Client) -> str:
        asked = {"prospect": SARAH, "wait_seconds": 50}
        with pytest.raises(MCPError):
            await client.call_tool("prepare_call", asked, read_timeout_seconds=0.3)
        await work(service)
        shown = told(await client.call_tool("get_battlecard", {"prospect": SARAH}))
        return str(shown["status"])

    assert talk(service, script, era=era, works=False) == "complete"
    assert service.intake.usage(service.caller).used == 1


@pytest.mark.parametrize(
    ("prospect", "status", "step"),
    [
        ("error@acme.example", "provider_error", "later"),
        ("ambiguous@acme.example", "ambiguous", "candidates"),
    ],
)
def test_every_end_says_what_to_do_next(
    service: Any, prospect: str, status: str, step: str
) -> None:
    shown = told(call(service, "prepare_call", {"prospect": prospect}))
    assert shown["status"] == status
    assert step in shown["next_step"]


def test_a_company_that_nobody_knows_by_name_is_asked_for_by_domain(service: Any) -> None:
    shown = told(call(service, "prepare_call", {"prospect": "Sarah Chen, Acme Corp"}))
    assert shown["card"]["person"] == {"full_name": "Sarah Chen"}
    assert "company domain" in shown["next_step"]


def test_a_suppressed_prospect_is_named_nowhere(service: Any) -> None:
    service.intake.suppress(SARAH)
    result = call(service, "prepare_call", {"prospect": SARAH})
    assert told(result)["status"] == "suppressed"
    assert "sarah" not in text(result).casefold()
    assert "no card" in refused(call(service, "get_battlecard", {"prospect": SARAH})).casefold()


# looking


def test_a_kept_card_is_shown_without_a_job(service: Any) -> None:
    assert "prepare_call" in refused(call(service, "get_battlecard", {"prospect": SARAH}))
    assert jobs(service) == 0
    settled(service, SARAH)
    shown = told(call(service, "get_battlecard", {"prospect": SARAH, "detail": "full"}))
    assert shown["card"]["cited"]["person.title"]
    assert jobs(service) == 1
    assert service.intake.usage(service.caller).used == 1


def after(service: Any, change: Callable[[], object]) -> tuple[CallToolResult, CallToolResult]:
    """Look at a card again and again, change something, and look once more."""
    settled(service, SARAH)

    async def script(client: Client) -> tuple[CallToolResult, CallToolResult]:
        shown = [await client.call_tool("get_battlecard", {"prospect": SARAH}) for _ in range(3)]
        assert len({text(one) for one in shown}) == 1
        change()
        return shown[0], await client.call_tool("get_battlecard", {"prospect": SARAH})

    return talk(service, script, works=False)


def test_a_card_that_was_erased_is_not_shown_again(service: Any) -> None:
    _, then = after(service, lambda: service.intake.forget(SARAH))
    assert "No card" in refused(then)


def test_a_card_that_grows_old_says_how_to_renew_it(service: Any) -> None:
    first, then = after(service, lambda: service.clock.move(days=2))
    assert (told(first)["served_from"], told(then)["served_from"]) == ("fresh_cache", "stale_cache")
    assert "renewed" in told(then)["next_step"]


def test_people_are_found_by_role_a_page_at_a_time(service: Any) -> None:
    async def script(client: Client) -> list[dict[str, Any]]:
        page: dict[str, Any] = {"next_cursor": ""}
        pages = []
        while "next_cursor" in page:
            asked = {"company_domain": "acme.example", "limit": 2, "cursor": page["next_cursor"]}
            page = told(await client.call_tool("find_decision_makers", asked))
            pages.append(page)
        asked = {"company_domain": "acme.example", "roles": ["C_Suite", "revenue"]}
        return [*pages, told(await client.call_tool("find_decision_makers", asked))]

    *pages, chosen = talk(service, script)
    names = [one["full_name"] for page in pages for one in page["people"]]
    assert len(names) == len(set(names)) == pages[0]["total"] > 4
    assert all(len(page["people"]) <= 2 for page in pages)
    assert {one["full_name"] for one in chosen["people"]} == {
        "Marcus Webb",
        "Priya Nair",
        "Dana Okafor",
    }


def test_usage_tells_the_allowance_and_the_providers(service: Any) -> None:
    settled(service, SARAH)
    shown = told(call(service, "get_usage"))
    assert (shown["used"], shown["quota"], shown["remaining"]) == (1, 100, 99)
    assert shown["providers"][0]["name"] == "sandbox"


def test_no_crm_is_connected(service: Any) -> None:
    settled(service, SARAH)
    shown = told(call(service, "push_to_crm", {"prospect": SARAH, "dry_run": False}))
    assert shown["status"] == "not_connected"


# batches


def test_a_batch_tells_its_match_rate_and_its_rows_by_page(service: Any) -> None:
    people = [f"ann{number}@firm.example" for number in range(27)]
    prospects = [*people[:3], "one-word", *people[3:], "notfound@acme.example"]

    async def script(client: Client) -> list[dict[str, Any]]:
        asked = {"prospects": prospects, "confirm": True}
        begun = told(await client.call_tool("enrich_batch", asked))
        asked = {"job_id": begun["batch_id"], "wait_seconds": 30}
        first = told(await client.call_tool("get_enrichment", asked))
        asked |= {"cursor": first["batch"]["next_cursor"]}
        return [begun, first, told(await client.call_tool("get_enrichment", asked))]

    begun, first, second = talk(service, script)
    unread = {"position": 3, "problem": "invalid_prospect"}
    assert begun["rows"][3] == {**unread, "prospect": "one-word"}
    assert begun["problems"] == {"invalid_prospect": 1}
    assert begun["batch_id"] in begun["next_step"]
    assert (first["status"], first["batch"]["total"], first["batch"]["ended"]) == (
        "complete",
        29,
        29,
    )
    assert first["batch"]["match_rate"] == round(27 / 29, 2)
    assert first["batch"]["problems"] == {"invalid_prospect": 1}
    assert first["batch"]["rows"][3] == unread  # what was given is not kept
    assert "cursor=25" in first["next_step"]
    assert (len(first["batch"]["rows"]), len(second["batch"]["rows"])) == (25, 4)
    assert "next_cursor" not in second["batch"]
    assert first["batch"]["rows"][0]["resource_uri"] == f"battlecard://{people[0]}"


def test_a_batch_that_was_begun_elsewhere_is_paged_through_to_its_end(service: Any) -> None:
    rows = "\n".join(["email", "one-word", *(f"p{n}@acme.example" for n in range(129))])
    order = BatchOrder(sheet=sheet.read(rows.encode()))
    begun = service.intake.take_in(service.caller, order)

    async def script(client: Client) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = []
        asked = {"job_id": begun.id, "cursor": ""}
        while not pages or asked["cursor"]:
            pages.append(told(await client.call_tool("get_enrichment", asked))["batch"])
            asked["cursor"] = pages[-1].get("next_cursor", "")
        return pages

    pages = talk(service, script)
    positions = [row["position"] for page in pages for row in page["rows"]]
    assert positions == list(range(130))
    assert {page["total"] for page in pages} == {130}
    assert pages[-1]["problems"] == {"invalid_prospect": 1}


def test_a_batch_belongs_to_who_began_it(service: Any) -> None:
    begun = told(call(service, "enrich_batch", {"prospects": [SARAH]}))
    other = key(service, "read", "write", "spend")
    answer = call(service, "get_enrichment", {"job_id": begun["batch_id"]}, caller=other)
    assert "no batch" in refused(answer)


# what costs

DECLINED = ElicitResult(action="decline")


def answering(action: Literal["accept", "decline"], spend: bool) -> dict[str, Any]:
    """Return the options of a client whose user answers every question so."""

    async def asked(_: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert "credits" in params.message
        return ElicitResult(action=action, content={"spend": spend} if action == "accept" else None)

    return {"elicitation_callback": asked}


@eras
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("prepare_call", {"prospect": SARAH, "refresh": True}),
        ("enrich_batch", {"prospects": [SARAH, "ann@firm.example"]}),
    ],
)
def test_a_price_is_agreed_to_before_it_is_paid(
    service: Any, era: str, tool: str, arguments: dict[str, Any]
) -> None:
    dear: dict[str, Any] = {"era": era, "ask_above": 1}
    price = told(call(service, tool, arguments, **dear))
    assert price["status"] == "needs_confirmation"
    assert f"{price['most_credits']:g} credits" in price["next_step"]
    assert "confirm=true" in price["next_step"]
    for answer in (answering("decline", False), answering("accept", False)):
        assert told(call(service, tool, arguments, client=answer, **dear))["status"] in {
            "declined",
            "needs_confirmation",
        }
    assert jobs(service) == 0
    agreed = told(call(service, tool, arguments, client=answering("accept", True), **dear))
    assert agreed["status"] in {"complete", "working"}
    assert told(call(service, tool, {**arguments, "confirm": True}, **dear))


@pytest.mark.parametrize(("spend", "status"), [(True, "complete"), (False, "declined")])
def test_a_question_is_asked_once_though_its_price_has_changed(
    service: Any, spend: bool, status: str
) -> None:
    call: dict[str, Any] = {"prospects": [SARAH, "ann@firm.example"]}

    async def script(client: Client) -> str:
        paused: Any = await client.session.call_tool(
            "enrich_batch", call, allow_input_required=True
        )
        (question,) = paused.input_requests
        assert "at most 8 credits" in paused.input_requests[question].params.message
        for one in call["prospects"]:
            service.ask(one)
        await work(service)
        said = ElicitResult(action="accept", content={"spend": spend}) if spend else DECLINED
        done = await client.session.call_tool(
            "enrich_batch",
            call,
            input_responses={question: said},
            request_state=paused.request_state,
        )
        return str(told(done)["status"])

    asking = answering("decline", False)  # is not called: the script answers for itself
    assert talk(service, script, client=asking, works=False, ask_above=1) == status


def test_a_cheap_refresh_needs_no_question(service: Any) -> None:
    first = settled(service, SARAH)
    shown = told(call(service, "prepare_call", {"prospect": SARAH, "refresh": True}))
    assert shown["status"] == "complete"
    assert shown["job_id"] != first.id


def test_a_used_up_allowance_is_told_with_a_way_on(service: Any) -> None:
    poor, _ = service.intake.create_key("poor", quota=0)
    why = refused(call(service, "prepare_call", {"prospect": SARAH}, caller=poor))
    assert "allowance" in why
    assert "get_battlecard" in why


# who may do what


@eras
def test_a_read_key_sees_what_it_may_and_spends_nothing(service: Any, era: str) -> None:
    reader = key(service, "read")
    refusals: list[tuple[str, dict[str, Any]]] = [
        ("prepare_call", {"prospect": SARAH}),
        ("prepare_call", {"prospect": SARAH, "refresh": True, "confirm": True}),
        ("enrich_batch", {"prospects": [SARAH], "confirm": True}),
        ("find_decision_makers", {"company_domain": "acme.example"}),
    ]
    for tool, arguments in refusals:
        assert "spend" in refused(call(service, tool, arguments, caller=reader, era=era))
    assert jobs(service) == 0
    assert told(call(service, "get_usage", caller=reader, era=era))["used"] == 0


def test_a_key_without_write_cancels_and_pushes_nothing(service: Any) -> None:
    view, reader = service.ask(SARAH), key(service, "read", "spend")
    cancel = call(service, "cancel_enrichment", {"job_id": view.id}, caller=reader, works=False)
    assert "`write`" in refused(cancel)
    assert "`write`" in refused(
        call(service, "push_to_crm", {"prospect": SARAH}, caller=reader, works=False)
    )


@eras
def test_a_caller_sees_nothing_of_another_ones_jobs(service: Any, era: str) -> None:
    mine, other = service.ask(SARAH), key(service, "read", "write")
    for tool in ("get_enrichment", "cancel_enrichment"):
        answer = call(service, tool, {"job_id": mine.id}, caller=other, era=era, works=False)
        assert "no job" in refused(answer)
    asyncio.run(work(service))
    answer = call(service, "get_battlecard", {"prospect": SARAH}, caller=other, era=era)
    assert "No card" in refused(answer)


def test_a_waiting_job_is_cancelled_once(service: Any) -> None:
    view = service.ask(SARAH)
    first = told(call(service, "cancel_enrichment", {"job_id": view.id}, works=False))
    assert first["status"] == "cancelled"
    again = refused(call(service, "cancel_enrichment", {"job_id": view.id}, works=False))
    assert "get_enrichment" in again


# what goes wrong


@eras
@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("prepare_call", {"prospect": "hello"}, '"Name, Company". Correct it and call'),
        ("prepare_call", {"prospect": "ann@mailinator.com"}, "work address"),
        ("prepare_call", {}, "prospect: Field required. Correct them"),
        ("prepare_call", {"prospect": SARAH, "wait_seconds": 51}, "wait_seconds: Input should"),
        ("get_enrichment", {"job_id": "job_gone"}, "Call prepare_call"),
        ("get_enrichment", {"job_id": "batch_gone"}, "no batch"),
        ("find_decision_makers", {"company_domain": "acme.example", "cursor": "x"}, "next_cursor"),
        ("enrich_batch", {"prospects": ["hello"]}, "one prospect an element"),
        ("enrich_batch", {"prospects": []}, "prospects: List should have at least 1 item"),
    ],
)
def test_an_error_says_what_was_wrong_and_what_to_do(
    service: Any, era: str, tool: str, arguments: dict[str, Any], said: str
) -> None:
    why = refused(call(service, tool, arguments, era=era, works=False))
    assert said in why
    assert "pydantic" not in why


def test_every_error_of_the_core_has_a_next_step() -> None:
    assert NEXT.keys() == {kind.code for kind in error_kinds(WarmcallError)}

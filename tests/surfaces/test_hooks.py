"""REST hooks: subscribing, what is told and in which form, and who gives up when."""

import asyncio
from typing import Any

import httpx
import pytest

from app import sheet
from app.delivery import EVENTS
from app.errors import DeliveryFailed
from app.flat import flat
from app.hooks import MOST
from app.intake import BatchOrder
from app.provider import Answer, Request
from integrations.callback.hooks import HookChannel
from integrations.callback.verify import verify
from tests.conftest import Postbox
from tests.fakes.servers import BACKENDS
from tests.surfaces.asking import Browser, sandboxed, settled
from tests.surfaces.test_callback import Receiver, call, listening
from tests.surfaces.test_rest import application, is_problem

SARAH = "sarah.chen@acme.example"
URL = "https://hooks.zapier.example/1"
COMPLETED = "enrichment.completed"


@pytest.fixture
def api(service: Any) -> Browser:
    return Browser(application(service), {"Authorization": f"Bearer {service.secret}"})


def subscribe(api: Browser, url: str = URL, event: str = COMPLETED, **more: Any) -> httpx.Response:
    return api("POST", "/v1/hooks", json={"target_url": url, "event": event, **more})


def work(service: Any, hooks: Any) -> None:
    """Do what a worker would do, hooks included."""

    async def everything() -> None:
        engine = service.engine(send=sandboxed)
        courier = service.courier({"callback": service.postbox, "hook": hooks})
        while due := service.messages():
            for task, ref in due:
                await (engine.run if task == "run_job" else courier.deliver)(ref)

    asyncio.run(everything())


@pytest.fixture
def zapier() -> Postbox:
    return Postbox("hook")


def test_a_hook_is_made_and_shown(api: Browser) -> None:
    made = subscribe(api)
    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "event": COMPLETED,
        "target_url": URL,
        "created_at": "2026-11-21T09:00:00.000Z",
    }
    assert api("GET", "/v1/hooks").json() == {"hooks": [made.json()]}


def test_zapier_calls_the_address_its_own_way(api: Browser) -> None:
    body = {"hookUrl": URL, "event": COMPLETED, "zap": {"id": 1}}
    assert api("POST", "/v1/hooks", json=body).json()["target_url"] == URL


def test_the_same_again_is_the_same_hook(api: Browser) -> None:
    first, again, other = subscribe(api), subscribe(api), subscribe(api, event="batch.completed")
    assert first.json() == again.json()
    assert len(api("GET", "/v1/hooks").json()["hooks"]) == 2
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": COMPLETED},
        {"target_url": URL},
        {"target_url": URL, "event": "contact.created"},
        {"target_url": URL, "hookUrl": URL, "event": COMPLETED},
        {"target_url": "http://10.0.0.1/", "event": COMPLETED},
        {"hookUrl": "http://10.0.0.1/", "event": COMPLETED},
        {"target_url": 7, "event": COMPLETED},
        {"target_url": "https://a.example/" + "x" * 2048, "event": COMPLETED},
    ],
    ids=str,
)
def test_what_is_no_subscription_is_refused(api: Browser, body: dict[str, Any]) -> None:
    assert is_problem(api("POST", "/v1/hooks", json=body), 422, "invalid_request")
    assert api("GET", "/v1/hooks").json() == {"hooks": []}


def test_nobody_has_hooks_without_end(api: Browser) -> None:
    for number in range(MOST):
        assert subscribe(api, f"{URL}/{number}").status_code == 201
    assert is_problem(subscribe(api, f"{URL}/more"), 409, "conflict")
    assert subscribe(api, f"{URL}/0").status_code == 201


def test_a_hook_belongs_to_who_made_it(service: Any, api: Browser) -> None:
    hook_id = subscribe(api).json()["id"]
    _, secret = service.intake.create_key("other")
    other = Browser(application(service), {"Authorization": f"Bearer {secret}"})
    assert other("GET", "/v1/hooks").json() == {"hooks": []}
    assert is_problem(other("DELETE", f"/v1/hooks/{hook_id}"), 404, "not_found")
    assert api("DELETE", f"/v1/hooks/{hook_id}").status_code == 204
    assert is_problem(api("DELETE", f"/v1/hooks/{hook_id}"), 404, "not_found")


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        ({"read", "spend"}, "POST", "/v1/hooks"),
        ({"read", "spend"}, "DELETE", "/v1/hooks/hook_1"),
        ({"write"}, "GET", "/v1/hooks"),
        ({"write"}, "GET", f"/v1/hooks/samples?event={COMPLETED}"),
    ],
)
def test_a_key_needs_the_scope(service: Any, scopes: set[str], method: str, path: str) -> None:
    _, secret = service.intake.create_key("narrow", scopes=frozenset(scopes))
    api = Browser(application(service), {"Authorization": f"Bearer {secret}"})
    assert is_problem(api(method, path), 403, "forbidden")
    assert is_problem(Browser(application(service))(method, path), 401, "unauthorized")


# --- what is told


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_the_end_of_every_job_of_ones_own_is_told(
    service: Any, api: Browser, zapier: Postbox
) -> None:
    subscribe(api)
    subscribe(api, f"{URL}/failed", "enrichment.failed")
    stranger, _ = service.intake.create_key("stranger")
    service.ask("ann@acme.example", caller=stranger)
    mine = service.ask(SARAH)
    failed = service.ask("error@acme.example")
    work(service, zapier)
    told = [(one.address.target, one.event, one.body["job_id"]) for one in zapier.got]
    assert sorted(told) == sorted(
        [(URL, COMPLETED, mine.id), (f"{URL}/failed", "enrichment.failed", failed.id)]
    )
    assert service.postbox.got == []


def test_who_joins_a_job_is_told_too_each_once(service: Any, api: Browser, zapier: Postbox) -> None:
    subscribe(api)
    other, secret = service.intake.create_key("other")
    subscribe(Browser(application(service), {"Authorization": f"Bearer {secret}"}), f"{URL}/2")
    service.ask(SARAH)
    service.ask(SARAH, caller=other)
    work(service, zapier)
    assert sorted(one.address.target for one in zapier.got) == [URL, f"{URL}/2"]
    assert len({one.secrets for one in zapier.got}) == 2


def test_after_a_hook_is_deleted_nothing_is_told(
    service: Any, api: Browser, zapier: Postbox
) -> None:
    hook_id = subscribe(api).json()["id"]
    service.ask(SARAH)
    api("DELETE", f"/v1/hooks/{hook_id}")
    work(service, zapier)
    assert zapier.got == []


def test_what_waits_to_be_told_goes_with_its_hook(
    service: Any, api: Browser, zapier: Postbox
) -> None:
    hook_id = subscribe(api).json()["id"]
    zapier.refuses = DeliveryFailed("busy", status=503)
    service.ask(SARAH)
    work(service, zapier)
    assert [one.state for one in service.intake.deliveries(service.caller)] == ["pending"]
    api("DELETE", f"/v1/hooks/{hook_id}")
    assert service.intake.deliveries(service.caller) == []


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_an_address_that_is_gone_loses_its_hooks(
    service: Any, api: Browser, zapier: Postbox
) -> None:
    for event in (COMPLETED, "enrichment.failed"):
        subscribe(api, event=event)
    subscribe(api, f"{URL}/other")
    zapier.refuses = DeliveryFailed("gone", status=410, final=True, gone=True)
    service.ask(SARAH)
    due = dict(service.messages())
    asyncio.run(service.engine(send=sandboxed).run(due["run_job"]))
    courier = service.courier({"hook": zapier})
    told = service.intake.deliveries(service.caller)
    [first] = [one for one in told if one.target == URL]
    asyncio.run(courier.deliver(first.id))
    left = [one["target_url"] for one in api("GET", "/v1/hooks").json()["hooks"]]
    assert left == [f"{URL}/other"]


def test_who_subscribes_again_is_told_again(service: Any, api: Browser, zapier: Postbox) -> None:
    subscribe(api)
    zapier.refuses = DeliveryFailed("gone", status=410, final=True, gone=True)
    service.ask(SARAH)
    work(service, zapier)
    zapier.refuses = None
    subscribe(api)
    service.ask("ann@acme.example")
    work(service, zapier)
    assert [one.address.target for one in zapier.got] == [URL]


# --- in which form


def test_what_is_told_is_flat_and_signed(service: Any, api: Browser) -> None:
    with listening(Receiver()) as receiver:
        subscribe(api, receiver.url)
        job = service.ask(SARAH)
        work(service, HookChannel(call))
    [(headers, raw)] = receiver.got
    secret = api("GET", "/v1/callback-secret").json()["callback_secret"]
    assert verify(raw, headers, secret, service.clock())
    told = httpx.Response(200, content=raw).json()
    assert not [key for key, value in told.items() if isinstance(value, dict | list)]
    assert (told["event"], told["job_id"]) == (COMPLETED, job.id)
    assert (told["email"], told["full_name"], told["company_name"]) == (
        SARAH,
        "Sarah Chen",
        "Acme Corp",
    )
    assert told["company_funding_stage"] == "Series B"
    assert told["card_url"].startswith("https://warmcall.example/card/")


def test_an_address_is_judged_again_whenever_it_is_dialled(service: Any, api: Browser) -> None:
    seen: list[Request] = []

    async def blocked(request: Request) -> Answer:
        seen.append(request)
        return Answer(0, {}, b"", request.url, service.clock(), failure="blocked_address")

    subscribe(api)
    service.ask(SARAH)
    work(service, HookChannel(blocked))
    assert [one.guarded for one in seen] == [True]
    [told] = service.intake.deliveries(service.caller)
    assert (told.state, told.tries[0].error) == ("pending", "The address could not be reached.")


def test_a_receiver_that_is_gone_says_so(service: Any, api: Browser) -> None:
    with listening(Receiver(status=410)) as receiver:
        subscribe(api, receiver.url)
        service.ask(SARAH)
        work(service, HookChannel(call))
        assert len(receiver.got) == 1
    assert api("GET", "/v1/hooks").json() == {"hooks": []}


def test_samples_are_what_a_hook_is_sent(service: Any, api: Browser, zapier: Postbox) -> None:
    subscribe(api)
    settled(service, SARAH)
    work(service, zapier)
    [sample] = api("GET", "/v1/hooks/samples", params={"event": COMPLETED}).json()
    assert sample["full_name"] == "Sarah Chen"
    assert sample["event"] == COMPLETED


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_samples_always_have_the_same_keys_and_are_ones_own(service: Any, api: Browser) -> None:
    found = []
    for email, event in ((SARAH, COMPLETED), ("error@acme.example", "enrichment.failed")):
        settled(service, email)
        found += api("GET", "/v1/hooks/samples", params={"event": event}).json()
    assert len(found) == 2
    assert list(found[0]) == list(found[1])
    _, secret = service.intake.create_key("other")
    other = Browser(application(service), {"Authorization": f"Bearer {secret}"})
    assert other("GET", "/v1/hooks/samples", params={"event": COMPLETED}).json() == []


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_the_end_of_a_batch_is_told_flat(service: Any, api: Browser, zapier: Postbox) -> None:
    subscribe(api, event="batch.completed")
    listed = sheet.read(f"Email\n{SARAH}\nann@acme.example".encode())
    begun = service.intake.take_in(service.caller, BatchOrder(sheet=listed))
    while not service.intake.batch_view(service.caller, begun.id, limit=1).is_final:
        service.intake.feed(8)
        work(service, zapier)
    work(service, zapier)
    [told] = zapier.got
    [sample] = api("GET", "/v1/hooks/samples", params={"event": "batch.completed"}).json()
    assert flat(told.body, told.event) == sample
    assert not [key for key, value in sample.items() if isinstance(value, dict | list)]
    assert (sample["batch_id"], sample["total"], sample["matched"]) == (begun.id, 2, 2)
    assert sample["csv_url"].endswith(".csv")


def test_samples_are_of_a_known_event(api: Browser) -> None:
    for query in ("", "?event=lead.created"):
        assert is_problem(api("GET", f"/v1/hooks/samples{query}"), 422, "invalid_request")
    for event in sorted(set(EVENTS.values())):
        assert api("GET", "/v1/hooks/samples", params={"event": event}).json() == []

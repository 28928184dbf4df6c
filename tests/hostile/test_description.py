"""The OpenAPI description against the running service: no crash, and nothing it does not declare.

`HOSTILE_EXAMPLES` sets how many requests each operation gets (`make hostile`: many).
"""

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

from app.intake import SCOPES
from integrations.rest import openapi
from tests.hostile.conftest import SARAH, House

FEW = 12
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", FEW))

NOT_HELD_AGAINST_US = [
    checks.positive_data_acceptance,  # a well-formed name may still be nobody's
    checks.ignored_auth,  # every route is asked without a key below
]

WHOM = (
    {"email": SARAH},
    {"email": "partial@acme.example"},
    {"email": "ambiguous@acme.example"},
    {"email": "stale@acme.example"},
    {"domain": "acme.example"},
    {"name": "Sarah Chen", "company": "Acme Corp"},
)
"""Prospects that fuzzed terms are tried with: a body of noise alone never starts a job."""


# The worker beside us draws random numbers while examples are drawn.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

EACH = [f"{one.method.upper()} {one.path}" for one in openapi.OPERATIONS]
METHODS = ("GET", "PUT", "PATCH", "TRACE", "PROPFIND", "POST", "DELETE")
UNDESCRIBED = sorted(
    (method, path)
    for path in {one.path for one in openapi.OPERATIONS if not one.path.endswith("/export")}
    for method in METHODS
    if f"{method} {path}" not in EACH
)
READING = [
    f"{one.method.upper()} {one.path}" for one in openapi.OPERATIONS if one.body or one.query
]

hostile = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= FEW,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def known(house: House) -> dict[str, str]:
    """Return ids that exist, for paths: a job that has ended and a delivery."""
    job = house.settled(email=SARAH)
    with house.client() as client:
        ping = client.post("/v1/callback-ping", json={"url": "https://hooks.acme.example/"}).json()
        batch = client.post("/v1/batches", json=[{"email": SARAH}]).json()
    return {
        "job_id": job["job_id"],
        "delivery_id": ping["id"],
        "batch_id": batch["batch_id"],
    }


@pytest.fixture(scope="module")
def api(house: House) -> Any:
    return schemathesis.openapi.from_url(f"{house.url}/openapi.json")


def sent(case: Any, house: House) -> None:
    """Send it with a valid key; fail when the answer is not a declared one."""
    case.call_and_validate(
        headers={"Authorization": f"Bearer {house.key}"},
        excluded_checks=NOT_HELD_AGAINST_US,
        timeout=25,
    )


def operation(api: Any, label: str) -> Any:
    method, _, path = label.partition(" ")
    return api[path][method]


@pytest.mark.parametrize("label", EACH)
def test_what_the_description_allows_is_answered_as_declared(
    label: str, api: Any, house: House, known: dict[str, str]
) -> None:
    @hostile
    @given(operation(api, label).as_strategy(), st.booleans(), st.sampled_from(WHOM))
    def check(case: Any, is_real: bool, whom: Any) -> None:
        if is_real:
            case.path_parameters.update({k: known[k] for k in case.path_parameters if k in known})
        if is_real and "/enrich" in label and isinstance(case.body, dict):
            case.body = {**case.body, **whom, "callback_url": None, "wait": 0}
        sent(case, house)

    check()


@pytest.mark.parametrize("label", READING)
def test_what_the_description_forbids_is_refused_as_declared(
    label: str, api: Any, house: House
) -> None:
    negative = operation(api, label).as_strategy(schemathesis.GenerationMode.NEGATIVE)

    @hostile
    @given(negative)
    def check(case: Any) -> None:
        sent(case, house)

    check()


@pytest.mark.parametrize(("method", "path"), UNDESCRIBED)
def test_a_method_that_is_not_described_is_refused(method: str, path: str, house: House) -> None:
    with house.client() as client:
        answer = client.request(
            method, path.format(job_id="x", delivery_id="x", email="x", hook_id="x", batch_id="x")
        )
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert method not in answer.headers["allow"]


@pytest.mark.parametrize("one", [o for o in openapi.OPERATIONS if o.scope], ids=lambda o: o.path)
@pytest.mark.parametrize("scopes", ["none", "wrong", "other", "revoked"])
def test_every_route_asks_for_the_key_and_the_scope_it_describes(
    one: openapi.Operation, scopes: str, house: House
) -> None:
    intake = house.runtime.intake
    _, key = intake.create_key("lesser", scopes=SCOPES - {str(one.scope)})
    caller, revoked = intake.create_key("revoked")
    intake.revoke_key(caller.id)
    given = {"none": "", "wrong": "Bearer wc_0", "other": f"Bearer {key}"}
    given["revoked"] = f"Bearer {revoked}"
    path = one.path.format(job_id="x", delivery_id="x", email="x", hook_id="x", batch_id="x")
    body: Any = {"json": {}} if one.body else {}
    with httpx.Client(base_url=house.url, trust_env=False, verify=False) as client:
        header = {"Authorization": given[scopes]}
        answer = client.request(one.method.upper(), path, headers=header, **body)
    assert answer.status_code == (403 if scopes == "other" else 401), answer.text
    assert answer.json()["code"] in {"forbidden", "unauthorized"}

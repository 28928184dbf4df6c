"""OAuth: the surface as a resource server takes the tokens of one issuer that are meant for it."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.settings import Settings
from integrations.mcp.auth import KEEP_S, PAUSE_S, Issuer, metadata_urls
from integrations.runtime import start
from integrations.web import application
from tests.fakes.serving import serve

ISSUER = "https://id.example/tenant"
AUDIENCE = "https://warmcall.example/mcp"
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(key: Any, kid: str, algorithm: str) -> dict[str, Any]:
    shown = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**shown, "kid": kid, "use": "sig", "alg": algorithm}


class Directory:
    """What the issuer serves, by URL; counts who asks."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.keys = [public(RSA, "one", "RS256"), public(CURVE, "two", "ES256")]
        self.asked: list[str] = []
        self.is_down = False

    async def load(self, url: str) -> bytes:
        self.asked.append(url)
        pages: dict[str, Any] = {
            metadata_urls(self.issuer)[1]: self.metadata(),
            f"{self.issuer}/keys": {"keys": self.keys},
        }
        return b"" if self.is_down or url not in pages else json.dumps(pages[url]).encode()

    def metadata(self) -> dict[str, str]:
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}


def token(key: Any = RSA, kid: str = "one", algorithm: str = "RS256", **claims: Any) -> str:
    given = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-7",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
        "scope": "openid warmcall:read warmcall:spend warmcall:admin",
        **claims,
    }
    body = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": kid})


class Time:
    at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


def issuer(directory: Directory, clock: Time | None = None) -> Issuer:
    return Issuer(url=ISSUER, audience=AUDIENCE, load=directory.load, clock_s=clock or Time())


def test_a_token_of_the_issuer_names_a_caller_and_its_scopes() -> None:
    one = issuer(Directory())
    for given in (token(), token(CURVE, "two", "ES256")):
        caller = asyncio.run(one.caller(given))
        assert caller
        assert caller.scopes == {"read", "spend"}
        assert caller.id.startswith("oauth_")
        assert "user-7" not in repr(caller)


def test_scopes_may_come_as_a_list() -> None:
    caller = asyncio.run(issuer(Directory()).caller(token(scope=None, scp=["warmcall:write"])))
    assert caller
    assert caller.scopes == {"write"}


def test_two_people_are_two_callers_and_one_person_is_one() -> None:
    one = issuer(Directory())
    ids = [
        caller.id for sub in ("a", "a", "b") if (caller := asyncio.run(one.caller(token(sub=sub))))
    ]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    "bad",
    [
        {"aud": "https://other.example/mcp"},
        {"iss": "https://evil.example"},
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"exp": None},
        {"sub": None},
        {"aud": None},
        {"key": OTHER},
        {"kid": "strange"},
        {"key": "secret-secret-secret-secret-secret", "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
    ],
)
def test_any_other_token_is_not_taken(bad: dict[str, Any]) -> None:
    assert asyncio.run(issuer(Directory()).caller(token(**bad))) is None


@pytest.mark.parametrize("text", ["a.b.c", "..", "e30.e30.e30"])
def test_what_is_no_token_is_not_taken(text: str) -> None:
    assert asyncio.run(issuer(Directory()).caller(text)) is None


def test_keys_are_asked_for_once_and_again_when_a_new_one_is_named() -> None:
    directory, clock = Directory(), Time()
    one = issuer(directory, clock)

    def is_taken(**given: Any) -> bool:
        return asyncio.run(one.caller(token(**given))) is not None

    assert [is_taken(), is_taken()] == [True, True]
    asked = len(directory.asked)
    directory.keys.append(public(OTHER, "three", "RS256"))
    assert not is_taken(key=OTHER, kid="three")
    assert len(directory.asked) == asked
    clock.at_s += PAUSE_S
    assert is_taken(key=OTHER, kid="three")


def test_known_keys_go_on_while_the_issuer_is_down() -> None:
    directory, clock = Directory(), Time()
    one = issuer(directory, clock)
    assert asyncio.run(one.caller(token()))
    directory.is_down = True
    clock.at_s += KEEP_S
    assert asyncio.run(one.caller(token()))


def test_metadata_of_another_issuer_is_not_believed() -> None:
    directory = Directory()
    one = Issuer(url=ISSUER, audience=AUDIENCE, load=Directory("https://x.example").load)
    assert asyncio.run(one.caller(token())) is None
    assert directory.asked == []


# in the application


@pytest.fixture
def served() -> Iterator[Directory]:
    """An issuer on this machine."""
    directory = Directory()

    async def page(request: Request) -> Response:
        if request.url.path.endswith("/keys"):
            return JSONResponse({"keys": directory.keys})
        if request.url.path.endswith("openid-configuration"):
            return JSONResponse(directory.metadata())
        return Response(status_code=404)

    with serve(Starlette(routes=[Route("/{path:path}", page)])) as url:
        directory.issuer = f"{url}/tenant"
        yield directory


@pytest.fixture
def web(served: Directory, tmp_path: Path) -> Iterator[TestClient]:
    env = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/warmcall.db",
        "WARMCALL_PUBLIC_URL": "https://warmcall.example",
        "WARMCALL_OAUTH_ISSUER": served.issuer,
        "WARMCALL_CALLBACK_ALLOW": "127.0.0.1",
    }
    parts = start(Settings.from_env(env))
    with TestClient(application(parts), base_url="https://warmcall.example") as client:
        yield client
    parts.close()


def ask(web: TestClient, bearer: str) -> Any:
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "get_usage",
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "get_usage", "arguments": {}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return web.post("/mcp", json=body, headers=headers)


def test_the_service_says_where_tokens_come_from(web: TestClient, served: Directory) -> None:
    refused = ask(web, "")
    assert refused.status_code == 401
    where = "https://warmcall.example/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{where}"' in refused.headers["www-authenticate"]
    metadata = web.get(where).json()
    assert metadata["resource"] == AUDIENCE
    assert metadata["authorization_servers"] == [served.issuer]
    assert metadata["scopes_supported"] == ["warmcall:read", "warmcall:spend", "warmcall:write"]


def test_a_token_and_a_key_both_let_in(web: TestClient, served: Directory) -> None:
    usage = ask(web, token(iss=served.issuer)).json()["result"]["structuredContent"]
    assert (usage["used"], usage["quota"]) == (0, 100)
    assert ask(web, token(iss=ISSUER)).status_code == 401

"""Who may connect over HTTP: holders of an API key and, where one is set up, of an OAuth token.

With `WARMCALL_OAUTH_ISSUER` the service is a resource server (RFC 9728): it says where tokens come
from and takes JWTs of that issuer that are meant for it (RFC 9068). Read 2026-11-21.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import jwt
import orjson
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from app.errors import Unauthorized
from app.intake import SCOPES, Caller, Intake
from integrations.mcp.front import Admitted

PREFIX = "warmcall:"
"""What our scopes are called at an OAuth issuer: `warmcall:read` and so on."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
LEEWAY_S = 30
KEEP_S = 600.0  # the issuer's keys
PAUSE_S = 30.0  # before they are asked for again because a token names another one

log = logging.getLogger("warmcall.mcp")

Load = Callable[[str], Awaitable[bytes]]
"""Returns what is at a URL, within seconds and 64 kB; empty when nothing came."""


def resource_url(base_url: str) -> str:
    """Return the URL of this surface, which is what OAuth tokens are meant for."""
    return f"{base_url}/mcp"


@dataclass(slots=True, kw_only=True)
class Issuer:
    """The OAuth issuer and its signing keys, which are loaded when the first token comes."""

    url: str
    audience: str
    load: Load
    clock_s: Callable[[], float] = anyio.current_time
    _keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    _loaded_s: float | None = None
    _loading: anyio.Lock = field(default_factory=anyio.Lock)

    async def caller(self, token: str) -> Caller | None:
        """Return who this token was issued to, None when it is not valid here."""
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.audience,
                issuer=self.url,
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.InvalidTokenError:
            return None
        return _bearer(claims)

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        async with self._loading:
            age_s = KEEP_S if self._loaded_s is None else self.clock_s() - self._loaded_s
            if age_s >= KEEP_S or (kid not in self._keys and age_s >= PAUSE_S):
                self._loaded_s = self.clock_s()
                self._keys = await self._loaded() or self._keys
        return self._keys.get(kid)

    async def _loaded(self) -> Mapping[str, jwt.PyJWK]:
        """Return the issuer's keys by id; nothing when they cannot be had now."""
        for url in metadata_urls(self.url):
            metadata = _object(await self.load(url))
            if metadata.get("issuer") == self.url and isinstance(metadata.get("jwks_uri"), str):
                return _signing(await self.load(str(metadata["jwks_uri"])))
        log.warning("the OAuth issuer does not tell its keys")
        return {}


def metadata_urls(issuer: str) -> list[str]:
    """Return where an issuer describes itself (RFC 8414, OpenID Connect Discovery).

    >>> metadata_urls("https://id.example/tenant")[0]
    'https://id.example/.well-known/oauth-authorization-server/tenant'
    """
    parts = urlsplit(issuer)
    path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
    oauth = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return [oauth, f"{issuer.rstrip('/')}/.well-known/openid-configuration"]


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _signing(body: bytes) -> Mapping[str, jwt.PyJWK]:
    found = {}
    for one in _object(body).get("keys", ()):
        try:
            key = jwt.PyJWK(one)
        except (jwt.PyJWTError, TypeError, AttributeError):
            continue  # of a kind that is not known here
        if key.public_key_use in {None, "sig"} and key.key_id and key.key_type != "oct":
            found[key.key_id] = key
    return found


def _bearer(claims: Mapping[str, Any]) -> Caller:
    """Return the caller of a token: the same person at the same issuer is the same caller."""
    who = sha256(f"{claims['iss']}\n{claims['sub']}".encode()).hexdigest()[:24]
    given = claims.get("scope", claims.get("scp", ""))
    names = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    scopes = {str(name).removeprefix(PREFIX) for name in names if str(name).startswith(PREFIX)}
    return Caller(id=f"oauth_{who}", name="OAuth user", scopes=SCOPES & scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Tells who holds a bearer token."""

    intake: Intake
    issuer: Issuer | None = None

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the caller of a key or token, None when it is not valid."""
        caller = await self._caller(token.strip())
        if caller is None:
            return None
        return Admitted(
            token="",
            client_id=caller.id,
            subject=caller.id,
            scopes=sorted(caller.scopes),
            caller=caller,
        )

    async def _caller(self, token: str) -> Caller | None:
        if self.issuer and token.count(".") == 2:  # API keys have no dot
            return await self.issuer.caller(token)
        try:
            return self.intake.recognise(token) or await anyio.to_thread.run_sync(
                partial(self.intake.authenticate, token)
            )
        except Unauthorized:
            return None


def guarded(app: ASGIApp, doorkeeper: Doorkeeper, base_url: str) -> ASGIApp:
    """Let only callers through; others are told 401 and, with OAuth, where tokens come from."""
    metadata = None
    if doorkeeper.issuer:
        metadata = build_resource_metadata_url(AnyHttpUrl(resource_url(base_url)))
    required = RequireAuthMiddleware(AuthContextMiddleware(app), [], metadata)
    return AuthenticationMiddleware(required, backend=BearerAuthBackend(doorkeeper))


def metadata_routes(issuer: Issuer | None, base_url: str) -> list[Route]:
    """Return the route of the protected-resource metadata; none without OAuth."""
    if issuer is None:
        return []
    return create_protected_resource_routes(
        resource_url=AnyHttpUrl(resource_url(base_url)),
        authorization_servers=[AnyHttpUrl(issuer.url)],
        scopes_supported=sorted(f"{PREFIX}{scope}" for scope in SCOPES),
        resource_name="Warmcall",
    )

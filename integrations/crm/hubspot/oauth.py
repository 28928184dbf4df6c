"""Access tokens of OAuth: renewed before they end, and once more when one has ended all the same.

They live for 30 minutes (facts/crm.md section 3, read 2026-11-21). A static token needs none of
this: the adapter sends it by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from app.crm import UNAUTHORIZED
from app.errors import DeliveryFailed
from app.provider import Answer, Request
from integrations.crm.hubspot.answers import EXPIRED, body_of, category, is_fine, refuse

EARLY = timedelta(minutes=2)
"""A token is renewed so long before it ends."""

USUAL_S = 1_800
TIMEOUT_S = 15.0

Call = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Grant:
    """What an account's operator has granted our app: with it, access tokens are had."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


class Renewing:
    """Sends requests with an access token, which all who send through this share."""

    def __init__(self, call: Call, url: str, grant: Grant, now: Callable[[], datetime]) -> None:
        self._call = call
        self._url = url
        self._grant = grant
        self._now = now
        self._token = ""
        self._until = datetime.min.replace(tzinfo=now().tzinfo)
        self._lock = asyncio.Lock()

    async def send(self, request: Request) -> Answer:
        """Send a request. Raises DeliveryFailed (`unauthorized`) when no token is to be had."""
        token = await self._current()
        answer = await self._call(_with(request, token))
        if answer.status == HTTPStatus.UNAUTHORIZED and category(answer) == EXPIRED:
            answer = await self._call(_with(request, await self._current(instead_of=token)))
        return answer

    async def _current(self, instead_of: str = "") -> str:
        async with self._lock:
            is_old = self._now() >= self._until or self._token == instead_of
            if is_old:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        grant = self._grant
        form = {
            "grant_type": "refresh_token",
            "client_id": grant.client_id,
            "client_secret": grant.client_secret,
            "refresh_token": grant.refresh_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = urlencode(form).encode()
        asked = Request("POST", self._url, headers=headers, content=content, timeout_s=TIMEOUT_S)
        answer = await self._call(asked)
        body = body_of(answer)
        if answer.status == HTTPStatus.BAD_REQUEST and body.get("error"):
            told = "HubSpot does not renew the access: install the app anew, and set its token"
            raise DeliveryFailed(told, final=True, undone=True, status=400, word=UNAUTHORIZED)
        token = body.get("access_token")
        if not is_fine(answer):
            refuse(answer)
        if not isinstance(token, str) or not token:
            raise DeliveryFailed("HubSpot's token is not in the documented shape", undone=True)
        lasts_s = body.get("expires_in")
        lasts = timedelta(seconds=lasts_s if isinstance(lasts_s, int) else USUAL_S)
        self._token, self._until = token, self._now() + max(lasts - EARLY, timedelta(seconds=1))


def _with(request: Request, token: str) -> Request:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})

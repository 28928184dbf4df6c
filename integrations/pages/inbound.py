"""The pages' routes: a card by its link, and the dashboard for whoever has an API key."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qs

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.errors import Forbidden, NotFound, Unauthorized, WarmcallError
from app.installation import Installation
from app.intake import Caller, Intake
from app.settings import Settings
from integrations.pages import render

COOKIE = "warmcall_key"
COOKIE_S = 12 * 3600
MAX_FORM = 4_096  # bytes of the login form
THREADS = 16

T = TypeVar("T")
Installs = Sequence[Installation]


class Pages:
    """The endpoints and the parts they stand on."""

    def __init__(
        self, intake: Intake, settings: Settings, installations: Callable[[], Installs]
    ) -> None:
        self._intake = intake
        self._installations = installations
        self._is_https = settings.base_url.startswith("https://")
        self._threads = anyio.CapacityLimiter(THREADS)

    async def card(self, request: Request) -> Response:
        """Show a card to whoever has its link."""
        token = request.path_params["token"]
        try:
            view = await self._run(lambda: self._intake.card(token))
        except NotFound as exc:
            return page(render.message("No such card", str(exc)), HTTPStatus.NOT_FOUND)
        return page(render.card(view, self._intake.now()))

    async def dashboard(self, request: Request) -> Response:
        """Show the dashboard, or the login form to who has no valid key."""
        key = request.cookies.get(COOKIE)
        if not key:
            return page(render.login())
        try:
            return page(await self._run(lambda: self._overview(self._allowed(key))))
        except (Unauthorized, Forbidden) as exc:
            return self._refused(exc)

    async def login(self, request: Request) -> Response:
        """Keep a valid key in a cookie that no script and no other site can use."""
        if _is_from_elsewhere(request):
            return self._refused(Forbidden("Sign in on this page, not from another site."))
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        key = form.get("key", [""])[0].strip()
        try:
            await self._run(lambda: self._allowed(key))
        except (Unauthorized, Forbidden) as exc:
            return self._refused(exc)
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            COOKIE, key, COOKIE_S, httponly=True, samesite="strict", secure=self._is_https
        )
        return answer

    async def logout(self, request: Request) -> Response:
        """Forget the key."""
        if _is_from_elsewhere(request):
            return page(render.message("Signed in", "Another site asked to sign you out."))
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._is_https)
        return answer

    def _refused(self, exc: WarmcallError) -> Response:
        answer = page(render.login(problem=str(exc)), HTTPStatus.UNAUTHORIZED)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._is_https)
        return answer

    def _allowed(self, key: str) -> Caller:
        caller = self._intake.authenticate(key)
        if "read" not in caller.scopes:
            raise Forbidden("This API key lacks the scope `read`.")
        return caller

    def _overview(self, caller: Caller) -> str:
        return render.dashboard(
            caller=caller,
            gauges=self._intake.gauges(),
            usage=self._intake.usage(caller),
            providers=self._intake.providers(),
            jobs=self._intake.jobs(caller, limit=20),
            deliveries=[
                one
                for state in ("failed", "disabled", "pending")
                for one in self._intake.deliveries(caller, state=state, limit=20)
            ],
            installations=self._installations(),
            now=self._intake.now(),
        )

    async def _run(self, verb: Callable[[], T]) -> T:
        return await run_sync(verb, limiter=self._threads)


def _is_from_elsewhere(request: Request) -> bool:
    """Tell whether a browser says that another site sent this form (Fetch Metadata).

    Our own pages send no referrer, and so no origin that could be compared.
    """
    return request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def page(html: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a page: no script, nothing from elsewhere, in no search engine and no cache."""
    return HTMLResponse(html, status, headers())


def note(title: str, said: str, status: HTTPStatus) -> Response:
    """Return a page of one title and one sentence."""
    return page(render.message(title, said), status)


def headers() -> Mapping[str, str]:
    """Return the header fields of every page. The card's address is its key: it never leaks."""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src '{render.style_hash()}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


def routes(
    *,
    intake: Intake,
    settings: Settings,
    installations: Callable[[], Installs] = tuple,
) -> list[BaseRoute]:
    """Return the routes of this surface for the service's one application."""
    pages = Pages(intake, settings, installations)
    return [
        Route("/", pages.dashboard, methods=["GET"]),
        Route("/login", pages.login, methods=["POST"], max_body_size=MAX_FORM),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/card/{token}", pages.card, methods=["GET"]),
    ]

"""Reads the API key out of a request and checks that it may do what is asked."""

from app.errors import Forbidden, Unauthorized
from app.views import Caller


def bearer(header: str | None) -> str:
    """Return the key of `Authorization: Bearer KEY`. Raises Unauthorized when there is none."""
    scheme, _, key = (header or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("Send your API key as `Authorization: Bearer KEY`.")
    return key.strip()


def require(caller: Caller, scope: str) -> Caller:
    """Return the caller if its key has this scope. Raises Forbidden that names it otherwise."""
    if scope not in caller.scopes:
        raise Forbidden(f"This API key lacks the scope `{scope}`.")
    return caller

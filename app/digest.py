"""Digests of identifiers: what is kept of somebody who must not be looked up."""

from hashlib import sha256

from app.prospect import Prospect

HUSHED = "sha256:"
"""How a value begins of which only its digest is kept."""


def digest(key: str) -> str:
    """Return the digest of a prospect's key, such as `email:jane@acme.example`."""
    return sha256(key.encode()).hexdigest()


def digests(prospect: Prospect) -> list[tuple[str, str]]:
    """Return the digests that would stop a look-up of this prospect, each with its kind.

    The first is the prospect's own, the second its company's domain.
    """
    own = (digest(prospect.key), prospect.by.value)
    domain = prospect.known.domain
    return [own, (digest(f"domain:{domain}"), "domain")] if domain else [own]

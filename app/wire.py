"""How values look on the wire."""

from datetime import datetime


def iso(at: datetime) -> str:
    """Return a time as programs read it: ISO 8601, UTC with a Z.

    >>> from datetime import UTC
    >>> iso(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    '2026-11-21T09:30:00Z'
    """
    return at.isoformat().replace("+00:00", "Z")

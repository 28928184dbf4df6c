"""How somebody wants their cards: where they go, and when those that nobody asked for may come."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = 24 * 60  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What one person of one workspace has chosen; as it stands here until they choose.

    `place` is a conversation's id, empty for the person's own messages with the app. Quiet hours
    are minutes after midnight (0 to 1439) where the person is: `zone` is the name of their time
    zone, `offset_s` its seconds east of UTC, used where that name is not known. `unasked` lets
    cards come that the person did not ask for.
    """

    place: str = ""
    quiet_from: int | None = None
    quiet_until: int | None = None
    zone: str = ""
    offset_s: int = 0
    unasked: bool = True

    @property
    def has_quiet_hours(self) -> bool:
        """Tell whether there are any: both ends are set, and they differ."""
        ends = {self.quiet_from, self.quiet_until}
        return len(ends) == 2 and None not in ends


def quiet_until(preference: Preference, now: datetime) -> datetime | None:
    """Return when the quiet hours end that it is now (UTC); None when it is not quiet.

    >>> night = Preference(quiet_from=22 * 60, quiet_until=7 * 60, offset_s=3600)
    >>> quiet_until(night, datetime(2026, 11, 21, 23, 30, tzinfo=UTC)).isoformat()
    '2026-11-22T06:00:00+00:00'
    >>> quiet_until(night, datetime(2026, 11, 21, 6, 0, tzinfo=UTC)) is None
    True
    """
    begin, end = preference.quiet_from, preference.quiet_until
    if begin is None or end is None or begin == end:
        return None
    local = now.astimezone(_zone(preference))
    minute = local.hour * 60 + local.minute
    if (minute - begin) % DAY >= (end - begin) % DAY:
        return None
    last = local + timedelta(days=1) if minute >= end else local
    return last.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0).astimezone(UTC)


def _zone(preference: Preference) -> tzinfo:
    try:
        return ZoneInfo(preference.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not known, no name, or a folder's
        return timezone(timedelta(seconds=preference.offset_s))

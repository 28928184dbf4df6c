"""Starts Warmcall with the pace of a provider plan that is no limit to anybody here.

Its own pace for People Data Labs is that of a real account (10 calls a second, 8 at once), which
the peers' scripts do not keep to. Everything else runs as installed.
"""

from app.provider import Pace
from app.providers.peopledatalabs import PeopleDataLabs
from integrations.cli.inbound import main

AT_ONCE = 500

if __name__ == "__main__":
    PeopleDataLabs.pace = Pace(per_s=1_000_000, burst=1_000_000, at_once=AT_ONCE)
    main()

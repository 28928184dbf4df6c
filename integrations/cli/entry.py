"""What the command `warmcall` starts: all of it, or at once the one part that needs little.

An agent's program waits for `warmcall mcp`, often with a time-out. As the client of a deployed
server it needs neither the core nor the other commands, which take seconds to import.
"""

import sys
from importlib import import_module

from integrations.cli.environment import environment

NEEDED = {"WARMCALL_URL", "WARMCALL_API_KEY"}


def main() -> None:
    """Run the command line."""
    env = environment()
    given = {name for name in NEEDED if env.get(name, "").strip()}
    if sys.argv[1:] == ["mcp"] and given == NEEDED:
        import_module("integrations.cli.relay").main(env)
    else:
        import_module("integrations.cli.inbound").main()

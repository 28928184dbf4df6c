"""What the processes are told by their surroundings."""

import os

from dotenv import dotenv_values


def environment() -> dict[str, str]:
    """Return `.env` of the working directory and the environment, which wins."""
    written = dotenv_values(".env", interpolate=False)
    kept = {name: value for name, value in written.items() if value is not None}
    return {**kept, **os.environ}  # noqa: TID251  this is the edge

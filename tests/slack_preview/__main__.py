"""Write the page: `python -m tests.slack_preview FILE`."""

import sys
from pathlib import Path

from tests.slack_preview.page import page
from tests.slack_preview.states import states

if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(states()), "utf-8")
    sys.stdout.write(f"Open {target} in a browser.\n")

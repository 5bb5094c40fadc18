"""Programs that stand beside the servers that are compared, each handed to `python -c`."""

from __future__ import annotations

BUFFERED = """
import sys
from poise.interfaces import taking_in
taking_in.durable = lambda system: False
from poise.interfaces.cli import main
sys.argv = ["poise", *sys.argv[1:]]
main()
"""
"""`poise` as if the release's system file said `log: buffered`."""
UNLOGGED = """
import sys
from poise.serving.inlet import Inlet
Inlet.keep = lambda self, answer: None
from poise.interfaces.cli import main
sys.argv = ["poise", *sys.argv[1:]]
main()
"""
"""`poise` without a log of its answers, which it does not offer: the answer alone, which is all that others here do."""
DURABLE_NO_OP = """
import sqlite3, sys, uvicorn
to = sqlite3.connect(sys.argv[2], isolation_level=None)
to.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS kept (body BLOB)")
async def app(scope, receive, send):
    if scope["type"] == "http":
        if scope["method"] == "POST":
            await receive()
            to.execute("INSERT INTO kept VALUES (zeroblob(11000))")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", lifespan="off", access_log=False)
"""
"""A no-op that commits as many bytes as Poise logs of a list, synced, before it answers: the floor of this disk."""

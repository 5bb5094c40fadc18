"""Whether this server lives, and whether callers may come to it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from poise.clock import SECOND, to_text
from poise.interfaces.http.problem import problem
from poise.interfaces.http.query import as_json
from poise.serving.inlet import Inlet
from poise.serving.served import Served


class Health:
    """Answers without a look at the state database, so that a server whose database is gone still says that it lives.

    Both are asked by machines without a token, so neither says why a release does not answer: history and log do.
    """

    def __init__(self, served: Served, inlet: Inlet | None) -> None:
        self._served, self._inlet = served, inlet

    @property
    def trouble(self) -> str | None:
        """Why callers should not come, None where they may."""
        if not all(one.ready for one in self._served.all):
            return "no rehearsal request has been answered yet"
        return self._inlet.trouble if self._inlet is not None else None

    async def live(self, request: Request) -> Response:
        """The process answers."""
        return as_json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Every release that answers has answered a rehearsal, and what comes in can be written."""
        trouble = self.trouble
        if trouble is not None:
            return problem(503, trouble, headers={"retry-after": "1"})
        said: dict[str, object] = {"ready": True, "release": self._served.live.release}
        if self._served.trial is not None:
            said["on_trial"] = self._served.trial.release
        if self._served.taken_back is not None:
            said["taken_back"] = self._served.taken_back
        troubles = sorted(self._served.troubles.items())
        if not troubles:
            return as_json(said)
        again = {name: to_text(one.again // SECOND * SECOND, "UTC") for name, one in troubles}
        return as_json({**said, "not_answering": list(again), "tried_again": again})

"""The transport of a connection whose other side goes at the wrong moment, which no real one does when told to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from poise.interfaces.http.joined import LINGERING, Joined, Lingering
from poise.serving.limits import Limits


class Raw:
    """As uvloop's: it does not take anything once it is gone."""

    def __init__(self) -> None:
        self.sent, self.said = b"", list[str]()
        self.gone = False

    def write(self, data: bytes) -> None:
        if self.gone:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")
        self.sent += data

    def is_closing(self) -> bool:
        return self.gone

    def close(self) -> None:
        self.gone = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.said.append("nothing follows")

    def get_write_buffer_size(self) -> int:
        return 0


def joined(raw: Raw, loop: asyncio.AbstractEventLoop, lingering: Lingering, limits: Limits, *, unread: bool) -> Any:
    return Joined(raw, loop, limits, lingering, lambda: unread)


@pytest.mark.parametrize("how", ["between answer and sending", "before the answer", "with notice"])
def test_an_answer_to_somebody_who_is_gone_goes_nowhere(how: str) -> None:
    async def go() -> None:
        raw, loop, wrong = Raw(), asyncio.get_running_loop(), list[dict[str, Any]]()
        loop.set_exception_handler(lambda _, told: wrong.append(told))
        transport = joined(raw, loop, Lingering(), Limits(), unread=False)
        if how == "before the answer":
            raw.gone = True
        transport.write(b"HTTP/1.1 200 OK")
        raw.gone = True
        if how == "with notice":
            transport.lost()
        transport.close()
        transport.write(b"more")
        await asyncio.sleep(0.01)
        assert (raw.sent, wrong) == (b"", [])

    asyncio.run(go())


def test_what_is_read_off_is_bounded_in_bytes_seconds_and_connections() -> None:
    async def go() -> None:
        loop, lingering, limits = asyncio.get_running_loop(), Lingering(), Limits(unread=100, patience=0.05)
        raws = [Raw() for _ in range(LINGERING + 1)]
        made = [joined(raw, loop, lingering, limits, unread=True) for raw in raws]
        for transport in made:
            transport.write(b"refused")
            transport.close()
        assert {raw.sent for raw in raws} == {b"refused"} and lingering.number == LINGERING
        assert [raw.gone for raw in raws] == [False] * LINGERING + [True]
        made[0].drop(100)
        assert not raws[0].gone
        made[0].drop(1)
        assert raws[0].gone
        made[1].close()
        assert raws[1].gone and lingering.number == LINGERING - 1, "told once more it does not wait"
        await asyncio.sleep(0.2)
        assert all(raw.gone for raw in raws)
        for transport in made:
            transport.lost()
        assert lingering.number == 0

    asyncio.run(go())

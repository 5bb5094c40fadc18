"""Running the application on uvicorn: on loopback, with bounds for slow and oversized clients and a graceful stop."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import uvicorn
from starlette.routing import BaseRoute

from poise.errors import PoiseError
from poise.interfaces.http.app import create_app
from poise.interfaces.http.guard import is_loopback
from poise.interfaces.http.protocol import guarded
from poise.serving.follow import EVERY, Follower
from poise.serving.inlet import Inlet
from poise.serving.served import Served
from poise.serving.views import Registry
from poise.stores.state_base import LiveState

GRACE = 10
"""Seconds that requests in progress may take once the server was told to stop."""
OnReady = Callable[[str], None]


def serve(
    served: Served,
    registry: Registry,
    host: str = "127.0.0.1",
    port: int = 8080,
    on_ready: OnReady | None = None,
    also: Sequence[BaseRoute] = (),
    inlet: Inlet | None = None,
) -> None:
    """Answer HTTP requests until SIGTERM, then finish what is in progress and return; after SIGINT (Ctrl-C) raise
    `KeyboardInterrupt` then, as every other work that it ends does.

    port: 0 takes a free one. on_ready: called with the address (`http://127.0.0.1:8080`) once requests are answered.
    also: routes of a program's own beside those of Poise. inlet: takes events in and logs answers, where there is one.
    Where `registry` is the state database, weights that are written to it take effect while this runs.
    Raises `PoiseError` for an address that is not loopback (tokens, which that would need, do not exist yet) or is in
    use, and whatever the rehearsal of an example request raises.
    """
    if not is_loopback(host):
        hint = "bind to 127.0.0.1 and put a proxy that authenticates in front"
        raise PoiseError(
            f"{host} can be reached by others, and this server has no tokens to tell them apart", hint=hint
        )
    with _bound(host, port) as bound:
        for answerer in served.all:
            if not answerer.ready:
                answerer.rehearse()
        name = f"[{host.strip('[]')}]" if bound.family == socket.AF_INET6 else host
        address = f"http://{name}:{bound.getsockname()[1]}"
        config = uvicorn.Config(
            create_app(served, registry, also, inlet),
            http=guarded(served.limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=served.limits.idle,
            timeout_graceful_shutdown=GRACE,
        )
        with _following(registry, served):
            server = _Server(config, lambda: on_ready(address) if on_ready else None, inlet)
            server.run(sockets=[bound])
        if server.interrupted:
            raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Says when it listens, and returns after a signal rather than raising the signal once more.

    interrupted: whether the signal was SIGINT.
    """

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], inlet: Inlet | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._inlet = inlet
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._inlet is not None:
            self._inlet.begin()
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens for nobody yet. Raises `PoiseError` where the address is taken or not of this machine."""
    family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        hint = "another server may run there; --port 0 takes a free port"
        raise PoiseError(f"cannot listen at {host}:{port}: {error.strerror}", hint=hint) from None
    with bound:
        yield bound


@contextlib.contextmanager
def _following(registry: Registry, served: Served) -> Iterator[None]:
    """While inside, a thread looks for new weights in the state database; nothing where `registry` is none."""
    if not isinstance(registry, LiveState):
        yield
        return
    follower, over = Follower(registry, served), threading.Event()

    def run() -> None:
        while not over.is_set():
            follower.look()
            over.wait(EVERY)

    thread = threading.Thread(target=run, name="poise-follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)

"""Running the application on uvicorn: for whom, over TLS or not, with bounds for slow clients and a graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import uvicorn
from starlette.routing import BaseRoute

from poise.errors import PoiseError
from poise.interfaces.http.app import create_app
from poise.interfaces.http.asides import NONE, Asides
from poise.interfaces.http.certificate import Certificate
from poise.interfaces.http.guard import is_loopback
from poise.interfaces.http.joined import LINGERING
from poise.interfaces.http.looking import looking
from poise.interfaces.http.protocol import guarded
from poise.interfaces.http.straight import Straight
from poise.serving.follow import EVERY, Follower, Switches
from poise.serving.follow_tokens import TokensFollower
from poise.serving.inlet import Inlet
from poise.serving.served import Served
from poise.serving.tokens import Tokens
from poise.serving.usage import Usage
from poise.serving.views import Registry
from poise.stores.state import State
from poise.stores.state_base import LiveState

GRACE = 10
"""Seconds that requests in progress may take once the server was told to stop."""
HANDSHAKE = 10.0
"""Seconds that a client may take to agree on TLS."""
RENEWED = 60.0
"""Seconds between two looks at the files of the certificate."""
FLUSHED = 5.0
"""Seconds between two writes of who uses what: so much of the counts a kill loses."""
OTHER_FILES = 200
"""Files that a server opens beside its connections: of the journal, the state database, libraries."""
ONE_READ = 262_144
"""Bytes that are read from a connection at once: so much more than a head may be in the parser's buffer."""
_LOG = logging.getLogger("poise.http")
OnReady = Callable[[str], None]


def serve(
    served: Served,
    registry: Registry,
    host: str = "127.0.0.1",
    port: int = 8080,
    on_ready: OnReady | None = None,
    also: Sequence[BaseRoute] = (),
    inlet: Inlet | None = None,
    tokens: Tokens | None = None,
    certificate: Certificate | None = None,
    plain_http: bool = False,
    switching: Switches | None = None,
    asides: Asides = NONE,
) -> None:
    """Answer HTTP requests until SIGTERM, then finish what is in progress and return; after SIGINT (Ctrl-C) raise
    `KeyboardInterrupt` then, as every other work that it ends does.

    port: 0 takes a free one. on_ready: called with the address (`http://127.0.0.1:8080`) once requests are answered.
    also: routes of a program's own beside those of Poise. inlet: takes events in and logs answers, where there is one.
    Where `registry` is the state database, weights and tokens that are written to it take effect while this runs.
    tokens: by which callers are known; None asks nobody for one. certificate: speaks TLS. plain_http: a proxy in front
    of an address that others reach does. switching: lets other releases answer, as the state database says.
    asides: make explanations and previews.

    Raises `PoiseError` for an address that others reach without tokens or TLS, or that is in use, and whatever the
    rehearsal of an example request raises.
    """
    if not is_loopback(host):
        _must_be_safe(host, tokens, certificate is not None or plain_http)
    _make_room(served.limits.connections)
    with _bound(host, port) as bound:
        for answerer in served.all:
            if not answerer.ready:
                answerer.rehearse()
        name = f"[{host.strip('[]')}]" if bound.family == socket.AF_INET6 else host
        address = f"{'http' if certificate is None else 'https'}://{name}:{bound.getsockname()[1]}"
        usage = Usage(registry if isinstance(registry, State) else None)
        app = create_app(served, registry, also, inlet, tokens, usage, asides)
        straight = app if isinstance(app, Straight) else None  # else each request makes a span, on the long way
        config = uvicorn.Config(
            app,
            http=guarded(served.limits, served.telemetry, lambda: tokens is not None and tokens.needed, straight),
            h11_max_incomplete_event_size=served.limits.head + ONE_READ,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=served.limits.idle,
            timeout_graceful_shutdown=GRACE,
        )
        counting = looking("poise-usage", FLUSHED, usage.flush)
        begins = [one.begin for one in (inlet, switching) if one is not None]
        with (
            _following(registry, served, switching),
            _following_tokens(registry, tokens),
            _renewing(certificate),
            counting,
            _frozen(),
        ):
            server = _Server(config, lambda: on_ready(address) if on_ready else None, begins, certificate)
            served.telemetry.watch("connections", lambda: {(): len(server.server_state.connections)})
            server.run(sockets=[bound])
        if server.interrupted:
            raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Says when it listens, and returns after a signal rather than raising the signal once more.

    interrupted: whether the signal was SIGINT.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        begins: Sequence[Callable[[], None]],
        certificate: Certificate | None,
    ) -> None:
        super().__init__(config)
        self._certificate = certificate
        self._on_ready = on_ready
        self._begins = begins
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for begin in self._begins:
            begin()
        if self._certificate is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            self.servers += [await self._over_tls(bound, self._certificate) for bound in sockets or ()]
        self._on_ready()

    async def _over_tls(self, bound: socket.socket, certificate: Certificate) -> asyncio.Server:
        """Listen as uvicorn does, but give up on a handshake as soon as on slow headers."""

        def protocol() -> asyncio.Protocol:
            kind: Any = self.config.http_protocol_class
            made: asyncio.Protocol = kind(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        return await asyncio.get_running_loop().create_server(
            protocol,
            sock=bound,
            ssl=certificate.context,
            ssl_handshake_timeout=HANDSHAKE,
            ssl_shutdown_timeout=HANDSHAKE,
            backlog=self.config.backlog,
        )

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


def _must_be_safe(host: str, tokens: Tokens | None, private: bool) -> None:
    """Raises `PoiseError` where others reach `host` and could not be told apart, or their tokens could be read."""
    reached = f"{host} can be reached by others"
    if tokens is None or not tokens.usable:
        hint = "make one: poise tokens add NAME --role predict; or listen at 127.0.0.1"
        raise PoiseError(f"{reached}, and there is no token by which this server could tell them apart", hint=hint)
    if not private:
        hint = "give --tls-cert and --tls-key, or --plain-http where a proxy in front of it speaks TLS"
        raise PoiseError(f"{reached}, who could read the tokens that are sent to it", hint=hint)


def _following_tokens(registry: Registry, tokens: Tokens | None) -> contextlib.AbstractContextManager[None]:
    """While inside, tokens that are made or revoked in the state database are known to the server."""
    if tokens is None or not isinstance(registry, State):
        return contextlib.nullcontext()
    return looking("poise-tokens", EVERY, TokensFollower(registry, tokens).look)


def _renewing(certificate: Certificate | None) -> contextlib.AbstractContextManager[None]:
    """While inside, a certificate whose files change is renewed."""
    return contextlib.nullcontext() if certificate is None else looking("poise-tls", RENEWED, certificate.look)


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """While inside, the collector of garbage looks at nothing that was loaded before: that would stop all answers for
    some 50 ms each time."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _make_room(connections: int) -> None:
    """Let this process open a file for each connection that it allows, as far as the system lets it."""
    needed = connections + LINGERING + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < needed:
        _LOG.warning("this process may open %d files, which is too few for %d connections", most, connections)


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


def _following(
    registry: Registry, served: Served, switching: Switches | None
) -> contextlib.AbstractContextManager[None]:
    """While inside, what is written to the state database is in force; nothing where `registry` is none."""
    if not isinstance(registry, LiveState):
        return contextlib.nullcontext()
    return looking("poise-follow", EVERY, Follower(registry, served, switching).look)

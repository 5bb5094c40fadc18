"""A plain HTTP client on one keep-alive connection, light enough not to be what is measured."""

from __future__ import annotations

import re
import socket

from poise.errors import StateError

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Connection:
    """One connection to a server on loopback. Raises `StateError` where the server hangs up or stays silent.

    token: sent with every request to a server that asks for one.
    """

    def __init__(self, port: int, timeout: float = 30.0, token: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"host: 127.0.0.1:{port}\r\n" + (f"authorization: Bearer {token}\r\n" if token else "")

    def request(self, route: str, body: bytes) -> bytes:
        """The bytes of a POST of JSON, made before the clock starts."""
        head = (
            f"POST {route} HTTP/1.1\r\n{self._head}content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def get(self, route: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self.exchange(f"GET {route} HTTP/1.1\r\n{self._head}\r\n".encode())

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send `request`; status and body of the answer."""
        try:
            self._socket.sendall(request)
            return self._answer()
        except OSError as error:
            raise StateError(f"the server did not answer: {error}") from error

    def _answer(self) -> tuple[int, bytes]:
        came = b""
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        length = _LENGTH.search(came, 0, end + 2)
        if length is None:
            raise StateError("the server's answer has no content-length")
        whole = end + 4 + int(length[1])
        while len(came) < whole:
            came += self._more()
        return int(came[9:12]), came[end + 4 : whole]

    def _more(self) -> bytes:
        came = self._socket.recv(1 << 18)
        if not came:
            raise StateError("the server hung up in the middle of an answer")
        return came

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

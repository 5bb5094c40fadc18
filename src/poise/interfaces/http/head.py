"""How much of a request's line and headers has come."""

from __future__ import annotations


class Head:
    """The line and headers of the request that a connection is sending, as long as their end has not come.

    most: bytes that they may have.

    >>> head = Head(20)
    >>> head.came(b"GET / HTTP/1.1\\r\\n"); head.size
    16
    >>> head.fits(b"\\r\\nand a long body"), head.fits(b"accept: */*\\r\\n\\r\\n")
    (True, False)
    """

    __slots__ = ("_most", "_tail", "size")

    def __init__(self, most: int) -> None:
        self._most = most
        self.ended()

    def ended(self) -> None:
        """The next byte is the first of another request."""
        self.size = 0
        self._tail = b""
        """The last of them, which may be the beginning of the end."""

    def came(self, data: bytes) -> None:
        """More came, and not the end."""
        self.size, self._tail = self.size + len(data), (self._tail + data)[-3:]

    def fits(self, data: bytes) -> bool:
        """Whether they are not too long with `data`, or end in it before they are."""
        if self.size + len(data) <= self._most:
            return True
        text = self._tail + data[: max(0, self._most - self.size)]
        return b"\r\n\r\n" in text or b"\n\n" in text

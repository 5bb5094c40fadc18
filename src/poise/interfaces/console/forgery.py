"""What tells a form of this server's own from one that another page makes a browser send.

A browser adds the cookie to whatever it sends, so that a cookie alone says nothing of who wrote a form. Each form holds
a mark that follows from the session and a secret of this process; no other page can read it, or reckon it.
"""

from __future__ import annotations

import hmac
import secrets

from poise.errors import PoiseError

FIELD = "mark"
"""The field of every form that holds the mark."""


class Forged(PoiseError):
    """A form without the mark that this server's own forms have (HTTP 403)."""

    status = 403
    title = "The form is not of this page"


class Marks:
    """The marks of one server.

    >>> marks = Marks()
    >>> marks.check("a session", marks.of("a session"))
    >>> marks.check("a session", marks.of("another"))
    Traceback (most recent call last):
    poise.interfaces.console.forgery.Forged: this form is older than the session or the server's start (open …)
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, whom: str) -> str:
        """The mark of the forms that are given to `whom`: a session, or whoever signs in."""
        return hmac.new(self._secret, whom.encode(), "sha256").hexdigest()

    def check(self, whom: str, sent: str) -> None:
        """Raises `Forged` for anything but the mark."""
        if not hmac.compare_digest(self.of(whom).encode(), sent.encode()):
            text = "this form is older than the session or the server's start"
            raise Forged(text, hint="open the page again and fill it in once more; nothing was changed")

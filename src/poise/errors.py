"""One family of errors: every sentence names what was wrong, what came, and what is allowed or to do next.

HTTP statuses and exit codes are attributes of the classes, so that one place (this file) maps them;
`docs/exit-codes.md` lists the latter for readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PoiseError(Exception):
    """Base of every error that Poise raises on purpose.

    `exit_code` is what the CLI ends with, `status` what HTTP answers, `title` the short name of a problem document.

    >>> PoiseError("the lake is empty", hint="run 'poise ingest' first").hint
    "run 'poise ingest' first"
    """

    exit_code = 1
    status = 500
    title = "Poise could not do this"

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


class SpecError(PoiseError):
    """The system file says something that Poise cannot honour. `where` is `file:line:column` or the key's path."""

    exit_code = 2
    status = 400
    title = "The system file is not valid"


class ManySpecErrors(SpecError):
    """Several faults of one system file, so that a reader mends them in one go."""

    def __init__(self, errors: Iterable[SpecError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class ExpressionError(SpecError):
    """An expression is not valid; the message points at the character."""

    title = "The expression is not valid"

    def __init__(self, message: str, *, text: str = "", position: int = 0, where: str | None = None) -> None:
        self.text = text
        self.position = position
        self.reason = message
        pointer = f"\n    {text}\n    {' ' * position}^" if text else ""
        super().__init__(message + pointer, where=where)


class UsageError(PoiseError):
    """A command names what does not exist, or options that do not go together; nothing was done."""

    exit_code = 2
    status = 400
    title = "The command is not valid"


class DataError(PoiseError):
    """A source, or a row of it, cannot be used: a missing file or column, an empty source."""

    exit_code = 3
    status = 422
    title = "The data cannot be used"


class NotEnoughData(DataError):
    """There is too little mature data to learn or to judge."""

    title = "Not enough data"


class RequestError(PoiseError):
    """A request does not fit the contract. `field` names the place in the body, `allowed` what may stand there."""

    exit_code = 2
    status = 422
    title = "The request does not fit the contract"

    def __init__(
        self, message: str, *, field: str | None = None, allowed: str | None = None, hint: str | None = None
    ) -> None:
        self.field = field
        self.allowed = allowed
        super().__init__(message, where=field, hint=hint or (f"allowed: {allowed}" if allowed else None))


class NotJson(RequestError):
    """A body is not JSON as RFC 8259 defines it (HTTP 400)."""

    status = 400
    title = "The body is not JSON"


class NoSuchSource(RequestError):
    """Rows came for a source that the system file does not name (HTTP 404)."""

    status = 404
    title = "There is no such source"


class NoSuchModel(RequestError):
    """A request names a model, or a version of one, that is not served (HTTP 404)."""

    status = 404
    title = "There is no such model"


class NoSuchCandidate(RequestError):
    """An item is asked about that took no part in the decision (HTTP 404)."""

    status = 404
    title = "There was no such candidate"


class Retired(RequestError):
    """A request asks by a contract that was taken out of use; the hint names what to ask by instead (HTTP 410)."""

    status = 410
    title = "This contract was retired"


class NotNow(RequestError):
    """A request fits the contract and not what is stored: a time that was gone past, no earlier weights (HTTP 409)."""

    status = 409
    title = "This cannot be done as things stand"


class TooLarge(RequestError):
    """A stated limit of size was reached (HTTP 413)."""

    status = 413
    title = "The request is too large"


class NotFinite(PoiseError):
    """A prediction is not a finite number, so nothing is answered from it; the message names the objective."""

    exit_code = 8
    status = 503
    title = "No answer could be computed"


class Overloaded(PoiseError):
    """A stated limit of load was reached (HTTP 503 with Retry-After, in seconds). reason: one word, by which it is
    counted."""

    exit_code = 75
    status = 503
    title = "Busy"

    def __init__(self, message: str, *, retry_after: float = 1.0, reason: str = "busy") -> None:
        self.retry_after = retry_after
        self.reason = reason
        super().__init__(message)


class Refused(PoiseError):
    """A gate refused a release: the message names the owner and the number."""

    exit_code = 4
    status = 409
    title = "The release was refused"


class Stale(PoiseError):
    """What a change was meant to follow is not what is live any more; the message says what is, and by whom."""

    exit_code = 9
    status = 409
    title = "Somebody else changed it first"


class Tampered(PoiseError):
    """A file of a release is not what its manifest says."""

    exit_code = 5
    status = 500
    title = "The release was changed after it was sealed"


class StateError(PoiseError):
    """Stored state cannot be used: locked by another process, of a newer format, absent."""

    exit_code = 6
    status = 503
    title = "The stored state cannot be used"


class MissingExtra(PoiseError):
    """A package or system library that this needs is not installed; the hint names it."""

    exit_code = 7
    title = "Something is not installed"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """The hint for a misspelt `word`: its nearest allowed neighbour, or the allowed words.

    >>> did_you_mean("wehre", ["where", "terms"])
    "did you mean 'where'?"
    >>> did_you_mean("zzz", ["where", "terms"])
    'allowed: terms, where'
    """
    words = sorted(set(allowed))
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    shown = ", ".join(words[:20]) + (", …" if len(words) > 20 else "")
    return f"allowed: {shown}" if words else "nothing is allowed here"

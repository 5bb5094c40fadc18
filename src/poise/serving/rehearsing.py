"""A rehearsal: an example of a request is answered before the first caller comes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from poise.encoding import encode
from poise.errors import NotFinite, RequestError
from poise.serving.answered import Answer

if TYPE_CHECKING:
    from poise.serving.loaded import Loaded

_LOG = logging.getLogger("poise.serving")


def rehearse(
    loaded: Loaded, handler: Callable[[bytes], Answer], content: Mapping[str, Any], by_models: bool = False
) -> None:
    """Let `handler` answer `content` for a release.

    An example that is not real, of a release whose evidence holds none, may be refused. by_models: an answer that
    something else than the models gave raises `NotFinite`.
    """
    try:
        answer = handler(encode(content))
    except RequestError as error:
        if loaded.evidence.get("examples"):
            raise
        _LOG.warning("no real request is known, and the one made up for a rehearsal was refused: %s", error)
        return
    if answer.kept is not None:
        answer.kept.encoded()  # else a log that cannot be written would be seen only after the first caller's answer
    for name, mark in msgspec.json.decode(answer.body).get("fallbacks", {}).items() if by_models else ():
        raise NotFinite(f"in its rehearsal {loaded.release} did not answer '{name}' by its model: {mark['why']}")

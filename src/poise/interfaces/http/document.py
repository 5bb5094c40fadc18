"""The route of the OpenAPI document: made when it is asked for, and again when something else is served."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from poise.interfaces.http.asides import Asides
from poise.interfaces.http.ask import contract_of
from poise.interfaces.http.openapi import openapi
from poise.interfaces.http.openapi_schema import Schema
from poise.interfaces.http.query import as_json
from poise.serving.answer import Answerer
from poise.serving.served import Served
from poise.serving.tokens import Tokens

DOCUMENT = "/openapi.json"


class Document:
    """Describes what answers the contract that the caller chooses, as `/v1/predict` and the others would."""

    def __init__(self, served: Served, tokens: Tokens, *, takes_in: bool, asides: Asides) -> None:
        self._served, self._tokens = served, tokens
        self._takes_in, self._asides = takes_in, asides
        self._last: tuple[Answerer, tuple[int, ...], bool, Schema] | None = None
        """What was described last, by which contracts and with tokens or not, and the document."""

    async def show(self, request: Request) -> Response:
        """The document. Raises `RequestError` for a contract that there is not."""
        answerer, majors = self._served.of(contract_of(request.scope)), self._served.majors
        secured = self._tokens.needed
        if self._last is None or self._last[:3] != (answerer, majors, secured):
            made = openapi(answerer, majors, takes_in=self._takes_in, asides=self._asides, secured=secured)
            self._last = answerer, majors, secured, made
        return as_json(self._last[3])

"""The console of one server: its pages and forms, who may see them, and what whoever may not sees instead."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from poise.errors import PoiseError, RequestError
from poise.interfaces.console import decisions, history, monitors, overview, signing_in, trade_offs
from poise.interfaces.console.forgery import FIELD, Marks
from poise.interfaces.console.form import read_form
from poise.interfaces.console.look import HEADERS, Page, file_named, rendered
from poise.interfaces.console.sessions import SESSION, Session, Sessions
from poise.interfaces.http.ask import caller_of
from poise.interfaces.http.observed import CALLER
from poise.interfaces.http.problem import of_error
from poise.interfaces.http.roles import FORMS, PAGES
from poise.serving.caller import ANYBODY_HERE, NOBODY
from poise.serving.served import Served
from poise.serving.tokens import Tokens, Unauthorized

Shows = Callable[[Request, Served], Awaitable[Page | Response]]
Does = Callable[[Request, Served, Mapping[str, str]], Awaitable[Page | Response]]
NAVIGATION = {
    "overview": ("/", "Overview"),
    "trade-offs": ("/trade-offs", "Trade-offs"),
    "decisions": ("/decisions", "Decisions"),
    "monitors": ("/monitors", "Monitors"),
    "history": ("/history", "History"),
}
"""Page -> its address and its name, in the order in which they stand."""


class Console:
    """The pages of what `served` serves. tokens: by which people sign in, where any are needed."""

    def __init__(self, served: Served, tokens: Tokens) -> None:
        self._served = served
        self.sessions = Sessions(served.live.loaded.system.system)
        self._marks = Marks()
        self._sign_in = signing_in.SigningIn(tokens, self.sessions, self._marks)

    def routes(self) -> list[BaseRoute]:
        """Every page and every form."""
        return [
            Route("/", self._page("overview", overview.overview)),
            Route("/trade-offs", self._page("trade-offs", trade_offs.trade_offs)),
            Route("/trade-offs/estimate", self._form("trade-offs", trade_offs.estimate), methods=["POST"]),
            Route("/trade-offs/apply", self._form("trade-offs", trade_offs.apply), methods=["POST"]),
            Route("/trade-offs/take-back", self._form("trade-offs", trade_offs.take_back), methods=["POST"]),
            Route("/trade-offs/proposal", self._form("trade-offs", trade_offs.decide), methods=["POST"]),
            Route("/decisions", self._page("decisions", decisions.decisions)),
            Route("/monitors", self._page("monitors", monitors.monitors)),
            Route("/history", self._page("history", history.history)),
            Route("/login", self._page("login", self._sign_in.show)),
            Route("/login", self._bare_form("login", self._sign_in.check), methods=["POST"]),
            Route("/logout", self._form("login", self._sign_in.leave), methods=["POST"]),
            Route("/console/{file}", _file),
        ]

    def refuse(self, scope: Scope, error: PoiseError) -> Response | None:
        """The page for a browser that is not let in: to sign in, or that says why not. None for anybody else."""
        accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        if b"text/html" not in accepts or scope["path"] not in PAGES | FORMS:
            return None

        request = Request(scope)
        return self._made(request, "login", self._refused(request, error))

    def _refused(self, request: Request, error: PoiseError) -> Page:
        if not isinstance(error, Unauthorized):
            return failure(error)
        path, query = request.url.path, request.url.query
        onward = "/" if path not in PAGES else f"{path}?{query}" if query else path
        said = error.message if error.sent else None
        return self._sign_in.page(request, onward, said, error.status)

    def _page(self, name: str, shows: Shows) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._answer(request, name, lambda: shows(request, self._served))

        return endpoint

    def _form(self, name: str, does: Does) -> Callable[[Request], Awaitable[Response]]:
        """A form of somebody who is in: its mark is checked before anything is done."""

        async def run(request: Request) -> Page | Response:
            fields = await read_form(request, self._served.limits.patience)
            if _by_cookie(request):
                self._marks.check(_whom(request), fields.get(FIELD, ""))
            return await does(request, self._served, fields)

        async def endpoint(request: Request) -> Response:
            return await self._answer(request, name, lambda: run(request))

        return endpoint

    def _bare_form(self, name: str, does: Does) -> Callable[[Request], Awaitable[Response]]:
        """The form of whoever is not in yet, which checks its own mark."""

        async def run(request: Request) -> Page | Response:
            return await does(request, self._served, await read_form(request, self._served.limits.patience))

        async def endpoint(request: Request) -> Response:
            return await self._answer(request, name, lambda: run(request))

        return endpoint

    async def _answer(self, request: Request, name: str, made: Callable[[], Awaitable[Page | Response]]) -> Response:
        try:
            found = await made()
        except Exception as error:
            found = failure(error, "part" if "part" in request.query_params else "failure")
        if isinstance(found, Response):
            for header, value in HEADERS.items():
                found.headers.setdefault(header, value)
            return found
        return await self._sent(request, name, found)

    async def _sent(self, request: Request, name: str, page: Page) -> Response:
        """The page in its frame; made in a thread: its milliseconds belong to those who wait for answers."""
        return await run_in_threadpool(self._made, request, name, page)

    def _made(self, request: Request, name: str, page: Page) -> Response:
        made = rendered(page, self._frame(request, name))
        for cookie in page.cookies:
            made.headers.append("set-cookie", cookie)
        return made

    def _frame(self, request: Request, name: str) -> dict[str, Any]:
        live, caller = self._served.live, request.scope.get(CALLER, NOBODY)
        session: Session | None = request.scope.get(SESSION)
        return {
            "system": live.loaded.system.system,
            "purpose": live.loaded.system.purpose,
            "zone": live.zone,
            "here": name,
            "navigation": NAVIGATION if name != "login" or caller.may("read") else {},
            "caller": caller.name if session is not None else None,
            "may_operate": caller.may("operate"),
            "mark": self._marks.of(_whom(request)),
            "mark_field": FIELD,
        }


def failure(error: Exception, template: str = "failure") -> Page:
    """The page (or a part of one) for what could not be done, in the words and with the status of the HTTP routes."""
    answer = of_error(error)
    logged = json.loads(bytes(answer.body))["detail"]
    said: dict[str, Any] = {"title": "This went wrong", "message": logged, "hint": None}
    if isinstance(error, PoiseError):
        said = {"title": error.title, "message": error.message, "hint": error.hint}
    return Page(template, {**said, "status": answer.status_code}, answer.status_code)


def _by_cookie(request: Request) -> bool:
    """Whether a browser sent a form by itself: a program that sends its token means what it sends."""
    return SESSION in request.scope or caller_of(request.scope) is ANYBODY_HERE


def _whom(request: Request) -> str:
    session: Session | None = request.scope.get(SESSION)
    return "anybody here" if session is None else session.id


async def _file(request: Request) -> Response:
    name = request.path_params["file"]
    found = file_named(name)
    if found is None:
        return of_error(RequestError(f"there is no file {name[:40]}"))
    return found

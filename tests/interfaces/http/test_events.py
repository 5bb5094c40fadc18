"""The routes by which events come in, in process: every form of body, every fate, every refusal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from tests.serving.bare import ASKED, Desk, desk, row, written

from poise.data.judged import Fate
from poise.errors import StateError
from poise.interfaces.http.app import create_app
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.served import Served

JSON_TYPE = {"content-type": "application/json"}
Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return Loaded.of(written(tmp_path_factory.mktemp("bare")).train().folder)


def asking(made: Desk, registry: Any, act: Callable[[Post], Awaitable[Any]], *, inlet: bool = True) -> Any:
    """What `act` gives, which may post to a server that stands at this desk."""
    made.answerer.rehearse()
    app = create_app(Served.of_one(made.answerer), registry, inlet=made.inlet if inlet else None)

    async def go() -> Any:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:

            def post(path: str, content: Any, **more: Any) -> Awaitable[httpx.Response]:
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                return client.post(path, content=body, headers={**JSON_TYPE, **more})

            return await act(post)

    return made.run(go)


@pytest.fixture
def registry(stand_ins: Any) -> Any:
    return stand_ins.StandInRegistry()


def test_one_many_and_rows(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    async def act(post: Post) -> None:
        one = await post("/v1/events/seen", row(1))
        assert one.status_code == 200 and one.headers["content-type"] == "application/json"
        assert one.json() == {"source": "seen", "counts": {"accepted": 1}, "rows": [{"fate": "accepted"}]}
        many = await post("/v1/events/seen", [row(2), row(3, price=-1), row(2, dish="rice")])
        assert [one["fate"] for one in many.json()["rows"]] == ["accepted", "quarantined", "conflict"]
        (reason,) = many.json()["rows"][1]["reasons"]
        assert reason["code"] == "range:price" and "-1" in reason["why"]
        wrapped = await post("/v1/events/seen", {"rows": [row(4, colour="red"), row(5)]})
        assert wrapped.json()["counts"] == {"accepted": 2} and wrapped.json()["undeclared"] == ["colour"]
        decided = (await post("/v1/decide", ASKED)).json()
        assert {one["dish"]: one["score"] for one in decided["shown"]} == {"soup": 4.0, "rice": None}

    with desk(loaded, tmp_path) as made:
        asking(made, registry, act)
        assert [kind for kind, _ in made.held()].count("decisions") == 1, "the rehearsal is no decision"


@pytest.mark.parametrize(
    ("path", "content", "status", "says"),
    [
        ("/v1/events/seem", b"{}", 404, "there is no source 'seem' (did you mean 'seen'?)"),
        ("/v1/events/" + "x" * 500, b"{}", 404, "allowed: dishes, likes, seen"),
        ("/v1/events/seen", b"{", 400, "not JSON"),
        ("/v1/events/seen", b"[{]", 400, "not JSON"),
        ("/v1/events/seen", b"\xff\xfe", 400, "not JSON"),
        ("/v1/events/seen", b"", 400, "not JSON"),
        ("/v1/events/seen", b"7", 422, "the number 7"),
        ("/v1/events/seen", b"[]", 422, "an empty list came"),
        ("/v1/events/seen", b"[1]", 422, "rows[0]"),
        ("/v1/events/seen", b'{"dish": "a", "dish": "b"}', 422, "dish"),
        ("/v1/events/seen", b"[" + b"{}," * 60 + b"{}]", 413, "61 rows came"),
        ("/v1/events/seen", b'[{"dish": "' + b"x" * 10_000_000 + b'"}]', 413, "at most 200,000 bytes"),
        ("/v1/events/seen", b'[{"dish": "' + b"x" * 120_000 + b'"}]', 413, "at most 100,000"),
        ("/v1/events/seen", b"[" * 1000 + b"]" * 1000, 400, "nested too deeply"),
    ],
)
def test_what_is_no_list_of_rows(
    loaded: Loaded, tmp_path: Path, registry: Any, path: str, content: bytes, status: int, says: str
) -> None:
    async def act(post: Post) -> None:
        answer = await post(path, content)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in answer.json()["detail"] or says in answer.json()["title"], answer.json()
        assert (await post("/v1/events/seen", row(1))).json()["counts"] == {"accepted": 1}

    with desk(loaded, tmp_path, limits=Limits(rows=60, body=200_000)) as made:
        asking(made, registry, act)
        assert len(made.held()) == 1


def test_another_media_type_and_another_method(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    async def act(post: Post) -> None:
        assert (await post("/v1/events/seen", row(1), **{"content-type": "text/plain"})).status_code == 415

    with desk(loaded, tmp_path) as made:
        asking(made, registry, act)
        app = create_app(Served.of_one(made.answerer), registry, inlet=made.inlet)

        async def get() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
                return await client.get("/v1/events/seen")

        answer = asyncio.run(get())
        assert answer.status_code == 405 and answer.headers["allow"] == "POST"


def test_without_a_journal(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    async def act(post: Post) -> None:
        answer = await post("/v1/events/seen", row(1))
        assert answer.status_code == 503 and "it runs without a journal" in answer.json()["detail"]
        assert (await post("/v1/events/seem", row(1))).status_code == 404
        assert (await post("/v1/decide", ASKED)).status_code == 200

    with desk(loaded, tmp_path) as made:
        asking(made, registry, act, inlet=False)
        assert made.held() == []


def test_a_disk_that_fails_is_answered_503_and_then_goes_on(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    async def act(post: Post) -> None:
        made.journal.fails = StateError("the disk is full: nothing was written")
        for path, content in (("/v1/events/seen", row(1)), ("/v1/decide", ASKED)):
            answer = await post(path, content)
            assert answer.status_code == 503 and "the disk is full" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "5"
        made.journal.fails = None
        assert (await post("/v1/events/seen", row(1))).json()["counts"] == {"accepted": 1}
        assert (await post("/v1/decide", ASKED)).status_code == 200

    with desk(loaded, tmp_path) as made:
        asking(made, registry, act)


def test_a_server_whose_writer_has_ended_is_not_ready(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    def end() -> None:
        raise SystemExit

    with desk(loaded, tmp_path) as made:
        made.answerer.rehearse()
        app = create_app(Served.of_one(made.answerer), registry, inlet=made.inlet)

        async def ready() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
                return await client.get("/health/ready")

        assert asyncio.run(ready()).status_code == 200
        writer = made.inlet._writer
        writer._prune = end  # type: ignore[method-assign]
        writer.prune({"seen": 0})
        writer._thread.join()
        answer = asyncio.run(ready())
        assert answer.status_code == 503 and "writer has ended" in answer.json()["detail"]


def test_too_much_at_once_is_refused_and_decisions_go_on(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    async def act(post: Post) -> None:
        flood = [asyncio.ensure_future(post("/v1/events/seen", row(n))) for n in range(100)]
        await asyncio.sleep(0)
        decided = await asyncio.gather(*(post("/v1/decide", ASKED) for _ in range(4)))
        assert [one.status_code for one in decided] == [200] * 4
        told = await asyncio.gather(*flood)
        busy = [one for one in told if one.status_code == 503]
        assert len(busy) == 90 and all(one.headers["retry-after"] == "1" for one in busy)
        assert all(one.json()["counts"] == {"accepted": 1} for one in told if one.status_code == 200)
        retried = await post("/v1/events/seen", [row(n) for n in range(100)])
        assert retried.json()["counts"]["accepted"] == 90

    with desk(loaded, tmp_path, limits=Limits(concurrent=10)) as made:
        asking(made, registry, act)
        assert [kind for kind, _ in made.held()].count("events") == 100


def test_the_document_lists_a_route_and_a_row_for_each_source(loaded: Loaded, tmp_path: Path, registry: Any) -> None:
    with desk(loaded, tmp_path) as made:
        made.answerer.rehearse()
        documents = []
        for inlet in (made.inlet, None):
            app = create_app(Served.of_one(made.answerer), registry, inlet=inlet)

            async def get(app: Any = app) -> Any:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
                    return (await client.get("/openapi.json")).json()

            documents.append(asyncio.run(get()))
    document, without = documents
    paths = {path for path in document["paths"] if path.startswith("/v1/events/")}
    assert paths == {f"/v1/events/{name}" for name in ("seen", "likes", "dishes")}
    assert not paths & without["paths"].keys(), "a server without a journal promises none"
    schemas = document["components"]["schemas"]
    seen = schemas["Event_seen"]
    assert seen["required"] == ["seen_id", "dish", "at"] and seen["properties"]["price"]["minimum"] == 0
    assert set(schemas["EventFate"]["properties"]["fate"]["enum"]) >= set(get_args(Fate))
    text = json.dumps(document["paths"]["/v1/events/seen"])
    assert all(f"#/components/schemas/{name}" in text for name in ("Event_seen", "EventsAnswer", "Problem"))
    assert {"200", "400", "413", "422", "503"} <= document["paths"]["/v1/events/seen"]["post"]["responses"].keys()

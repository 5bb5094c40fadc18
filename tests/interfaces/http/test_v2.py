"""The Open Inference Protocol in process: what is answered to which tensors, and every refusal in its form."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from starlette.types import ASGIApp

from poise.errors import RequestError, TooLarge
from poise.interfaces.http.app import create_app
from poise.interfaces.http.v2_models import models_of
from poise.interfaces.http.v2_request import read_inference
from poise.interfaces.http.v2_tensors import NUMBERS, of_bytes
from poise.releases.contract import Contract, Input, Output
from poise.serving.limits import Limits
from poise.serving.served import Served

INFER = "/v2/models/flights/infer"


@pytest.fixture(scope="module")
def answerer(stand_ins: ModuleType) -> Any:
    made = stand_ins.answerer(limits=Limits(body=20_000, rows=50))
    made.rehearse()
    return made


@pytest.fixture(scope="module")
def app(answerer: Any, stand_ins: ModuleType) -> ASGIApp:
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry())


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def tensor(name: str, *data: Any, datatype: str = "BYTES", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": list(data), **more}


DEPARTS = tensor("departs", "2013-03-01T09:00:00-05:00")
GOOD = [tensor("carrier", "UA"), tensor("distance", 719.0, datatype="FP64"), DEPARTS]


def infer(app: ASGIApp, *inputs: dict[str, Any], path: str = INFER, **more: Any) -> httpx.Response:
    return send(app, "POST", path, json={"inputs": list(inputs), **more})


def refusal(response: httpx.Response, status: int = 400) -> str:
    """The sentence of a refusal in the protocol's form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    assert list(content) == ["error"]
    said: str = content["error"]
    return said


def test_the_answer_is_that_of_predict(app: ASGIApp, stand_ins: ModuleType) -> None:
    found = infer(app, *GOOD, id="x").json()
    asked = send(app, "POST", "/v1/predict", json=stand_ins.ROW).json()["predictions"][0]
    values = {one["name"]: one["data"] for one in found["outputs"]}
    assert values == {"late": [asked["late"]], "delay": [asked["delay"]], "cause": list(asked["cause"].values())}
    assert [one["shape"] for one in found["outputs"]] == [[1], [1], [1, 3]]
    assert (found["id"], found["model_name"], found["model_version"]) == ("x", "flights", "r1")
    assert found["parameters"] == {"time": "2013-03-01T07:00:00-05:00", "clock": "replay", "contract": 1}


@pytest.mark.parametrize("datatype", NUMBERS)
def test_numbers_of_every_datatype(app: ASGIApp, datatype: str) -> None:
    raw = np.array([100], NUMBERS[datatype]).tobytes()
    one = {"name": "distance", "shape": [1, 1], "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    text = json.dumps({"inputs": [GOOD[0], one, DEPARTS]}).encode()
    headers = {"inference-header-content-length": str(len(text))}
    found = send(app, "POST", INFER, content=text + raw, headers=headers).json()
    assert found["outputs"][0]["data"] == [0.02]
    as_text = infer(app, GOOD[0], tensor("distance", [100], datatype=datatype), DEPARTS).json()
    assert as_text["outputs"] == found["outputs"]


def test_what_is_missing(app: ASGIApp) -> None:
    gone = infer(app, GOOD[0], tensor("distance", None, datatype="FP64"), tensor("departs", None)).json()
    assert gone["parameters"]["unknown.flights_distance"] == 1
    said = refusal(infer(app, tensor("carrier", None), *GOOD[1:]))
    assert said.startswith("inputs.carrier[0]: null came")
    whole = {"parameters": {"missing": "?"}}
    assert infer(app, *GOOD[:2], tensor("departs", "?"), **whole).status_code == 200
    assert infer(app, *GOOD[:2], tensor("departs", "?", **whole)).status_code == 200
    assert "inputs.carrier[0]: null came" in refusal(infer(app, tensor("carrier", "?", **whole), *GOOD[1:]))


def test_columns_of_booleans_and_whole_numbers() -> None:
    contract = Contract("s", (Input("b", "bool"), Input("n", "int")), (Output("y", "regression"),))
    model = models_of(contract)["s.y"]

    def columns(b: dict[str, Any], n: dict[str, Any]) -> list[list[Any]]:
        asked = read_inference(json.dumps({"inputs": [b, n]}).encode(), None, Limits())
        rows = model.received(asked, Limits()).rows
        return [rows["b"].to_list(), rows["n"].to_list()]

    whole = tensor("n", 1, 2, datatype="INT32")
    assert columns(tensor("b", True, None, datatype="BOOL"), whole) == [[1.0, None], [1.0, 2.0]]
    assert columns(tensor("b", 0, 1, datatype="UINT8"), tensor("n", None, 2.0, datatype="FP32"))[0] == [0.0, 1.0]
    for wrong in (tensor("b", 2, 1, datatype="INT8"), tensor("b", "true", "x")):
        with pytest.raises(RequestError, match=r"inputs\.b"):
            columns(wrong, whole)
    with pytest.raises(RequestError, match=r"inputs\.n\[0\]: the number 1.5 came"):
        columns(tensor("b", True, True, datatype="BOOL"), tensor("n", 1.5, 2, datatype="FP64"))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "inputs: an empty list came"),
        (GOOD[1:], "inputs.carrier: nothing came (allowed: a tensor of BYTES)"),
        ([*GOOD, GOOD[0]], "inputs[3].name: this input came twice"),
        ([*GOOD, tensor("distanec", 1.0, datatype="FP64")], "inputs.distanec: there is no such input (did you mean"),
        ([*GOOD[:2], tensor("departs", "x", "y")], "inputs.departs.shape: 2 rows came (allowed: 1, as of the others)"),
        ([*GOOD[:2], {**DEPARTS, "shape": [2]}], "inputs.departs.shape: 2 rows came"),
        ([{**GOOD[0], "shape": [2]}], "inputs.carrier: 1 values came (allowed: 2, as its shape says)"),
        ([{**GOOD[0], "shape": [1, 2]}], "inputs.carrier.shape: the shape [1, 2] came (allowed: [n] or [n, 1]"),
        ([{**GOOD[0], "shape": []}], "the shape [] came"),
        ([{**GOOD[0], "shape": [0], "data": []}], "the shape [0] came"),
        ([{**GOOD[0], "datatype": "STRING"}], "inputs.carrier.datatype: 'STRING' came (allowed: BYTES, BOOL, FP64"),
        ([{**GOOD[0], "datatype": "FP64"}, *GOOD[1:]], "inputs.carrier.datatype: FP64 came (allowed: BYTES)"),
        ([tensor("carrier", ["UA", "AA"])], "inputs.carrier[0]: a list came (allowed: one value per row)"),
        ([tensor("carrier", 17), *GOOD[1:]], "inputs.carrier[0]: the number 17 came"),
        ([GOOD[0], tensor("distance", "far", datatype="FP64"), DEPARTS], "inputs.distance[0]: the string 'far' came"),
        ([GOOD[0], tensor("distance", 9999.0, datatype="FP64"), DEPARTS], "at most 5000"),
        ([{**GOOD[0], "shape": ["1"]}], "inputs[0].shape[0]: Expected 'int', got 'str'"),
        ([{**GOOD[0], "extra": 1}], "Object contains unknown field 'extra'"),
        ([{"name": "carrier", "shape": [1], "datatype": "BYTES"}], "inputs.carrier: neither came"),
        ([{**GOOD[0], "parameters": {"binary_data_size": 3}}], "inputs.carrier: both came"),
        ([{**GOOD[0], "parameters": {"shared_memory_region": "r"}}], "this server knows no such parameter"),
    ],
)
def test_inputs_that_do_not_fit(app: ASGIApp, inputs: list[dict[str, Any]], says: str) -> None:
    assert says in refusal(infer(app, *inputs))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"outputs": [{"name": "lat"}]}, "outputs.lat: there is no such output (did you mean 'late'?)"),
        ({"outputs": [{"name": "late"}, {"name": "late"}]}, "outputs[1].name: this output is asked for twice"),
        ({"outputs": [{"name": "late", "parameters": {"classification": 2}}]}, "parameters.classification"),
        ({"parameters": {"priority": 1}}, "parameters.priority: this server knows no such parameter"),
        ({"parameters": {"time": 5}}, "parameters.time: the number 5 came (allowed: a string)"),
        ({"parameters": {"content_type": "base64"}}, "parameters.content_type: the string 'base64' came"),
        ({"model_name": "planes"}, "model_name: the string 'planes' came (allowed: 'flights', as in the address"),
        ({"id": 5}, "id: Expected 'str | null', got 'int'"),
        ({"input": []}, "Object contains unknown field 'input'"),
    ],
)
def test_requests_that_do_not_fit(app: ASGIApp, more: dict[str, Any], says: str) -> None:
    assert says in refusal(infer(app, *GOOD, **more))


def test_a_time_in_the_past_is_a_conflict(app: ASGIApp) -> None:
    assert "in the future" in refusal(infer(app, *GOOD, parameters={"time": "2199-01-01T00:00:00Z"}), 409)


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/v2/models/plane", {}, 404),
        ("GET", "/v2/models/flights/versions/r9", {}, 404),
        ("GET", "/v2/models/flights/versions/r9/ready", {}, 404),
        ("POST", "/v2/models/flights/versions/1/infer", {"json": {}}, 404),
        ("GET", "/v2/nothing", {}, 404),
        ("GET", INFER, {}, 405),
        ("POST", "/v2", {}, 405),
        ("GET", "/v2/models/flights", {"headers": {"poise-contract": "x"}}, 400),
        ("GET", "/v2/models/flights", {"headers": {"poise-contract": "7"}}, 400),
        ("GET", "/v2", {"headers": {"host": "evil.example"}}, 403),
        ("POST", INFER, {"content": b"{}", "headers": {"content-type": "text/html"}}, 415),
        ("POST", INFER, {"content": b"{}", "headers": {"content-encoding": "gzip"}}, 415),
        ("POST", INFER, {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", INFER, {"content": b'{"inputs": [], "inputs": []}'}, 400),
        ("POST", INFER, {"content": b"[" * 9_000}, 400),
        ("POST", INFER, {"content": b" " * 20_001}, 413),
        ("POST", INFER, {"json": {"inputs": [tensor("carrier", *["UA"] * 51)]}}, 413),
        ("POST", INFER, {"content": b"{}", "headers": {"inference-header-content-length": "3"}}, 400),
        ("POST", INFER, {"content": b"{}x", "headers": {"inference-header-content-length": "2"}}, 400),
    ],
)
def test_every_refusal_has_the_protocols_form(
    app: ASGIApp, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    assert refusal(send(app, method, path, **more), status)


def test_other_routes_keep_problem_documents(app: ASGIApp) -> None:
    for path in ("/v1/nothing", "/v2x", "/v21"):
        assert send(app, "GET", path).headers["content-type"] == "application/problem+json"


def test_before_a_rehearsal_nothing_is_ready(stand_ins: ModuleType) -> None:
    cold = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry())
    for path in ("/v2/health/ready", "/v2/models/flights/ready"):
        response = send(cold, "GET", path)
        assert refusal(response, 503) and response.headers["retry-after"] == "1"
    assert send(cold, "GET", "/v2/health/live").json() == {"live": True}


def test_a_release_without_models_is_listed_and_not_ready(lists: ModuleType, stand_ins: ModuleType) -> None:
    answerer = lists.answerer(models=False)
    answerer.rehearse()
    app = create_app(Served.of_one(answerer), stand_ins.StandInRegistry())
    assert send(app, "GET", "/v2/models").json() == {"models": ["food"]}
    assert send(app, "GET", "/v2/models/food").json()["outputs"] == []
    assert "learned nothing yet" in refusal(send(app, "GET", "/v2/models/food/ready"), 503)
    row = [tensor("user_id", "u1"), tensor("shop_id", "r1"), tensor("distance", 1.0, datatype="FP64")]
    said = refusal(infer(app, *row, tensor("weather", "dry"), path="/v2/models/food/infer"))
    assert "learned nothing yet" in said


def test_two_contracts_side_by_side(stand_ins: ModuleType) -> None:
    old, new = stand_ins.answerer(), stand_ins.answerer()
    new.loaded = replace(new.loaded, release="r2", contract=replace(new.loaded.contract, major=2))
    for one in (old, new):
        one.rehearse()
    app = create_app(Served(old, new), stand_ins.StandInRegistry())
    assert send(app, "GET", "/v2/models/flights").json()["versions"] == ["r1", "r2"]

    def version(path: str = INFER, **headers: str) -> Any:
        return send(app, "POST", path, json={"inputs": GOOD}, headers=headers).json().get("model_version")

    assert version() == "r1" and version(**{"poise-contract": "2"}) == "r2"
    by_name = "/v2/models/flights.late/versions/r2/infer"
    assert version(by_name) == "r2" and version(by_name, **{"poise-contract": "1"}) is None


def test_binary_forms_that_are_broken() -> None:
    def read(raw: bytes, datatype: str, rows: int = 1) -> list[Any]:
        return of_bytes(memoryview(raw), rows, datatype, "inputs.x")

    assert read(b"\x01\x00", "BOOL", 2) == [True, False]
    assert read(b"\x00\x00\x00\x00", "BYTES") == [""]
    for raw, datatype, says in [
        (b"\x02", "BOOL", "the byte 2 came"),
        (b"\x00" * 7, "FP64", "7 bytes came"),
        (np.array([np.inf]).tobytes(), "FP64", "inf came"),
        (b"\x05\x00\x00\x00abc", "BYTES", "hold something else"),
        (b"\x01\x00\x00\x00ab", "BYTES", "hold something else"),
        (b"\x01\x00\x00", "BYTES", "hold something else"),
        (b"\x01\x00\x00\x00\xff", "BYTES", "not UTF-8"),
    ]:
        with pytest.raises(RequestError, match=says):
            read(raw, datatype)


def test_bytes_behind_the_json_are_those_that_were_announced() -> None:
    def read(size: Any, rest: bytes, limits: Limits | None = None) -> Any:
        one = {"name": "x", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}}
        text = json.dumps({"inputs": [one]}).encode()
        return read_inference(text + rest, str(len(text)).encode(), limits or Limits())

    value: NDArray[np.float64] = np.array([2.5])
    assert read(8, value.tobytes()).inputs[0].values == [2.5]
    for size, rest in ((8, b"1234567"), (8, b"123456789"), (-8, value.tobytes()), (10**30, b""), (True, b"1")):
        with pytest.raises(RequestError):
            read(size, rest)
    with pytest.raises(TooLarge):
        read(8, value.tobytes(), Limits(rows=0))


def test_a_fallback_is_marked(answerer: Any, app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    told = answerer.predict_rows

    def marked(*more: Any, **named: Any) -> Any:
        made = told(*more, **named)
        scored = structs.replace(made.scored, fallbacks={"late": {"by": "rule", "why": "it is slow"}})
        return structs.replace(made, scored=scored)

    monkeypatch.setattr(answerer, "predict_rows", marked)
    found = {one["name"]: one.get("parameters") for one in infer(app, *GOOD).json()["outputs"]}
    assert found == {"late": {"fallback": "rule: it is slow"}, "delay": None, "cause": None}

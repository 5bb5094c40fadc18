"""A client that others wrote for other servers (tritonclient) asks a real server of ours."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
DEPARTS = "2013-03-01T09:00:00-05:00"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    process = subprocess.Popen([sys.executable, str(STAND_INS)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with triton.InferenceServerClient(process.stdout.readline().strip().removeprefix("http://")) as found:
            yield found
    finally:
        process.kill()
        process.communicate()


def tensor(name: str, values: Any, *, binary: bool = True) -> Any:
    kind = {"U": "BYTES", "O": "BYTES", "f": "FP64", "i": "INT64"}[values.dtype.kind]
    values = values.astype(object) if kind == "BYTES" else values
    found = triton.InferInput(name, list(values.shape), kind)
    found.set_data_from_numpy(values, binary_data=binary)
    return found


def rows(*distances: float, binary: bool = True) -> list[Any]:
    n = len(distances)
    columns = {"carrier": np.array(["UA"] * n), "distance": np.array(distances), "departs": np.array([DEPARTS] * n)}
    return [tensor(name, values, binary=binary) for name, values in columns.items()]


def test_it_learns_what_there_is(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    for model in ("flights", "flights.late", "flights.cause"):
        assert client.is_model_ready(model) and client.is_model_ready(model, "r1")
    told = client.get_model_metadata("flights", "r1")
    assert told["versions"] == ["r1"]
    assert {i["name"]: i["datatype"] for i in told["inputs"]} == {
        "carrier": "BYTES",
        "distance": "FP64",
        "departs": "BYTES",
    }
    assert [(o["name"], o["shape"]) for o in told["outputs"]] == [("late", [-1]), ("delay", [-1]), ("cause", [-1, 3])]


@pytest.mark.parametrize("binary", [True, False])
def test_it_infers_in_binary_form_and_in_json(client: Any, binary: bool) -> None:
    asked = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("cause", "late")]
    came = client.infer("flights", rows(719.0, 72.0, binary=binary), outputs=asked, request_id="seven")
    assert came.get_response()["id"] == "seven" and came.get_response()["model_version"] == "r1"
    assert [o["name"] for o in came.get_response()["outputs"]] == ["cause", "late"]
    assert ("data" in came.get_output("late")) != binary
    np.testing.assert_allclose(came.as_numpy("late"), [0.1438, 0.0144])
    np.testing.assert_allclose(came.as_numpy("cause"), [[0.2, 0.3, 0.5]] * 2)


def test_its_defaults_are_enough(client: Any) -> None:
    came = client.infer("flights.delay", rows(719.0), model_version="r1")
    np.testing.assert_allclose(came.as_numpy("delay"), [7.19])
    assert came.as_numpy("late") is None


def test_missing_values(client: Any) -> None:
    inputs = [
        tensor("carrier", np.array(["UA", "UA"])),
        tensor("distance", np.array([np.nan, 719.0])),
        tensor("departs", np.array(["", DEPARTS])),
    ]
    came = client.infer("flights", inputs, parameters={"missing": ""})
    assert came.get_response()["parameters"]["unknown.flights_distance"] == 1
    with pytest.raises(InferenceServerException, match=r"inputs\.departs\[0\]: the string '' came"):
        client.infer("flights", inputs)


@pytest.mark.parametrize(
    ("model", "version", "status", "says"),
    [
        ("flight", "", 404, "did you mean 'flights'"),
        ("flights", "r9", 404, "these are served: r1"),
        ("flights", "", 400, "inputs.distance: nothing came"),
    ],
)
def test_refusals_reach_it(client: Any, model: str, version: str, status: int, says: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, rows(719.0)[:1], model_version=version)
    assert caught.value.status() == str(status) and says in caught.value.message()


def test_many_rows_at_once(client: Any) -> None:
    came = client.infer("flights.late", rows(*np.linspace(1, 5000, 10_000)))
    np.testing.assert_allclose(came.as_numpy("late"), np.linspace(1, 5000, 10_000) / 5000)


def test_the_page_shows_what_happens(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`docs/v2.md`: its request is answered as it says, and its program runs as it stands there."""
    page = (Path(__file__).parents[3] / "docs" / "v2.md").read_text(encoding="utf-8")
    blocks = [found.split("\n", 1) for found in page.split("```")[1::2]]
    text: dict[str, str] = dict(blocks)
    asked = text[""].split("-d '")[1].rpartition("'")[0]
    address = client._parsed_url.host, client._parsed_url.port
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("POST", "/v2/models/flights.late/infer", asked, {"content-type": "application/json"})
    assert json.loads(connection.getresponse().read()) == json.loads(text["json"])
    connection.close()
    exec(text["python"].replace("127.0.0.1:8080", f"{address[0]}:{address[1]}"), {})
    assert capsys.readouterr().out == "[0.1438 0.2   ]\n"

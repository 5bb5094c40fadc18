"""From the body of a V2 inference request to what was asked: JSON, and behind it the bytes of binary tensors.

The extension `binary_tensor_data` puts the bytes after the JSON, in the order of the inputs; the header
`inference-header-content-length` says where the JSON ends. Parameters that would change the answer and that this server
does not know are refused, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from poise.errors import RequestError
from poise.interfaces.http.v2_tensors import BYTES, DATATYPES, of_bytes, of_json, rows_of
from poise.serving.body import decode, described, refuse_duplicates, shown
from poise.serving.limits import Limits

HEADER_LENGTH = "header inference-header-content-length"
FORM = 'an object: {"inputs": [{"name": …, "shape": [n], "datatype": …, "data": […]}, …]}'
CONTENT_TYPES = ("np", "pd", "str")
"""What MLServer's codecs call these tensors; they say nothing that the datatype does not."""
_KNOWN = {
    "parameters": ("binary_data_output", "content_type", "missing", "time"),
    "inputs": ("binary_data_size", "content_type", "missing"),
    "outputs": ("binary_data",),
}
_TYPES: Mapping[str, type] = {
    "binary_data": bool,
    "binary_data_output": bool,
    "binary_data_size": int,
    "content_type": str,
    "missing": str,
    "time": str,
}
_WORDS = {bool: "true or false", int: "a whole number", str: "a string"}
_PLACE = re.compile(r"`\$\.?([^`]*)`$")
Parameters = dict[str, Any]


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters | None = None
    data: list[Any] | None = None


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parameters: Parameters | None = None


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[_Input]
    outputs: list[_Output] | None = None
    id: str | None = None
    parameters: Parameters | None = None
    model_name: str | None = None
    model_version: str | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input: its datatype, and one value per row, None where it is missing."""

    name: str
    datatype: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Inference:
    """What was asked: the inputs, all of `rows` rows; the outputs, by name, and whether each goes back as bytes.

    Without outputs all are asked for, as bytes where `binary`. id: goes back as it came. time: as of when, as written.
    """

    inputs: tuple[Tensor, ...]
    rows: int
    outputs: Mapping[str, bool]
    binary: bool
    id: str | None
    time: str | None
    model: str | None
    version: str | None


def read_inference(body: bytes, header_length: bytes | None, limits: Limits) -> Inference:
    """What `body` asks. header_length: the header of that name as it came.

    Raises `NotJson`, `TooLarge` or `RequestError`, which name the place, what came and what is allowed.

    >>> body = b'{"inputs": [{"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["UA"]}]}'
    >>> read_inference(body, None, Limits()).inputs
    (Tensor(name='carrier', datatype='BYTES', values=['UA']),)
    """
    end = _end_of_json(header_length, len(body))
    text = body[:end]
    content = decode(text, limits, FORM)
    try:
        request = msgspec.convert(content, _Request)
    except msgspec.ValidationError as error:
        raise _misfit(error) from None
    refuse_duplicates(text, _keys(content), content)
    given = _known(request.parameters, "parameters", "parameters")
    inputs = _inputs(request.inputs, memoryview(body)[end:], given.get("missing"), limits)
    binary = given.get("binary_data_output", False)
    return Inference(
        inputs=inputs,
        rows=len(inputs[0].values),
        outputs=_outputs(request.outputs or (), binary),
        binary=binary,
        id=request.id,
        time=given.get("time"),
        model=request.model_name,
        version=request.model_version,
    )


def _end_of_json(header: bytes | None, size: int) -> int:
    if header is None:
        return size
    text = header.strip()
    if not text.isdigit() or len(text) > 12 or not 0 < int(text) <= size:
        came = text[:40].decode("ascii", "replace")
        allowed = f"the number of bytes of JSON at the start of the body, 1 to {size:,}"
        raise RequestError(f"'{shown(came)}' came", field=HEADER_LENGTH, allowed=allowed)
    return int(text)


def _misfit(error: msgspec.ValidationError) -> RequestError:
    """The sentence of msgspec ("Expected `str`, got `int` - at `$.inputs[0].name`") as one of ours."""
    text = str(error)
    place = _PLACE.search(text)
    what = text.partition(" - at ")[0].replace("`", "'")
    return RequestError(shown(what, 200), field=shown(place[1]) if place and place[1] else None, allowed=FORM)


def _keys(value: Any) -> int:
    """How many keys the objects within `value` have."""
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if isinstance(value, list) else 0


def _known(parameters: Parameters | None, kind: str, place: str) -> Parameters:
    """The parameters that are set. Raises for one that is not known here, or of another type."""
    found = {name: value for name, value in (parameters or {}).items() if value is not None}
    for name, value in found.items():
        where = f"{place}.{shown(name)}"
        if name not in _KNOWN[kind]:
            raise RequestError("this server knows no such parameter", field=where, allowed=", ".join(_KNOWN[kind]))
        if type(value) is not _TYPES[name]:
            raise RequestError(f"{described(value)} came", field=where, allowed=_WORDS[_TYPES[name]])
        if name == "content_type" and value not in CONTENT_TYPES:
            raise RequestError(f"{described(value)} came", field=where, allowed=", ".join(CONTENT_TYPES))
    return found


def _inputs(came: list[_Input], rest: memoryview, missing: str | None, limits: Limits) -> tuple[Tensor, ...]:
    if not came:
        raise RequestError("an empty list came", field="inputs", allowed="one tensor per column")
    tensors: dict[str, Tensor] = {}
    rows, at = 0, 0
    for i, one in enumerate(came):
        place = f"inputs.{shown(one.name)}"
        if one.name in tensors:
            raise RequestError("this input came twice", field=f"inputs[{i}].name", allowed="each input once")
        if one.datatype not in DATATYPES:
            raise RequestError(f"'{shown(one.datatype)}' came", field=f"{place}.datatype", allowed=", ".join(DATATYPES))
        given = _known(one.parameters, "inputs", f"{place}.parameters")
        count = rows_of(one.shape, f"{place}.shape", limits)
        if tensors and count != rows:
            raise RequestError(f"{count:,} rows came", field=f"{place}.shape", allowed=f"{rows:,}, as of the others")
        rows, size = count, given.get("binary_data_size")
        values = _values(one, rest, at, rows, size, place)
        at += size or 0
        absent = given.get("missing", missing)
        if absent is not None and one.datatype == BYTES:
            values = [None if value == absent else value for value in values]
        tensors[one.name] = Tensor(one.name, one.datatype, values)
    if at != len(rest):
        text = f"{len(rest):,} bytes follow the JSON"
        raise RequestError(text, allowed=f"{at:,}, which is what `binary_data_size` of the inputs sums up to")
    return tuple(tensors.values())


def _values(one: _Input, rest: memoryview, at: int, rows: int, size: int | None, place: str) -> list[Any]:
    """The values of one input, from its `data` or from `size` bytes of `rest` from `at` on."""
    if (size is None) == (one.data is None):
        came = "neither came" if size is None else "both came"
        raise RequestError(came, field=place, allowed="either 'data' or the parameter 'binary_data_size'")
    if size is None:
        assert one.data is not None
        return of_json(one.data, rows, place)
    if not 0 <= size <= len(rest) - at:
        text = f"{size:,} bytes are said to come and {len(rest) - at:,} are left of the body"
        raise RequestError(text, field=f"{place}.parameters.binary_data_size")
    return of_bytes(rest[at : at + size], rows, one.datatype, place)


def _outputs(came: list[_Output] | tuple[()], binary: bool) -> dict[str, bool]:
    wanted: dict[str, bool] = {}
    for i, one in enumerate(came):
        if one.name in wanted:
            raise RequestError("this output is asked for twice", field=f"outputs[{i}].name", allowed="each output once")
        place = f"outputs.{shown(one.name)}.parameters"
        wanted[one.name] = _known(one.parameters, "outputs", place).get("binary_data", binary)
    return wanted

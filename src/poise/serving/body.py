"""From a body's bytes to Python values: strict JSON, with a sentence for everything that is not."""

from __future__ import annotations

from typing import Any

import msgspec

from poise.data.strict_json import described, not_json, refuse_duplicates, shown, whole
from poise.errors import NotJson, RequestError, TooLarge
from poise.serving.limits import Limits

__all__ = ["ROWS_FORM", "decode", "described", "refuse_duplicates", "shown", "whole"]

ROWS_FORM = 'an object: {"rows": [{…}, …]} or one row {…}'
_DECODER = msgspec.json.Decoder()


def decode(body: bytes, limits: Limits, form: str = ROWS_FORM) -> dict[str, Any]:
    """The object that `body` holds. NaN, Infinity, numbers beyond float64 and deep nesting are refused.

    form: what a body looks like, for those whose body does not.

    >>> decode(b'{"carrier": "UA"}', Limits())
    {'carrier': 'UA'}
    >>> decode(b'{"delay": NaN}', Limits())
    Traceback (most recent call last):
    poise.errors.NotJson: NaN is not JSON (byte 10 of the body) (write null for a missing value)
    """
    if len(body) > limits.body:
        raise TooLarge(f"the body has {len(body):,} bytes; at most {limits.body:,} are allowed")
    try:
        content = _DECODER.decode(body)
    except msgspec.ValidationError:
        raise RequestError("a number is larger than a 64-bit float can hold", allowed="up to 1.8e308") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(body, error, form) from None
    except RecursionError:
        raise NotJson("the body is nested too deeply", allowed=form) from None
    if not isinstance(content, dict):
        raise RequestError(f"the body is {described(content)}", allowed=form)
    return content

"""Names of features: plain defaults, and `as:` over them."""

from __future__ import annotations

from collections.abc import Mapping

from poise.errors import SpecError, did_you_mean


def renamed(defaults: Mapping[str, str], as_: str | Mapping[str, str] | None) -> dict[str, str]:
    """The name of each thing taken: its default, or what `as:` says.

    >>> renamed({"city": "users_city", "age": "users_age"}, {"city": "town"})
    {'city': 'town', 'age': 'users_age'}
    """
    if as_ is None:
        return dict(defaults)
    if isinstance(as_, str):
        if len(defaults) != 1:
            raise SpecError(f"as: gives one name, '{as_}', to {len(defaults)} things; write {{what: name}} for each")
        return dict.fromkeys(defaults, as_)
    for taken in as_:
        if taken not in defaults:
            raise SpecError(f"as: renames '{taken}', which is not taken", hint=did_you_mean(taken, defaults))
    return {taken: as_.get(taken, default) for taken, default in defaults.items()}

"""What another release may change while a server runs, and what needs another start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.serving.bare import SYSTEM, written

from poise.errors import StateError
from poise.interfaces.fitting import must_fit, still_fits
from poise.releases.folder import ReleaseFolder
from poise.serving.loaded import Loaded
from poise.spec.reading import read_text
from poise.stores.base import RowDeclaration


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder: Path = tmp_path_factory.mktemp("bare")
    return Loaded.of(ReleaseFolder.open(written(folder).folder("c1").path))


def of(loaded: Loaded, old: str, new: str, *, major: int = 1) -> Loaded:
    """The release as another file would have made it."""
    text = SYSTEM.replace("LOG", "durable").replace("  - columns: {from: dishes, take: [kind]}\n", "")
    assert old in text
    contract, system = replace(loaded.contract, major=major), read_text(text.replace(old, new))
    return replace(loaded, release="c2", system=system, contract=contract)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: string}", "kind: category, hot: bool}", "dishes.kind was string and is category"),
        ("csv, id: id,", "csv, id: [id, seen_id],", "the identity of 'likes' is another one"),
        ("system: bare", "system: bare\nclock: replay", "runs on the clock 'replay', c1 on 'wall'"),
    ],
)
def test_what_reads_rows_in_another_way_needs_another_start(loaded: Loaded, old: str, new: str, said: str) -> None:
    with pytest.raises(StateError, match=said) as refused:
        must_fit(of(loaded, old, new), [loaded])
    assert "start the server again" in str(refused.value)


def test_new_columns_and_sources_fit(loaded: Loaded) -> None:
    must_fit(of(loaded, "kind: string}", "kind: string, hot: bool}"), [loaded])
    must_fit(of(loaded, "  dishes:", "  cooks: {path: c.csv, key: c, columns: {c: string}}\n  dishes:"), [loaded])


def test_a_contract_that_is_served_on_must_find_its_columns(loaded: Loaded) -> None:
    reads = replace(loaded, declarations=(RowDeclaration("dishes", ("dish",), ("kind",)),))
    lacks = of(loaded, "dish: string, kind: string}", "dish: string, sort: string}", major=2)
    assert not still_fits(reads, lacks)
    with pytest.raises(StateError, match=r"contract 1 \(c1\) reads dishes.kind, which the file of c2 does not have"):
        must_fit(lacks, [reads])
    must_fit(replace(lacks, contract=loaded.contract), [reads])

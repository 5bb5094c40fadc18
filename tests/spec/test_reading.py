"""Reading: records, short forms, and every fault with its place."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poise.errors import ManySpecErrors, PoiseError, SpecError
from poise.spec import default_features
from poise.spec.reading import MAX_ERRORS, read, read_text

Fault = Callable[[str, str], str]


def test_the_shop_is_valid(shop: str) -> None:
    system = read_text(shop)
    assert [entry.kind for entry in system.features] == ["columns", "columns", "window", "clock", "compute"]
    assert system.sources["orders"].late == 3_600_000_000
    assert system.decision is not None and system.decision.terms["effort"].actions == {"nothing": "0", "coupon": "-1"}
    assert system.requirements[1].at_least is not None and system.requirements[1].at_least.value == 0.95


@pytest.mark.parametrize("name", ["poise.yaml", "first-attempt.yaml"])
def test_the_examples_are_valid(name: str) -> None:
    read(Path(__file__).parents[2] / "examples" / "flights" / name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("purpose:", "porpose:", "poise.yaml:3:1: unknown key 'porpose' in the file (did you mean 'purpose'?)"),
        ("purpose:", "porpose:", "poise.yaml:1:1: the file needs the key 'purpose'"),
        ("late: 1h", "lat: 1h", "poise.yaml:28:5: unknown key 'lat' in sources.orders (did you mean 'late'?)"),
        (
            "late: 1h",
            "late: 1hour",
            "poise.yaml:28:11: sources.orders.late: '1hour' is not a duration: "
            "write a number and one of ms, s, min, h, d, w, y, e.g. '6h'",
        ),
        ("late: 1h", "late: ", "poise.yaml:28:5: sources.orders.late: nothing is not a duration"),
        (
            "city: category",
            "city: categry",
            "poise.yaml:11:38: sources.users.columns.city: 'categry' is not allowed (did you mean 'category'?)",
        ),
        ("min: 0,", "mim: 0,", "unknown key 'mim' in sources.visits.columns.spent (did you mean 'min'?)"),
        ("min: 0,", "min: low,", "sources.visits.columns.spent.min: a number is needed; came: 'low'"),
        (
            "type: binary",
            "type: bin",
            "poise.yaml:41:11: objectives.order.type: 'bin' is not allowed (did you mean 'binary'?)",
        ),
        ("- clock:", "- clok:", "poise.yaml:36:5: there is no feature 'clok' (did you mean 'clock'?)"),
        ("- clock: [hour]", "- clock", "features[3] must be one kind, e.g. '- window: {…}'; came: 'clock'"),
        ("by: user_id", "bye: user_id", "unknown key 'bye' in features[2].window (did you mean 'by'?)"),
        ("over: [7d]", "over: [7days]", "features[2].window.over[0]: '7days' is not a duration"),
        ("at_most: 100ms", "at_most: 100mz", "requirements[3].at_most: '100mz' has no known unit"),
        (
            "at_most: 100ms",
            "at_most: 100ms, at_least: 1",
            "a requirement needs exactly one of at_most, at_least, better_than; came: at_most and at_least",
        ),
        (
            "choose: [nothing, coupon]",
            "choose: [nothing]",
            "poise.yaml:52:3: decision: 'choose' needs at least 2 actions",
        ),
        ("system: shop", "system: My Shop", "system: 'My Shop' does not match ^[a-z][a-z0-9_-]{0,62}$"),
        (
            "format: 1",
            "format: 2",
            "poise.yaml:1:9: this system has format 2; this Poise reads formats up to 1 (upgrade Poise)",
        ),
        ("format: 1", "format: one", "poise.yaml:1:9: this system has format 'one' (a whole number from 1 is needed)"),
        ("format: 1", "", "the file needs the key 'format'"),
        ("key: user_id", "key: 7", "sources.users.key: a list is needed; came: 7"),
        (
            "match: visit_id",
            "match: 7",
            "objectives.order.label.match: a list or a mapping ('key: value' lines) is needed; came: 7",
        ),
        (
            "columns: {user_id: string, city: category, budget: float}",
            "columns: []",
            "a mapping ('key: value' lines) is needed",
        ),
    ],
)
def test_faults_of_records(fault: Fault, old: str, new: str, message: str) -> None:
    assert message in fault(old, new)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("costs:", "ethics: {signed_by: null}\ncosts:", "ethics"),
        ("core_hour: 0.04", "core_hour: 0.04, budget: {training: 20}", "costs.budget"),
        ("given: order", "search: {minutes: 3}", "objectives.value.search"),
    ],
)
def test_what_a_later_version_honours_is_refused_by_name(fault: Fault, old: str, new: str, key: str) -> None:
    found = fault(old, new)
    assert f"'{key}' is not honoured by this version of Poise" in found
    assert "unknown key" not in found


def test_all_faults_in_one_go_in_the_order_of_lines(shop: str) -> None:
    text = shop.replace("purpose:", "porpose:").replace("type: binary", "type: bin").replace("- clock:", "- clok:")
    with pytest.raises(ManySpecErrors) as caught:
        read_text(text)
    lines = [int(str(error).split(":")[1]) for error in caught.value.errors]
    assert lines == sorted(lines) and len(lines) == 4


def test_an_aliased_fault_is_told_once() -> None:
    text = "format: 1\nsystem: x\npurpose: p\nsources:\n  a: {path: f, columns: &c {x: flot}}\n"
    text += "  b: {path: f, columns: *c}\n"
    with pytest.raises(SpecError) as caught:
        read_text(text + "objectives: {o: {type: binary, per: a, label: {take: x}}}")
    assert str(caught.value) == "poise.yaml:5:32: sources.a.columns.x: 'flot' is not allowed (did you mean 'float'?)"


def test_many_faults_are_cut() -> None:
    columns = ", ".join(f"c{n}: flot" for n in range(80))
    with pytest.raises(ManySpecErrors) as caught:
        read_text(f"format: 1\nsources: {{a: {{path: f, columns: {{{columns}}}}}}}")
    assert len(caught.value.errors) == MAX_ERRORS + 1
    assert str(caught.value).endswith("more")


@pytest.mark.parametrize("text", ["- a\n- b", "just words", "3"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    with pytest.raises(SpecError, match=r"a system file is a mapping \('system: …' lines\); came: "):
        read_text(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the system file cannot be read: no such file or directory"):
        read(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="this is a folder"):
        read(tmp_path)
    (tmp_path / "poise.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not UTF-8"):
        read(tmp_path / "poise.yaml")


def test_bare_numbers_and_truths_are_expressions(shop: str) -> None:
    system = read_text(shop.replace("rule: orders_count_7d_by_user_id", "rule: 0.3"))
    assert system.objectives["order"].rule == "0.3"
    system = read_text(shop.replace("late: 1h", "where: true"))
    assert system.sources["orders"].where == "true"


def test_a_server_reads_without_heavy_libraries() -> None:
    code = (
        "import sys; from pathlib import Path; from poise.spec.reading import read; read(Path(sys.argv[1])); "
        "print([m for m in ('polars', 'sklearn', 'lightgbm', 'pandas', 'deltalake', 'jinja2') if m in sys.modules])"
    )
    example = Path(__file__).parents[2] / "examples" / "flights" / "poise.yaml"
    ran = subprocess.run([sys.executable, "-c", code, str(example)], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


PIECES = [
    ":",
    ",",
    "'",
    "{",
    "}",
    "[",
    "]",
    "- ",
    "\n",
    "  ",
    "&a ",
    "*a",
    "null",
    "0",
    "-1",
    "1e999",
    ".inf",
    "true",
    "é",
    "x.y",
    "(",
    "#",
]


def sentence(text: str) -> str:
    """What reading says; anything but a `PoiseError` fails the test."""
    try:
        read_text(text)
    except PoiseError as error:
        return str(error)
    return "valid"


def test_random_changes_raise_nothing_but_poise_errors(shop: str) -> None:
    """Deleted, doubled, swapped and foreign pieces of text: a sentence each time, never a traceback."""
    random_ = random.Random(7)
    words = shop.split(" ")
    for _ in range(200):
        changed = list(words)
        for _ in range(random_.randint(1, 3)):
            at = random_.randrange(len(changed))
            act = random_.randrange(4)
            if act == 0:
                del changed[at]
            elif act == 1:
                changed.insert(at, random_.choice(PIECES))
            elif act == 2:
                changed[at] = random_.choice(words)
            else:
                word = changed[at]
                cut = random_.randrange(len(word) + 1)
                changed[at] = word[:cut] + random_.choice(PIECES) + word[cut:]
        text = " ".join(changed)
        assert sentence(text).startswith(("poise.yaml", "valid")), text


def test_random_values_raise_nothing_but_poise_errors(shop: str) -> None:
    """Each value of the file, replaced by values of other types."""
    lines = shop.splitlines()
    values = ["null", "[]", "{}", "3", "-1.5", "''", "x", "[a, a]", "{a: 1}", "true", "'a b'", "1e400", "{unit: 3}"]
    turn = 0
    for number, line in enumerate(lines):
        key, colon, _ = line.partition(": ")
        for _ in range(4 if colon else 0):
            turn += 1
            text = "\n".join([*lines[:number], f"{key}: {values[turn % len(values)]}", *lines[number + 1 :]])
            assert sentence(text).startswith(("poise.yaml", "valid")), text


PLAIN = """
format: 1
system: plain
purpose: A table.
sources: {rows: {path: f.csv, columns: {a: int, at: time, y: bool}, request: {except: y}}}
objectives: {y: {type: binary, per: rows, label: {take: y}}}
"""


@pytest.mark.parametrize("left", ["", "features:\n"])
def test_features_may_be_left_out(left: str) -> None:
    system = read_text(PLAIN + left)
    assert system.features is None
    assert default_features.sentence(system, "rows") == (
        "no features: in the file, so all request columns of 'rows' are features, but not at: a time is no feature "
        "by itself"
    )


def test_without_request_columns_there_is_nothing_to_take_and_that_is_said() -> None:
    system = read_text(PLAIN.replace(", request: {except: y}", ""))
    said = default_features.by_default(system, "rows")
    assert said == "There are no features: in the file, and no request: in source 'rows' to take them from."


def test_names_of_default_features_are_checked() -> None:
    with pytest.raises(SpecError, match=r"there is no feature 'rows_b' \(did you mean 'rows_a'\?\)"):
        read_text(PLAIN.replace("label:", "features: rows_b, label:"))
    read_text(PLAIN.replace("label:", "features: rows_a, label:"))


def test_what_is_taken_is_a_list_or_all() -> None:
    with pytest.raises(SpecError, match=r"take: a list is needed; came: 3"):
        read_text(PLAIN + "features: [{columns: {from: rows, take: 3}}]")

"""The plan: what may be read, how names are found, what is computed, and every refusal."""

import sys

import numpy as np
import pytest

from poise import registry
from poise.errors import DataError, RequestError, SpecError
from poise.features.compute import ComputeSpec
from poise.features.plan import FeaturePlan
from poise.spec.decision import Decision
from poise.spec.default_features import left_out
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import FeatureEntry, SystemSpec
from poise.table import MISSING_TIME, Column, History, Requests, Table

SOURCES = {
    "trips": {
        "id": "trip",
        "time": "asked",
        "columns": {
            "trip": "string",
            "asked": "time",
            "rider": "string",
            "zone": "category",
            "km": "float",
            "leaves": "time",
            "note": "text",
            "paid": "float",
        },
        "request": ["rider", "zone", "km", "leaves", "note"],
    },
    "riders": {"key": "rider", "columns": {"rider": "string", "home": "category", "age": "int", "born": "time"}},
    "zones": {
        "key": "zone",
        "time": "at",
        "columns": {"zone": "category", "at": "time", "busy": "float", "code": "int"},
    },
    "rides": {
        "id": "trip",
        "time": "done",
        "columns": {"trip": "string", "done": "time", "rider": "string", "tip": "float"},
        "request": ["rider"],
    },
    "forms": {"columns": {"rider": "string", "km": "float", "good": "bool"}, "request": {"except": "good"}},
}


def system(*features, objectives=None, decision=None, **sources):
    every = {**SOURCES, **sources}
    objectives = objectives or {"o": {"type": "regression", "per": "trips", "label": {"take": "paid"}}}
    return SystemSpec(
        format=1,
        system="cabs",
        purpose="Test plans.",
        sources={name: Source.model_validate({"path": name, **spec}) for name, spec in every.items()},
        features=tuple(
            FeatureEntry(kind=kind, spec=registry.get("feature", kind).Spec.model_validate(raw))
            for entry in features
            for kind, raw in entry.items()
        ),
        objectives={name: Objective.model_validate(o) for name, o in objectives.items()},
        decision=Decision.model_validate(decision) if decision else None,
    )


def requests(n=2, **columns):
    rows = {
        "rider": Column.strings(["r1", "r2"][:n]),
        "zone": Column.strings(["z1", "z1"][:n]),
        "km": Column.numbers([3.0, None][:n]),
        "leaves": Column.times([7_200_000_000, 3_600_000_000][:n]),
        "note": Column.strings(["hello", None][:n]),
    }
    return Requests(Table({**rows, **columns}), np.array([100, 200][:n], np.int64))


RIDERS = History(
    "riders",
    "table",
    np.array([150, 160]),
    np.array([150, 160]),
    Table(
        {
            "rider": Column.strings(["r1", "r1"]),
            "home": Column.strings(["z1", "z2"]),
            "age": Column.numbers([30.0, 31.0]),
        }
    ),
    np.array([True, False]),
)
ZONES = History(
    "zones",
    "history",
    np.array([100, 150]),
    np.array([100, 150]),
    Table(
        {"zone": Column.strings(["z1", "z1"]), "busy": Column.numbers([1.0, 2.0]), "code": Column.numbers([7.0, 7.0])}
    ),
)
HISTORIES = {"riders": RIDERS, "zones": ZONES}


def answer(*features, extra=(), asked=None):
    return FeaturePlan.of(system(*features), "trips").batch(asked or requests(), HISTORIES, extra)


def test_own_columns_and_lookups_strictly_before_the_request():
    found = answer(
        {"columns": {"from": "trips", "take": ["zone", "km", "note"], "as": {"km": "far"}}},
        {"columns": {"from": "zones", "take": "busy"}},
        {"columns": {"from": "riders", "take": ["age"], "as": "age"}},
    )
    assert list(found) == ["trips_zone", "far", "trips_note", "zones_busy", "age"]
    assert found["far"].to_list() == [3.0, None]
    assert found["zones_busy"].to_list() == [None, 2.0]  # the row at T itself is not seen
    assert found["age"].to_list() == [30.0, None]  # the first version of a table holds for all earlier T


def test_outputs_know_their_type_and_origin():
    plan = FeaturePlan.of(
        system(
            {"columns": {"from": "trips", "take": ["zone", "km", "note"]}},
            {"columns": {"from": "zones", "take": "busy"}},
            {"compute": {"word": "lower(zone)"}},
        ),
        "trips",
    )
    assert [o.type for o in plan.outputs] == ["category", "number", "text", "number", "category"]
    assert [o.origin for o in plan.outputs] == ["trips.zone", "trips.km", "trips.note", "zones.busy", "= lower(zone)"]


def test_only_what_is_needed_is_asked_for_and_computed():
    plan = FeaturePlan.of(
        system(
            {"compute": {"a": "km * 2", "b": "riders.age + a", "c": "length(note)"}},
            {"columns": {"from": "zones", "take": "busy"}},
        ),
        "trips",
    )
    assert list(plan.request) == ["rider", "zone", "km", "note"]
    assert plan.request["km"] == "float"
    assert plan.reads == {"riders": {"rider", "age"}, "zones": {"zone", "busy"}}
    few = plan.select(["b"])
    assert list(few.request) == ["rider", "km"]
    assert few.reads == {"riders": {"rider", "age"}}
    assert set(few.declarations) < set(plan.declarations)
    assert list(few.request_with(["zones.busy"])) == ["rider", "zone", "km"]
    assert list(few.batch(requests(), {"riders": RIDERS})) == ["b"]
    assert plan.select(None) is plan
    with pytest.raises(SpecError, match="did you mean 'zones_busy'"):
        plan.select(["zone_busy"])


def test_features_may_stand_in_any_order():
    found = answer({"compute": {"c": "b + 1", "b": "a * 2"}}, {"compute": {"a": "km"}})
    assert found["c"].to_list() == [7.0, None]


def test_a_lookup_through_a_lookup():
    found = answer({"columns": {"from": "zones", "take": "busy", "by": "riders.home"}})
    assert found["zones_busy_by_riders_home"].to_list() == [None, None]
    later = requests(1)
    later = Requests(later.rows, np.array([155]))
    assert answer({"columns": {"from": "zones", "take": "busy", "by": "riders.home"}}, asked=later)[
        "zones_busy_by_riders_home"
    ].to_list() == [2.0]


def test_extra_names_for_terms_and_slices():
    found = answer({"compute": {"a": "km * 2"}}, extra=("zones.busy", "km", "trips.zone", "a"))
    assert list(found) == ["a", "zones.busy", "km", "trips.zone"]
    terms = {"t": {"go": "-zones.busy * o", "stay": "0"}}
    decided = system({"compute": {"a": "km * 2"}}, decision={"per": "trips", "choose": ["go", "stay"], "terms": terms})
    plan = FeaturePlan.of(decided, "trips")
    assert [d.source for d in plan.declarations] == ["zones"]


def test_what_computes_to_a_truth_is_a_number():
    assert answer({"compute": {"far": "km > 2"}})["far"].to_list() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        ({"columns": {"from": "trip", "take": "km"}}, "no source 'trip' .*did you mean 'trips'"),
        ({"columns": {"from": "trips", "take": "paid"}}, "'paid' of 'trips' is not known to be sent"),
        ({"columns": {"from": "trips", "take": "kms"}}, "did you mean 'km'"),
        ({"columns": {"from": "trips", "take": "leaves"}}, "is an instant"),
        ({"columns": {"from": "trips", "take": "km", "by": "rider"}}, "by: looks up another source"),
        ({"columns": {"from": "riders", "take": "agee"}}, "no column 'agee' .*did you mean 'age'"),
        ({"columns": {"from": "riders", "take": "age", "by": "km"}}, "is a string, but 'km' of 'trips' a float"),
        ({"columns": {"from": "riders", "take": "age", "by": ["rider", "zone"]}}, "by: has 2 parts"),
        ({"columns": {"from": "riders", "take": "age", "by": {"zone": "rider"}}}, "by: names zone"),
        ({"columns": {"from": "riders", "take": ["age", "home"], "as": "x"}}, "as: gives one name"),
        ({"columns": {"from": "riders", "take": "age", "as": {"agee": "x"}}}, "did you mean 'age'"),
        ({"columns": {"from": "riders", "take": ["age", "home"], "as": {"age": "x", "home": "x"}}}, "have one name"),
        ({"columns": {"from": "rides", "take": "tip"}}, "is an event log"),
        ({"compute": {"a": "kms + 1"}}, "did you mean 'km'"),
        ({"compute": {"a": "paid + 1"}}, "not known to be sent"),
        ({"compute": {"a": "trips.paid + 1"}}, "not known to be sent"),
        ({"compute": {"a": "rider.age + 1"}}, "no source 'rider' .*did you mean 'riders'"),
        ({"compute": {"a": "leaves"}}, "is an instant"),
        ({"compute": {"a": "1 + 1"}}, "a constant tells a model nothing"),
        ({"compute": {"a": "km + note"}}, "km"),
        ({"compute": {"a": "km +"}}, "km"),
        ({"compute": {"a": "a + 1"}}, "ring: a -> a"),
        ({"compute": {"a": "b + 1", "b": "km + a"}}, "ring: "),
        ({"compute": {"km": "zones.busy + 1", "b": "km * 2"}}, "both a request column of 'trips' and a feature"),
        ({"clock": ["hours"]}, "did you mean 'hour'"),
        ({"clock": {"take": "hour", "timezone": "Asia/Singapur"}}, "did you mean 'Asia/Singapore'"),
        ({"function": {"call": "nowhere_at_all:f", "take": "km", "gives": "x"}}, "cannot be imported"),
        ({"function": {"call": "numpy:hypott", "take": "km", "gives": "x"}}, "did you mean 'hypot'"),
        ({"function": {"call": "numpy:sqrt", "take": "kms", "gives": "x"}}, "did you mean 'km'"),
    ],
)
def test_refusals(feature, says):
    with pytest.raises(SpecError, match=says):
        FeaturePlan.of(system(feature), "trips")


def test_two_features_of_one_name():
    with pytest.raises(SpecError, match="two features are named 'trips_km'"):
        FeaturePlan.of(system({"columns": {"from": "trips", "take": "km"}}, {"compute": {"trips_km": "km"}}), "trips")


def test_an_own_column_may_be_taken_under_its_own_name():
    same = {"columns": {"from": "trips", "take": "km", "as": "km"}}
    assert answer(same, {"compute": {"twice": "km * 2"}})["twice"].to_list() == [6.0, None]


def test_without_request_columns_the_row_itself_is_closed():
    closed = {"trips": {k: v for k, v in SOURCES["trips"].items() if k != "request"}}
    with pytest.raises(SpecError, match="declare request: in source 'trips'"):
        FeaturePlan.of(system({"columns": {"from": "trips", "take": "km"}}, **closed), "trips")


def test_columns_of_later_stages_of_another_source_are_closed():
    keyed = {"rides": {**SOURCES["rides"], "key": "rider", "id": None}}
    with pytest.raises(SpecError, match="declare a second source over the same file"):
        FeaturePlan.of(system({"columns": {"from": "rides", "take": "tip"}}, **keyed), "trips")


BOTH = {
    "o": {"type": "regression", "per": "trips", "label": {"take": "paid"}},
    "p": {"type": "binary", "per": "forms", "label": {"take": "good"}},
}


def test_each_per_has_the_features_that_its_rows_can_carry():
    spec = system(
        {"columns": {"from": "riders", "take": "age"}},
        {"columns": {"from": "trips", "take": "zone"}},
        {"clock": "hour"},
        {"compute": {"far": "km > 1", "busy": "zones.busy * 2", "next": "busy + 1"}},
        objectives=BOTH,
    )
    names = {per: [o.name for o in FeaturePlan.of(spec, per).outputs] for per in ("trips", "forms")}
    assert names["trips"] == ["riders_age", "trips_zone", "clock_hour", "far", "busy", "next"]
    assert names["forms"] == ["riders_age", "far"]
    with pytest.raises(SpecError, match="did you mean 'far'"):
        FeaturePlan.of(spec, "forms").select(["fare"])


def test_except_takes_all_other_columns():
    assert list(FeaturePlan.of(system({"compute": {"a": "km"}}, objectives=BOTH), "forms").request) == ["km"]
    with pytest.raises(SpecError, match="not known to be sent"):
        FeaturePlan.of(system({"columns": {"from": "forms", "take": "good"}}, objectives=BOTH), "forms")


def test_without_time_a_history_cannot_be_looked_up():
    forms = {"forms": {"columns": {"zone": "category", "good": "bool"}, "request": ["zone"]}}
    objectives = {"p": BOTH["p"]}
    with pytest.raises(SpecError, match="have no time"):
        FeaturePlan.of(system({"columns": {"from": "zones", "take": "busy"}}, objectives=objectives, **forms), "forms")
    with pytest.raises(SpecError, match="have no time"):
        FeaturePlan.of(system({"clock": "hour"}, objectives=objectives, **forms), "forms")


def test_without_time_the_newest_version_of_a_table_is_read():
    spec = system({"columns": {"from": "riders", "take": "age"}}, objectives={"p": BOTH["p"]})
    asked = Requests(Table({"rider": Column.strings(["r1"])}), np.array([MISSING_TIME]))
    assert FeaturePlan.of(spec, "forms").batch(asked, HISTORIES)["riders_age"].to_list() == [31.0]


def test_a_request_whose_time_is_missing_sees_nothing():
    asked = Requests(requests().rows, np.array([MISSING_TIME, 200]))
    found = answer({"columns": {"from": "zones", "take": "busy"}}, asked=asked)
    assert found["zones_busy"].to_list() == [None, 2.0]


def test_a_request_that_lacks_a_column_is_told_which():
    plan = FeaturePlan.of(system({"compute": {"a": "km"}}), "trips")
    with pytest.raises(RequestError, match="km"):
        plan.batch(Requests(Table({"zone": Column.strings(["z"])}), np.array([1])), {})


def gives(function, monkeypatch, out="x", take="km"):
    import poise.features.suite as module

    monkeypatch.setattr(module, "probe", function, raising=False)
    return answer({"function": {"call": "poise.features.suite:probe", "take": take, "gives": out}})


def test_a_function_gets_copies_and_gives_several(monkeypatch):
    def probe(km, note):
        km[:] = 7
        return np.where(note == None, 1.0, np.nan), [None if n is None else n[0] for n in note]  # noqa: E711

    found = gives(probe, monkeypatch, {"a": "number", "b": "category"}, ["km", "note"])
    assert found["a"].to_list() == [None, 1.0]
    assert found["b"].to_list() == ["h", None]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda km: km[:1], "has shape"),
        (lambda km: km.astype(str), "came as"),
        (lambda km: 1 / (km - km), "infinite"),
        (lambda km: (km, km), "gave 2 arrays"),
        (lambda km: km.nothing, "failed on 2 rows: AttributeError"),
        (lambda km: sys.exit(3), "failed on 2 rows: SystemExit"),
        (lambda km: np.full(len(km), len(km)), "for that row alone"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_functions_that_cannot_be_trusted(function, says, monkeypatch):
    with pytest.raises(DataError, match=says):
        gives(function, monkeypatch)


def test_clock_parts_are_those_of_the_zone():
    at = np.array(["2024-02-29T23:30", "2024-12-31T20:15", "2023-03-05T12:00"], "M8[us]").astype(np.int64)
    take = ["hour", "minute_of_day", "weekday", "is_weekend", "day", "day_of_year", "month", "year"]
    spec = system({"clock": {"take": take, "timezone": "Asia/Singapore"}})
    found = FeaturePlan.of(spec, "trips").batch(Requests(Table({}, 3), at), {})
    rows = list(zip(*(found[f"clock_{part}"].to_list() for part in take), strict=True))
    assert rows == [
        (7, 450, 4, 0, 1, 61, 3, 2024),
        (4, 255, 2, 0, 1, 1, 1, 2025),
        (20, 1200, 6, 1, 5, 64, 3, 2023),
    ]


def test_specs_are_read_as_people_write_them_and_read_back():
    spec = ComputeSpec.model_validate({"define": "km", "half": 0.5})
    assert spec.define == {"define": "km", "half": "0.5"}
    assert ComputeSpec.model_validate(spec.model_dump()) == spec
    clock = registry.get("feature", "clock").Spec
    assert clock.model_validate(["hour"]) == clock.model_validate({"take": "hour"})
    assert "anyOf" in clock.model_json_schema()
    assert ComputeSpec.model_json_schema()["additionalProperties"] == {"type": "string"}


def names(*features, per="trips", **sources):
    return [output.name for output in FeaturePlan.of(system(*features, **sources), per).outputs]


def test_all_columns_are_those_of_the_request_but_instants():
    every = ["trips_rider", "trips_zone", "trips_km", "trips_note"]
    assert names({"columns": {"from": "trips", "take": "all"}}) == every
    assert names({"columns": {"from": "trips", "take": "all", "as": {"km": "far"}}})[2] == "far"


def test_all_columns_of_another_source_are_those_beside_its_key():
    assert names({"columns": {"from": "riders", "take": "all"}}) == ["riders_home", "riders_age"]
    assert names({"columns": {"from": "zones", "take": "all"}}) == ["zones_busy", "zones_code"]


def test_all_columns_must_be_some():
    bare = {"riders": {"key": "rider", "columns": {"rider": "string", "born": "time"}}}
    with pytest.raises(SpecError, match="'riders' has no columns to take: keys and instants are no features"):
        names({"columns": {"from": "riders", "take": "all"}}, **bare)
    closed = {"trips": {k: v for k, v in SOURCES["trips"].items() if k != "request"}}
    with pytest.raises(SpecError, match="'trips' has no request columns to take"):
        names({"columns": {"from": "trips", "take": "all"}}, **closed)


def test_a_column_named_all_is_taken_in_a_list():
    own = {"trips": {**SOURCES["trips"], "columns": {**SOURCES["trips"]["columns"], "all": "int"}, "request": ["all"]}}
    assert names({"columns": {"from": "trips", "take": ["all"]}}, **own) == ["trips_all"]


def test_without_a_list_of_features_each_row_brings_its_own_request_columns():
    """Even where the rows of one objective are keyed by what another's send: nothing is looked up unasked."""
    keyed = {**SOURCES["forms"], "key": "rider"}
    both = system(objectives=BOTH, forms=keyed).model_copy(update={"features": None})
    assert [o.name for o in FeaturePlan.of(both, "forms").outputs] == ["forms_rider", "forms_km"]
    assert [o.name for o in FeaturePlan.of(both, "trips").outputs][:2] == ["trips_rider", "trips_zone"]
    assert not FeaturePlan.of(both, "trips").declarations
    assert left_out(both, "trips") == ["leaves"]


def test_an_empty_list_of_features_is_a_list():
    assert names() == []


def test_without_request_columns_there_are_no_features():
    closed = {"trips": {k: v for k, v in SOURCES["trips"].items() if k != "request"}}
    none = system(**closed).model_copy(update={"features": None})
    assert FeaturePlan.of(none, "trips").outputs == ()

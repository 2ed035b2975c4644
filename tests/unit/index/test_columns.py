"""Filter columns: the fast masks must agree with plain Python over the same values."""

from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index import AtLeast, Between, ColumnKind, Columns, ColumnValues, Equals, IdList, Ids, OneOf, Prefix
from index.arrays import write_array
from index.errors import ConditionError, VectorInputError

CODES = st.sampled_from(["6", "62", "620102", "62010", "63", "C39", "C3962", "H01M", "H01M10/0567", "ß", "\U0010ffff"])
PREFIXES = st.sampled_from(["", "6", "62", "6201", "C", "C39", "H01M10", "X", "\U0010ffff", "ß"])
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
ROWS = st.fixed_dictionaries(
    {
        "region": st.none() | CODES,
        "ipc": st.lists(CODES, max_size=3),
        "filed_on": st.none() | DAYS,
        "maturity": st.none() | st.integers(-5, 9),
        "agreed": st.none() | st.booleans(),
    }
)
KINDS = {
    "region": ColumnKind.CODE,
    "ipc": ColumnKind.CODES,
    "filed_on": ColumnKind.DAY,
    "maturity": ColumnKind.NUMBER,
    "agreed": ColumnKind.FLAG,
}
CODE_FIELDS = st.sampled_from(["region", "ipc"])
IDS = st.lists(st.integers(0, 40).map(str), max_size=6).map(tuple)
CONDITIONS = st.one_of(
    st.builds(Prefix, CODE_FIELDS, st.lists(PREFIXES, max_size=3).map(tuple)),
    st.builds(OneOf, CODE_FIELDS, st.lists(CODES | PREFIXES, max_size=3).map(tuple)),
    st.builds(Equals, st.just("agreed"), st.booleans()),
    st.builds(AtLeast, st.just("maturity"), st.integers(-6, 10) | st.sampled_from([-(2**31), -(2**70), 2**31, 2**70])),
    st.builds(Between, st.just("filed_on"), st.none() | DAYS, st.none() | DAYS),
    st.builds(Ids, IDS, st.booleans()),
)


def passes(position, row, condition):
    """The oracle: whether one record passes one condition, as the contract words it."""
    if isinstance(condition, Ids):
        return (str(position) in condition.ids) != condition.negate
    value = row[condition.field]
    if isinstance(condition, Prefix | OneOf):
        codes = value if isinstance(value, list) else [value] * (value is not None)
        if isinstance(condition, OneOf):
            return any(code in condition.values for code in codes)
        return any(code.startswith(prefix) for code in codes for prefix in condition.values)
    if value is None:
        return False
    if isinstance(condition, Equals):
        return value == condition.value
    if isinstance(condition, AtLeast):
        return value >= condition.value
    return (condition.from_day or date.min) <= value <= (condition.to_day or date.max)


def columns_of(rows):
    """The columns of rows of ``ROWS``."""
    return Columns.build(len(rows), {name: ColumnValues(kind, [r[name] for r in rows]) for name, kind in KINDS.items()})


def row_of(**values):
    """A row without values but these."""
    return {name: [] if kind is ColumnKind.CODES else None for name, kind in KINDS.items()} | values


@settings(deadline=None)
@example(rows=[row_of(ipc=["ab"]), row_of(ipc=["b"])], conditions=[Prefix("ipc", ("a",))])
@given(rows=st.lists(ROWS, max_size=30), conditions=st.lists(CONDITIONS, max_size=3))
def test_index_columns_agree_with_the_oracle(rows, conditions):
    """A mask is exactly the records that pass every condition; no value in a field does not pass."""
    ids = IdList.of([str(position) for position in range(len(rows))])
    expected = [all(passes(at, row, condition) for condition in conditions) for at, row in enumerate(rows)]
    assert columns_of(rows).mask(conditions, ids).tolist() == expected


@settings(deadline=None)
@given(rows=st.lists(ROWS, max_size=12), conditions=st.lists(CONDITIONS, max_size=2))
def test_index_columns_survive_a_file(tmp_path_factory, rows, conditions):
    """Columns read from a file give the same masks."""
    path = tmp_path_factory.mktemp("columns")
    columns, ids = columns_of(rows), IdList.of([str(position) for position in range(len(rows))])
    columns.write(path)
    read = Columns.read(path)
    assert set(read.fields) == set(columns.fields)
    assert read.mask(conditions, ids).tolist() == columns.mask(conditions, ids).tolist()


def test_index_columns_without_conditions_pass_everything():
    """No condition lets every record pass."""
    assert columns_of([]).mask([]).shape == (0,)
    assert Columns.build(3, {}).mask([]).tolist() == [True] * 3


def test_index_columns_give_masks_of_their_own():
    """Changing a mask that was given changes no later one."""
    columns = Columns.build(2, {"agreed": ColumnValues(ColumnKind.FLAG, [True, True])})
    columns.mask([Equals("agreed", True)])[:] = False
    assert columns.mask([Equals("agreed", True)]).tolist() == [True, True]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (Prefix("colour", ("x",)), "no field 'colour'"),
        (Prefix("maturity", ("x",)), "'maturity' holds a number; Prefix"),
        (AtLeast("region", 3), "'region' holds codes; AtLeast"),
        (Equals("filed_on", True), "'filed_on' holds a day; Equals"),
        (Between("agreed"), "'agreed' holds a flag; Between"),
        (Ids(("1",)), "needs the list of ids"),
    ],
)
def test_index_columns_say_which_condition_does_not_fit(condition, message):
    """A condition on an unknown field, or one of another kind, is refused and named."""
    with pytest.raises(ConditionError, match=message):
        columns_of([]).mask([condition])


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ColumnKind.CODE, ["a"], "has 1 values for 2 positions"),
        (ColumnKind.NUMBER, [1, 2, 3], "has 3 values for 2 positions"),
        (ColumnKind.NUMBER, [1, 2**40], "cannot hold"),
        (ColumnKind.NUMBER, [1, -(2**31)], "cannot hold"),
        (ColumnKind.NUMBER, [1, "2"], "cannot hold '2'"),
        (ColumnKind.FLAG, [True, 1], "cannot hold 1"),
        (ColumnKind.DAY, [None, "2020-01-01"], "cannot hold '2020-01-01'"),
        (ColumnKind.CODES, [["a"], ["b", 3]], "position 1"),
        (ColumnKind.CODES, [["a"], 7], "position 1"),
    ],
)
def test_index_columns_refuse_values_that_do_not_fit(kind, values, message):
    """A column with another number of values, or with a value of another kind, is refused."""
    with pytest.raises(VectorInputError, match=message):
        Columns.build(2, {"x": ColumnValues(kind, values)})


def test_index_columns_refuse_a_file_of_something_else(tmp_path):
    """A file that lacks the arrays it announces is a ValueError that names one."""
    (tmp_path / "columns.json").write_text('{"count": 1, "fields": {"f": {"kind": "codes"}}}')
    write_array(tmp_path / "columns.f.starts.npy", np.zeros(1, dtype=np.int64))
    with pytest.raises(ValueError, match="codes"):
        Columns.read(tmp_path)


def test_columns_say_the_first_code_of_each_position() -> None:
    """The other way round: for each position its code, the first of several, and which positions have another."""
    values = ["zh", None, ("en", "de"), "zh"]
    columns = Columns.build(4, {"lang": ColumnValues(ColumnKind.CODES, values)})
    first = columns.first_codes("lang")
    assert [None if place < 0 else first.codes[place] for place in first.places.tolist()] == ["zh", None, "de", "zh"]
    assert first.counts == {None: 1, "de": 1, "zh": 2}
    assert first.other_than("zh").tolist() == [False, True, True, False]
    assert first.other_than(None).tolist() == [True, False, True, True]
    assert first.other_than("ko").all()
    assert columns.first_codes("lang") is first
    assert columns.first_codes("nothing").counts == {None: 4}

"""Rules of a push run, names of firms and holders, and how firms are assigned to rankings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.evaluation.charts import bars, curve, grouped
from app.push.candidates import PushCandidates
from app.push.firms import arm_by
from app.push.lists import firm_ranks, shared_out
from app.push.rules import PushRules, read_rules
from app.text.normalising import folded_name


def test_push_rules_are_read_from_toml_and_json(tmp_path: Path) -> None:
    """Both say the same, the command's own options before them, and the rest is default."""
    (tmp_path / "rules.toml").write_text('cap = 50\nregion = "province"\n', encoding="utf8")
    (tmp_path / "rules.json").write_text('{"cap": 50, "region": "province"}', encoding="utf8")
    toml, json = (read_rules(tmp_path / name, k=10) for name in ("rules.toml", "rules.json"))
    assert toml == json == PushRules(cap=50, region="province", k=10)
    assert toml.digest() != PushRules().digest()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("cap = -1", "cap"),
        ("colour = 3", "colour"),
        ('region = "street"', "region"),
        ("k = 30\ncandidates = 20", "rules"),
        ("cap = 2\nfloor = 3", "rules"),
    ],
)
def test_push_rules_name_the_field_that_is_wrong(tmp_path: Path, text: str, field: str) -> None:
    """A rule that is not known is an error too: a typing slip must not push without it."""
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(InputError) as caught:
        read_rules(path)
    assert [one.field for one in caught.value.fields] == [field]


def test_push_rules_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """No file, no object, no TOML."""
    (tmp_path / "list.json").write_text("[1]", encoding="utf8")
    (tmp_path / "bad.toml").write_text("cap =", encoding="utf8")
    for name in ("none.toml", "list.json", "bad.toml"):
        with pytest.raises(InputError, match="rules"):
            read_rules(tmp_path / name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("兰州新材料有限责任公司", "兰州(甘肃)新材料有限公司"),
        ("上海ＡＢＣ科技股份有限公司", "上海abc科技有限公司"),
        ("Acme Widgets Co., Ltd.", "ACME WIDGETS LTD"),
    ],
)
def test_push_names_agree_across_spellings(one: str, other: str) -> None:
    """Brackets, widths, cases and legal suffixes do not tell two firms apart."""
    assert folded_name(one) == folded_name(other)


def test_push_names_of_two_firms_stay_two() -> None:
    """What is left must be what names the firm; a name that is only a suffix stays whole."""
    assert folded_name("兰州新材料有限公司") != folded_name("兰州新能源有限公司")
    assert folded_name("有限公司") == "有限公司"


@given(st.integers(0, 5))
def test_push_assigns_half_of_the_firms_the_same_way_for_a_seed(seed: int) -> None:
    """Two arms of about equal size; nobody is in the second where nothing is compared."""
    arm = arm_by(seed, compared=True)
    drawn = [arm(f"F{n}") for n in range(2_000)]
    assert 900 < drawn.count("b") < 1_100
    assert drawn == [arm_by(seed, compared=True)(f"F{n}") for n in range(2_000)]
    assert {arm_by(seed, compared=False)(f"F{n}") for n in range(50)} == {"a"}


@given(cap=st.integers(0, 50), floor=st.integers(0, 3), share=st.floats(0.05, 0.95))
def test_push_divides_cap_and_floor_between_two_rankings(cap: int, floor: int, share: float) -> None:
    """Both together are the whole, unless a cap of one cannot be divided."""
    rules = PushRules(cap=cap, floor=min(floor, cap))
    arms = [shared_out(rules, share, first=first) for first in (True, False)]
    assert sum(arm.cap for arm in arms) == (2 if cap == 1 else cap)
    assert sum(arm.floor for arm in arms) <= rules.floor
    assert all(arm.floor <= arm.cap for arm in arms)


def test_push_ranks_firms_among_a_patents_own_best() -> None:
    """By score from 1; equal ones by their order; an empty place has no rank."""
    found = PushCandidates(
        patents=np.array([[0, 1], [0, -1], [1, 0]]),
        scores=np.array([[0.4, 0.9], [0.8, 0.0], [0.9, 0.8]], dtype=np.float32),
        queries=np.zeros((3, 2), dtype=np.int64),
        near=np.ones(3, dtype=np.int64),
        recall=1.0,
        certified=1.0,
    )
    assert firm_ranks(found).tolist() == [[3, 1], [1, 0], [2, 2]]


def test_push_charts_draw_what_they_are_given() -> None:
    """Every group of the histogram and every point is in the picture, named and escaped."""
    assert grouped({"0": 5, "1": 2, "3": 1, "4": 1, "7": 2, "9": 1}) == {"0": 5, "1": 2, "3-4": 2, "5-8": 2, "9-16": 1}
    picture = bars({"<a>": 3, "b": 0}, "label")
    assert picture.count("<rect") == 2
    assert "&lt;a&gt;" in picture
    points = [
        {"cap": 0, "floor": 0, "coverage": 0.2, "kept": 1.0},
        {"cap": 4, "floor": 1, "coverage": 0.9, "kept": 0.9},
    ]
    drawn = curve(points, "label")
    assert "∞/0" in drawn
    assert "4/1" in drawn

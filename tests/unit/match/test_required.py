"""What a request requires of texts, without an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from app.domain import MatchRequest, Patent
from app.errors import InputError
from app.match.required import LONGEST_TERM, MOST_TERMS, READ_AT_ONCE, ClearFirst, Requirements, holding_excluded
from app.match.scorer import Candidates
from app.ranking.relevance import Relevance


def patents(*titles: str) -> dict[str, Patent]:
    """One of each title."""
    return {f"P{n}": Patent(id=f"P{n}", title=title) for n, title in enumerate(titles)}


def required(must: Sequence[str] = (), must_not: Sequence[str] = ()) -> Requirements:
    """Those of a request."""
    return Requirements.of(MatchRequest(queries=(), must=tuple(must), must_not=tuple(must_not)))


def test_records_pass_that_hold_each_must_term_and_no_must_not_term() -> None:
    """By another name of the same thing too, in either script and case."""
    bank = patents("LiFePO4电池隔膜", "磷酸鐵鋰電池", "锂电池隔膜", "磷酸铁锂电池的聚乙烯隔膜", "LFP battery separator")
    assert set(required(["LFP"]).passing(bank)) == {"P0", "P1", "P3", "P4"}
    assert set(required(["lfp", "隔膜"]).passing(bank)) == {"P0", "P3"}
    assert set(required(["lfp"], ["PE"]).passing(bank)) == {"P0", "P1", "P4"}
    assert not required()
    assert set(required().passing(bank)) == set(bank)


@pytest.mark.parametrize("field", ["must", "must_not"])
@pytest.mark.parametrize("terms", [["x"] * (MOST_TERMS + 1), ["x" * (LONGEST_TERM + 1)], ["、"], [" "], [""]])
def test_bad_terms_are_refused_by_field(field: str, terms: list[str]) -> None:
    """Too many, too long, or nothing to look for."""
    with pytest.raises(InputError) as caught:
        required(**{field: terms})
    assert [one.field for one in caught.value.fields] == [field]
    assert caught.value.error_code == "bad_terms"


def test_a_record_uses_what_a_text_excludes_by_any_name() -> None:
    """The names of the table, and the stem."""
    assert holding_excluded(Patent(id="P", title="钕铁硼永磁铁电机"), ["永磁体"]) == ("永磁体",)
    assert holding_excluded(Patent(id="P", title="感应电机", abstract="不使用永磁铁"), ["永磁体"]) == ()
    assert holding_excluded(Patent(id="P", title="永磁电机"), []) == ()


def test_candidates_are_read_until_enough_are_clear() -> None:
    """In blocks, and no further; what uses it stands behind, where too few are clear or a search looks beyond them."""
    bank = patents(*(["永磁电机"] * 70 + ["感应电机"] * 70))
    read: list[str] = []

    def reading(ids: Sequence[str]) -> Mapping[str, Patent]:
        read.extend(ids)
        return {key: bank[key] for key in ids}

    def ordered(excluded: Sequence[str], places: int, *, beyond: bool = False) -> Candidates:
        count = len(bank)
        falling, none = np.linspace(1, 0, count, dtype=np.float32), np.zeros(count, dtype=np.float32)
        relevance = Relevance(falling, falling, none, np.zeros(count, dtype=np.bool_), falling)
        found = Candidates(tuple(bank), np.arange(count), relevance)
        return ClearFirst(reading, places, beyond=beyond).ordered(found, excluded)

    few = ordered(["永磁体"], 5)
    assert few.ids == tuple(f"P{n}" for n in range(70, 75))
    assert few.addresses.tolist() == list(range(70, 75))
    assert len(read) == 2 * READ_AT_ONCE
    every = ordered(["永磁体"], 100)
    assert every.ids == tuple(f"P{n}" for n in (*range(70, 140), *range(70)))
    assert every.groups == (0,) * 70 + (1,) * 70
    beyond = ordered(["永磁体"], 5, beyond=True)
    assert beyond.ids[:6] == (*(f"P{n}" for n in range(70, 75)), "P0")
    assert ordered([], 5).ids == tuple(bank)[:5]

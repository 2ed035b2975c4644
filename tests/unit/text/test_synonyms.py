"""Names of one thing: the table, what it adds to a text, and files that ops load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UsageError
from app.text.synonyms import MOST_EXPANDED, Synonyms, built_in, in_force, loaded, read_table, use

LFP = ("LFP", "LiFePO4", "磷酸铁锂", "lithium iron phosphate")


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    use(None)


@pytest.mark.parametrize("text", [*LFP, "磷酸鐵鋰", "ＬＦＰ", "LFP电池", "正极为LiFePO4/C", "lifepo4粉体"])
def test_each_name_brings_the_others(text: str) -> None:
    """In either script, any width, and within Chinese; what the text has already is not added."""
    names = set(built_in().expanded(text))
    assert len(names) == len(LFP) - 1
    assert names < set(LFP)


@pytest.mark.parametrize("text", ["pi 3.14", "PIN", "gan", "xLFPx", "LFP2", "api", "", "聚"])
def test_short_names_count_as_they_are_written_and_whole(text: str) -> None:
    """Of abbreviations that are words or parts of words, nothing comes."""
    assert built_in().expanded(text) == ()


def test_the_longest_name_is_the_one_that_is_meant() -> None:
    """HDPE is no PE, and 高密度聚乙烯 not 聚乙烯."""
    assert "聚乙烯" not in built_in().expanded("HDPE管材")
    assert "PE" not in built_in().expanded("高密度聚乙烯管材")


def test_groups_of_a_term() -> None:
    """As it is written, or in either case where that is one thing."""
    assert set(built_in().groups("lfp")) == set(LFP) - {"LFP"}
    assert "氮化镓" in built_in().groups("GaN")
    assert built_in().groups("不在表中") == ()


def test_latin_names_are_spelt_out() -> None:
    """A query in Chinese is embedded by Chinese names."""
    assert built_in().spelt_out("PMSM控制") == "永磁同步电机控制"
    assert built_in().spelt_out("永磁同步电机控制") == "永磁同步电机控制"
    assert built_in().names_only("LFP")
    assert not built_in().names_only("LFP battery")
    assert not built_in().names_only("磷酸铁锂")


def test_the_built_in_table() -> None:
    """Two hundred things and more, and no name of two things."""
    lines = files("app.text").joinpath("synonyms.tsv").read_text(encoding="utf-8").splitlines()
    things = read_table(lines, "synonyms.tsv")
    assert len(things) >= 200
    names = Counter(name for thing in things for name in thing)
    assert max(names.values()) == 1


def test_a_file_adds_to_the_table(tmp_path: Path) -> None:
    """Its own things and those that come with patmatch."""
    path = tmp_path / "ours.tsv"
    path.write_text("\ufeff# ours\nXJ-12\t某专用合金\n\n", encoding="utf-8")
    assert loaded(path).groups("XJ-12") == ("某专用合金",)
    assert loaded(path).groups("LFP")


def test_a_file_replaces_the_table(tmp_path: Path) -> None:
    """Where its first line says so."""
    path = tmp_path / "ours.tsv"
    path.write_text("#replace\nXJ-12\t某专用合金\n", encoding="utf-8")
    assert loaded(path).groups("XJ-12")
    assert not loaded(path).groups("LFP")


@pytest.mark.parametrize(
    ("line", "said"),
    [("LFP", "1 names"), ("a\t磷酸铁锂", "'a' has 1 characters"), ("x" * 81 + "\tyy", "81 characters")],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """File, line and what to do, in both languages."""
    path = tmp_path / "ours.tsv"
    path.write_text(f"AB\t甲乙\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        loaded(path)
    assert "ours.tsv, line 2" in caught.value.message
    assert said in caught.value.message
    assert "第 2 行" in caught.value.message_zh


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    """At the start, not at the first query."""
    with pytest.raises(UsageError, match="there is no file"):
        loaded(tmp_path / "none.tsv")
    (tmp_path / "bytes.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        loaded(tmp_path / "bytes.tsv")


def test_a_table_is_put_in_force() -> None:
    """For the whole process, until another is."""
    table = Synonyms(read_table(["甲醇\tmethanol"], "test"))
    use(table)
    assert in_force() is table
    use(None)
    assert in_force() is built_in()


NAMES = st.text(st.sampled_from("甲乙丙abAB1-"), min_size=2, max_size=5).filter(lambda name: name.strip("-"))


@given(st.lists(st.lists(NAMES, min_size=2, max_size=3, unique_by=str.lower).map(tuple), max_size=5), NAMES)
def test_whatever_a_table_holds(things: list[tuple[str, ...]], text: str) -> None:
    """A text is never given a name that it was found by, and a name finds the others of its thing."""
    table = Synonyms(things)
    assert len(table.expanded(text)) <= MOST_EXPANDED
    for names in things:
        for name in names:
            others = {other.lower() for other in table.groups(name)}
            assert {other.lower() for other in names} - {name.lower()} <= others
            assert name.lower() not in others


@pytest.mark.parametrize("piece", ["LFP ", "聚", "磷酸铁锂", "a", "聚乙"])
def test_enormous_texts_are_read_at_once(piece: str) -> None:
    """100,000 characters."""
    assert len(built_in().expanded(piece * (100_000 // len(piece)))) <= MOST_EXPANDED

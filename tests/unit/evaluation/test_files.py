"""What evaluators bring is read, or refused with file, line and remedy in both languages."""

from __future__ import annotations

import gzip
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.evaluation.collection import QueryRun, Ranked, Served, TextRow
from app.evaluation.files import escaped, keep_known, read_qrels, read_texts, unescaped
from app.evaluation.trec import answered, read_run, write_qrels, write_run


def write(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, read: object) -> InputError:
    """The error that reading the file gives."""
    with pytest.raises(InputError) as caught:
        list(read(path)) if read is read_texts else read(path)
    assert caught.value.message_zh
    assert str(path.parent) not in caught.value.message
    return caught.value


def test_texts_take_text_or_abstract(tmp_path: Path) -> None:
    """Both names of the body are read, null is empty, whole numbers become ids, other fields are left alone."""
    path = write(
        tmp_path,
        '{"id": "a", "title": "锂电池", "abstract": "摘要", "lang": "zh", "ipc": ["H01M"]}\n\n'
        '{"id": 7, "title": null, "text": "body", "abstract": "not this"}\n{"id": "c", "title": "only"}\n',
    )
    assert list(read_texts(path)) == [
        TextRow(id="a", title="锂电池", text="摘要", lang="zh"),
        TextRow(id="7", text="body"),
        TextRow(id="c", title="only"),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_texts_may_be_gzipped_and_begin_with_a_mark(tmp_path: Path, *, packed: bool) -> None:
    """Compression is told from the bytes, not from the name."""
    content = b"\xef\xbb\xbf" + b'{"id": "a", "title": "t"}\r\n'
    path = write(tmp_path, gzip.compress(content) if packed else content, "corpus")
    assert [row.id for row in read_texts(path)] == ["a"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ('{"id": "b", ', "is not JSON"),
        ("[1]", "not a JSON object"),
        ('{"title": "no id"}', 'no "id"'),
        ('{"id": true}', 'no "id"'),
        ('{"id": "b", "title": ["x"]}', '"title" is not a text'),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, part: str) -> None:
    """File and line number are in the message, in both languages."""
    error = refusal(write(tmp_path, '{"id": "a", "title": "t"}\n' + line + "\n"), read_texts)
    assert "rows.jsonl, line 2: " in error.message
    assert part in error.message
    assert "rows.jsonl 第 2 行" in error.message_zh


def test_a_file_of_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """GB18030 text is not UTF-8; the first line that shows it is named."""
    error = refusal(write(tmp_path, b'{"id": "a", "title": "t"}\n' + '{"id": "锂"}\n'.encode("gb18030")), read_texts)
    assert "line 2: is not UTF-8" in error.message


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    """A download that broke off does not pass for a short corpus."""
    whole = gzip.compress(b"".join(b'{"id": "d%d", "title": "t"}\n' % n for n in range(2000)))
    assert "gzip" in refusal(write(tmp_path, whole[: len(whole) // 2]), read_texts).message
    assert "gzip" in refusal(write(tmp_path, b"\x1f\x8bnothing"), read_texts).message


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    """The name is repeated, the folder is not."""
    assert "cannot read absent.tsv" in refusal(tmp_path / "absent.tsv", read_qrels).message


def test_qrels_are_read_by_position(tmp_path: Path) -> None:
    """Any header is skipped, extra columns are left alone, a repeated pair keeps the higher level and is counted."""
    found = read_qrels(write(tmp_path, "need\tach\tl\tnote\nq\ta\t2\tx\nq\ta\t4\nq\tb\t1\n"))
    assert found.qrels == {"q": {"a": 4, "b": 1}}
    assert found.duplicates == 1
    lower = read_qrels(write(tmp_path, "q d l\nq a 4\nq a 2\n"))
    assert lower.qrels == {"q": {"a": 4}}


def test_qrels_without_a_header_lose_no_row(tmp_path: Path) -> None:
    """A first line that ends in a number is a judgement."""
    assert read_qrels(write(tmp_path, "q\ta\t3\nq\tb\t1\n")).qrels == {"q": {"a": 3, "b": 1}}


def test_trec_qrels_count_from_zero(tmp_path: Path) -> None:
    """TREC's 0 to 3 are the levels 1 to 4."""
    assert read_qrels(write(tmp_path, "q 0 a 0\nq 0 b 3\np 0 a 2\n")).qrels == {"q": {"a": 1, "b": 4}, "p": {"a": 3}}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("h\th\th\nq\ta\t5\n", "line 2: '5' is not a level; write 1 (none) to 4 (strong)"),
        ("h\th\th\nq\ta\t1\nq\ta\tstrong\n", "line 3: 'strong' is not a level"),
        ("h\th\th\nq\ta\n", "line 2: needs three columns"),
        ("h\th\th\n\ta\t2\n", "line 2: needs three columns"),
        ("q 0 a 1\nq 0 a 4\n", "line 2: '4' is not a level; write 0 (none) to 3 (strong)"),
        ("q 0 a 1\nq a 4\n", "line 2: needs four columns"),
        ("h\th\th\n", "has no judgements"),
    ],
)
def test_wrong_judgements_are_named(tmp_path: Path, content: str, part: str) -> None:
    """A wrong level or layout is an error with its line, never a guess."""
    assert part in refusal(write(tmp_path, content, "qrels.tsv"), read_qrels).message


def test_unknown_ids_are_counted_and_left_out() -> None:
    """Judgements of what is not there are numbers in the report, not errors."""
    known = keep_known({"q": {"a": 4, "x": 3}, "gone": {"a": 1, "y": 1}, "p": {"x": 2}}, ["q", "p"], ["a", "b"])
    assert known.qrels == {"q": {"a": 4}}
    assert (known.unknown_queries, known.unknown_documents, known.unknown_pairs) == (1, 2, 4)


IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(lambda text: text.strip())


@given(st.dictionaries(IDS, st.dictionaries(IDS, st.floats(0, 1, width=32), min_size=1, max_size=5), max_size=4))
def test_a_run_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, lists: dict) -> None:
    """Ids with white space and scores of any precision survive; the order is that of the scores, then of the ranks."""
    runs = [
        QueryRun(
            query_id=query, ranked=tuple(Ranked(*pair) for pair in sorted(found.items(), key=lambda pair: -pair[1]))
        )
        for query, found in lists.items()
    ]
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    write_run(path, runs, "pat match")
    assert read_run(path) == {run.query_id: run.ranked for run in runs}


@given(st.dictionaries(IDS, st.dictionaries(IDS, st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_qrels_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, qrels: dict) -> None:
    """Levels are one above TREC's relevance, and ids with white space or a percent sign survive."""
    path = tmp_path_factory.mktemp("qrels") / "qrels.trec"
    write_qrels(path, qrels)
    assert read_qrels(path).qrels == qrels


def test_other_tools_read_our_qrels_file(tmp_path: Path) -> None:
    """ir_measures parses the file that we write, with relevance 0 to 3."""
    path = tmp_path / "qrels.trec"
    write_qrels(path, {"q": {"a": 4, "b": 1}})
    assert path.read_text("utf-8").splitlines()[0] == "q 0 a 3"
    judged = list(ir_measures.read_trec_qrels(path.read_text("utf-8")))
    assert [(qrel.query_id, qrel.doc_id, qrel.relevance) for qrel in judged] == [("q", "a", 3), ("q", "b", 0)]


@pytest.mark.parametrize("identifier", ["a%41", "50%", "%E3", "a%zz", "%25zz", "a b", "全\u3000角%"])
def test_percent_signs_of_other_tools_are_left_alone(identifier: str) -> None:
    """Only what we encode is decoded: white space and the percent sign itself."""
    assert unescaped(escaped(identifier)) == identifier
    assert unescaped("a%41%E4%B8%AD%zz") == "a%41%E4%B8%AD%zz"


def test_a_run_may_be_read_by_its_ranks(tmp_path: Path) -> None:
    """Scores decide as for TREC's tools; by rank, a list that was ordered by more than its scores stays as it was."""
    path = write(tmp_path, "q Q0 a 1 0.5 t\nq Q0 b 2 0.9 t\n", "run.trec")
    assert [match.doc_id for match in read_run(path)["q"]] == ["b", "a"]
    assert read_run(path, by_rank=True) == {"q": (Ranked("a", 0.5), Ranked("b", 0.9))}


def test_a_run_file_is_answered_like_a_service_without_levels() -> None:
    """The first 100 are ranked, judged documents have their scores from anywhere, a missing query is empty."""
    lists = {"q": tuple(Ranked(f"d{n}", 1.0 - n / 1000) for n in range(150)), "unasked": (Ranked("a", 1.0),)}
    first, second = answered(lists, ["q", "missing"], {"q": {"d120": 4, "d3": 1, "gone": 3}})
    assert (first.query_id, len(first.ranked), first.levelled) == ("q", 100, False)
    assert list(first.served.items()) == [("d3", Served(0.997, None)), ("d120", Served(0.88, None))]
    assert second == QueryRun(query_id="missing", levelled=False)


def test_other_tools_read_our_run_file(tmp_path: Path) -> None:
    """ir_measures parses the file that we write."""
    path = tmp_path / "run.trec"
    write_run(path, [QueryRun(query_id="q", ranked=(Ranked("a", 0.5), Ranked("b", 0.25)))])
    assert path.read_text("utf-8").splitlines()[0] == "q Q0 a 1 0.5 patmatch"
    scored = list(ir_measures.read_trec_run(path.read_text("utf-8")))
    assert [(doc.query_id, doc.doc_id, doc.score) for doc in scored] == [("q", "a", 0.5), ("q", "b", 0.25)]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("q Q0 a 1 0.5 t\nq Q0 a 2 0.4 t\n", "line 2: document a appears a second time"),
        ("q Q0 a 1 0.5\n", "line 1: is not a line of a run"),
        ("q Q0 a first 0.5 t\n", "line 1: is not a line of a run"),
        ("q Q0 a 1 nan t\n", "line 1: is not a line of a run"),
    ],
)
def test_wrong_run_lines_are_named(tmp_path: Path, content: str, part: str) -> None:
    """A line that is no result is an error with its place."""
    assert part in refusal(write(tmp_path, content, "run.trec"), read_run).message

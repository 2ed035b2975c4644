"""How the queries of an evaluation are asked, and which of them are one word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.quality.material import EvaluationFiles, EvaluationMaterial


def material(folder: Path, *queries: dict[str, str]) -> EvaluationMaterial:
    """Material of these queries, all judged but ``unjudged``."""
    for name, rows in (("corpus", [{"id": "d", "title": "电池"}]), ("queries", list(queries))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"{query['id']}\td\t4\n" for query in queries if query["id"] != "unjudged")
    (folder / "qrels.tsv").write_text("query\tdoc\tlevel\n" + judged)
    return EvaluationMaterial.read(
        EvaluationFiles(corpus=folder / "corpus.jsonl", queries=folder / "queries.jsonl", qrels=folder / "qrels.tsv")
    )


def test_material_asks_otherwise_who_has_title_and_text(tmp_path: Path) -> None:
    """Judged queries that have both are asked by each alone, as text; the others only as they stand."""
    found = material(
        tmp_path,
        {"id": "both", "title": "电解液", "text": "求购电解液"},
        {"id": "title", "title": "电解液", "text": " "},
        {"id": "text", "text": "求购电解液"},
        {"id": "unjudged", "title": "电机", "text": "求购电机"},
    )
    assert len(found.asked()) == 4
    asked = found.asked_otherwise()
    assert [(query.id, query.title, query.text) for query in asked["text"]] == [("both", None, "求购电解液")]
    assert [(query.id, query.title, query.text) for query in asked["title"]] == [("both", None, "电解液")]


@pytest.mark.parametrize(
    ("title", "text", "one"),
    [
        ("电池", "", True),
        ("", "PMSM控制", True),
        ("电池", "电池", True),
        ("lithium-ion", "", True),
        ("リチウム", "", True),
        ("高镍三元动力电池", "", False),
        ("lithium battery", "", False),
        ("电池，电机", "", False),
        ("电池", "求购电池", False),
        ("。", "", False),
    ],
)
def test_material_knows_queries_of_one_word(tmp_path: Path, title: str, text: str, one: bool) -> None:
    """One run of letters, of Chinese characters no more than a term has; title and text may say the same."""
    found = material(tmp_path, {"id": "q", "title": title, "text": text}).collection()
    assert found.single_words == ({"q"} if one else frozenset())

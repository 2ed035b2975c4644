"""What the tests of evaluations share: the bundled sample, a small one, and command lines for both."""

from __future__ import annotations

import json
from pathlib import Path

from hashing_encoder import HashingEncoder

from app.quality.material import EvaluationFiles
from app.settings import Settings
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"
BUNDLED = EvaluationFiles(corpus=SAMPLE / "patents.jsonl", queries=SAMPLE / "needs.jsonl", qrels=SAMPLE / "qrels.tsv")


def services_with(home: Path, encoder: HashingEncoder) -> Services:
    """Services with this encoder and nothing loaded."""
    return Services(Settings(home=home), encoder=lambda: encoder)


def lines(path: Path, *rows: dict[str, object]) -> Path:
    """A JSON lines file."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def small(folder: Path, qrels: str = "q1\td1\t4\nq1\td2\t1\nq2\td2\t4\n") -> EvaluationFiles:
    """Two documents and two queries."""
    (folder / "qrels.tsv").write_text("query\tdoc\tlevel\n" + qrels, encoding="utf-8")
    return EvaluationFiles(
        corpus=lines(
            folder / "corpus.jsonl",
            {"id": "d1", "title": "高镍三元正极材料"},
            {"id": "d2", "title": "water treatment membrane", "abstract": "nanofiltration"},
        ),
        queries=lines(
            folder / "queries.jsonl",
            {"id": "q1", "title": "三元正极", "text": "需要高镍三元正极材料"},
            {"id": "q2", "text": "a membrane for water treatment"},
        ),
        qrels=folder / "qrels.tsv",
    )


def arguments(files: EvaluationFiles, home: Path) -> list[str]:
    """The command line for these files."""
    given = {"--corpus": files.corpus, "--queries": files.queries, "--qrels": files.qrels, "--home": home}
    return ["evaluate", *(str(part) for pair in given.items() for part in pair)]

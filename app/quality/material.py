"""What an evaluator brings, read and cleaned as ingest cleans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from app.catalogue import Catalogue
from app.domain import AnyRecord, Need, Patent, Query
from app.errors import InputError
from app.evaluation.collection import Collection, TextRow
from app.evaluation.files import KnownJudgements, keep_known, read_qrels, read_texts
from app.text.language import detect_language, language_word
from app.text.normalising import fold_body, fold_line

_PAGE = 4000
"""Records of one transaction, as when a file is imported."""
_DIGEST_CHARS = 16
"""64 bits of a digest: two texts of one evaluation do not share them by chance."""
_TITLE_CHARS = 60
"""How much of a text stands for a title where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFiles:
    """What an evaluator brings; `app.evaluation.files` says how they look."""

    corpus: Path
    queries: Path
    qrels: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationMaterial:
    """The evaluator's files as read: rows by id, the last one of an id that repeats."""

    documents: Mapping[str, TextRow]
    queries: Mapping[str, TextRow]
    known: KnownJudgements
    counts: Mapping[str, int]

    @classmethod
    def read(cls, files: EvaluationFiles) -> EvaluationMaterial:
        """Read the three files, the small ones first, so that a mistake in them shows at once."""
        judgements = read_qrels(files.qrels)
        queries, repeated_queries = _by_id(read_texts(files.queries), files.queries)
        documents, repeated_documents = _by_id(read_texts(files.corpus), files.corpus)
        known = keep_known(judgements.qrels, queries, documents)
        if not known.qrels:
            raise InputError(
                f"no judgement in {files.qrels.name} is about a query of {files.queries.name} and a document of "
                f"{files.corpus.name}; check that the ids are the same",
                f"{files.qrels.name} 中没有任何评判同时对应 {files.queries.name} 的查询和 {files.corpus.name} 的文档；"
                "请检查编号是否一致",
                code="no_known_judgement",
            )
        counts = {
            "unknown_queries": known.unknown_queries,
            "unknown_documents": known.unknown_documents,
            "unknown_pairs": known.unknown_pairs,
            "duplicate_judgements": judgements.duplicates,
            "repeated_queries": repeated_queries,
            "repeated_documents": repeated_documents,
            "documents_without_text": sum(_patent(row) is None for row in documents.values()),
        }
        return cls(documents=documents, queries=queries, known=known, counts=counts)

    def store(self, catalogue: Catalogue) -> None:
        """Put documents in as patents, and queries as needs: the index measures its recall with the queries."""
        kinds: tuple[Iterator[AnyRecord | None], ...] = (
            map(_patent, self.documents.values()),
            map(_need, self.queries.values()),
        )
        for records in kinds:
            present = (record for record in records if record is not None)
            while page := list(islice(present, _PAGE)):
                catalogue.upsert(page)

    def asked(self) -> list[Query]:
        """The queries as a client would send them, title and text apart and not yet cleaned."""
        return [Query(id=row.id, title=row.title or None, text=row.text or None) for row in self.queries.values()]

    def collection(self) -> Collection:
        """What the measures need to know."""
        return Collection(
            size=len(self.documents),
            qrels=self.known.qrels,
            query_langs={row.id: _language(row) for row in self.queries.values()},
            document_langs={row.id: _language(row) for row in self.documents.values()},
            query_lengths={row.id: len(row.title) + len(row.text) for row in self.queries.values()},
        )

    def query_digests(self) -> dict[str, str]:
        """A digest of each query's text."""
        return {row.id: _digest([_words(row)]) for row in self.queries.values()}

    def digests(self) -> dict[str, str]:
        """One digest each of corpus, queries and judgements, whatever the order of their rows."""
        qrels = self.known.qrels
        return {
            "corpus": _digest(sorted(map(_words, self.documents.values()))),
            "queries": _digest(sorted(map(_words, self.queries.values()))),
            "qrels": _digest(repr((key, sorted(qrels[key].items()))) for key in sorted(qrels)),
        }


def titles(rows: Mapping[str, TextRow]) -> dict[str, str]:
    """What a report calls each row."""
    return {row.id: row.title or row.text[:_TITLE_CHARS] for row in rows.values()}


def _by_id(rows: Iterator[TextRow], path: Path) -> tuple[dict[str, TextRow], int]:
    """Rows by id, and how many were replaced by a later row of the same id, as ingest would."""
    found: dict[str, TextRow] = {}
    repeated = 0
    for row in rows:
        repeated += row.id in found
        found[row.id] = row
    if not found:
        raise InputError(
            f'{path.name} is empty; write one JSON object a line with "id", "title" and "text"',
            f'{path.name} 为空；每行应为一个包含 "id"、"title"、"text" 的 JSON 对象',
            code="empty_file",
        )
    return found, repeated


def _words(row: TextRow) -> str:
    return repr((row.id, row.title, row.text))


def _digest(parts: Iterable[str]) -> str:
    found = sha256()
    for part in parts:
        found.update(part.encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:_DIGEST_CHARS]


def _patent(row: TextRow) -> Patent | None:
    """The record that stands for a document, cleaned as ingest cleans; ``None`` where nothing is left of it."""
    record = Patent(id=row.id, title=fold_line(row.title), abstract=fold_body(row.text), lang=_language(row))
    return record if record.views else None


def _need(row: TextRow) -> Need | None:
    """The record that stands for a query."""
    record = Need(id=row.id, title=fold_line(row.title), text=fold_body(row.text), lang=_language(row))
    return record if record.views else None


def _language(row: TextRow) -> str | None:
    return language_word(row.lang or "") or detect_language(row.title, row.text)

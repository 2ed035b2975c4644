"""Judged queries and their documents, from files or from the catalogue, cleaned as ingest cleans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind, Need, Patent, Query
from app.errors import InputError, NotReadyError
from app.evaluation.collection import Collection, TextRow
from app.evaluation.files import KnownJudgements, keep_known, read_qrels, read_texts
from app.serving.translation import translated
from app.text.normalising import HAN, detect_language, fold_body, fold_line, language_word
from app.text.segments import LONGEST_TERM
from index import SnapshotId, current_id, load_snapshot

_PAGE = 4000
"""Records of one transaction, as when a file is imported."""
_DIGEST_CHARS = 16
"""64 bits of a digest: two texts of one evaluation do not share them by chance."""
_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_HAN = re.compile(f"[{HAN}]")
_TITLE_CHARS = 60
"""How much of a text stands for a title where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFiles:
    """The files of an evaluation; `app.evaluation.files` describes their format."""

    corpus: Path
    queries: Path
    qrels: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationMaterial:
    """Documents and queries by id, and the judgements about them; of rows with one id the last one counts."""

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
            "documents_without_text": sum(not patent_of(row).text_parts for row in documents.values()),
        }
        return cls(documents=documents, queries=queries, known=known, counts=counts)

    def store(self, catalogue: Catalogue) -> None:
        """Put documents in as patents, and queries as needs: the index measures its recall with the queries."""
        kinds: tuple[Iterator[AnyRecord], ...] = (
            map(patent_of, self.documents.values()),
            map(_need_of, self.queries.values()),
        )
        for records in kinds:
            present = (record for record in records if record.text_parts)
            while page := list(islice(present, _PAGE)):
                catalogue.upsert(page)

    def asked(self) -> list[Query]:
        """The queries as a client would send them, title and text apart and not yet cleaned."""
        return [Query(id=row.id, title=row.title or None, text=row.text or None) for row in self.queries.values()]

    def asked_otherwise(self) -> dict[str, list[Query]]:
        """Judged ones that have title and text, by one of them alone; both as text, as from who types into the page."""
        judged = [row for row in self.queries.values() if self.known.qrels.get(row.id)]
        both = [row for row in judged if row.title.strip() and row.text.strip()]
        return {
            "text": [Query(id=row.id, text=row.text) for row in both],
            "title": [Query(id=row.id, text=row.title) for row in both],
        }

    def collection(self) -> Collection:
        """What the measures need to know."""
        return Collection(
            size=len(self.documents),
            qrels=self.known.qrels,
            query_langs={row.id: language(row) for row in self.queries.values()},
            document_langs={row.id: language(row) for row in self.documents.values()},
            query_lengths={row.id: len(row.title) + len(row.text) for row in self.queries.values()},
            single_words=frozenset(row.id for row in self.queries.values() if _one_word(row)),
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


def catalogue_material(
    qrels_file: Path, catalogue: Catalogue, index_dir: Path, *, unjudged: int, seed: int
) -> EvaluationMaterial:
    """Judged needs and patents of the catalogue, with unjudged published patents, for training.

    Args:
        qrels_file: its query ids are those of needs, its document ids those of patents.
        catalogue: where they are.
        index_dir: of the published snapshots.
        unjudged: how many unjudged patents at most, to find negatives among and to measure recall on.
        seed: of the draw.

    Raises:
        InputError: the file cannot be used, or names no need and patent that are there.
        NotReadyError: no index of patents is published.
    """
    judgements = read_qrels(qrels_file)
    judged = {key for levels in judgements.qrels.values() for key in levels}
    drawn = _published(index_dir, unjudged, seed)
    patents = catalogue.get_many(Kind.PATENTS, sorted(judged | drawn))
    needs = catalogue.get_many(Kind.NEEDS, sorted(judgements.qrels))
    documents = {key: _row(one, one.abstract) for key, one in patents.items() if isinstance(one, Patent)}
    # In the file's order: what is drawn by a seed is drawn from an order.
    queries = {key: _row(one, one.text) for key in judgements.qrels if isinstance(one := needs.get(key), Need)}
    known = keep_known(judgements.qrels, queries, documents)
    if not known.qrels:
        raise InputError(
            f"no judgement in {qrels_file.name} is about a need and a patent of the catalogue; check that the ids are "
            "the same, or give --corpus and --queries",
            f"{qrels_file.name} 中没有任何评判对应现有的需求和专利；请检查编号是否一致，或提供 --corpus 和 --queries",
            code="no_known_judgement",
        )
    counts = {"unknown_pairs": known.unknown_pairs, "duplicate_judgements": judgements.duplicates}
    return EvaluationMaterial(documents=documents, queries=queries, known=known, counts=counts)


def _row(record: Patent | Need, text: str) -> TextRow:
    return TextRow(id=record.id, title=record.title, text=text, lang=record.lang)


def _published(index_dir: Path, most: int, seed: int) -> set[str]:
    """Ids of published patents, at most so many."""
    with translated():
        name = current_id(index_dir, Kind.PATENTS.value)
        if name is None:
            raise NotReadyError(
                "There is no index of patents to draw unjudged ones from. Run: patmatch index build patents --publish",
                "没有可用的专利索引，无法抽取未评判的专利。请运行：patmatch index build patents --publish",
                code="no_index",
            )
        ids = load_snapshot(SnapshotId.parse(name).directory(index_dir), threads=1).ids
    return set(ids.take(np.random.default_rng(seed).permutation(len(ids))[:most].astype(np.int64)))


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


def _one_word(row: TextRow) -> bool:
    """Whether a query is one word: letters without a gap, of Chinese ones no more than a term has."""
    text = fold_line(row.title or row.text)
    other = fold_line(row.text)
    alike = not row.title or not other or other == text
    return alike and _WORD.fullmatch(text) is not None and len(_HAN.findall(text)) <= LONGEST_TERM


def _words(row: TextRow) -> str:
    return repr((row.id, row.title, row.text))


def _digest(parts: Iterable[str]) -> str:
    found = sha256()
    for part in parts:
        found.update(part.encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:_DIGEST_CHARS]


def patent_of(row: TextRow) -> Patent:
    """The record that stands for a document, cleaned as ingest cleans; nothing may be left of its text."""
    return Patent(id=row.id, title=fold_line(row.title), abstract=fold_body(row.text), lang=language(row))


def _need_of(row: TextRow) -> Need:
    return Need(id=row.id, title=fold_line(row.title), text=fold_body(row.text), lang=language(row))


def language(row: TextRow) -> str | None:
    """The language that the row names, else the one that its text is in."""
    return language_word(row.lang or "") or detect_language(row.title, row.text)

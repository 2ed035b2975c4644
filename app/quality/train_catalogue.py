"""Judgements of records of the catalogue, as training takes judged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.catalogue import Catalogue
from app.domain import Kind, Need, Patent
from app.errors import InputError, NotReadyError
from app.evaluation.collection import TextRow
from app.evaluation.files import keep_known, read_qrels
from app.quality.material import EvaluationMaterial
from app.serving.failures import translated
from index import SnapshotId, current_id, load_snapshot


def catalogue_material(
    qrels_file: Path, catalogue: Catalogue, index_dir: Path, *, unjudged: int, seed: int
) -> EvaluationMaterial:
    """Judged needs and patents of the catalogue, and ``unjudged`` published patents at most, drawn by the seed.

    Args:
        qrels_file: its query ids are those of needs, its document ids those of patents.
        catalogue: where they are.
        index_dir: of the published snapshots.
        unjudged: how many patents nobody judged, to find negatives among and to measure recall on.
        seed: of the drawing.

    Raises:
        InputError: the file cannot be used, or names no need and patent that are there.
        NotReadyError: no index of patents is published.
    """
    judgements = read_qrels(qrels_file)
    judged = {key for levels in judgements.qrels.values() for key in levels}
    drawn = _published(index_dir, unjudged, seed)
    patents = catalogue.get_many(Kind.PATENTS, sorted(judged | drawn))
    needs = catalogue.get_many(Kind.NEEDS, sorted(judgements.qrels))
    documents = {key: _of_patent(one) for key, one in patents.items() if isinstance(one, Patent)}
    # In the file's order: what is drawn by a seed is drawn from an order.
    queries = {key: _of_need(one) for key in judgements.qrels if isinstance(one := needs.get(key), Need)}
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


def _published(index_dir: Path, most: int, seed: int) -> set[str]:
    """Ids of published patents."""
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


def _of_patent(record: Patent) -> TextRow:
    return TextRow(id=record.id, title=record.title, text=record.abstract, lang=record.lang)


def _of_need(record: Need) -> TextRow:
    return TextRow(id=record.id, title=record.title, text=record.text, lang=record.lang)

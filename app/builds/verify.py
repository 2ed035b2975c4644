"""Verifies snapshots: their files, their records against the catalogue, their vectors against the encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import index
from app.arrays import Mask
from app.builds.service import READING_KEY, SKIPPED_KEY
from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import PatmatchError
from app.serving.delta import revision_in
from app.serving.encoders import Encoders
from app.serving.spaces import space_of
from app.serving.translation import as_patmatch_error, translated
from app.text.reading import READING, passage_of
from index.durable import failpoint
from models import EmptyTextError, Encoder, Role

SAMPLE_RECORDS = 32
"""Unchanged records that are embedded again: a model or a text that has changed shows in nearly all of them."""
LEAST_COSINE = 0.999
"""Between a vector and one made again: 16-bit storage and other batches cost up to 0.0005."""
_NAMED = 5
"""Ids that a problem names; more make no sentence."""
_EMPTY_CHECKS = 1_000
"""Missing records that are read to see whether the model can; beyond these something else is wrong."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: a word for programs, a sentence for people."""

    code: str
    text: str
    text_zh: str


_OTHER_READING = Trouble(
    "reading",
    "its texts were read in another way than queries and changed records are now, so both fit less well; build "
    "the index anew",
    "快照中文本的读取方式与当前查询和变更记录不同，匹配会变差；请重建索引",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was verified, and what is wrong with it.

    Attributes:
        report: what reading and querying the files gave; ``None`` where they are damaged.
        compared: records that were embedded again.
        least_cosine: the lowest of theirs with the stored vectors; ``None`` where none was embedded.
    """

    snapshot: str
    target: Kind
    troubles: tuple[Trouble, ...]
    report: index.VerifyReport | None
    compared: int = 0
    least_cosine: float | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles

    def as_json(self) -> dict[str, Any]:
        """The verification as JSON types."""
        report = self.report
        return {
            "snapshot": self.snapshot,
            "target": self.target.value,
            "sound": self.sound,
            "problems": [{"code": t.code, "text": t.text, "text_zh": t.text_zh} for t in self.troubles],
            "records": None if report is None else report.manifest.count,
            "bytes": None if report is None else report.bytes,
            "recall_at_20": None if report is None else report.recall,
            "compared": self.compared,
            "least_cosine": self.least_cosine,
        }


@dataclass(frozen=True, slots=True)
class _Membership:
    """The ids of catalogue and snapshot side by side.

    Attributes:
        missing: live and unchanged, but not in the snapshot.
        gone: in the snapshot, not live, and not changed since either.
        unchanged: bool ``[n]``: live, and not changed since the snapshot was read.
    """

    missing: list[str]
    gone: list[str]
    unchanged: Mask


class VerificationService:
    """Verifies snapshots; it reads only.

    Args:
        catalogue: the records.
        encoders: gives the encoder that a snapshot was made with.
        index_dir: where the snapshots are.
    """

    def __init__(self, catalogue: Catalogue, encoders: Encoders, index_dir: Path) -> None:
        self._catalogue = catalogue
        self._encoders = encoders
        self._index_dir = index_dir

    def verify(self, snapshot: str | None = None, *, encode: bool = True) -> list[Verification]:
        """Verify a snapshot, or every one that is served; all that is wrong is listed.

        Args:
            snapshot: its id; without one, every served one.
            encode: whether a sample is embedded again, which needs the model and takes seconds.

        Raises:
            NotFoundError: there is no such snapshot.
        """
        with translated():
            ids = (
                [snapshot] if snapshot is not None else [index.current_id(self._index_dir, kind.value) for kind in Kind]
            )
            return [self._verified(index.SnapshotId.parse(id_), encode=encode) for id_ in ids if id_ is not None]

    def _verified(self, name: index.SnapshotId, *, encode: bool) -> Verification:
        directory, target = name.directory(self._index_dir), Kind(name.target)
        troubles: list[Trouble] = []
        report = None
        try:
            report = index.verify_snapshot(directory)
        except index.SnapshotDamagedError as error:
            troubles += [Trouble("damaged", str(problem), f"文件缺失或已损坏：{problem}") for problem in error.problems]
        except index.VerificationError as error:
            troubles.append(_said("search", as_patmatch_error(error)))
        failpoint("verify.files")
        cosines: dict[str, float] = {}
        if not any(trouble.code == "damaged" for trouble in troubles):
            found, cosines = self._against_others(index.load_snapshot(directory), target, encode=encode)
            troubles += found
        return Verification(
            snapshot=str(name),
            target=target,
            troubles=tuple(troubles),
            report=report,
            compared=len(cosines),
            least_cosine=round(min(cosines.values()), 6) if cosines else None,
        )

    def _against_others(
        self, opened: index.Snapshot, target: Kind, *, encode: bool
    ) -> tuple[list[Trouble], dict[str, float]]:
        """What is wrong beside catalogue and encoder, and the cosines of vectors made again."""
        revision = revision_in(self._catalogue, opened.manifest)
        if revision is None:
            then, now = opened.manifest.source_revision, self._catalogue.revision()
            other = Trouble(
                "catalogue",
                f"it was read at revision {then} of another catalogue, or of a newer state of this one, which is at "
                f"{now}; build the index anew",
                f"快照读取自另一个目录的版本 {then}，或本目录（现为版本 {now}）较新的状态；请重建索引",
            )
            return [other], {}
        reading = opened.manifest.extra.get(READING_KEY)
        troubles = [] if reading == READING else [_OTHER_READING]
        encoder, cosines = None, dict[str, float]()
        if encode:
            try:
                with translated():
                    encoder = self._encoders.of_snapshot(opened.manifest)
            except PatmatchError as error:
                troubles.append(_said("encoder", error))
        members = self._members(opened, target, revision)
        troubles += self._membership(opened, target, members, encoder)
        failpoint("verify.ids")
        if encoder is not None and reading == READING:  # else all would differ, for a known reason
            try:
                cosines = self._cosines(opened, target, members.unchanged, encoder)
            except PatmatchError as error:
                troubles.append(_said("encoder", error))
        failpoint("verify.vectors")
        # Not "below": a cosine that is no number must count as far.
        far = {id_: cosine for id_, cosine in cosines.items() if not cosine >= LEAST_COSINE}
        if far:
            (text, text_zh), least = _list(list(far)), min(far.values())
            troubles.append(
                Trouble(
                    "vectors",
                    f"{len(far)} of {len(cosines)} records embedded again differ from their stored vectors "
                    f"(cosine down to {least:.4f}): {text}",
                    f"重新编码的 {len(cosines)} 条记录中有 {len(far)} 条与已存向量不符"
                    f"（余弦最低 {least:.4f}）：{text_zh}",
                )
            )
        return troubles, cosines

    def _members(self, opened: index.Snapshot, target: Kind, revision: int) -> _Membership:
        """Walk the catalogue first and the changes after: what changes meanwhile is then among the changes."""
        seen, unchanged = (np.zeros(len(opened), dtype=np.bool_) for _ in range(2))
        missing: list[str] = []
        for page in self._catalogue.walk_ids(target):
            for record_id, changed_at in page:
                position = opened.position_of(record_id)
                if position is None:
                    if changed_at <= revision:
                        missing.append(record_id)
                    continue
                seen[position] = True
                unchanged[position] = changed_at <= revision
        changed = {change.id for change in self._catalogue.changed_since(target, revision)}
        gone = [id_ for id_ in opened.ids.take(np.flatnonzero(~seen)) if id_ not in changed]
        # Deleted between the walk and the look at the changes, or the like.
        missing = [id_ for id_ in missing if id_ not in changed]
        return _Membership(missing, gone, unchanged)

    def _membership(
        self, opened: index.Snapshot, target: Kind, members: _Membership, encoder: Encoder | None
    ) -> Iterator[Trouble]:
        distinct = len(set(opened.ids))
        if distinct != len(opened):
            twice = len(opened) - distinct
            yield Trouble("twice", f"{twice} ids occur more than once", f"{twice} 个编号重复出现")
        missing = self._unexplained(opened, target, members.missing, encoder)
        if missing:
            text, text_zh = _list(missing)
            yield Trouble(
                "missing",
                f"{len(missing)} records of the catalogue are not in the snapshot, though unchanged since: {text}",
                f"目录中有 {len(missing)} 条未变更的记录不在快照中：{text_zh}",
            )
        if members.gone:
            text, text_zh = _list(members.gone)
            yield Trouble(
                "gone",
                f"{len(members.gone)} records of the snapshot are not in the catalogue, and no change says why: {text}",
                f"快照中有 {len(members.gone)} 条记录不在目录中，且没有变更记录：{text_zh}",
            )

    def _unexplained(
        self, opened: index.Snapshot, target: Kind, missing: list[str], encoder: Encoder | None
    ) -> list[str]:
        """Those of the missing records that were not left out for a text in which the model sees nothing."""
        if encoder is None:
            skipped = opened.manifest.extra.get(SKIPPED_KEY)
            return missing if not isinstance(skipped, int) or len(missing) > skipped else []
        records, readable = self._catalogue.get_many(target, missing[:_EMPTY_CHECKS]), list[str]()
        for id_ in (id_ for id_ in missing[:_EMPTY_CHECKS] if id_ in records):
            try:
                encoder.encode([passage_of(records[id_])], Role.PASSAGE)
            except EmptyTextError:
                continue
            readable.append(id_)
        return readable + missing[_EMPTY_CHECKS:]

    def _cosines(self, opened: index.Snapshot, target: Kind, unchanged: Mask, encoder: Encoder) -> dict[str, float]:
        """Cosine of the stored vector of some unchanged records with one made now."""
        candidates = np.flatnonzero(unchanged)
        # The same records at every call, so that two verifications of a snapshot can be compared.
        chosen = np.sort(np.random.default_rng(0).permutation(candidates)[:SAMPLE_RECORDS])
        ids = opened.ids.take(chosen)
        records = self._catalogue.get_many(target, ids)
        there = [number for number, id_ in enumerate(ids) if id_ in records]
        if not there:
            return {}
        with translated():
            made = encoder.encode([passage_of(records[ids[number]]) for number in there], Role.PASSAGE).vectors
        made = space_of(opened.arrays).of_passages(made, [records[ids[number]].lang for number in there])
        stored = opened.vectors_at(chosen[there])
        cosines = np.einsum("nd,nd->n", made, stored) / np.linalg.norm(stored, axis=1)
        return {ids[number]: float(cosine) for number, cosine in zip(there, cosines, strict=True)}


def _said(code: str, error: PatmatchError) -> Trouble:
    return Trouble(code, error.message, error.message_zh)


def _list(ids: list[str]) -> tuple[str, str]:
    shown, more = ", ".join(ids[:_NAMED]), len(ids) - _NAMED
    return (f"{shown} and {more} more", f"{shown} 等") if more > 0 else (shown, shown)

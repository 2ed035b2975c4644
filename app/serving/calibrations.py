"""Calibrations on the disk: written whole, checked when they are read, and in force for one ranking alone.

``<index>/<target>/calibrations/`` holds a file for each, never changed, and ``CURRENT``, replaced atomically: for each
ranking the ids that were published, the last one in force. A snapshot of an earlier encoder that is served again has
the calibration again that was in force for it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain import Kind
from app.errors import NotFoundError
from app.ranking.relevance import BUILT_IN_SCALES, RANKING_VERSION, Scale, mode_of
from app.serving.translation import translated
from index import Manifest, SnapshotWriteError
from index.durable import FileLock, disk_errors, failpoint, make_directory, replace_file
from index.manifest import digest_of, sealed
from index.terms import TERMS_FILE

BUILT_IN = "built-in"
"""What an answer names where its scores come from no calibration of the deployment's own."""
FOLDER, CURRENT, LOCK = "calibrations", "CURRENT", "calibrate.lock"
MANIFEST_KEY = "calibrations"
"""Where a manifest, under ``extra``, keeps the calibrations that were in force when it was built."""
SPACE_KEY = "space"
"""Where it says whether its vectors are in a space of their own."""
FORMAT = 2
"""2: a scale has a slope for each piece of evidence."""

_WAIT_SECONDS = 5.0
"""How long a publication waits for another one: each takes milliseconds."""
_ID = re.compile(r"calibration-[a-z]+-\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class RankingId:
    """What produces relevance: a calibration holds for exactly one.

    Attributes:
        fingerprint: of the encoder.
        ranking: ``plain``, ``centred`` or ``fused``.
        version: of how relevance is computed.
    """

    fingerprint: str
    ranking: str
    version: int = RANKING_VERSION

    @property
    def key(self) -> str:
        """One word for it."""
        return f"{self.ranking}-v{self.version}-{self.fingerprint}"

    @classmethod
    def of_manifest(cls, manifest: Manifest, *, shared_terms: bool) -> RankingId:
        """That of a snapshot, where a service counts shared terms or not."""
        centred = manifest.extra.get(SPACE_KEY, "plain") != "plain"
        return cls(manifest.fingerprint, mode_of(centred=centred, terms=shared_terms and TERMS_FILE in manifest.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A scale fitted to judgements, with what it was fitted to and how well.

    Attributes:
        material: what it was fitted to: counts of needs, pairs and levels, and a digest of the judgements.
        measures: cross-validated, as `patmatch calibrate --json` prints them.
    """

    id: str
    target: Kind
    ranking: RankingId
    scale: Scale
    fitted_at: str
    by: str
    material: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The calibration with a SHA-256 of itself."""
        return sealed(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The calibration as JSON types."""
        return asdict(self) | {"format": FORMAT, "target": self.target.value}

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """The calibration that `to_json` wrote.

        Raises:
            ValueError: the text is cut short, changed, or of another format.
        """
        return cls.of(_opened(text))

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Calibration:
        """The calibration that `as_json` gave.

        Raises:
            ValueError: a field is missing or cannot be used.
        """
        body = dict(said)
        if body.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        try:
            return cls(
                target=Kind(body.pop("target")),
                ranking=RankingId(**body.pop("ranking")),
                scale=Scale(**body.pop("scale")),
                **body,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"a field is missing or unknown: {error}") from error


@dataclass(frozen=True, slots=True)
class Reading:
    """How relevance is read: the scale, whose it is, and why not another one, in both languages."""

    scale: Scale
    id: str = BUILT_IN
    why: str = ""
    why_zh: str = ""

    @property
    def text(self) -> str:
        """For people: which calibration gives the scores."""
        return f"scores by {self.id}{f' ({self.why})' if self.why else ''}"

    @property
    def text_zh(self) -> str:
        """The same in Chinese."""
        named = "内置校准" if self.id == BUILT_IN else self.id
        return f"得分依据 {named}{f'（{self.why_zh}）' if self.why_zh else ''}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The calibrations of a target at one moment.

    Attributes:
        seen: what ``CURRENT`` held, to tell whether it has changed.
        chosen: key of a ranking -> id in force, or ``None`` for the built-in scale.
        usable: id -> calibration, of those in force that could be read.
        problem: why ``CURRENT`` or a file cannot be used, by its name.
    """

    seen: bytes | None = None
    chosen: Mapping[str, str | None] = field(default_factory=dict)
    usable: Mapping[str, Calibration] = field(default_factory=dict)
    problem: Mapping[str, str] = field(default_factory=dict)

    def reading(self, ranking: RankingId, manifest: Manifest | None = None) -> Reading:
        """How relevance of a ranking is read.

        Args:
            ranking: what produces it.
            manifest: of the snapshot; what it keeps holds where nothing else was ever published for this ranking.
        """
        scale = BUILT_IN_SCALES[ranking.ranking]
        if CURRENT in self.problem:
            return Reading(scale, BUILT_IN, *_damaged(CURRENT, self.problem[CURRENT]))
        if ranking.key in self.chosen:
            name = self.chosen[ranking.key]
            if name is None:
                return Reading(scale)
            if name not in self.usable:
                return Reading(scale, BUILT_IN, *_damaged(name, self.problem[name]))
            return Reading(self.usable[name].scale, name)
        kept = _kept(manifest, ranking) if manifest is not None else None
        if kept is not None:
            return Reading(kept.scale, kept.id)
        if any(self.chosen.values()):
            why = "the calibrations there are were made for another encoder or ranking; run: patmatch calibrate"
            return Reading(scale, BUILT_IN, why, "现有校准属于其他模型或排序方式，请运行：patmatch calibrate")
        return Reading(scale)

    def readings(self, manifest: Manifest) -> dict[str, Reading]:
        """How relevance is read on a snapshot, for every ranking that a service may use."""
        return {name: self.reading(RankingId(manifest.fingerprint, name), manifest) for name in BUILT_IN_SCALES}

    def kept_with(self, fingerprint: str) -> list[dict[str, Any]]:
        """The calibrations in force of an encoder, for the manifest of a snapshot."""
        return [one.as_json() for one in self.usable.values() if one.ranking.fingerprint == fingerprint]


class CalibrationStore:
    """The calibrations of one target.

    Args:
        index_dir: the index root.
        target: whose.
    """

    def __init__(self, index_dir: Path, target: Kind) -> None:
        self._folder = index_dir / target.value / FOLDER

    def read(self, before: Shelf | None = None) -> Shelf:
        """What is in force now; ``before`` itself where nothing has changed, after one small read.

        A damaged file is no error here: the shelf names it, and the built-in scale is read in its place.
        """
        try:
            seen = (self._folder / CURRENT).read_bytes()
        except FileNotFoundError:
            seen = None
        except OSError as error:
            return Shelf(None, problem={CURRENT: error.strerror or type(error).__name__})
        # After a problem it is read in any case: the file that was damaged may have been mended under the same name.
        if before is not None and seen == before.seen and not before.problem:
            return before
        try:
            chosen = {key: stack[-1] for key, stack in _stacks(seen).items()}
        except ValueError as error:
            return Shelf(seen, problem={CURRENT: str(error)})
        usable, problem = dict[str, Calibration](), dict[str, str]()
        for key, name in chosen.items():
            try:
                usable |= {name: self._calibration(name, key)} if name is not None else {}
            except (OSError, ValueError) as error:
                problem[str(name)] = "missing" if isinstance(error, FileNotFoundError) else str(error)
        return Shelf(seen, chosen, usable, problem)

    def publish(self, calibration: Calibration) -> None:
        """Write a calibration, then put it in force for its ranking.

        Raises:
            IndexProblem: the disk does not take it; what was in force still is.
            ConflictError: another process publishes.
        """
        with self._changing() as stacks:
            # First the file, then what names it: a kill in between leaves a file that nobody reads.
            replace_file(self._folder / f"{calibration.id}.json", calibration.to_json().encode())
            failpoint("calibration.written")
            stacks.setdefault(calibration.ranking.key, []).append(calibration.id)
        failpoint("calibration.published")

    def reset(self, ranking: RankingId) -> None:
        """Put the built-in scale in force for a ranking; `rollback` takes that back.

        Raises:
            IndexProblem: as `publish`; the other likewise.
        """
        with self._changing() as stacks:
            stacks.setdefault(ranking.key, []).append(None)

    def rollback(self, ranking: RankingId) -> str | None:
        """Put in force what was before; ``None`` for the built-in scale.

        Raises:
            NotFoundError: nothing was ever published for this ranking.
            IndexProblem: as `publish`; the other likewise.
        """
        with self._changing() as stacks:
            stack = stacks.get(ranking.key)
            if not stack:
                raise NotFoundError(
                    f"No calibration was published for {ranking.ranking} with encoder {ranking.fingerprint[:12]}; "
                    "there is nothing to go back to.",
                    f"模型 {ranking.fingerprint[:12]} 的 {ranking.ranking} 排序没有发布过校准，无法回滚。",
                    code="no_calibration",
                )
            stack.pop()
            if not stack:
                del stacks[ranking.key]
            return stack[-1] if stack else None

    @contextmanager
    def _changing(self) -> Iterator[dict[str, list[str | None]]]:
        """The stacks of every ranking, to be changed; written when the block ends well."""
        with translated(), disk_errors(SnapshotWriteError, "the calibration could not be written"):
            make_directory(self._folder)
            lock = FileLock(self._folder / LOCK, "publishing a calibration")
            lock.acquire(_WAIT_SECONDS)  # before the stacks are read: what another process adds must not be lost
            try:
                for left in self._folder.glob(".*"):  # of a process that was killed: the lock is ours
                    left.unlink()
                try:
                    stacks = _stacks((self._folder / CURRENT).read_bytes())
                except (FileNotFoundError, ValueError):  # a damaged one is replaced: nothing of it was in force
                    stacks = {}
                yield stacks
                replace_file(self._folder / CURRENT, sealed({"format": FORMAT, "stacks": stacks}).encode())
            finally:
                lock.release()

    def _calibration(self, name: str, key: str) -> Calibration:
        if not _ID.fullmatch(name):
            raise ValueError("not the name of a calibration")
        found = Calibration.from_json((self._folder / f"{name}.json").read_text(encoding="utf-8"))
        if found.id != name or found.ranking.key != key:
            raise ValueError("it is another calibration's")
        return found


def new_id(target: Kind) -> str:
    """An id for a calibration that is fitted now."""
    return f"calibration-{target}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}-{secrets.token_hex(4)}"


def _kept(manifest: Manifest, ranking: RankingId) -> Calibration | None:
    """What a manifest keeps for a ranking; its own digest has been checked with the snapshot."""
    for said in manifest.extra.get(MANIFEST_KEY, ()):
        if said.get("format") == FORMAT and RankingId(**said["ranking"]) == ranking:
            return Calibration.of(said)
    return None


def _stacks(content: bytes | None) -> dict[str, list[str | None]]:
    """The ids of each ranking that ``CURRENT`` holds, the one in force last.

    Raises:
        ValueError: it is damaged.
    """
    if content is None:
        return {}
    stacks = _opened(content.decode("utf-8")).get("stacks")
    if not isinstance(stacks, dict) or not all(isinstance(stack, list) and stack for stack in stacks.values()):
        raise ValueError("a field is missing")
    return stacks


def _opened(text: str) -> dict[str, Any]:
    body = json.loads(text)
    if not isinstance(body, dict) or body.pop("sha256", None) != digest_of(body):
        raise ValueError("sha256 differs")
    return body


def _damaged(name: str, problem: str) -> tuple[str, str]:
    return (
        f"{name} is damaged: {problem}; run: patmatch calibrate, or patmatch calibrate --rollback",
        f"{name} 已损坏：{problem}；请运行：patmatch calibrate，或 patmatch calibrate --rollback",
    )

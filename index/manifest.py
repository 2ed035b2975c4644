"""What a snapshot is called, ``patents-20261123T130700Z-1a2b3c4d``, and what it says of itself in ``manifest.json``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from index.errors import FileProblem, SnapshotDamagedError, SnapshotMissingError, SnapshotNameError

CURRENT = "CURRENT"
PUBLISHED_LOG = "published.jsonl"
BUILDING_PREFIX = ".building-"
REMOVING_PREFIX = ".removing-"

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_TARGET = re.compile(r"[a-z][a-z0-9_]*")
_TAG = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class SnapshotId:
    """A snapshot's name: its target, when its build began (UTC, whole seconds), and a tag that makes it unique.

    Raises:
        SnapshotNameError: a part that would not survive being written and parsed.
    """

    target: str
    built_at: datetime
    tag: str = field(default_factory=lambda: secrets.token_hex(4))

    def __post_init__(self) -> None:
        if not _TARGET.fullmatch(self.target):
            raise SnapshotNameError(f"a target is lower-case letters, digits and underscores, not {self.target!r}")
        if not _TAG.fullmatch(self.tag):
            raise SnapshotNameError(f"a snapshot's tag is 8 hexadecimal digits, not {self.tag!r}")
        if self.built_at.tzinfo is not UTC or self.built_at.microsecond or self.built_at.year < 1000:
            raise SnapshotNameError(f"a snapshot's time is UTC in whole seconds, not {self.built_at.isoformat()}")

    def __str__(self) -> str:
        return f"{self.target}-{self.built_at.strftime(_TIME_FORMAT)}-{self.tag}"

    @classmethod
    def parse(cls, text: str) -> SnapshotId:
        """The id that ``str`` wrote as ``text``.

        Raises:
            SnapshotNameError: ``text`` is not a snapshot's name.
        """
        target, _, rest = text.partition("-")
        time, _, tag = rest.partition("-")
        try:
            built_at = datetime.strptime(time, _TIME_FORMAT).replace(tzinfo=UTC)
            parsed = cls(target, built_at, tag)
        except (ValueError, SnapshotNameError) as error:
            raise SnapshotNameError(f"not a snapshot's name: {text!r}") from error
        if str(parsed) != text:
            raise SnapshotNameError(f"not a snapshot's name: {text!r}")
        return parsed

    def directory(self, root: Path) -> Path:
        """Where this snapshot lies under the index root: ``root/<target>/<id>``."""
        return root / self.target / str(self)


def target_directory(root: Path, target: str) -> Path:
    """Where a target's snapshots, its ``CURRENT`` and its locks lie.

    Raises:
        SnapshotNameError: not the name of a target.
    """
    if not _TARGET.fullmatch(target):
        raise SnapshotNameError(f"a target is lower-case letters, digits and underscores, not {target!r}")
    return root / target


FILE_NAME = "manifest.json"
FORMAT = 1
"""What a snapshot of another number holds, this program does not guess: it is built anew from the catalogue."""
METRIC = "inner_product"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the snapshot: its size in bytes and its hex SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class IndexParameters:
    """How the vectors are indexed: ``flat`` (exact), or ``ivf_sqfp16``: ``nlist`` lists, ``nprobe`` of them read.

    ``code_error`` is the largest Euclidean distance between a vector and its rounded self; ``None`` where the index
    keeps the vectors as they are.
    """

    type: str
    nlist: int | None = None
    nprobe: int | None = None
    code_error: float | None = None


@dataclass(frozen=True, slots=True)
class MeasuredRecall:
    """Mean recall@``k`` against exact float32 search over ``sample_size`` queries of ``sample_kind``."""

    k: int
    value: float
    sample_size: int
    sample_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that is known of a snapshot without reading its other files.

    Attributes:
        built_at: when the build began, UTC, ISO 8601.
        build_seconds: from the first vector to the rename.
        source_revision: the catalogue's revision that the records were read at.
        files: every other file of the directory by name.
        extra: what the builder wants kept with the snapshot; JSON values.
    """

    id: str
    target: str
    fingerprint: str
    encoder: str
    dimension: int
    count: int
    index: IndexParameters
    source_revision: str
    built_at: str
    build_seconds: float
    recall: MeasuredRecall
    files: Mapping[str, FileEntry]
    metric: str = METRIC
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest with a SHA-256 of itself, so that a flipped bit in it is seen as in any other file."""
        body = dataclasses.asdict(self)
        return sealed(body)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that ``to_json`` wrote.

        Raises:
            ValueError: the text is cut short or changed, or of another format version.
        """
        body = json.loads(text)
        if not isinstance(body, dict):
            raise ValueError("it is not a JSON object")
        if body.get("format") != FORMAT:
            raise ValueError(
                f"its format version is {body.get('format')}, this program reads {FORMAT}; "
                f"build a new one: patmatch index build {body.get('target', '')} --publish"
            )
        if body.pop("sha256", None) != digest_of(body):
            raise ValueError("sha256 differs")
        try:
            files = {name: FileEntry(**entry) for name, entry in body.pop("files").items()}
            index, recall = IndexParameters(**body.pop("index")), MeasuredRecall(**body.pop("recall"))
            return cls(files=files, index=index, recall=recall, **body)
        except (KeyError, TypeError) as error:
            raise ValueError(f"a field is missing or unknown: {error}") from error


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the snapshot in ``directory``.

    Raises:
        SnapshotMissingError: there is no such directory.
        SnapshotDamagedError: the manifest is missing, damaged or another snapshot's.
    """
    if not directory.is_dir():
        raise SnapshotMissingError(f"there is no snapshot {directory.name}")
    try:
        manifest = Manifest.from_json((directory / FILE_NAME).read_text(encoding="utf-8"))
        SnapshotId.parse(manifest.id)
    except FileNotFoundError:
        raise SnapshotDamagedError(directory.name, FileProblem(FILE_NAME, "missing")) from None
    except (ValueError, SnapshotNameError) as error:
        raise SnapshotDamagedError(directory.name, FileProblem(FILE_NAME, str(error))) from error
    return manifest


def sealed(body: Mapping[str, Any]) -> str:
    """A JSON object with a SHA-256 of itself, for people and programs to read."""
    return json.dumps({**body, "sha256": digest_of(body)}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def digest_of(body: Mapping[str, Any]) -> str:
    """The SHA-256 of a JSON object, whatever the order of its keys."""
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()

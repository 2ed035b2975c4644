"""Names of snapshots, built and parsed in one pair: ``patents-20261123T130700Z-1a2b3c4d``."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from index.errors import SnapshotNameError

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

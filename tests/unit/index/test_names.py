"""Names of snapshots and targets."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import SnapshotNameError
from index.manifest import SnapshotId, target_directory

TARGETS = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
TAGS = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
TIMES = st.integers(-30_000_000_000, 250_000_000_000).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
)


@settings(deadline=None)
@given(target=TARGETS, time=TIMES, tag=TAGS)
def test_index_names_survive_being_written_and_parsed(target, time, tag):
    """Parsing gives back the id that was written, for every target, time and tag."""
    name = SnapshotId(target, time, tag)
    assert SnapshotId.parse(str(name)) == name


def test_index_names_look_as_documented():
    """A name reads target, UTC time, tag; its directory lies under its target's."""
    name = SnapshotId("patents", datetime(2026, 11, 23, 13, 7, tzinfo=UTC), "1a2b3c4d")
    assert str(name) == "patents-20261123T130700Z-1a2b3c4d"
    assert name.directory(Path("root")) == Path("root/patents/patents-20261123T130700Z-1a2b3c4d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "patents",
        "CURRENT",
        "../etc-20261123T130700Z-1a2b3c4d",
        "patents-20261123T130700Z-1a2b3c4d/..",
        "patents-20261123T130700Z-1A2B3C4D",
        "patents-20261323T130700Z-1a2b3c4d",
        "patents-20261123T1307Z-1a2b3c4d",
        "Patents-20261123T130700Z-1a2b3c4d",
        "patents-20261123T130700Z-1a2b3c4d\n",
        ".building-patents-20261123T130700Z-1a2b3c4d",
    ],
)
def test_index_names_refuse_what_is_no_name(text):
    """Anything that could not have been written is refused; above all what would leave the directory."""
    with pytest.raises(SnapshotNameError):
        SnapshotId.parse(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_index_names_never_fail_otherwise(text):
    """Parsing any text gives a name that writes back the same, or the one documented error."""
    try:
        name = SnapshotId.parse(text)
    except SnapshotNameError:
        return
    assert str(name) == text


def test_index_names_need_utc_in_whole_seconds():
    """A time that the name could not carry is refused when the name is made, not when it is parsed."""
    with pytest.raises(SnapshotNameError, match="UTC"):
        SnapshotId("needs", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8))))
    with pytest.raises(SnapshotNameError, match="whole seconds"):
        SnapshotId("needs", datetime(2026, 1, 1, microsecond=1, tzinfo=UTC))


def test_index_names_get_tags_of_their_own():
    """Two snapshots of one second have different names."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert SnapshotId("needs", now) != SnapshotId("needs", now)


def test_index_names_keep_targets_inside_the_root():
    """A target cannot name a directory outside the index root."""
    with pytest.raises(SnapshotNameError):
        target_directory(Path("root"), "../other")

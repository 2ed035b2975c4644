"""The manifest of a snapshot."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import SnapshotDamagedError, SnapshotMissingError
from index.manifest import FileEntry, IndexParameters, Manifest, MeasuredRecall, read_manifest

MANIFEST = Manifest(
    id="patents-20261123T130700Z-1a2b3c4d",
    target="patents",
    fingerprint="f" * 64,
    encoder="模型",
    dimension=384,
    count=3,
    index=IndexParameters("ivf_sqfp16", nlist=4, nprobe=2),
    source_revision="42",
    built_at="2026-11-23T13:07:00+00:00",
    build_seconds=1.25,
    recall=MeasuredRecall(20, 0.9812, 100, "needs"),
    files={"index.faiss": FileEntry(10, "a" * 64)},
    extra={"mean": [0.1, 0.2], "nested": {"k": None}},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(extra=st.dictionaries(st.text(max_size=5), JSON, max_size=3), seconds=st.floats(0, 1e9))
def test_index_manifest_survives_json(extra, seconds):
    """Writing and reading gives the same manifest, whatever is kept in ``extra``."""
    manifest = dataclasses.replace(MANIFEST, extra=extra, build_seconds=seconds)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_index_manifest_notices_any_changed_digit():
    """A change of any character that leaves valid JSON is noticed as well as one that does not."""
    text = MANIFEST.to_json()
    for at, character in enumerate(text):
        if character.isalnum():
            other = "1" if character == "0" else "0"
            with pytest.raises(ValueError):  # noqa: PT011 - each place is worded its own way
                Manifest.from_json(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "not a JSON object"),
        ("", "Expecting value"),
        (
            '{"format": 5, "target": "needs"}',
            "format version is 5, this program reads 1; build a new one: patmatch index build needs --publish",
        ),
        ("{}", "format version is None"),
        ('{"format": 1}', "sha256 differs"),
    ],
)
def test_index_manifest_says_why_it_is_refused(text, message):
    """What is no manifest, or one of another version, is refused in words."""
    with pytest.raises(ValueError, match=message):
        Manifest.from_json(text)


def test_index_manifest_refuses_unknown_fields():
    """A manifest with a field this version does not know is refused, even with a right checksum."""
    from index.manifest import digest_of

    body = json.loads(MANIFEST.to_json())
    del body["sha256"]
    body["future"] = 1
    with pytest.raises(ValueError, match="future"):
        Manifest.from_json(json.dumps({**body, "sha256": digest_of(body)}))


def test_index_manifest_is_read_from_its_directory(tmp_path):
    """A missing directory, a missing file and a damaged one are three things, each named."""
    directory = tmp_path / MANIFEST.id
    with pytest.raises(SnapshotMissingError, match=MANIFEST.id):
        read_manifest(directory)
    directory.mkdir()
    with pytest.raises(SnapshotDamagedError, match=r"manifest\.json: missing"):
        read_manifest(directory)
    (directory / "manifest.json").write_bytes(MANIFEST.to_json().encode().replace(b"0.9812", b"0.9912"))
    with pytest.raises(SnapshotDamagedError, match=r"manifest\.json: sha256 differs"):
        read_manifest(directory)
    (directory / "manifest.json").write_bytes(b"\xff\xfe")
    with pytest.raises(SnapshotDamagedError, match=r"manifest\.json: .*utf-8"):
        read_manifest(directory)
    (directory / "manifest.json").write_text(MANIFEST.to_json(), encoding="utf-8")
    assert read_manifest(directory) == MANIFEST

"""Which encoder a snapshot is served with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hashing_encoder import HashingEncoder

from app.serving.encoders import MANIFEST_KEY, Encoders, EncoderSpec
from index import FingerprintMismatchError, Manifest
from index.manifest import IndexParameters, MeasuredRecall

BASE, ADAPTED = "multilingual-e5-small", "multilingual-e5-small-patents"
MANIFEST = Manifest(
    id="patents-20261123T130700Z-1a2b3c4d",
    target="patents",
    fingerprint="none",
    encoder=BASE,
    dimension=8,
    count=1,
    index=IndexParameters("flat"),
    source_revision="1",
    built_at="2026-11-23T13:07:00+00:00",
    build_seconds=1.0,
    recall=MeasuredRecall(20, 1.0, 1, "queries"),
    files={},
)


def encoder(spec: EncoderSpec) -> HashingEncoder:
    """Stands for both models of the package."""
    return HashingEncoder(name=BASE if spec.source == "package:base" else ADAPTED)


def manifest(spec: EncoderSpec, name: str, fingerprint: str) -> Manifest:
    """Of a snapshot that this encoder made."""
    return replace(MANIFEST, encoder=name, fingerprint=fingerprint, extra={MANIFEST_KEY: spec.as_json()})


def test_encoders_snapshot_of_the_packaged_base_is_served_with_it_after_the_adaptation() -> None:
    """It names `package`, which was the base when it was built; prefixes and precision stay."""
    spec = EncoderSpec(source="package", query_prefix="q: ", precision="bfloat16")
    base = encoder(EncoderSpec(source="package:base"))
    snapshot = manifest(spec, BASE, base.fingerprint)
    assert EncoderSpec.of_manifest(snapshot) == replace(spec, source="package:base")
    asked: list[str] = []

    def load(wanted: EncoderSpec) -> HashingEncoder:
        asked.append(wanted.source)
        return encoder(wanted)

    served = Encoders(load, EncoderSpec(source="package")).of_snapshot(snapshot)
    assert served.fingerprint == base.fingerprint
    assert asked == ["package:base"]  # the adapted one need not even be prepared


@pytest.mark.parametrize(
    ("source", "name"), [("package", ADAPTED), ("package:base", BASE), (f"dir:/models/{BASE}", BASE), ("hub:a/b", BASE)]
)
def test_encoders_every_other_snapshot_is_served_with_what_it_names(source: str, name: str) -> None:
    """A new one of either model, and folders of the same name."""
    spec = EncoderSpec(source=source)
    assert EncoderSpec.of_manifest(manifest(spec, name, "any")) == spec


def test_encoders_changed_files_are_still_refused() -> None:
    """The base is tried for a snapshot of the base alone, and must have its fingerprint."""
    snapshot = manifest(EncoderSpec(source="package"), BASE, "another")
    with pytest.raises(FingerprintMismatchError):
        Encoders(encoder, EncoderSpec(source="package")).of_snapshot(snapshot)

"""Building and verifying snapshots with real FAISS."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from index_samples import DIMENSION, FINGERPRINT, clustered, options, spec_of

from index import (
    Equals,
    LockedError,
    Prefix,
    SnapshotDamagedError,
    SnapshotId,
    SnapshotWriteError,
    StoredVectors,
    VectorStore,
    VerificationError,
    build,
    list_snapshots,
    load_snapshot,
    snapshot,
    text_key,
    verify_snapshot,
    write_snapshot,
)
from index.arrays import IDS_FILES
from index.durable import BUILD_LOCK, FileLock
from index.errors import SnapshotMissingError, SnapshotNameError, VectorInputError

FLAT, IVF = {"flat_below": 10_000}, {"flat_below": 1}


@pytest.fixture(params=[FLAT, IVF], ids=["flat", "ivf"])
def kind(request):
    """Options that make an exact, and an approximate index."""
    return options(**request.param)


def directory_of(root, manifest):
    """Where a snapshot lies."""
    return root / manifest.target / manifest.id


def test_index_build_gives_a_snapshot_that_loads_and_answers(tmp_path, kind):
    """A built snapshot loads, has its ids and columns, finds its own vectors, and its manifest says what it is."""
    spec = spec_of(600, built_at=datetime(2026, 11, 23, 13, 7, tzinfo=UTC))
    manifest = write_snapshot(tmp_path, spec, kind)
    loaded = load_snapshot(directory_of(tmp_path, manifest), threads=1)
    assert loaded.manifest == manifest
    assert (loaded.id, len(loaded), list(loaded.ids)) == (manifest.id, 600, spec.ids)
    hits = loaded.search(spec.vectors[:50], 1)
    assert hits.positions[:, 0].tolist() == list(range(50))
    assert loaded.position_of("g0-77") == 77
    assert np.allclose(loaded.vectors_at(np.array([3, 1])), spec.vectors[[3, 1]], atol=1e-3)
    assert loaded.mask([Prefix("ipc", ("A61",)), Equals("agreed", True)]).sum() == 100
    assert SnapshotId.parse(manifest.id).built_at == spec.built_at
    assert manifest.built_at == "2026-11-23T13:07:00+00:00"
    assert (manifest.fingerprint, manifest.dimension, manifest.count) == (FINGERPRINT, DIMENSION, 600)
    assert (manifest.encoder, manifest.source_revision, manifest.metric) == ("test encoder", "0", "inner_product")
    assert (manifest.recall.k, manifest.recall.sample_size, manifest.recall.sample_kind) == (20, 60, "needs")
    assert manifest.extra == {"generation": 0}
    exact = {"exact.npy"} if manifest.index.nlist else set()
    ids = {f"ids.{part}.npy" for part in ("text", "offsets", "order")}
    columns = {f"columns.{part}" for part in ("json", "ipc.starts.npy", "ipc.positions.npy", "agreed.values.npy")}
    terms = {
        "terms.json",
        *(f"forward.{part}.npy" for part in ("starts", "lengths", "terms", "counts")),
        *(f"terms-0.{kind}" for kind in ("fast", "fieldnorm", "idx", "pos", "store", "term")),
    }
    assert set(manifest.files) == {"index.faiss", "sample.npy"} | ids | columns | exact | terms
    assert loaded.terms.search({"own77": 1.0, "all": 1.0}, 1).positions.tolist() == [77]


def test_index_build_without_terms_has_no_inverted_index(tmp_path):
    """Terms are left out where none are given, and the snapshot says so."""
    manifest = write_snapshot(tmp_path, spec_of(terms=None), options())
    assert not any(name.startswith("terms") for name in manifest.files)
    assert load_snapshot(directory_of(tmp_path, manifest)).terms is None
    assert verify_snapshot(directory_of(tmp_path, manifest)).term_queries == 0


@pytest.mark.parametrize("count", [299, 301])
def test_index_build_refuses_terms_of_another_count(tmp_path, count):
    """Terms of fewer or more records than there are vectors are refused, and nothing is left behind."""
    with pytest.raises(VectorInputError, match="for 300 positions"):
        write_snapshot(tmp_path, spec_of(terms=lambda: [{"a": 1}] * count), options())
    assert sorted(path.name for path in (tmp_path / "patents").iterdir()) == [BUILD_LOCK]


def test_index_build_fails_as_its_terms_do(tmp_path):
    """What the giver of terms raises comes through as it is, and nothing is left behind."""

    def broken():
        yield {"a": 1}
        raise LookupError("the catalogue is gone")

    with pytest.raises(LookupError, match="the catalogue is gone"):
        write_snapshot(tmp_path, spec_of(terms=broken), options())
    assert sorted(path.name for path in (tmp_path / "patents").iterdir()) == [BUILD_LOCK]


def test_index_build_chooses_the_type_by_size(tmp_path):
    """Under the limit the index is exact; from it on it has lists, and as many probes as the recall needs."""
    flat = write_snapshot(tmp_path, spec_of(599), options(flat_below=600))
    ivf = write_snapshot(tmp_path, spec_of(600), options(flat_below=600, recall_target=0.98))
    assert (flat.index.type, flat.index.nlist, flat.recall.value) == ("flat", None, 1.0)
    assert (ivf.index.type, ivf.index.nlist) == ("ivf_sqfp16", 600 // 39)
    assert 1 <= ivf.index.nprobe <= ivf.index.nlist
    assert ivf.recall.value >= 0.98


def test_index_build_probes_more_lists_for_a_higher_recall(tmp_path):
    """The number of probes grows with the recall asked for, in doublings, and stops where it suffices."""
    queries = clustered(200, 5, spread=2.0)
    spec = spec_of(3_000, vectors=clustered(3_000, 4, spread=2.0), sample_queries=queries)
    chosen = []
    for target in (0.3, 0.9, 1.0):
        manifest = write_snapshot(tmp_path, spec, options(flat_below=1, recall_floor=0, recall_target=target))
        assert manifest.recall.value >= min(target, 0.999)
        chosen.append((manifest.index.nprobe, manifest.recall.value))
    assert chosen == sorted(chosen)
    assert chosen[0][0] < chosen[-1][0]
    assert chosen[0][0] in (4, 8, 16, 32)


def test_index_build_is_deterministic(tmp_path, kind):
    """The same records and seed give the same files, byte for byte."""
    first, second = (write_snapshot(tmp_path, spec_of(500), kind) for _ in range(2))
    assert first.id != second.id
    assert first.files == second.files


def test_index_build_reads_vectors_from_the_store(tmp_path, kind):
    """Vectors that are read from the store by key give the same index as an array of them."""
    vectors, keys = clustered(300, 0), [text_key("passage", str(n)) for n in range(300)]
    with VectorStore(tmp_path / "vectors" / FINGERPRINT, DIMENSION) as store:
        store.append(keys, vectors, np.ones(300, dtype=np.int32), np.zeros(300, dtype=np.bool_))
        stored = write_snapshot(tmp_path, spec_of(vectors=StoredVectors(store, keys)), kind)
    assert stored.files == write_snapshot(tmp_path, spec_of(vectors=vectors), kind).files


def test_index_build_holds_one_block_of_vectors_at_a_time(tmp_path, kind, monkeypatch):
    """A source is never asked for more vectors than a block, or the training sample, has."""
    monkeypatch.setattr("index.faiss_build.BLOCK", 128)

    class Watched:
        dimension, largest = DIMENSION, 0
        vectors = clustered(2_000, 0)

        def __len__(self):
            return len(self.vectors)

        def take(self, positions):
            Watched.largest = max(Watched.largest, len(positions))
            return self.vectors[positions]

    write_snapshot(tmp_path, spec_of(2_000, vectors=Watched(), sample_queries=clustered(10, 1)), kind)
    training = 0 if kind.flat_below > 2_000 else 2_000
    assert Watched.largest <= max(128, build.SELF_QUERIES, training)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_index_build_of_few_records(tmp_path, count, kind):
    """A target with no record, or a few, gets an index that answers with all of them."""
    if count == 0 and kind.flat_below == 1:
        kind = options()  # nothing can be trained on nothing, nor is anything under one record
    manifest = write_snapshot(tmp_path, spec_of(count), kind)
    verify_snapshot(directory_of(tmp_path, manifest))
    hits = load_snapshot(directory_of(tmp_path, manifest)).search(clustered(2, 9), 8)
    assert sorted(hits.positions[0].tolist()) == [-1] * (8 - count) + list(range(count))


def test_index_build_without_sample_queries_says_so(tmp_path):
    """Without queries, recall is measured on the corpus's own vectors, and the manifest says that."""
    manifest = write_snapshot(tmp_path, spec_of(sample_queries=None), options())
    assert (manifest.recall.sample_kind, manifest.recall.sample_size) == ("corpus", 300)


def test_index_build_uses_a_sample_of_many_queries(tmp_path):
    """Of more sample queries than are needed a fixed choice is used and kept for verification."""
    manifest = write_snapshot(tmp_path, spec_of(sample_queries=clustered(80, 1)), options(sample_size=25))
    assert manifest.recall.sample_size == 25
    assert load_snapshot(directory_of(tmp_path, manifest)).sample.shape == (25, DIMENSION)


def test_index_build_refuses_a_recall_under_the_floor(tmp_path):
    """A snapshot whose recall is under the floor is refused, with both numbers, and leaves nothing behind."""
    vectors, queries = clustered(3_000, 4, spread=3.0), clustered(100, 5, spread=3.0)
    asked = options(flat_below=1, recall_target=0.1, recall_floor=0.99)
    with pytest.raises(VerificationError, match=r"recall@20 is 0\.\d+, under the floor of 0\.9900"):
        write_snapshot(tmp_path, spec_of(3_000, vectors=vectors, sample_queries=queries), asked)
    assert sorted(path.name for path in (tmp_path / "patents").iterdir()) == [BUILD_LOCK]


def test_index_build_refuses_an_index_that_loses_its_vectors(tmp_path, kind, monkeypatch):
    """Vectors that were added in another order than the ids' are found out by searching for them."""
    real = build.open_index

    class Rotated:
        def __init__(self, inner):
            self.inner = inner

        def search(self, queries, k):
            hits = self.inner.search(queries, k)
            return type(hits)(hits.scores, (hits.positions + 1) % 300)

    monkeypatch.setattr(build, "open_index", lambda *arguments: Rotated(real(*arguments)))
    with pytest.raises(VerificationError, match="256 of 256 vectors do not find themselves"):
        write_snapshot(tmp_path, spec_of(), kind)


def test_index_build_accepts_copies(tmp_path, kind):
    """Records with one and the same text have one vector; each finds itself or its copy."""
    vectors = np.repeat(clustered(30, 0), 10, axis=0)
    verify_snapshot(directory_of(tmp_path, write_snapshot(tmp_path, spec_of(vectors=vectors), kind)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ["a", "b"]}, "2 ids for 300 vectors"),
        ({"ids": ["a"] * 300}, "'a' occurs twice"),
        ({"vectors": clustered(300, 0) * np.float32(2)}, "vector 0 has the length 2.0"),
        ({"vectors": clustered(300, 0).astype(np.float64)}, "float32"),
        ({"vectors": np.full((300, DIMENSION), np.nan, dtype=np.float32)}, "not a finite number"),
        ({"vectors": np.zeros((300, DIMENSION), dtype=np.float32)}, "length 0.0000, not 1"),
        ({"sample_queries": clustered(5, 0, dimension=8)}, r"shape \[n, 16\]"),
        ({"extra": {"when": datetime(2026, 1, 1, tzinfo=UTC)}}, "JSON"),
    ],
)
def test_index_build_refuses_what_does_not_fit(tmp_path, changes, message, kind):
    """Ids, vectors, queries and extras that cannot make a sound snapshot are refused in words."""
    with pytest.raises(VectorInputError, match=message):
        write_snapshot(tmp_path, spec_of(**changes), kind)
    assert list_snapshots(tmp_path, "patents") == []


def test_index_build_refuses_other_targets(tmp_path):
    """A target that is no name cannot make a directory elsewhere."""
    with pytest.raises(SnapshotNameError):
        write_snapshot(tmp_path, spec_of(target="../x"), options())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recall", [0.949, 0.951])
def test_index_build_holds_the_recall_floor(tmp_path, recall, monkeypatch):
    """A snapshot just under 0.95, the floor unless another is asked for, is refused; one just over it is not."""
    monkeypatch.setattr(build.Truth, "recall", lambda *_: recall)
    if recall < 0.95:
        with pytest.raises(VerificationError, match=r"recall@20 is 0\.9490, under the floor of 0\.9500"):
            write_snapshot(tmp_path, spec_of(), options())
    else:
        assert write_snapshot(tmp_path, spec_of(), options()).recall.value == recall


def test_index_build_flushes_before_it_renames(tmp_path, monkeypatch):
    """Manifest, then its folder, then the rename, then the folder of snapshots."""
    done = []
    monkeypatch.setattr(build, "sync_file", lambda path: done.append(("file", path.name)))
    monkeypatch.setattr(build, "sync_directory", lambda path: done.append(("folder", path.name.partition("-")[0])))
    monkeypatch.setattr(build, "failpoint", lambda name: done.append(("step", name)))
    manifest = write_snapshot(tmp_path, spec_of(), options())
    assert done[-6:] == [
        ("file", "manifest.json"),
        ("folder", ".building"),
        ("step", "snapshot.manifest"),
        ("step", "snapshot.verified"),
        ("folder", "patents"),
        ("step", "snapshot.renamed"),
    ]
    assert ("file", "index.faiss") in done[:-6]
    assert manifest.count == 300


def test_index_build_runs_one_at_a_time(tmp_path):
    """A second build of a target is refused while one runs; another target is free."""
    with FileLock(tmp_path / "patents" / BUILD_LOCK, "building"):
        with pytest.raises(LockedError, match="holds the lock: building a snapshot of patents"):
            write_snapshot(tmp_path, spec_of(), options())
        write_snapshot(tmp_path, spec_of(target="needs"), options())
    write_snapshot(tmp_path, spec_of(), options())


def test_index_build_reports_its_steps(tmp_path, caplog):
    """The log of steps has each step once, in order."""
    with caplog.at_level("DEBUG", logger="patmatch.failpoints"):
        write_snapshot(tmp_path, spec_of(600), options(flat_below=1))
    steps = ["truth", "trained", "exact", "index", "files", "terms", "manifest", "verified", "renamed"]
    assert caplog.messages == [f"snapshot.{step}" for step in steps]


@pytest.mark.parametrize("failing", ["write_array", "sync_file", "sync_directory"])
def test_index_build_cleans_up_on_a_full_disk(tmp_path, failing, monkeypatch):
    """When the disk takes no more, the build says so and leaves nothing that takes space or looks like a snapshot."""

    def full(*_arguments, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, failing, full)
    with pytest.raises(SnapshotWriteError, match="could not be written: No space left on device"):
        write_snapshot(tmp_path, spec_of(), options())
    assert [path for path in (tmp_path / "patents").iterdir() if path.name != BUILD_LOCK] == []
    monkeypatch.undo()
    write_snapshot(tmp_path, spec_of(), options())


def test_index_build_maps_errors_of_faiss(tmp_path, monkeypatch):
    """An error of FAISS's own writer comes as an error of this package, without its path."""
    monkeypatch.setattr(build, "INDEX_FILE", "no/such/directory/index.faiss")
    with pytest.raises(SnapshotWriteError, match="FAISS could not write its file"):
        write_snapshot(tmp_path, spec_of(), options())


def test_index_verify_reads_everything(tmp_path, kind):
    """A verification reports what it read: every byte, self-queries, and the recall of the kept sample."""
    manifest = write_snapshot(tmp_path, spec_of(600), kind)
    report = verify_snapshot(directory_of(tmp_path, manifest))
    on_disk = sum(p.stat().st_size for p in directory_of(tmp_path, manifest).iterdir() if p.name != "manifest.json")
    assert (report.id, report.manifest, report.bytes) == (manifest.id, manifest, on_disk)
    assert (report.self_queries, report.recall_queries) == (100, 60)
    assert report.recall >= manifest.recall.value - snapshot.RECALL_SLACK


def test_index_verify_measures_recall_again(tmp_path, monkeypatch):
    """A snapshot that finds less than its manifest says is refused."""
    manifest = write_snapshot(tmp_path, spec_of(), options())
    monkeypatch.setattr(snapshot, "overlap_recall", lambda *_: 0.5)
    with pytest.raises(VerificationError, match=r"recall@20 is 0\.5000, the manifest says 1\.0000"):
        verify_snapshot(directory_of(tmp_path, manifest))


@pytest.mark.parametrize(
    "file",
    [
        "manifest.json",
        "index.faiss",
        "ids.text.npy",
        "columns.json",
        "sample.npy",
        "exact.npy",
        "terms.json",
        "forward.terms.npy",
        "terms-0.idx",
        "terms-0.store",
    ],
)
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "emptied", "longer"])
def test_index_verify_names_the_damaged_file(tmp_path, file, damage, kind):
    """A flipped bit, a cut, an added byte or a missing file of each kind is refused, and the file is named."""
    manifest = write_snapshot(tmp_path, spec_of(), kind)
    if file not in {"manifest.json", *manifest.files}:
        assert (file, manifest.index.type) == ("exact.npy", "flat")
        return
    path = directory_of(tmp_path, manifest) / file
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "flipped": content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :],
        "truncated": content[:-7],
        "emptied": b"",
        "longer": content + b"\0",
    }
    path.unlink()
    if damage != "missing":
        path.write_bytes(damaged[damage])
    for read in (verify_snapshot, load_snapshot):
        with pytest.raises(SnapshotDamagedError, match=file) as caught:
            read(directory_of(tmp_path, manifest))
        assert [problem.file for problem in caught.value.problems] == [file]
    (entry,) = list_snapshots(tmp_path, "patents", hashes=True)
    assert isinstance(entry.damage, SnapshotDamagedError)


def test_index_verify_names_every_damaged_file(tmp_path):
    """With several files damaged, all are named, so that ops need not find them one by one."""
    directory = directory_of(tmp_path, write_snapshot(tmp_path, spec_of(), options()))
    (directory / "ids.text.npy").unlink()
    (directory / "columns.json").write_bytes(b"x")
    with pytest.raises(SnapshotDamagedError, match=r"columns\.json: truncated.*; ids\.text\.npy: missing"):
        verify_snapshot(directory)


def test_index_verify_refuses_files_of_another_snapshot(tmp_path):
    """Intact files whose counts do not fit each other, and a snapshot under another's name, are refused."""
    small, large = (write_snapshot(tmp_path, spec_of(count), options()) for count in (200, 300))
    directory = directory_of(tmp_path, small)
    exchanged = json.loads((directory / "manifest.json").read_text())
    other = json.loads((directory_of(tmp_path, large) / "manifest.json").read_text())
    for name in IDS_FILES:
        (directory / name).write_bytes((directory_of(tmp_path, large) / name).read_bytes())
        exchanged["files"][name] = other["files"][name]
    from index.manifest import digest_of

    del exchanged["sha256"]
    exchanged["sha256"] = digest_of(exchanged)
    (directory / "manifest.json").write_text(json.dumps(exchanged))
    with pytest.raises(SnapshotDamagedError, match=r"ids\.text\.npy: holds 300, not 200"):
        load_snapshot(directory)
    renamed = directory.with_name(str(SnapshotId("patents", datetime(2020, 1, 1, tzinfo=UTC))))
    directory_of(tmp_path, large).rename(renamed)
    with pytest.raises(SnapshotDamagedError, match=f"it is that of {large.id}"):
        load_snapshot(renamed)


def test_index_verify_of_nothing(tmp_path):
    """A snapshot that is not there is missing, not damaged."""
    with pytest.raises(SnapshotMissingError):
        verify_snapshot(tmp_path / "patents" / "patents-20261123T130700Z-1a2b3c4d")


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.0015, 0.0])
def test_index_build_filtered_search_misses_nothing(tmp_path, share, kind):
    """A filtered search on a built snapshot gives the true nearest that pass, up to the rounding to 16 bits."""
    vectors, queries = clustered(2_000, 0, spread=2.0), clustered(20, 1, spread=2.0)
    manifest = write_snapshot(tmp_path, spec_of(2_000, vectors=vectors, sample_queries=queries), kind)
    loaded = load_snapshot(directory_of(tmp_path, manifest), threads=1)
    allowed = np.zeros(2_000, dtype=np.bool_)
    allowed[np.random.default_rng(3).permutation(2_000)[: int(share * 2_000)]] = True
    hits = loaded.search(queries, 10, allowed=allowed)
    places = min(10, int(allowed.sum()))
    true = np.where(allowed, queries @ vectors.T, -np.inf)
    expected = -np.sort(-true, axis=1)[:, :places]
    found = np.take_along_axis(true, np.maximum(hits.positions, 0), axis=1)[:, :places]
    assert (hits.positions[:, places:] == -1).all()
    assert (hits.positions[:, :places] >= 0).all()
    assert np.abs(found - expected).max(initial=0.0) < 5e-4
    assert np.abs(hits.scores[:, :places] - found).max(initial=0.0) < 5e-4

"""The join: the true neighbours of very many queries, in any arithmetic, resumable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from index import ArrayVectors
from index.errors import VectorInputError
from index.join import JoinCorpus, JoinOptions, Neighbours, merge_neighbours
from index.join_run import JoinTask, read_join, run_join, sampled_recall
from index.products import Arithmetic, Coder, largest_component, multiply, rotation

Floats = npt.NDArray[np.float32]

K = 20


def clustered(count: int, seed: int, dimension: int = 64) -> Floats:
    """Unit vectors around common centres, so that neighbours lie as close as those of real texts."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(7).standard_normal((40, dimension))
    drawn = centres[generator.integers(0, 40, count)] + 0.7 * generator.standard_normal((count, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


CORPUS, QUERIES = clustered(9_000, 1), clustered(300, 2)


def truth(allowed: npt.NDArray[np.int64] | None = None, queries: Floats = QUERIES, k: int = K) -> Floats:
    """The scores of the true neighbours, best first."""
    scores = queries.astype(np.float64) @ CORPUS.astype(np.float64).T
    if allowed is not None:
        scores = scores[:, allowed]
    return -np.sort(-scores, axis=1)[:, :k].astype(np.float32)


def options(**changes: object) -> JoinOptions:
    """Those of the tests, int8 unless changed."""
    return JoinOptions(**{"k": K, "arithmetic": Arithmetic.INT8, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("arithmetic", list(Arithmetic))
def test_join_finds_the_true_neighbours_in_every_arithmetic(arithmetic: Arithmetic) -> None:
    """Scores are those of float32, whatever the pairs were scored in; recall is at least 0.995."""
    found = JoinCorpus(CORPUS, options(arithmetic=arithmetic)).part().search(QUERIES)
    wanted = truth()
    assert np.mean(found.scores >= wanted[:, -1:] - 1e-6) >= 0.995
    again = np.einsum("qkd,qd->qk", CORPUS[found.positions], QUERIES)
    np.testing.assert_allclose(found.scores, again, atol=2e-6)


@pytest.mark.parametrize("arithmetic", list(Arithmetic))
def test_join_certifies_only_what_is_exact(arithmetic: Arithmetic) -> None:
    """A query that is said to be certified has the true neighbours; with spare groups nearly all are."""
    found = JoinCorpus(CORPUS, options(arithmetic=arithmetic, spare=120)).part().search(QUERIES)
    wanted = truth()
    np.testing.assert_allclose(found.scores[found.certified], wanted[found.certified], atol=2e-6)
    assert found.certified.mean() > 0.5


def test_join_certificate_is_refused_where_a_better_vector_may_hide() -> None:
    """Hundreds of near copies fill more groups than are kept: nothing is certified that rounding decided."""
    generator = np.random.default_rng(3)
    copies = QUERIES[:1] + 1e-4 * generator.standard_normal((8_000, QUERIES.shape[1])).astype(np.float32)
    copies = (copies / np.linalg.norm(copies, axis=1, keepdims=True)).astype(np.float32)
    found = JoinCorpus(copies, options()).part().search(QUERIES[:1])
    assert not found.certified[0]


@pytest.mark.parametrize("size", [1, 30, 2_500, 4_096, 4_097])
def test_join_of_a_part_looks_at_the_part_alone(size: int) -> None:
    """Small parts are multiplied directly, large ones by codes with a padded tile: neither answers anything else."""
    allowed = np.sort(np.random.default_rng(size).permutation(len(CORPUS))[:size]).astype(np.int64)
    found = JoinCorpus(CORPUS, options()).part(allowed).search(QUERIES)
    kept = min(K, size)
    assert (found.positions[:, kept:] == -1).all()
    assert np.isin(found.positions[:, :kept], allowed).all()
    assert np.mean(found.scores[:, :kept] >= truth(allowed)[:, kept - 1 : kept] - 1e-6) >= 0.995


def test_join_orders_equal_scores_by_position() -> None:
    """Copies of one vector come in the order of their positions."""
    corpus = np.repeat(QUERIES[:1], 3_000, axis=0)
    found = JoinCorpus(corpus, options()).part(np.arange(500, dtype=np.int64)).search(QUERIES[:1])
    assert (np.diff(found.positions[0]) > 0).all()


def test_join_of_nothing_is_empty() -> None:
    """No query, and a part without vectors."""
    corpus = JoinCorpus(CORPUS, options())
    assert corpus.part().search(QUERIES[:0]).scores.shape == (0, K)
    assert (corpus.part(np.empty(0, dtype=np.int64)).search(QUERIES[:2]).positions == -1).all()


def test_join_refuses_what_is_no_corpus() -> None:
    """Rows of another type, and no neighbours at all."""
    with pytest.raises(VectorInputError):
        JoinCorpus(CORPUS.astype(np.float64), options())  # type: ignore[arg-type]
    with pytest.raises(VectorInputError):
        JoinCorpus(CORPUS, options(k=0))


def test_join_rotation_keeps_inner_products() -> None:
    """It is orthogonal, and the same for a seed."""
    turn = rotation(64, 5)
    np.testing.assert_allclose(turn @ turn.T, np.eye(64), atol=1e-5)
    np.testing.assert_array_equal(turn, rotation(64, 5))


def test_join_codes_are_as_near_as_they_say() -> None:
    """Products of codes differ from the true ones by no more than the stated errors allow."""
    coder = Coder(Arithmetic.INT8, 64, largest_component(CORPUS, seed=0), seed=0)
    left, right = coder.queries(QUERIES), coder.corpus(CORPUS)
    coded = multiply(left.codes, right.codes).numpy() * left.step * right.step
    off = np.abs(coded - QUERIES @ CORPUS.T).max()
    assert 0 < off <= left.error * (1 + right.error) + right.error


def test_join_merges_parts_without_repeating_a_position() -> None:
    """A position that two parts found stands once, and an empty place never beats one."""
    ones = np.ones(1, dtype=np.bool_)
    first = Neighbours(np.array([[0.9, 0.5]], np.float32), np.array([[4, 2]]), ones)
    second = Neighbours(np.array([[0.9, -np.inf]], np.float32), np.array([[4, -1]]), ~ones)
    both = merge_neighbours([first, second], 3)
    assert both.positions.tolist() == [[4, 2, -1]]
    assert not both.certified[0]


def partitions() -> list[JoinTask]:
    """Two tasks that share queries and vectors."""
    return [
        JoinTask("a", np.arange(0, 200, dtype=np.int64), np.arange(0, 5_000, dtype=np.int64)),
        JoinTask("b", np.arange(100, 300, dtype=np.int64), np.arange(4_000, 9_000, dtype=np.int64)),
    ]


def test_join_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are there are not made again, and the result is that of one pass."""
    monkeypatch.setattr("index.join_run.QUERIES_A_FILE", 64)
    corpus, queries = JoinCorpus(CORPUS, options()), ArrayVectors(QUERIES)
    reports: list[tuple[int, int, int]] = []

    class StoppedError(Exception):
        pass

    def stop(progress: object) -> None:
        reports.append((progress.done, progress.total, progress.scored))  # type: ignore[attr-defined]
        if len(reports) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        run_join(corpus, queries, partitions(), tmp_path / "one", stop)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").iterdir()}
    assert len(kept) == 3
    run_join(corpus, queries, partitions(), tmp_path / "one", lambda p: reports.append((p.done, p.total, p.scored)))
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    assert reports[-1][0] == reports[-1][1] > reports[-1][2]
    run_join(corpus, queries, partitions(), tmp_path / "two")
    one, two = (read_join(partitions(), tmp_path / name, 300, K) for name in ("one", "two"))
    np.testing.assert_array_equal(one.positions, two.positions)
    np.testing.assert_array_equal(one.scores, two.scores)


def test_join_run_gives_queries_of_several_tasks_the_best_of_all(tmp_path: Path) -> None:
    """The union of two parts is what a query in both is joined with, each vector once; the measured recall says so."""
    corpus, queries = JoinCorpus(CORPUS, options()), ArrayVectors(QUERIES)
    run_join(corpus, queries, partitions(), tmp_path)
    found = read_join(partitions(), tmp_path, 300, K)
    assert np.mean(found.scores[100:200] >= truth(queries=QUERIES[100:200])[:, -1:] - 1e-6) >= 0.995
    assert all(len(set(row)) == K for row in found.positions.tolist())
    assert sampled_recall(corpus, queries, partitions(), found, np.arange(0, 300, 7)) >= 0.995


def test_join_run_measured_recall_sees_what_is_missing(tmp_path: Path) -> None:
    """Every second place taken away halves the recall that is measured."""
    corpus, queries = JoinCorpus(CORPUS, options()), ArrayVectors(QUERIES)
    tasks = [JoinTask("all", np.arange(300, dtype=np.int64))]
    run_join(corpus, queries, tasks, tmp_path)
    found = read_join(tasks, tmp_path, 300, K)
    found.scores[:, ::2] = -np.inf
    assert sampled_recall(corpus, queries, tasks, found, np.arange(300)) == pytest.approx(0.5, abs=0.01)

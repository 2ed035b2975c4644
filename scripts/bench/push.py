"""`patmatch bench push`: the join of firms with patents at any size, beside FAISS on the same vectors."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import click
import faiss
import numpy as np

from app.arrays import Floats, Ints
from app.domain import Kind
from app.errors import NotReadyError
from app.progress import Progress, Report, peak_mb
from app.push.allocation.allocate import allocate
from app.push.allocation.lists import Problem, exposure_of
from app.ranking.relevance import CENTRED_SCALE, score_from_logit
from index import (
    Arithmetic,
    ArrayVectors,
    JoinCorpus,
    JoinOptions,
    JoinTask,
    Neighbours,
    read_join,
    run_join,
    sampled_recall,
)
from scripts.bench.home import NOISE, interpolated, near_ones
from scripts.console import AT_LEAST_ONE, INPUT, Shell, listed, shell_options

_FEWEST = 1_000
"""Fewer real vectors say too little about how real ones lie; random ones around centres stand in."""
_DIMENSION = 384
_BLOCK = 16_384
_INDUSTRIES = 97
"""Divisions of GB/T 4754."""
_PEER_SECONDS = 8.0
_PEER_BATCH = 1_024
_NLIST, _NPROBE = 4_096, 512
_TRAINED_ON = 64
_SAMPLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinBench:
    """What is measured; the options of the command.

    Attributes:
        firms: queries.
        patents: corpus vectors.
        k: neighbours.
        industries: whether queries are joined with vectors of their industry alone, of 97 of Zipf's sizes.
        arithmetic: that of the products; the fastest here when not given.
        places: of a list, where lists are allocated from the neighbours too; ``k`` is then a firm's candidates.
        cap: most lists that a patent is in, in multiples of the mean over all patents.
        no_ivf: whether the IVF index is left out, which takes a minute at full size.
        vectors: a file of real vectors; those that are served when not given.
        queries: the same of queries.
    """

    firms: int
    patents: int
    k: int
    industries: bool
    arithmetic: str | None
    places: int
    cap: float
    no_ivf: bool
    vectors: Path | None
    queries: Path | None


@click.command("push")
@click.option("--firms", default=20_000, show_default=True, type=AT_LEAST_ONE)
@click.option("--patents", default=100_000, show_default=True, type=AT_LEAST_ONE)
@click.option("-k", default=20, show_default=True, type=click.IntRange(min=1, max=200))
@click.option("--industries", is_flag=True, help="Join within 97 industries of Zipf's sizes alone.")
@click.option(
    "--arithmetic", type=click.Choice([kind.value for kind in Arithmetic]), help="The fastest when not given."
)
@click.option("--places", default=0, help="Allocate lists of so many places too, from the K neighbours; 0 for none.")
@click.option("--cap", default=4.0, show_default=True, help="Their cap, in multiples of a patent's mean exposure.")
@click.option("--no-ivf", is_flag=True, help="Leave out the IVF index, which takes a minute to build at full size.")
@click.option(
    "--vectors",
    type=INPUT,
    help="A .npy of real unit vectors, float32; those of the published patents when not given.",
)
@click.option(
    "--queries",
    type=INPUT,
    help="A .npy of real query vectors in the same space; the recall sample of the snapshot when not given.",
)
@shell_options(JoinBench)
def push(shell: Shell, asked: JoinBench) -> int:
    r"""Join vectors made by interpolating real ones, and say time, memory, and recall on a sample.

    Peers search a part of the same queries in the same process; read the ratios. The exit status is 1 when recall@20
    is below 0.99.

    \b
    Example:
      patmatch bench push --firms 20000 --patents 100000
      patmatch bench push --firms 450000 --patents 940000 --industries
      patmatch bench push --firms 20000 --patents 42000 -k 60 --places 20
    """
    real, asking, source = _real(shell, asked.vectors)
    if asked.queries is not None:
        asking = _loaded(asked.queries)
    with shell.stages() as report:
        result = bench_join(real, asking, asked, Path(tempfile.gettempdir()), report)
    shell.line(f"vectors made from {source}")
    shell.rows([{name: value for name, value in result.items() if name not in ("peers", "allocation")}])
    for peer in result["peers"]:
        shell.line(listed(peer))
    if result["allocation"]:
        shell.line(f"allocation: {listed(result['allocation'])}")
    shell.result(result | {"source": source})
    return 0 if result["recall@20"] >= 0.99 else 1


def _loaded(path: Path) -> Floats:
    return np.ascontiguousarray(np.load(path), dtype=np.float32)


def _real(shell: Shell, path: Path | None) -> tuple[Floats, Floats, str]:
    """Vectors that the corpus and the queries are made from, and where they are from."""
    if path is not None:
        array = _loaded(path)
        return array, array[::7], path.name
    with shell.services() as services:
        served = None
        with suppress(NotReadyError):
            services.serving.open()
            served = services.serving.indexes[Kind.PATENTS].current()
        if served is None or len(served.snapshot) < _FEWEST:
            return (*_drawn(), "random centres")
        rows = served.snapshot.vectors_at(np.arange(len(served.snapshot), dtype=np.int64))
        sample = served.snapshot.sample if len(served.snapshot.sample) >= 100 else rows[::7]
        return rows, np.ascontiguousarray(sample), served.snapshot.id


def _drawn() -> tuple[Floats, Floats]:
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((2_000, _DIMENSION), dtype=np.float32)
    made = centres[generator.integers(0, 2_000, 20_000)]
    made += np.float32(0.9) * generator.standard_normal((20_000, _DIMENSION), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made[:15_000], made[15_000:]


def bench_join(real: Floats, queries: Floats, asked: JoinBench, folder: Path, report: Report) -> dict[str, Any]:
    """Time, memory and recall of a join, and of its peers on a part of the queries, as ratios.

    Args:
        real: unit vectors float32 ``[n, d]`` that the corpus is interpolated from.
        queries: the same for queries.
        asked: what to measure.
        folder: where the vectors lie while it runs: 4 bytes a component, 2.1 GB at full size.
        report: told how far it is.
    """
    arithmetic = Arithmetic(asked.arithmetic) if asked.arithmetic else None
    with TemporaryDirectory(dir=folder) as place:
        corpus = _made(real, asked.patents, Path(place) / "corpus.f32", 1, report)
        asking = _made(queries, asked.firms, Path(place) / "queries.f32", 2, report)
        before, began = peak_mb(), perf_counter()
        joined = JoinCorpus(corpus, JoinOptions(k=asked.k, certify=min(asked.k, 20), arithmetic=arithmetic))
        tasks, source, work = list(_tasks(asked)), ArrayVectors(asking), Path(place) / "join"
        run_join(joined, source, tasks, work, lambda p: report(Progress("join", p.done, p.total)))
        seconds, peak = perf_counter() - began, peak_mb()
        found = read_join(tasks, work, asked.firms, asked.k)
        sample = np.sort(np.random.default_rng(3).permutation(asked.firms)[:_SAMPLE])
        recall = sampled_recall(joined, source, tasks, found, sample)
        shutil.rmtree(work)
        pairs = sum(len(task.queries) * (asked.patents if task.corpus is None else len(task.corpus)) for task in tasks)
        rate = asked.firms / seconds
        return {
            "firms": asked.firms,
            "patents": asked.patents,
            "k": asked.k,
            "industries": asked.industries,
            "arithmetic": joined.options.chosen.value,
            "seconds": round(seconds, 1),
            "queries_per_second": round(rate, 1),
            "pairs_per_second": round(pairs / seconds),
            "gflops": round(2 * pairs * corpus.shape[1] / seconds / 1e9),
            "recall@20": round(recall, 5),
            "certified": round(float(found.certified.mean()), 4),
            "peak_mb": peak,
            "peak_above_vectors_mb": peak - before,
            "allocation": _allocated(found, asked) if asked.places else None,
            "peers": [] if asked.industries else list(_peers(corpus, asking, asked, rate, sample)),
        }


def _made(real: Floats, count: int, path: Path, seed: int, report: Report) -> Floats:
    """Vectors between a real one and another near it, with noise, in a mapped file."""
    rows = np.memmap(path, dtype=np.float32, mode="w+", shape=(count, real.shape[1]))
    generator = np.random.default_rng(seed)
    nearest = near_ones(real)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        first = generator.integers(0, len(real), size)
        second = nearest[first, generator.integers(0, nearest.shape[1], size)]
        rows[start : start + size] = interpolated(real, first, second, NOISE, generator)
        report(Progress("make", start + size, count))
    rows.flush()
    return np.memmap(path, dtype=np.float32, mode="r", shape=(count, real.shape[1]))


def _tasks(asked: JoinBench) -> Iterator[JoinTask]:
    if not asked.industries:
        yield JoinTask("all", np.arange(asked.firms, dtype=np.int64))
        return
    shares = 1.0 / np.arange(1, _INDUSTRIES + 1)
    shares /= shares.sum()
    generator = np.random.default_rng(4)
    firms = generator.choice(_INDUSTRIES, asked.firms, p=shares)
    patents = generator.choice(_INDUSTRIES, asked.patents, p=shares)
    for industry in range(_INDUSTRIES):
        yield JoinTask(
            f"industry-{industry:02}",
            np.flatnonzero(firms == industry).astype(np.int64),
            np.flatnonzero(patents == industry).astype(np.int64),
        )


def _allocated(found: Neighbours, asked: JoinBench) -> dict[str, Any]:
    """Lists under a cap and a floor of one beside plain ones: time, exposure, and what the limits cost."""
    cap = max(1, round(asked.cap * asked.places * asked.firms / asked.patents))
    scores = score_from_logit(CENTRED_SCALE.logits(found.scores, 0.0, alone=False)).astype(np.float64)
    began = perf_counter()
    made = allocate(
        Problem(
            values=scores,
            patents=found.positions,
            fair=(scores >= CENTRED_SCALE.weak_from) & (found.positions >= 0),
            eligible=np.ones(asked.patents, dtype=np.bool_),
            k=asked.places,
            cap=cap,
            floor=1,
        )
    )
    seconds = perf_counter() - began
    plain = found.positions[:, : asked.places]
    told = {
        "plain": exposure_of(np.bincount(plain[plain >= 0], minlength=asked.patents)),
        "limited": exposure_of(np.bincount(found.positions[made.chosen], minlength=asked.patents)),
    }
    return {
        "cap": cap,
        "seconds": round(seconds, 1),
        "rounds": made.rounds,
        "kept": round(made.value / made.free_value, 5) if made.free_value else 1.0,
        "gap": round(made.gap, 6),
        "floors_missed": made.missed,
        **{
            f"{name} {measure}": round(getattr(exposure, measure), 4)
            for name, exposure in told.items()
            for measure in ("coverage", "gini", "largest", "hub_share")
        },
    }


def _peers(corpus: Floats, queries: Floats, asked: JoinBench, rate: float, sample: Ints) -> Iterator[dict[str, Any]]:
    """Queries a second of FAISS's exact and inverted-list indexes, and how many times the join's rate that is."""
    asking = np.ascontiguousarray(queries[sample])
    flat = faiss.IndexFlatIP(corpus.shape[1])
    flat.add(np.ascontiguousarray(corpus))
    truth = flat.search(asking, asked.k)[0]

    def measured(name: str, index: Any) -> dict[str, Any]:  # noqa: ANN401 - faiss has no types
        theirs = _rate(index, queries, asked.k)
        scores, positions = index.search(asking, asked.k)
        recall = float(np.mean((scores >= truth[:, -1:] - 1e-3) & (positions >= 0)))
        return {
            "peer": name,
            "queries_per_second": round(theirs, 1),
            "whole_seconds": round(len(queries) / theirs, 1),
            "recall@20": round(recall, 4),
            "join/peer": round(rate / theirs, 2),
        }

    yield measured("IndexFlatIP", flat)
    del flat
    if not asked.no_ivf and asked.patents >= _TRAINED_ON * _NLIST // 2:
        began = perf_counter()
        index = _ivf(corpus)
        built = perf_counter() - began
        yield measured(f"IVF{_NLIST},SQfp16 nprobe {_NPROBE}", index) | {"build_seconds": round(built, 1)}


def _ivf(corpus: Floats) -> Any:  # noqa: ANN401 - faiss has no types
    index: Any = faiss.index_factory(corpus.shape[1], f"IVF{_NLIST},SQfp16", faiss.METRIC_INNER_PRODUCT)
    chosen = np.sort(np.random.default_rng(5).permutation(len(corpus))[: _TRAINED_ON * _NLIST])
    index.train(np.ascontiguousarray(corpus[chosen]))
    for start in range(0, len(corpus), _BLOCK):
        index.add(np.ascontiguousarray(corpus[start : start + _BLOCK]))
    index.nprobe = _NPROBE
    return index


def _rate(index: Any, queries: Floats, k: int) -> float:  # noqa: ANN401 - faiss has no types
    """Queries a second, over as many batches as some seconds allow."""
    done, began = 0, perf_counter()
    while perf_counter() - began < _PEER_SECONDS and done < len(queries):
        batch = np.ascontiguousarray(queries[done : done + _PEER_BATCH])
        index.search(batch, k)
        done += len(batch)
    return done / (perf_counter() - began)

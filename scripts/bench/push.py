"""`patmatch bench push`: the join of firms with patents at any size, beside FAISS in the same run."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import click
import numpy as np

from app.arrays import Floats
from app.domain import Kind
from app.errors import NotReadyError
from index import Arithmetic
from scripts.bench.join import JoinBench, bench_join
from scripts.console import AT_LEAST_ONE, INPUT, Shell, listed, shell_options

_FEWEST = 1_000
"""Fewer real vectors say too little about how real ones lie; random ones around centres stand in."""
_DIMENSION = 384


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

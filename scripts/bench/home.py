"""`patmatch bench home`: a home of any size to try builds and runs on, made of a real one.

What a machine needs for 940,000 patents and 450,000 firms is not to be told from a few thousand, and embedding as many
takes half a day. So records are mixed two by two: titles, texts, names and columns are real ones in new combinations,
so that terms, lengths, languages and industries are as they come; vectors lie between those of the two records that a
text was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import click
import faiss
import numpy as np
import numpy.typing as npt

from app.arrays import Floats, Ints
from app.catalogue import Catalogue
from app.domain import AnyRecord, Firm, Kind, Patent
from app.errors import InputError, NotReadyError
from app.progress import Progress, Report
from app.text.reading import passage_of, text_parts_of
from app.wiring import Services
from index import VectorStore, text_key
from models import Role
from scripts.console import AT_LEAST_ONE, FOLDER, Shell, shell_command

NOISE = 0.35
"""Length of the noise beside a made vector, in lengths of a vector relative to their mean: the cosines of the first
and the twentieth neighbour then lie as those of real ones."""
NEAR = 10
_AT_ONCE = 5_000
_LOOKED_AMONG = 20_000
_FEWEST = 20


@click.command("home")
@click.argument("out", type=FOLDER)
@click.option("--patents", default=940_000, show_default=True, type=AT_LEAST_ONE)
@click.option("--firms", default=450_000, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=0, show_default=True, help="Of every draw.")
@shell_command
def home(shell: Shell, out: Path, *, patents: int, firms: int, seed: int) -> None:
    r"""Fill OUT with records mixed of this home's, and vectors interpolated from theirs; nothing is embedded.

    This home needs an index of patents and a push run, which embed what is mixed. Firms get an industry each, drawn
    as often as patents have it. Full size takes 6 GB of disk.

    \b
    Example:
      patmatch bench home /data/large --patents 940000 --firms 450000
      patmatch index build patents --publish --home /data/large
      patmatch push run --run large --home /data/large
    """
    settings = shell.settings.model_copy(update={"home": out})
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty.", f"{out} 不是空目录。", code="not_empty")
    out.mkdir(parents=True, exist_ok=True)
    (out / "models").symlink_to(shell.settings.models_dir.resolve(), target_is_directory=True)
    with shell.services() as real, shell.stages() as report:
        made = Services(settings)
        encoder = real.encoders.get()
        source, target = (Side(one.catalogue, one.serving.store_of(encoder)) for one in (real, made))
        scaler = HomeScaler(source, target, report, seed=seed)
        scaler.patents(patents)
        scaler.firms(firms)
        made.close()
    shell.line(f"{patents} patents and {firms} firms in {out}")
    shell.result({"home": str(out), "patents": patents, "firms": firms})


def interpolated(real: Floats, first: Ints, second: Ints, length: float, random: np.random.Generator) -> Floats:
    """Unit vectors float32 ``[n, d]`` between those of ``real`` at ``first`` and ``second``, with noise.

    Args:
        real: unit vectors float32 ``[m, d]``.
        first: int64 ``[n]``.
        second: int64 ``[n]``, near the first.
        length: of the noise.
        random: draws the place between the two, and the noise.
    """
    share = random.random((len(first), 1), dtype=np.float32)
    noise = random.standard_normal((len(first), real.shape[1]), dtype=np.float32)
    noise *= length / np.linalg.norm(noise, axis=1, keepdims=True)
    mixed = share * real[first] + (1 - share) * real[second] + noise
    made: Floats = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    return made


def near_ones(real: Floats) -> Ints:
    """Ten near ones of each vector, among some thousands, int64 ``[m, 10]``."""
    order = np.random.default_rng(0).permutation(len(real))[:_LOOKED_AMONG]
    some = np.ascontiguousarray(real[order])
    _, near = faiss.knn(real, some, min(NEAR, len(some)), metric=faiss.METRIC_INNER_PRODUCT)
    found: Ints = order[near].astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class Side:
    """A catalogue with its vectors."""

    catalogue: Catalogue
    store: VectorStore


Mix = Callable[[AnyRecord, AnyRecord, int], AnyRecord]
Texts = Callable[[AnyRecord], Sequence[str]]


class HomeScaler:
    """Fills a catalogue and a vector store with as many records as are asked for.

    Args:
        real: where records and vectors are from.
        made: where they go.
        report: told how far it is.
        seed: of every draw.
    """

    def __init__(self, real: Side, made: Side, report: Report, *, seed: int = 0) -> None:
        self._real, self._made, self._report = real, made, report
        self._random = np.random.default_rng(seed)

    def patents(self, count: int) -> None:
        """Make ``count`` patents: a title and its columns of one, the abstract of another near it.

        Raises:
            NotReadyError: too few real ones have vectors.
        """
        self._fill(Kind.PATENTS, count, Role.PASSAGE, _mixed_patent, lambda record: (passage_of(record),))

    def firms(self, count: int) -> None:
        """Make ``count`` firms, each with an industry: a name and its columns of one, the scope of another near it.

        Raises:
            NotReadyError: too few real ones have vectors, which a push run gives them.
        """
        codes = [code for page in self._real.catalogue.iterate(Kind.PATENTS) for one in page for code in one.industry]
        if not codes:
            raise _few(Kind.PATENTS)
        drawn = self._random.choice(np.array(codes), count)
        mixed = _with_industry(drawn)
        self._fill(Kind.FIRMS, count, Role.QUERY, mixed, text_parts_of)

    def _fill(self, kind: Kind, count: int, role: Role, mix: Mix, texts: Texts) -> None:
        records, vectors = self._embedded(kind, role, texts)
        near = near_ones(vectors[:, -1])
        middle = vectors[:, -1].mean(axis=0)
        length = NOISE * float(np.linalg.norm(vectors[:, -1] - middle, axis=1).mean())
        for start in range(0, count, _AT_ONCE):
            numbers = np.arange(start, min(start + _AT_ONCE, count), dtype=np.int64)
            first = numbers % len(records)
            second = near[first, self._random.integers(0, near.shape[1], len(first))]
            made = [
                mix(records[one], records[other], number)
                for number, one, other in zip(numbers.tolist(), first.tolist(), second.tolist(), strict=True)
            ]
            self._keep(role, [texts(record) for record in made], [
                interpolated(np.ascontiguousarray(vectors[:, index_state]), first, second, length, self._random)
                for index_state in range(vectors.shape[1])
            ])  # fmt: skip
            self._made.catalogue.upsert(made)
            self._report(Progress(kind.value, start + len(made), count))

    def _embedded(self, kind: Kind, role: Role, texts: Texts) -> tuple[list[AnyRecord], Floats]:
        """Real records all of whose texts have vectors, and these, float32 ``[n, texts, d]``."""
        records, keys = list[AnyRecord](), list[list[bytes]]()
        for page in self._real.catalogue.iterate(kind):
            for record in page:
                records.append(record)
                keys.append([text_key(role, text) for text in texts(record)])
        width = max(map(len, keys), default=0)
        whole = [n for n, mine in enumerate(keys) if len(mine) == width]
        missing = self._real.store.missing([key for n in whole for key in keys[n]]).reshape(-1, max(1, width))
        kept = [whole[n] for n in np.flatnonzero(~missing.any(axis=1)).tolist()]
        if len(kept) < _FEWEST:
            raise _few(kind)
        vectors = self._real.store.get([key for n in kept for key in keys[n]])
        return [records[n] for n in kept], vectors.reshape(len(kept), width, -1)

    def _keep(self, role: Role, texts: list[Sequence[str]], vectors: list[Floats]) -> None:
        """Store a vector for each view of each text, as if it had been embedded."""
        for index_state, of_view in enumerate(vectors):
            keys = [text_key(role, mine[index_state]) if index_state < len(mine) else b"" for mine in texts]
            there = np.flatnonzero([key != b"" for key in keys])
            tokens = np.array([len(texts[n][index_state]) for n in there.tolist()], dtype=np.int32)
            cut = np.zeros(len(there), dtype=np.bool_)
            self._made.store.append([keys[n] for n in there.tolist()], of_view[there], tokens, cut)


def _mixed_patent(one: AnyRecord, other: AnyRecord, number: int) -> AnyRecord:
    first, second = cast(Patent, one), cast(Patent, other)
    # What was derived stays as it is: the made home has no mapping to derive it from.
    made = replace(first, id=f"{first.id}-{number}", abstract=f"{second.abstract} {number}", family=None)
    return replace(made, industry_derived=False)


def _with_industry(drawn: npt.NDArray[np.str_]) -> Mix:
    def mixed(one: AnyRecord, other: AnyRecord, number: int) -> AnyRecord:
        first, second = cast(Firm, one), cast(Firm, other)
        return replace(
            first,
            id=f"{first.id}-{number}",
            name=f"{first.name}{number}",
            business_scope=f"{second.business_scope} {number}",
            industry=(str(drawn[number]),),
        )

    return mixed


def _few(kind: Kind) -> NotReadyError:
    return NotReadyError(
        f"Fewer than {_FEWEST} {kind.value} here have vectors to mix; "
        "load real ones, build the index of patents and make a push run.",
        f"此处有向量的 {kind.value} 不足 {_FEWEST} 条;请先导入真实数据、构建索引并完成一次推送。",
        code="too_few_records",
    )

"""Small homes to break: what they hold before, and what they look like to whoever opens them after."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hashing_encoder import HashingEncoder

from app.domain import Kind, MatchRequest, Query
from app.settings import Settings
from app.wiring import Services
from index import SnapshotId, verify_snapshot

DIMENSION = 48
"""As in victim.py."""

TOPICS = ("高镍三元电解液", "纳滤膜水处理", "lithium battery separator", "钢材防腐涂料", "水稻抗旱育种")
Answers = tuple[tuple[tuple[str, float], ...], ...]

QUESTIONS = ("三元电解液", "water treatment 纳滤膜", "separator for lithium batteries", "抗旱水稻")


CENTRE_FROM = 10**9


@dataclass(frozen=True)
class Place:
    """Where a victim works: a home folder, and a database if it is not the folder's own."""

    home: Path
    database: str | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings for a victim."""
        # Answers are compared with those of a home built anew, which would measure other means.
        chosen = {"PATMATCH_HOME": str(self.home), "PATMATCH_CENTRE_FROM": str(CENTRE_FROM)}
        return chosen if self.database is None else chosen | {"PATMATCH_DATABASE_URL": self.database}

    def services(self) -> Services:
        """The services over this home, in this process."""
        settings = Settings(home=self.home, database_url=self.database, centre_from=CENTRE_FROM)
        return Services(settings, encoder=lambda: HashingEncoder(DIMENSION))


@dataclass(frozen=True)
class State:
    """What somebody who opens a home sees.

    Attributes:
        records: every patent by id, as the catalogue gives it.
        served: the published snapshot.
        refused: why none is served, or not the published one.
        answers: id and cosine of the matches of each question; empty where nothing is served.
        snapshots: the snapshots in the list.
        damaged: those of them with damage.
        building: the build that is said to run.
    """

    records: dict[str, str]
    served: str | None
    refused: str | None
    answers: Answers
    snapshots: frozenset[str]
    damaged: frozenset[str]
    building: str | None

    @property
    def sound(self) -> bool:
        """Whether what is published is served, no snapshot is damaged, and nothing dead is said to run."""
        return self.refused is None and not self.damaged and self.building is None


def look(place: Place) -> State:
    """Open a home and see; a published snapshot is read whole and verified on the way."""
    services = place.services()
    try:
        records = {record.id: str(record) for page in services.catalogue.iterate(Kind.PATENTS) for record in page}
        services.serving.open()
        served = services.serving.indexes[Kind.PATENTS]
        entries = services.indexing.snapshots(Kind.PATENTS)
        current = next((entry.id for entry in entries if entry.current), None)
        if current is not None and served.refusal is None:
            verify_snapshot(SnapshotId.parse(current).directory(services.settings.index_dir))
        return State(
            records=records,
            served=current,
            refused=served.refusal.text if served.refusal else None,
            answers=answers(services) if served.current() else (),
            snapshots=frozenset(entry.id for entry in entries),
            damaged=frozenset(entry.id for entry in entries if entry.damage),
            building=running.id if (running := services.indexing.jobs.running(Kind.PATENTS)) else None,
        )
    finally:
        services.close()


def copied(place: Place) -> Place:
    """A copy of the home: looking at one embeds what has changed, and whoever comes next would find that done."""
    number = len(list(place.home.parent.glob(f"{place.home.name}-*")))
    return Place(shutil.copytree(place.home, place.home.with_name(f"{place.home.name}-{number}")), place.database)


_REBUILT: dict[frozenset[tuple[str, str]], Answers] = {}


def rebuilt(place: Place, state: State) -> Answers:
    """The answers that a new home with just the records of this state gives."""
    known = frozenset(state.records.items())
    if known not in _REBUILT:
        home = place.home.with_name(f"{place.home.name}-rebuilt")
        home.mkdir()
        source, copy = place.services(), Place(home).services()
        try:
            for page in source.catalogue.iterate(Kind.PATENTS):
                copy.catalogue.upsert(page)
            assert copy.catalogue.count(Kind.PATENTS) == len(known), "the place is not of this state"
            copy.indexing.build(Kind.PATENTS, publish=True)
            copy.serving.open()
            _REBUILT[known] = answers(copy)
        finally:
            source.close()
            copy.close()
            shutil.rmtree(home)
    return _REBUILT[known]


def answers(services: Services) -> Answers:
    """Id and cosine of the ten best matches of each question."""
    asked = tuple(Query(id=str(place), text=text) for place, text in enumerate(QUESTIONS))
    results = services.match.match(MatchRequest(queries=asked, target=Kind.PATENTS, k=10)).results
    assert [result.error for result in results] == [None] * len(QUESTIONS)
    return tuple(tuple((match.id, round(match.cosine, 5)) for match in result.matches) for result in results)


def patents(generation: int) -> list[dict[str, object]]:
    """60 patents and 20 more a generation; every seventh is worded anew in each."""
    return [
        {
            "id": f"P{number:04d}",
            "title": f"{TOPICS[number % len(TOPICS)]} {number}" + (f" 版本{generation}" if number % 7 == 0 else ""),
            "abstract": f"第{number}号 {TOPICS[(number * 3 + 1) % len(TOPICS)]}",
            "ipc": [f"H01M10/{number:04d}"],
            "lang": "zh",
        }
        for number in range(60 + 20 * generation)
    ]


def puts() -> list[dict[str, object]]:
    """Five patents of every generation, worded as in none, and four new ones."""
    return [
        {
            "id": f"P{number:04d}" if number < 5 else f"Q{number:04d}",
            "title": f"{TOPICS[number % 5]} 新增 {number}",
            "lang": "zh",
        }
        for number in range(9)
    ]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    """A JSON lines file."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Bases:
    """Homes to copy, made once.

    Attributes:
        files: the corpus of each generation.
        puts: records to write one by one.
        served: generation 2 loaded; of six snapshots the third and the fifth published, the fifth is served.
        changed: the same with generation 3 loaded, and nothing built of it.
        newest: the sixth snapshot, which holds generation 2.
    """

    files: tuple[Path, ...]
    puts: Path
    served: Path
    changed: Path
    newest: str

    @classmethod
    def make(cls, folder: Path) -> "Bases":
        """Make them in this process."""
        folder.mkdir(exist_ok=True)
        files = tuple(written(folder / f"patents-{n}.jsonl", patents(n)) for n in range(4))
        place = Place(folder / "served")
        place.home.mkdir()
        services = place.services()
        try:
            built = []
            for generation, publish in ((0, False), (0, False), (0, True), (1, False), (1, True), (2, False)):
                services.importing.load(files[generation], Kind.PATENTS)
                built.append(services.indexing.build(Kind.PATENTS, publish=publish).snapshot)
        finally:
            services.close()
        changed = shutil.copytree(place.home, folder / "changed")
        services = Place(changed).services()
        services.importing.load(files[3], Kind.PATENTS)
        services.close()
        return cls(files, written(folder / "puts.jsonl", puts()), place.home, changed, built[-1])

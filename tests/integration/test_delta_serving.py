"""What changed since a snapshot, at its edges: large batches, takeovers, another encoder, a full delta, a restore.

The random tests of this are in test_stateful_live.py; here is what they meet seldom or not at all.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
from hashing_encoder import HashingEncoder
from live_samples import one

from app.domain import Filter, Kind, MatchAnswer, Patent
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.wiring import Services
from index import FileLock, VectorStore, VectorStoreWriteError
from models import EmptyTextError, Encoded, Encoder, Role

OTHER = EncoderSpec(source="hub:other")


def encoder_of(spec: EncoderSpec) -> Encoder:
    """Another dimension for the other encoder, so that vectors that get mixed up cannot go unnoticed."""
    return HashingEncoder(48 if spec == OTHER else 64)


def patents(start: int, end: int, **fields: Any) -> list[Patent]:
    """Patents with texts of their own."""
    return [
        Patent(id=f"P{n:05}", title=f"第{n}号电池", abstract=f"{n * 7919} 电解液", **fields) for n in range(start, end)
    ]


def opened(home: Path, **settings: Any) -> Services:
    """Services over a home, opened here; nothing follows in the background."""
    chosen = Settings(home=home, **settings)
    services = Services(chosen, encoders=settings.pop("encoders", encoder_of))
    services.serving.open()
    return services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Forty patents, published."""
    made = opened(tmp_path)
    made.catalogue.upsert(patents(0, 40))
    made.indexing.build(Kind.PATENTS, publish=True)
    follow(made)
    yield made
    made.close()


def follow(services: Services) -> None:
    """One round of what follows in the background."""
    services.serving.indexes[Kind.PATENTS].refresh()


def ask(services: Services, words: str, k: int = 1000, wanted: Filter | None = None) -> MatchAnswer:
    """The answer to one text."""
    return services.match.match(one(words, Kind.PATENTS, k, wanted))


def ids(answer: MatchAnswer) -> list[str]:
    """The ids found."""
    return [match.id for match in answer.results[0].matches]


def alike(start: int, end: int) -> list[Patent]:
    """Patents of thirty texts, which a write embeds before it returns."""
    return [Patent(id=f"P{n:05}", title=f"电池 {n % 30}") for n in range(start, end)]


def fields(record: Patent) -> dict[str, Any]:
    """A record as it is written over HTTP."""
    return {"id": record.id, "title": record.title, "abstract": record.abstract}


def test_delta_a_batch_is_seen_whole_by_the_next_search(services: Services) -> None:
    """The largest batch that the service takes is in the very next answer, all of it."""
    most = services.settings.max_batch_records
    deletes = [record.id for record in patents(0, 40)]
    written = services.writing.batch(Kind.PATENTS, [fields(record) for record in alike(1000, 960 + most)], deletes)
    assert (written.created, written.deleted) == (most - 40, 40)
    answer = ask(services, "电池")
    assert answer.snapshot.revision >= written.revision
    assert set(ids(answer)) == {record.id for record in alike(1000, 960 + most)}


def test_delta_a_search_never_sees_part_of_a_transaction(services: Services) -> None:
    """A transaction that is too large for a search to apply is left to the follower, not taken in by halves."""
    services.serving.embed(Kind.PATENTS, alike(1000, 6000))
    services.catalogue.upsert(alike(1000, 6000))
    assert ask(services, "电池").upserted in (0, 5000)
    follow(services)
    assert ask(services, "电池").upserted == 5000


def test_delta_revisions_never_go_back(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while a new snapshot is taken over, and was already in an answer, is in every answer after."""
    served = services.serving.indexes[Kind.PATENTS]
    delta = served._delta
    advanced, seen = delta.advanced, [0]

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append(served.current().index_state.revision)
        state = advanced(*arguments, **options)
        if served._changing.acquire(blocking=False):  # between two looks, others search
            served._changing.release()
            monkeypatch.setattr(delta, "advanced", advanced)
            services.writing.put(Kind.PATENTS, "NEW", {"title": "写于接管期间"})
            assert ids(ask(services, "写于接管期间"))[0] == "NEW"
            seen.append(served.current().index_state.revision)
            monkeypatch.setattr(delta, "advanced", watched)
        return state

    services.indexing.build(Kind.PATENTS, publish=True)
    monkeypatch.setattr(delta, "advanced", watched)
    follow(services)
    assert len(seen) > 3, "nothing was written while the snapshot was taken over"
    assert seen == sorted(seen)
    assert ids(ask(services, "写于接管期间"))[0] == "NEW"


def test_delta_a_publication_of_another_encoder_makes_nothing_vanish(services: Services) -> None:
    """Records written since the snapshot are embedded before it takes over, also when another process is at it."""
    services.indexing.build(Kind.PATENTS, publish=True, encoder=OTHER)
    services.writing.put(Kind.PATENTS, "NEW", {"title": "增量记录"})  # by the encoder that still serves
    lock = FileLock(services.settings.vectors_dir / encoder_of(OTHER).fingerprint / "delta.lock", "another process")
    lock.acquire()

    def let_go() -> None:
        sleep(0.5)
        lock.release()

    other = Thread(target=let_go)
    other.start()
    follow(services)
    found = ask(services, "增量记录")
    other.join()
    assert found.snapshot.encoder == encoder_of(OTHER).name
    assert (ids(found)[0], found.pending) == ("NEW", 0)


def test_delta_vectors_that_cannot_be_kept_are_of_one_encoder(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a home that cannot be written vectors stay in memory; after a change of encoder they are made anew."""
    append = VectorStore.append

    def refused(*_arguments: Any) -> None:
        raise VectorStoreWriteError("the disk is full")

    monkeypatch.setattr(VectorStore, "append", refused)
    services.catalogue.upsert([Patent(id="NEW", title="只在内存中的向量")])
    ask(services, "电池")
    services.serving.indexes[Kind.PATENTS].embed_pending()
    assert ids(ask(services, "只在内存中的向量"))[0] == "NEW"
    monkeypatch.setattr(VectorStore, "append", append)
    services.catalogue.delete(Kind.PATENTS, ["NEW"])
    services.indexing.build(Kind.PATENTS, publish=True, encoder=OTHER)
    monkeypatch.setattr(VectorStore, "append", refused)
    services.catalogue.upsert([Patent(id="NEW", title="只在内存中的向量")])
    follow(services)
    services.serving.indexes[Kind.PATENTS].embed_pending()
    answer = ask(services, "只在内存中的向量")
    assert (ids(answer)[0], answer.results[0].matches[0].cosine) == ("NEW", pytest.approx(1, abs=1e-5))


def test_delta_what_waits_is_read_once_or_twice(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedding a load costs by its records, not by its square: each text that is done does not read all others."""
    get_many, asked_for = type(services.catalogue).get_many, 0

    def counting(catalogue: Any, kind: Kind, wanted: Sequence[str]) -> Any:
        nonlocal asked_for
        asked_for += len(wanted)
        return get_many(catalogue, kind, wanted)

    services.catalogue.upsert(patents(1000, 1300))
    assert ask(services, "电池", k=1).pending == 300
    monkeypatch.setattr(type(services.catalogue), "get_many", counting)
    assert not services.serving.indexes[Kind.PATENTS].embed_pending()
    assert asked_for <= 3 * 300
    assert len(ids(ask(services, "电池"))) == 340


def test_delta_what_is_changed_or_gone_while_it_waits_holds_up_nothing(services: Services) -> None:
    """Texts that wait and are no more are passed over; those behind them are embedded in the same round."""
    services.catalogue.upsert(patents(1000, 1020))
    assert ask(services, "电池", k=1).pending == 20
    services.catalogue.delete(Kind.PATENTS, [record.id for record in patents(1000, 1008)])
    services.catalogue.upsert([Patent(id="P01008", title="等待时改写")])
    assert not services.serving.indexes[Kind.PATENTS].embed_pending()
    answer = ask(services, "等待时改写")
    assert (ids(answer)[0], len(ids(answer)), answer.pending) == ("P01008", 52, 0)


class Blind(HashingEncoder):
    """An encoder that sees nothing in one text."""

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Embed texts.

        Raises:
            EmptyTextError: one of them is the text.
        """
        for position, words in enumerate(texts):
            if words == "看不见":
                raise EmptyTextError(position)
        return super().encode(texts, role)


def test_delta_a_text_that_one_encoder_cannot_read_is_read_by_the_next(tmp_path: Path) -> None:
    """A record without readable text is not found, blocks nothing, and is found once an encoder reads it."""
    services = Services(Settings(home=tmp_path), encoders=lambda spec: HashingEncoder(48) if spec == OTHER else Blind())
    try:
        services.catalogue.upsert(patents(0, 5))
        services.indexing.build(Kind.PATENTS, publish=True)
        services.serving.open()
        services.catalogue.upsert([Patent(id="BLIND", title="看不见"), Patent(id="NEW", title="看得见")])
        ask(services, "电池")
        services.serving.indexes[Kind.PATENTS].embed_pending()
        answer = ask(services, "看得见")
        assert ids(answer)[0] == "NEW"
        assert "BLIND" not in ids(answer)
        assert answer.pending == 0
        services.catalogue.upsert(patents(5, 6))
        services.indexing.build(Kind.PATENTS, publish=False)
        first = services.indexing.build(Kind.PATENTS, publish=True, encoder=OTHER).snapshot
        services.catalogue.upsert([Patent(id="BLIND", title="看不见", region="62")])
        follow(services)
        assert ask(services, "电池").snapshot.id == first
        assert ids(ask(services, "看不见"))[0] == "BLIND"
    finally:
        services.close()


def test_delta_a_full_delta_answers_with_nothing_stale(tmp_path: Path) -> None:
    """Beyond its limit new versions wait for a build; what is answered still passes, and nothing deleted is."""
    services = opened(tmp_path, delta_limit=5)
    try:
        services.catalogue.upsert(patents(0, 40, region="62"))
        services.indexing.build(Kind.PATENTS, publish=True)
        follow(services)
        services.catalogue.upsert(patents(0, 20, region="11"))
        services.catalogue.delete(Kind.PATENTS, [f"P{n:05}" for n in range(30, 40)])
        there = ask(services, "电池")
        assert there.upserted == 5
        assert set(ids(there)) == {f"P{n:05}" for n in range(30)}
        assert set(ids(ask(services, "电池", wanted=Filter(region=("62",))))) == {f"P{n:05}" for n in range(20, 30)}
        assert set(ids(ask(services, "电池", wanted=Filter(region=("11",))))) <= {f"P{n:05}" for n in range(20)}
        for number in range(20):  # the nearest by far are of another region now, and the snapshot does not know it
            near = ask(services, f"第{number}号电池", 2, Filter(region=("62",)))
            assert len(ids(near)) == 2
            assert set(ids(near)) <= {f"P{n:05}" for n in range(20, 30)}
        services.indexing.build(Kind.PATENTS, publish=True)
        follow(services)
        assert len(ids(ask(services, "电池", wanted=Filter(region=("11",))))) == 20
    finally:
        services.close()


def test_delta_a_full_delta_still_takes_new_versions_of_what_it_holds(tmp_path: Path) -> None:
    """A record that is in the delta already needs no further room: its next version replaces it."""
    services = opened(tmp_path, delta_limit=2)
    try:
        services.catalogue.upsert(patents(0, 5))
        services.indexing.build(Kind.PATENTS, publish=True)
        follow(services)
        for version in range(4):
            for key in ("A", "B"):
                services.writing.put(Kind.PATENTS, key, {"title": f"{key} 版本 {version}"})
                assert ids(ask(services, f"{key} 版本 {version}"))[0] == key
                assert ask(services, f"{key} 版本 {version}").results[0].matches[0].cosine == pytest.approx(1, abs=1e-5)
    finally:
        services.close()


def test_delta_a_catalogue_older_than_the_snapshot_is_answered_from_as_it_is(tmp_path: Path) -> None:
    """After the catalogue was restored from an older state, records that it does not know take no places."""
    services = opened(tmp_path)
    services.catalogue.upsert(patents(0, 10))
    services.close()
    shutil.copy(tmp_path / "catalogue.sqlite3", tmp_path / "older.sqlite3")
    services = opened(tmp_path)
    services.catalogue.upsert(patents(10, 60))
    services.indexing.build(Kind.PATENTS, publish=True)
    services.close()
    for path in tmp_path.glob("catalogue.sqlite3*"):
        path.unlink()
    (tmp_path / "older.sqlite3").rename(tmp_path / "catalogue.sqlite3")
    services = opened(tmp_path)
    try:
        assert set(ids(ask(services, "第50号电池", k=10))) == {f"P{n:05}" for n in range(10)}
        answer = ask(services, "第50号电池", k=20)
        assert (len(ids(answer)), answer.results[0].shortfall) == (10, "index_exhausted")
        services.writing.put(Kind.PATENTS, "P00050", {"title": "重新写入"})
        assert ids(ask(services, "重新写入"))[0] == "P00050"
    finally:
        services.close()


def test_delta_a_snapshot_of_another_catalogue_is_compared_whole(services: Services, tmp_path: Path) -> None:
    """Records loaded anew into another catalogue are answered as they are there, whatever the revisions say."""
    moved = opened(tmp_path, database_url=f"sqlite:///{tmp_path / 'moved.sqlite3'}")
    try:
        moved.catalogue.upsert([*patents(100, 400), *patents(0, 20)])
        moved.catalogue.delete(Kind.PATENTS, ["P00000"])
        moved.serving.embed(Kind.PATENTS, patents(0, 20))
        follow(moved)
        while moved.serving.indexes[Kind.PATENTS].embed_pending():
            pass
        expected = {record.id for record in [*patents(1, 20), *patents(100, 400)]}
        assert set(ids(ask(moved, "电池"))) == expected
        assert moved.catalogue.identity() != services.catalogue.identity()
    finally:
        moved.close()


def test_delta_a_catalogue_that_goes_back_while_it_is_served_is_followed(services: Services, tmp_path: Path) -> None:
    """A database that is restored under a running service: its next answer is of the restored state."""
    live, kept = (sqlite3.connect(tmp_path / name) for name in ("catalogue.sqlite3", "kept.sqlite3"))
    live.backup(kept)
    services.writing.put(Kind.PATENTS, "P00000", {"title": "恢复前改写"})
    services.writing.delete(Kind.PATENTS, "P00001")
    services.writing.put(Kind.PATENTS, "LATER", {"title": "恢复后不存在"})
    assert {"LATER", "P00001"} & set(ids(ask(services, "恢复前改写"))) == {"LATER"}
    kept.backup(live)
    answer = ask(services, "第1号电池 7919 电解液")
    assert (ids(answer)[0], len(ids(answer)), answer.upserted, answer.hidden) == ("P00001", 40, 0, 0)
    services.writing.put(Kind.PATENTS, "NEW", {"title": "恢复后写入"})
    assert ids(ask(services, "恢复后写入"))[0] == "NEW"
    live.close()
    kept.close()


def test_delta_changes_are_compared_in_the_space_of_their_snapshot(tmp_path: Path) -> None:
    """In a centred index a changed record scores exactly as the next build, with the same means, would have it."""
    services = opened(tmp_path, centre_from=50)
    try:
        services.catalogue.upsert(patents(0, 200, lang="zh"))
        services.indexing.build(Kind.PATENTS, publish=True)
        follow(services)
        before = ask(services, "电池 7")
        assert {result.centred for result in before.results} == {"language"}
        copied = {**fields(patents(7, 8)[0]), "id": "COPY"}
        services.writing.put(Kind.PATENTS, "COPY", copied)
        scores = {match.id: match.cosine for match in ask(services, "电池 7").results[0].matches}
        assert scores["COPY"] == pytest.approx(scores["P00007"], abs=1e-6)
        assert services.verification.verify(None)[0].troubles == ()
    finally:
        services.close()

"""Feedback, opt-outs and what is not pushed, on both databases."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from catalogue_databases import firm_list, firms, writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalogue import Catalogue, Entry, PushRun, Recorded, Refusal
from app.catalogue.rows import MAX_ID_CHARS
from app.domain import Event, Feedback, FeedbackFilter, Kind, Level, Need, OptOut, Patent
from app.errors import CatalogueProblem
from app.feedback.service import OutreachService

AT = datetime(2026, 11, 24, 9, 30, 15, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)


def feedback(key: str, event: Event = Event.VIEWED, **fields: Any) -> Feedback:
    """Feedback of the first firm about the first patent."""
    return Feedback(**{"key": key, "event": event, "at": AT, "firm_id": "F000000", "patent_id": "P0", **fields})


def entry(key: str, event: Event = Event.VIEWED, *, digest: bytes = b"d" * 16, **fields: Any) -> Entry:
    """The same on its way in."""
    return Entry(feedback(key, event, **fields), digest)


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    """Three firms, three patents, and a need of the second firm."""
    catalogue.upsert(firms(3))
    catalogue.upsert([Patent(id=f"P{n}", title=f"专利{n}") for n in range(3)])
    catalogue.upsert([Need(id="N1", title="需求", firm_id="F000001"), Need(id="N2", title="无主的需求")])
    for name in ("2026-10", "2026-11"):
        catalogue.pushes.begin(PushRun(name=name, status="running", inputs="", manifest="{}", started_at=AT))
    return catalogue


def all_of(catalogue: Catalogue) -> list[tuple[int, Feedback]]:
    """The whole log."""
    return catalogue.feedback.page(FeedbackFilter(), after=0, size=100)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.fixed_dictionaries({name: st.none() | TEXT for name in ("query_id", "ranking", "reason", "note", "by")}),
    run=st.none() | st.just("2026-10"),
    level=st.none() | st.sampled_from(Level),
    event=st.sampled_from(Event),
    rank=st.none() | st.integers(1, 2**31 - 1),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    at=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone comes with the next line
    offset=st.integers(-14, 14),
)
def test_feedback_is_given_back_as_it_came(
    filled: Catalogue, words: dict[str, Any], at: datetime, offset: int, **fields: Any
) -> None:
    """Every field, the time in UTC to the microsecond, whatever zone it came in."""
    moment = at.replace(tzinfo=UTC)
    last = all_of(filled)[-1:]
    key = f"any-{last[0][0] + 1 if last else 1}"
    sent = feedback(
        key, at=moment.astimezone(timezone(timedelta(hours=offset))), **(words | {"query_id": None}), **fields
    )
    (done,) = filled.feedback.add([Entry(sent, b"x" * 16)])
    assert done.number is not None
    ((number, kept),) = filled.feedback.page(FeedbackFilter(), after=done.number - 1, size=1)
    assert (number, kept) == (done.number, sent)
    assert kept.at.tzinfo is UTC


def test_feedback_is_known_by_its_key(filled: Catalogue) -> None:
    """The same again is known, in one call and in the next; another content under the key is refused."""
    first = filled.feedback.add([entry("a"), entry("b"), entry("a"), entry("b", digest=b"o" * 16)])
    refused = Recorded(None, known=False, refusals=(Refusal("key", "key_used", "b"),))
    assert first == [Recorded(1, known=False), Recorded(2, known=False), Recorded(1, known=True), refused]
    assert filled.feedback.add([entry("b"), entry("c")]) == [Recorded(2, known=True), Recorded(3, known=False)]
    filled.delete(Kind.PATENTS, ["P0"])
    assert filled.feedback.add([entry("a")]) == [Recorded(1, known=True)], "known although its patent is gone"
    assert [item.key for _, item in all_of(filled)] == ["a", "b", "c"]


def test_feedback_names_what_it_does_not_know(filled: Catalogue) -> None:
    """Each unknown id at its field; the others go in; a key of refused feedback is still free."""
    outcomes = filled.feedback.add(
        [
            entry("a", firm_id="?", patent_id="??"),
            entry("b", need_id="N9", firm_id=None),
            entry("c", Event.NEED_RETURNED, new_need_id="N9"),
            entry("d"),
        ]
    )
    assert [outcome.refusals for outcome in outcomes] == [
        (Refusal("firm_id", "unknown_record", "?"), Refusal("patent_id", "unknown_record", "??")),
        (Refusal("need_id", "unknown_record", "N9"),),
        (Refusal("new_need_id", "unknown_record", "N9"),),
        (),
    ]
    assert [(number, item.key) for number, item in all_of(filled)] == [(1, "d")]
    assert filled.feedback.add([entry("a")]) == [Recorded(2, known=False)]


def test_feedback_knows_its_run_and_what_that_pushed(filled: Catalogue) -> None:
    """An unknown run keeps feedback out; a pair that the run did not push is told, a need is its firm's."""
    filled.pushes.write("2026-10", ["F000001"], [firm_list("F000001", "P0")])
    odd = (Refusal("run", "not_in_run", "2026-10"),)
    outcomes = filled.feedback.add(
        [
            entry("a", run="2025-10"),
            entry("b", run="2026-10", firm_id="F000001"),
            entry("c", run="2026-10", firm_id=None, need_id="N1"),
            entry("d", run="2026-10"),
            entry("e", run="2026-10", firm_id="F000001", patent_id="P1"),
            entry("f", run="2026-11", firm_id="F000001"),
            entry("g", Event.NEED_RETURNED, run="2026-10", patent_id=None, new_need_id="N2"),
            entry("h", run="2026-10", firm_id=None, need_id="N2"),
        ]
    )
    assert outcomes[0].refusals == (Refusal("run", "unknown_run", "2025-10"),)
    assert [outcome.odd for outcome in outcomes[1:]] == [
        (), (), odd, odd, (Refusal("run", "not_in_run", "2026-11"),), (), (),
    ]  # fmt: skip
    assert [item.key for _, item in all_of(filled)] == list("bcdefgh")
    (again,) = filled.feedback.add([entry("d", run="2026-10")])
    assert (again.known, again.odd) == (True, odd)


def test_feedback_brings_a_need_in_its_own_transaction(filled: Catalogue) -> None:
    """The need and the feedback are there together, numbered as a change; a need of other content is refused."""
    need = Need(id="NEW", title="耐高温隔膜", firm_id="F000000")
    returned = feedback("n", Event.NEED_RETURNED, patent_id=None, new_need_id="NEW")
    before = filled.revision()
    assert filled.feedback.add([Entry(returned, b"n" * 16, need)]) == [Recorded(1, known=False)]
    assert filled.get(Kind.NEEDS, "NEW") == need
    assert [change.id for change in filled.changed_since(Kind.NEEDS, before)] == ["NEW"]
    assert filled.feedback.add([Entry(returned, b"n" * 16, need)]) == [Recorded(1, known=True)]
    assert filled.revision() == before + 1
    other = Need(id="NEW", title="另一条", firm_id="F000001")
    (refused,) = filled.feedback.add([Entry(feedback("m", Event.NEED_RETURNED, new_need_id="NEW"), b"m" * 16, other)])
    assert refused.refusals == (Refusal("need.id", "need_id_used", "NEW"),)
    assert filled.get(Kind.NEEDS, "NEW") == need


def test_feedback_of_a_need_is_its_firms(filled: Catalogue) -> None:
    """What is said of a need counts for the firm that has it; a need without a firm stays one."""
    filled.feedback.add([entry("a", firm_id=None, need_id="N1"), entry("b", firm_id=None, need_id="N2")])
    assert [(item.firm_id, item.asker) for _, item in all_of(filled)] == [("F000001", "F000001"), (None, "N2")]


def test_feedback_keeps_one_text_a_query_id(filled: Catalogue) -> None:
    """Judgements of two texts are never put under one query."""
    judged = {"event": Event.LEVEL, "level": Level.WEAK, "firm_id": None, "query_id": "q1"}
    first, same, other = filled.feedback.add(
        [
            entry("a", query_text="电解液", **judged),
            entry("b", query_text="电解液", **judged),
            entry("c", query_text="隔膜", **judged),
        ]
    )
    assert (first.number, same.number) == (1, 2)
    assert other.refusals == (Refusal("query_id", "query_id_used", "q1"),)
    (later,) = filled.feedback.add([entry("d", query_text="隔膜", **judged)])
    assert later.refusals == other.refusals


def test_feedback_pages_and_filters(filled: Catalogue) -> None:
    """Each filter alone and together; pages go on where the last one ended."""
    filled.feedback.add(
        [
            entry("a", run="2026-10"),
            entry("b", Event.CONTACTED, run="2026-11"),
            entry("c", Event.CONTACTED, firm_id="F000001", run="2026-11"),
            entry("d", Event.CONTACTED, patent_id="P1"),
        ]
    )

    def keys(**wanted: Any) -> list[str]:
        return [item.key for _, item in filled.feedback.page(FeedbackFilter(**wanted), after=0, size=9)]

    assert keys() == ["a", "b", "c", "d"]
    assert keys(firm_id="F000000") == ["a", "b", "d"]
    assert keys(patent_id="P1") == ["d"]
    assert keys(run="2026-11") == ["b", "c"]
    assert keys(event=Event.CONTACTED, firm_id="F000000") == ["b", "d"]
    assert [number for number, _ in filled.feedback.page(FeedbackFilter(), after=1, size=2)] == [2, 3]
    assert [item.key for item in filled.feedback.iterate([Event.CONTACTED], run="2026-11")] == ["b", "c"]


def test_feedback_last_words_are_of_the_firms_that_are_asked_about(filled: Catalogue) -> None:
    """By firm, each patent once; also what is said for a need; nothing that no firm said or that was only seen."""
    filled.feedback.add(
        [
            entry("a", Event.REJECTED, reason="价格"),
            entry("b", Event.REJECTED, reason="价格太高"),
            entry("c", Event.REJECTED, reason="r", patent_id="P1"),
            entry("d", Event.REJECTED, reason="r", firm_id=None, need_id="N1"),
            entry("e", Event.REJECTED, reason="r", firm_id=None, need_id="N2"),
            entry("f", Event.CONTACTED, firm_id="F000002"),
            entry("g", Event.VIEWED, at=AT + timedelta(days=1)),
            entry("h", Event.LEVEL, level=Level.STRONG, at=AT + timedelta(days=1)),
            entry("i", Event.NEED_RETURNED, patent_id=None, new_need_id="N2"),
        ]
    )
    rejected, of_need = {"P0": Event.REJECTED, "P1": Event.REJECTED}, {"P0": Event.REJECTED}
    contacted = {"P0": Event.CONTACTED}
    assert filled.feedback.last_words() == {"F000000": rejected, "F000001": of_need, "F000002": contacted}
    assert filled.feedback.last_words(["F000001", "F000002", "?"]) == {"F000001": of_need, "F000002": contacted}
    assert filled.feedback.last_words([]) == {}


@pytest.mark.parametrize("event", [Event.INTERESTED, Event.CONTACTED, Event.NEED_RETURNED, Event.SIGNED])
def test_feedback_takes_a_rejection_back_with_the_latest_word(filled: Catalogue, event: Event) -> None:
    """What happened last stands, whenever it is recorded; of one moment what came later; firms speak for themselves."""
    outreach = OutreachService(filled)
    later, needed = AT + timedelta(days=2), {"new_need_id": "N2"} if event is Event.NEED_RETURNED else {}
    filled.feedback.add([entry("no", Event.REJECTED, reason="r", at=AT + timedelta(days=1))])
    filled.feedback.add([entry("late", event, at=AT, **needed), entry("other", event, firm_id="F000001", **needed)])
    assert list(outreach.rejected_pairs()) == [("F000000", "P0")]
    filled.feedback.add([entry("yes", event, at=later, **needed)])
    assert list(outreach.rejected_pairs()) == []
    filled.feedback.add([entry("seen", Event.VIEWED, at=later + timedelta(days=1))])
    assert list(outreach.rejected_pairs()) == []
    filled.feedback.add([entry("again", Event.REJECTED, reason="r", at=later)])
    assert list(outreach.rejected_pairs()) == [("F000000", "P0")]


def test_feedback_rejections_cover_the_family(filled: Catalogue) -> None:
    """Members of a rejected patent's family are not pushed either, but those that the firm said something else of."""
    outreach = OutreachService(filled)
    filled.upsert([Patent(id=f"M{n}", title="同族", family="F-1") for n in range(4)])
    filled.upsert([Patent(id="alone", title="无族"), Patent(id="X", title="别族", family="F-2")])
    filled.feedback.add(
        [
            entry("a", Event.REJECTED, reason="r", patent_id="M0"),
            entry("b", Event.INTERESTED, patent_id="M1"),
            entry("c", Event.REJECTED, reason="r", patent_id="alone"),
        ]
    )
    filled.delete(Kind.PATENTS, ["M3"])
    expected = [("F000000", key) for key in ("M0", "M2", "alone")]
    assert list(outreach.rejected_pairs()) == list(outreach.rejected_pairs(["F000000"])) == expected
    told = outreach.excluded_pairs()
    allowed = {key: told.allows("F000000", key, "F-1") for key in ("M0", "M1", "M2", "M3")}
    assert allowed == {"M0": False, "M1": True, "M2": False, "M3": False}
    assert (told.allows("F000000", "X", "F-2"), told.allows("F000001", "M2", "F-1")) == (True, True)
    assert (told.allows("F000000", "P1"), told.allows("F000000", "alone")) == (True, False)
    filled.delete(Kind.PATENTS, ["M0"])
    assert list(outreach.rejected_pairs()) == expected, "what is gone still says of which family it was"
    filled.feedback.add([entry("d", Event.CONTACTED, patent_id="M0", at=AT + timedelta(days=1))])
    assert list(outreach.rejected_pairs()) == expected, "a deleted patent cannot be named"


def test_opt_outs_are_kept_with_their_time_and_taken_back(filled: Catalogue) -> None:
    """The first word stays; what was taken back is on record; a firm that is not there cannot opt out."""
    filled.opt_outs.add(OptOut(firm_id="F000001", at=AT, reason="不再需要", by="王"))
    assert filled.opt_outs.add(OptOut(firm_id="F000001", at=AT, reason="另一个")) is False
    assert filled.opt_outs.add(OptOut(firm_id="unknown", at=AT)) is None
    assert filled.opt_outs.current("F000001") == OptOut(firm_id="F000001", at=AT, reason="不再需要", by="王")
    assert filled.opt_outs.opted_out() == {"F000001"}
    assert filled.opt_outs.opted_out(["F000000", "F000001", "unknown"]) == {"F000001"}
    assert filled.opt_outs.opted_out([]) == frozenset()
    assert filled.opt_outs.undo("F000001")
    assert not filled.opt_outs.undo("F000001")
    assert filled.opt_outs.current("F000001") is None
    assert filled.opt_outs.opted_out() == frozenset()
    assert filled.opt_outs.add(OptOut(firm_id="F000001", at=AT)) is True
    later, first = filled.opt_outs.history("F000001")
    assert (later.undone_at, first.reason) == (None, "不再需要")
    assert first.undone_at is not None


class Stops(logging.Handler):
    """Fails at a named step."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        """Fail where it is time."""
        if record.getMessage() == self._step:
            raise CatalogueProblem("stopped here", "stopped here")


@contextmanager
def stopped_before_the_commit() -> Iterator[None]:
    """Every write fails once its records are written, before it commits."""
    logger, handler = logging.getLogger("patmatch.failpoints"), Stops("catalogue.written")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_feedback_and_its_need_are_whole_or_not_at_all(filled: Catalogue) -> None:
    """A failure between the need and the feedback leaves neither, and no number is lost."""
    before = filled.revision()
    need = Need(id="NEW", title="t", firm_id="F000000")
    with stopped_before_the_commit(), pytest.raises(CatalogueProblem, match="stopped"):
        filled.feedback.add([entry("a"), Entry(feedback("n", Event.NEED_RETURNED, new_need_id="NEW"), b"n" * 16, need)])
    assert all_of(filled) == []
    assert filled.get(Kind.NEEDS, "NEW") is None
    assert filled.revision() == before


def test_feedback_of_two_processes_has_one_order(filled: Catalogue, url: str) -> None:
    """Two that write at once give no number twice; each of their keys is there once."""
    workers = [writer(url, "feedback", name, "25") for name in ("x", "y")]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
    assert [worker.returncode for worker in workers] == [0, 0]
    log = all_of(filled)
    assert [number for number, _ in log] == list(range(1, 76))
    assert {item.key for _, item in log} == {f"{name}-{n}" for name in ("x", "y") for n in range(25)} | {
        f"both-{n}" for n in range(25)
    }


def test_feedback_ids_fit_where_record_ids_fit(filled: Catalogue) -> None:
    """The longest id of a record can be named, on both databases."""
    longest = "中" * MAX_ID_CHARS
    filled.upsert([Patent(id=longest, title="t")])
    assert filled.feedback.add([entry("long", patent_id=longest)]) == [Recorded(1, known=False)]

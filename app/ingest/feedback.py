"""Feedback as it is sent or stands in a file, to what the catalogue stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import isfinite
from typing import Any, TypeVar

from app.domain import Event, Feedback, Kind, Need
from app.ingest.draft import Draft
from app.ingest.fields.codes import credit_code_holds, is_rounded_number
from app.ingest.fields.dates import moment_read
from app.ingest.fields.values import as_text
from app.ingest.fields.words import event_word, level_word
from app.ingest.headings.synonyms import FEEDBACK, SYNONYMS
from app.ingest.objects import record_of
from app.ingest.outcomes import IngestOptions, Problem, RowOutcome
from app.ingest.problems import problem
from app.text.normalising import fold_body, fold_line
from app.text.numbers import kept_id

W = TypeVar("W")

MAX_WORD_CHARS = 200
"""Characters of a key, a name of a run, a ranking, a judge."""
MAX_NOTE_CHARS = 2_000
"""Characters of a reason or a note."""

_DIGEST_BYTES = 16
_KEY_CHARS = 24
_CLOCKS_APART = timedelta(minutes=5)
"""How far ahead of ours the clock of a sender may be."""
_MOST_RANK = 2**31 - 1
_KEPT_DIGITS, _TELLING_ZEROS = 15, 3

_KINDS = {"firm_id": Kind.FIRMS, "need_id": Kind.NEEDS, "new_need_id": Kind.NEEDS, "patent_id": Kind.PATENTS}
_WORDS = ("key", "query_id", "run", "ranking", "by")
_NEEDED_PATENT = frozenset(Event) - {Event.NEED_RETURNED}
_ALIASES = {"snapshot": "ranking"}
_NEVER_MISSING = ("level", "query_text", "reason", "note", "need")
"""Fields in which ``none`` or ``无`` is a word."""

_SAID = ("event", "level", "reason", "note", "need", "new_need_id")
"""What somebody says in a row. Sheets go out with firm, need and patent in every row, and come back with some of them
answered: a row that has none of these is no mistake, it has not been looked at."""
_OF_NEW_NEED = ("need_title", "need_text")
"""The same of a table of events; in a judges' table they are what was asked with."""
_ASKED = ("firm_id", "need_id", "query_text")


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Feedback that can be used.

    Attributes:
        digest: 16 bytes over all that was given.
        need: the need that came with it, whose id is the feedback's ``new_need_id``.
    """

    feedback: Feedback
    digest: bytes
    need: Need | None = None


def feedback_of(fields: Mapping[str, Any], options: IngestOptions | None = None) -> RowOutcome[GivenFeedback]:
    """The feedback of one object with our names; another name is a mistake."""
    named = {_ALIASES.get(name, name): value for name, value in fields.items()}
    strange = tuple(
        problem("unknown_field", name[:MAX_WORD_CHARS])
        for name in list(named)[:MAX_WORD_CHARS]
        if name not in SYNONYMS[FEEDBACK]
    )
    given, problems = _read(named, options or IngestOptions(), timeless_key=False)
    problems = (*strange, *problems)
    return RowOutcome(0, None if problems else given, problems, (), fields)


def feedback_in(draft: Draft) -> GivenFeedback | None:
    """The feedback that a row holds, ``None`` where it cannot be used, or is a place that nobody filled in."""
    values = dict(draft.present)
    for name in _NEVER_MISSING:
        cells = (draft.cells[place] for place in draft.plan.fields.get(name, ()))
        first = next((cell for cell in cells if cell is not None and (not isinstance(cell, str) or cell.strip())), None)
        if first is not None:
            values[name] = first
    judging = "event" not in draft.plan.fields
    if not any(name in values for name in (_SAID if judging else (*_SAID, *_OF_NEW_NEED))):
        return None
    if judging and not any(name in values for name in _ASKED):
        # A judging sheet of a need that is in no catalogue has its text alone.
        parts = (as_text(values[name]) for name in _OF_NEW_NEED if name in values)
        values["query_text"] = "\n".join(part for part in parts if part) or None
    given, problems = _read(values, draft.options, timeless_key=True)
    draft.rejected.extend(problems)
    return given


def digits_lost(identity: str) -> bool:
    """Whether an id that nobody knows is what a spreadsheet program makes of a long code: ``9.14101E+17``, or zeros.

    It keeps 15 digits. Of three zeros or more behind them: fewer are there by chance in one id of a hundred. A credit
    code whose check digit is right has its own zeros.
    """
    lost = identity[_KEPT_DIGITS:]
    zeros = len(lost) >= _TELLING_ZEROS and not lost.strip("0") and identity.isascii() and identity.isdigit()
    return is_rounded_number(identity) or (zeros and not credit_code_holds(identity))


def _read(
    values: Mapping[str, Any], options: IngestOptions, *, timeless_key: bool
) -> tuple[GivenFeedback | None, tuple[Problem, ...]]:
    """Feedback from values by our names, or what is wrong with them.

    Args:
        values: as they came.
        options: what they may hold.
        timeless_key: whether feedback without a key and a time is known by the rest of what it says, as the rows of a
            file are, so that a file can be loaded twice; else it is new each time.
    """
    reader = _Reader(values, options)
    found = reader.read()
    need = reader.need(found)
    if reader.problems:
        return None, tuple(reader.problems)
    if need is not None:
        found["new_need_id"] = need.id
    digest = _digest(found, need)
    timed = {"at": datetime.now(UTC), **found}
    if "key" not in timed:
        # The judge and the level's own text are part of it: two judges may look at one pair in the same second.
        keyed = found if timeless_key else timed
        timed["key"] = _digest({**keyed, "at": keyed.get("at", "")}, need).hex()[:_KEY_CHARS]
    return GivenFeedback(Feedback(**timed), digest, need), ()


def _digest(found: Mapping[str, Any], need: Need | None) -> bytes:
    texts = {name: str(value) for name, value in found.items()}
    if need is not None:
        texts["need"] = "\0".join((need.title, need.text))
    return blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=_DIGEST_BYTES).digest()


class _Reader:
    """Reads the fields of one feedback and notes what is wrong."""

    def __init__(self, values: Mapping[str, Any], options: IngestOptions) -> None:
        self._values = {name: value for name, value in values.items() if value is not None and value != ""}
        self._options = options
        self.problems: list[Problem] = []

    def read(self) -> dict[str, Any]:
        """What is given, by the names of `Feedback`."""
        found: dict[str, Any] = {}
        for name in _KINDS:
            found[name] = self._identity(name)
        for name in _WORDS:
            found[name] = self._text(name, MAX_WORD_CHARS, line=True)
        for name in ("reason", "note"):
            found[name] = self._text(name, MAX_NOTE_CHARS)
        found["query_text"] = self._text("query_text", self._options.max_text_chars)
        found["level"] = self._worded("level", level_word)
        found["event"] = self._event(found["level"] is not None)
        found["rank"], found["score"], found["at"] = self._rank(), self._score(), self._moment()
        if found["query_text"] is not None and found["query_id"] is None:
            text = blake2b(found["query_text"].encode(), digest_size=_DIGEST_BYTES).hexdigest()
            found["query_id"] = f"text-{text[:_KEY_CHARS]}"
        self._require(found)
        return {name: value for name, value in found.items() if value is not None}

    def need(self, found: Mapping[str, Any]) -> Need | None:
        """The need that came with the feedback, of the firm that returned it."""
        given = self._values.get("need")
        if given is None:
            parts = {"title": self._values.get("need_title"), "text": self._values.get("need_text")}
            given = {name: value for name, value in parts.items() if value is not None}
        elif not isinstance(given, Mapping):
            given = {"text": given}
        if found.get("event") is not Event.NEED_RETURNED:
            return None
        if not given:
            if "new_need_id" not in found:
                self._reject("missing_field", "need", event=found["event"])
            return None
        return self._new_need(dict(given), found)

    def _new_need(self, given: dict[str, Any], found: Mapping[str, Any]) -> Need | None:
        firm_id = found.get("firm_id")
        stated = given.setdefault("firm_id", firm_id)
        words = json.dumps(given, sort_keys=True, default=str)
        derived = blake2b(words.encode(), digest_size=_DIGEST_BYTES).hexdigest()
        wanted = str(found.get("new_need_id") or f"need-{derived[:_KEY_CHARS]}")
        outcome = record_of(Kind.NEEDS, given, record_id=wanted, options=self._options)
        self.problems += [replace(found, field=f"need.{found.field or 'text'}") for found in outcome.rejected]
        need = outcome.record if isinstance(outcome.record, Need) else None
        if need is not None and need.firm_id != firm_id:
            self._reject("unknown_record", "need.firm_id", stated)
        return need if need is None or need.status is not None else replace(need, status="open")

    def _require(self, found: Mapping[str, Any]) -> None:
        event = found["event"]
        if event is None:
            return
        if event in _NEEDED_PATENT and found["patent_id"] is None and not self._has("patent_id"):
            self._reject("missing_field", "patent_id", event=event)
        if event is Event.NEED_RETURNED and found["firm_id"] is None and not self._has("firm_id"):
            self._reject("missing_field", "firm_id", event=event)
        if event is Event.REJECTED and found["reason"] is None and not self._has("reason"):
            self._reject("missing_field", "reason", event=event)
        if event is Event.LEVEL and found["level"] is None and not self._has("level"):
            self._reject("missing_field", "level", event=event)
        asked = [found["firm_id"], found["need_id"], found["query_text"] if event is Event.LEVEL else None]
        if not any(asked) and not self._has("firm_id") and not self._has("need_id"):
            self._reject("missing_field", "firm_id", event=event)
        if found["query_id"] is not None and found["query_text"] is None and not self._has("query_text"):
            self._reject("missing_field", "query_text", event=event)

    def _event(self, judged: bool) -> Event | None:
        if "event" not in self._values:
            if judged:
                return Event.LEVEL  # a judges' table has a column for the level and none for the event
            if not self._has("level"):
                self._reject("missing_field", "event", event="feedback")
            return None
        return self._worded("event", event_word)

    def _worded(self, name: str, translate: Callable[[str], W | None]) -> W | None:
        if name not in self._values:
            return None
        word = as_text(self._values[name])
        found = None if word is None else translate(word)
        if found is None:
            self._reject(f"bad_{name}", name, self._values[name], words=", ".join(Event))
        return found

    def _identity(self, name: str) -> str | None:
        text = self._text(name, self._options.max_id_chars, line=True)
        if text is None:
            return None
        return kept_id(_KINDS[name], text)

    def _text(self, name: str, limit: int, *, line: bool = False) -> str | None:
        if name not in self._values:
            return None
        source = as_text(self._values[name])
        if source is None:
            self._reject("wrong_type", name, self._values[name], found=type(self._values[name]).__name__)
            return None
        text = (fold_line if line else fold_body)(source[: 4 * limit])
        if len(text) > limit or len(source) > 4 * limit:
            self._reject("too_long", name, source, length=len(source), limit=limit)
            return None
        return text or None

    def _rank(self) -> int | None:
        number = self._number("rank")
        if number is not None and not (number.is_integer() and 1 <= number <= _MOST_RANK):
            self._reject("bad_number", "rank", self._values["rank"])
            return None
        return None if number is None else int(number)

    def _score(self) -> float | None:
        return self._number("score")

    def _number(self, name: str) -> float | None:
        value = self._values.get(name)
        if value is None:
            return None
        try:
            number = float(value) if not isinstance(value, bool) else float("nan")
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if not isfinite(number):
            self._reject("bad_number", name, value)
            return None
        return number

    def _moment(self) -> datetime | None:
        value = self._values.get("at")
        if value is None:
            return None
        moment = moment_read(value, self._options.zone)
        if moment is None or moment > datetime.now(UTC) + _CLOCKS_APART:
            self._reject("bad_time", "at", value)
            return None
        return moment

    def _has(self, name: str) -> bool:
        """Whether something is already said about a field, so that it is not said to be missing as well."""
        return any(found.field == name for found in self.problems)

    def _reject(self, code: str, name: str, value: object = "", **facts: Any) -> None:  # noqa: ANN401
        self.problems.append(problem(code, name, value, **facts))

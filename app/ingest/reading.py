"""A file of other people, of any supported format, as a stream of outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from app.domain import AnyRecord, Kind
from app.errors import InputError
from app.ingest.building import record_in
from app.ingest.counters import CounterWatch, without_counters
from app.ingest.draft import Draft
from app.ingest.headings.headers import Plan, plan_columns, same_header
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.identities import id_expected
from app.ingest.outcomes import IngestOptions, RawRow, RowOutcome, SourceFile
from app.ingest.tables.delimited import DelimitedRows
from app.ingest.tables.encodings import detect_encoding
from app.ingest.tables.jsonlines import JsonRows
from app.ingest.tables.parquet import ParquetRows
from app.ingest.tables.streams import damage_named, is_gzipped, open_seekable, open_text
from app.ingest.tables.workbooks import WorkbookRows

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".xlsx": "xlsx", ".parquet": "parquet"}
"""Suffix -> format. Each may be followed by ``.gz``."""

_MAX_PLANS = 1_000
"""Sets of keys whose plan is remembered; a JSON Lines file with more has keys that are data."""

_ADVICE = {
    ".xls": ("; save it as .xlsx", "，请另存为 .xlsx"),
    ".json": ("; write one JSON object per line and name it .jsonl", "，请改为每行一个 JSON 对象并命名为 .jsonl"),
    ".txt": ("; name it .csv or .tsv", "，请改名为 .csv 或 .tsv"),
    ".zip": ("; unpack it first", "，请先解压"),
}


R = TypeVar("R")
Parse = Callable[[Draft], R | None]
"""Reads what a row holds, and notes in the draft what is wrong with it."""


class RowSource(Protocol):
    """What each format's reader offers."""

    @property
    def heading(self) -> Heading:
        """Where the headers are and what they say."""
        ...

    def rows(self) -> Iterator[RawRow]:
        """The rows below the header."""
        ...

    def close(self) -> None:
        """Give back files."""
        ...


class RowFile(Generic[R]):
    """One file's rows as outcomes. Iterate once, or use as a context manager to close it early.

    Attributes:
        source: what was recognised about it. A JSON Lines file is read ahead for its keys; keys that first come later
            are added while iterating.
    """

    def __init__(
        self, rows: RowSource, source: SourceFile, search: HeaderSearch, options: IngestOptions, parse: Parse[R]
    ) -> None:
        self._rows = rows
        self._source = source
        self._search = search
        self._options = options
        self._parse = parse
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._columns: dict[str, str] = {}
        self._ignored: dict[str, None] = {}
        self._profile: str | None = None
        self._counters = CounterWatch(self._plan_of, self._is_mapped)
        self._counted: list[str] = []
        self._unsaid: list[str] = []
        self._id_expected = self._expects(rows.heading.headers)

    @property
    def source(self) -> SourceFile:
        """What was recognised about the file so far."""
        return replace(
            self._source,
            columns=dict(self._columns),
            ignored=tuple(self._ignored),
            counters=tuple(self._counters.found),
            profile=self._profile,
        )

    def __enter__(self) -> RowFile[R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; iterating to the end does it too."""
        self._rows.close()

    def __iter__(self) -> Iterator[RowOutcome[R]]:
        """The outcome of each row that is not blank, in the file's order.

        Raises:
            InputError: the file turns out to be damaged.
        """
        try:
            with damage_named(self._source.name):
                for row in self._counters.settled(self._rows.rows()):
                    if len(self._counters.found) > len(self._counted):
                        self._leave_counters(row.headers)
                    yield self._outcome(row)
        finally:
            self.close()

    def _outcome(self, row: RawRow) -> RowOutcome[R]:
        raw = dict(zip(row.headers, row.cells, strict=False))
        if row.rejected is not None:
            return RowOutcome(row.number, None, (row.rejected,), (), raw)
        plan = self._plan_of(row.headers)
        cells = plan.rewritten(row.cells)
        draft = Draft(plan, cells, self._options, id_expected=self._id_expected, placeholders=True)
        if row.warning is not None:
            draft.warnings.append(row.warning)
        while self._unsaid:
            header = self._unsaid.pop()
            draft.warn("counter_id", "id", raw.get(header), header=header)
        return draft.outcome(row.number, self._parse(draft), raw)

    def _leave_counters(self, headers: tuple[str, ...]) -> None:
        """Read the rows from here on without the columns that turned out to count; the next of them says so."""
        self._unsaid = [header for header in self._counters.found if header not in self._counted]
        self._counted = list(self._counters.found)
        self._plans.clear()
        for header in self._unsaid:
            self._columns.pop(header, None)
        self._id_expected = self._expects(headers)

    def _expects(self, headers: tuple[str, ...]) -> bool:
        return id_expected(self._search.kind, self._plan_of(headers), self._search.mapping)

    def _is_mapped(self, header: str) -> bool:
        return any(ours == "id" and same_header(theirs, header) for theirs, ours in self._search.mapping.items())

    def _plan_of(self, headers: tuple[str, ...]) -> Plan:
        return self._plans.get(headers) or self._learn(headers)

    def _learn(self, headers: tuple[str, ...]) -> Plan:
        plan = plan_columns(headers, self._search.kind, self._search.mapping, self._search.profile)
        self._profile = self._profile or plan.profile
        plan = without_counters(plan, self._counters.found)
        if len(self._plans) < _MAX_PLANS:
            self._plans[headers] = plan
            self._columns.update(plan.columns)
            unused = (plan.headers[position] for position in plan.extras)
            self._ignored.update(dict.fromkeys(header for header in unused if header not in plan.columns))
        return plan


def read_records(
    path: Path,
    kind: Kind,
    *,
    mapping: Mapping[str, str] | None = None,
    profile: str | None = None,
    options: IngestOptions | None = None,
) -> RowFile[AnyRecord]:
    """Open a file of records; see `read_rows`."""
    return read_rows(path, kind, partial(record_in, kind), mapping=mapping, profile=profile, options=options)


def read_rows(
    path: Path,
    kind: str,
    parse: Parse[R],
    *,
    mapping: Mapping[str, str] | None = None,
    profile: str | None = None,
    options: IngestOptions | None = None,
) -> RowFile[R]:
    """Open a file and recognise its format, encoding and headers.

    Args:
        path: ``.jsonl .csv .tsv .xlsx .parquet``, each also with ``.gz``.
        kind: whose headers to look for: a kind of record, or another of `app.ingest.headings.synonyms.SYNONYMS`.
        parse: what a row of this kind is read into.
        mapping: their header -> our field, for headers that are not recognised or wrongly so.
        profile: the known export that it is to be read as; recognised by its headers where ``None``.
        options: what a row may hold; the defaults where ``None``.

    Raises:
        InputError: the file as a whole cannot be used. The message names it by its base name and says what to do.
    """
    options = options or IngestOptions()
    form = format_of(path)
    search = HeaderSearch(path.name, kind, mapping or {}, profile)
    with damage_named(path.name):
        compressed = is_gzipped(path)
        rows, encoding, sheet = _open(path, form, search, options)
    source = SourceFile(
        name=path.name, format=form, compressed=compressed, encoding=encoding, columns={}, ignored=(),
        header_row=rows.heading.row or None, sheet=sheet,
    )  # fmt: skip
    return RowFile(rows, source, search, options, parse)


def format_of(path: Path) -> str:
    """The format that the file's name promises.

    Raises:
        InputError: there is no such file, or its suffix is not supported.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] == ".gz"
    suffix = (suffixes[-2] if len(suffixes) > 1 else "") if packed else (suffixes[-1] if suffixes else "")
    if not path.is_file():
        raise InputError(f"{path.name}: there is no such file", f"{path.name}：文件不存在", code="no_file")
    if suffix not in FORMATS:
        advice, advice_zh = _ADVICE.get(suffix, ("", ""))
        raise InputError(
            f"{path.name}: files are read when they end in {', '.join(FORMATS)} (each also with .gz){advice}",
            f"{path.name}：支持的文件后缀为 {'、'.join(FORMATS)}（均可再加 .gz）{advice_zh}",
            code="unknown_format",
        )
    if packed and not is_gzipped(path):
        raise InputError(
            f"{path.name}: the name ends in .gz, but the content is not gzip; rename it to {path.stem}",
            f"{path.name}：文件名以 .gz 结尾，但内容不是 gzip 格式，请改名为 {path.stem}",
            code="not_gzip",
        )
    return FORMATS[suffix]


def _open(
    path: Path, form: str, search: HeaderSearch, options: IngestOptions
) -> tuple[RowSource, str | None, str | None]:
    if form in ("xlsx", "parquet"):
        stream = open_seekable(path)
        try:
            if form == "parquet":
                return ParquetRows(stream, search), None, None
            book = WorkbookRows(stream, search, options)
        except BaseException:
            stream.close()
            raise
        return book, None, book.sheet
    encoding = detect_encoding(path)
    text = open_text(path, encoding.name)
    try:
        if form == "jsonl":
            return JsonRows(text, search, options, encoding), encoding.name, None
        return DelimitedRows(text, form, search, options, encoding), encoding.name, None
    except BaseException:
        text.close()
        raise

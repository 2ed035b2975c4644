"""Opening a file of any supported format by what it holds, whatever its name says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch
from app.ingest.outcomes import IngestOptions, RawRow
from app.ingest.tables.archives import Member, only_member
from app.ingest.tables.contents import ARCHIVE, TEXT, content_of, is_json_lines, looks_like_table, refusal
from app.ingest.tables.delimited import DelimitedRows
from app.ingest.tables.encodings import detect_encoding
from app.ingest.tables.grids import GridRows, Table
from app.ingest.tables.jsonlines import JsonRows
from app.ingest.tables.parquet import ParquetRows
from app.ingest.tables.streams import is_gzipped, open_seekable, open_text

FORMATS = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".txt": "csv", ".xlsx": "xlsx",
    ".xlsm": "xlsx", ".xlsb": "xlsb", ".xls": "xls", ".et": "xls", ".ods": "ods", ".html": "html", ".htm": "html",
    ".parquet": "parquet", ".zip": "zip",
}  # fmt: skip
"""Suffix -> what its name promises. Each may be followed by ``.gz``."""

_TEXTS = frozenset(("csv", "tsv", "jsonl"))
_WORKBOOKS = frozenset(("xlsx", "xlsb", "xls", "ods"))
_IN_ARCHIVES = tuple(suffix for suffix in FORMATS if suffix != ".zip")

_ADVICE = {
    ".json": ("; write one JSON object per line and name it .jsonl", "，请改为每行一个 JSON 对象并命名为 .jsonl"),
    ".xls": ("; by its content it is a text without columns", "；从内容看它是没有分列的文本"),
}

_NAMES = {
    "xlsx": ("an .xlsx workbook", ".xlsx 工作簿"),
    "xlsb": ("an .xlsb workbook", ".xlsb 工作簿"),
    "xls": ("an .xls workbook", ".xls 工作簿"),
    "ods": ("an .ods workbook", ".ods 工作簿"),
    "html": ("a web page", "网页（HTML）"),
    "xml": ("a spreadsheet in XML of Excel 2003", "Excel 2003 XML 表格"),
    "parquet": ("Parquet", "Parquet 文件"),
    "csv": ("text with separators", "分隔符文本"),
    "tsv": ("text with tabs", "制表符分隔文本"),
    "jsonl": ("JSON Lines", "JSON Lines 文本"),
}


class RowSource(Protocol):
    """What each format's reader offers."""

    @property
    def tables(self) -> Sequence[Table]:
        """The sheets that are read, in order; of a format without sheets the one table that it is."""
        ...

    @property
    def all_tables(self) -> Sequence[Table]:
        """Those that are left, too."""
        ...

    def rows(self) -> Iterator[RawRow]:
        """The rows below the headers."""
        ...

    def close(self) -> None:
        """Give back files."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A file with its reader, and what was found on the way to it."""

    rows: RowSource
    form: str
    compressed: bool
    encoding: str | None
    notes: tuple[tuple[str, str], ...]


def open_rows(path: Path, search: HeaderSearch, options: IngestOptions) -> Opened:
    """Open a file by its content.

    Raises:
        InputError: the file as a whole cannot be used. The message names it by its base name and says what to do.
        MonsterError: it would fill memory.
    """
    suffix, compressed = _promised(path)
    form = content_of(path)
    if error := refusal(path.name, form):
        raise error
    if form == ARCHIVE:
        member = only_member(path, _IN_ARCHIVES)
        try:
            return _of_member(member, search, options)
        except BaseException:
            member.close()
            raise
    form = _settled(path, suffix, form)
    rows, encoding = _reader(path, form, search, options)
    return Opened(rows, form, compressed, encoding, _misnamed(suffix, form) + _notes_of(rows))


def _of_member(member: Member, search: HeaderSearch, options: IngestOptions) -> Opened:
    suffix, _ = _promised(member.path, search.name)
    form = content_of(member.path)
    if error := refusal(search.name, form):
        raise error
    if form == ARCHIVE:
        raise InputError(
            f"{search.name}: the archive holds another archive; unpack it first",
            f"{search.name}：压缩包内还是压缩包，请先解压",
            code="unknown_format",
        )
    form = _settled(member.path, suffix, form, search.name)
    rows, encoding = _reader(member.path, form, search, options)
    notes = [*_misnamed(suffix, form), *_notes_of(rows)]
    if member.others:
        held = ", ".join(member.others[:10])
        notes.append((f"left unread in the archive: {held}", f"压缩包内未读取的文件：{held}"))
    return Opened(_Unpacked(rows, member.close), form, True, encoding, tuple(notes))


def _notes_of(rows: RowSource) -> tuple[tuple[str, str], ...]:
    return rows.notes if isinstance(rows, GridRows) else ()


class _Unpacked:
    """The reader of a file that was unpacked, which goes when it is closed."""

    def __init__(self, rows: RowSource, discard: Callable[[], None]) -> None:
        self.rows = rows.rows
        self.tables = rows.tables
        self.all_tables = rows.all_tables
        self._close = rows.close
        self._discard = discard

    def close(self) -> None:
        """Close the file and give the disk space back."""
        self._close()
        self._discard()


def _promised(path: Path, name: str | None = None) -> tuple[str, bool]:
    """The suffix that says what the file is, and whether it is gzipped.

    Raises:
        InputError: there is no such file, or it only calls itself gzipped.
    """
    name = name or path.name
    if not path.is_file():
        raise InputError(f"{name}: there is no such file", f"{name}：文件不存在", code="no_file")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    named = bool(suffixes) and suffixes[-1] == ".gz"
    packed = is_gzipped(path)
    if named and not packed:
        raise InputError(
            f"{name}: the name ends in .gz, but the content is not gzip; rename it to {path.stem}",
            f"{name}：文件名以 .gz 结尾，但内容不是 gzip 格式，请改名为 {path.stem}",
            code="not_gzip",
        )
    if named:
        suffixes.pop()
    return (suffixes[-1] if suffixes else ""), packed


def _settled(path: Path, suffix: str, form: str, name: str | None = None) -> str:
    """The format that content of this form under this name is read as.

    Raises:
        InputError: neither says that it is a table.
    """
    name = name or path.name
    promised = FORMATS.get(suffix)
    if form == "damaged zip":
        # Its own reader says what is wrong with it.
        return promised if promised in _WORKBOOKS else "xlsx"
    if form == "xml" and suffix not in FORMATS and suffix != ".xml":
        raise _unknown(name, suffix)
    if form != TEXT:
        return form
    if promised == "parquet":
        return promised
    if suffix == ".json" and is_json_lines(path):
        return "jsonl"
    if promised is None or (suffix == ".xls" and not looks_like_table(path)):
        with suppress(OSError):
            if promised is not None and not path.stat().st_size:
                return "csv"
        raise _unknown(name, suffix)
    if promised in _TEXTS:
        return promised
    return "csv" if looks_like_table(path) or promised == "html" else promised if promised in _WORKBOOKS else "csv"


def _unknown(name: str, suffix: str) -> InputError:
    advice, advice_zh = _ADVICE.get(suffix, ("", ""))
    return InputError(
        f"{name}: files are read when they end in {', '.join(FORMATS)} (each also with .gz){advice}",
        f"{name}：支持的文件后缀为 {'、'.join(FORMATS)}（均可再加 .gz）{advice_zh}",
        code="unknown_format",
    )


def _misnamed(suffix: str, form: str) -> tuple[tuple[str, str], ...]:
    """What to say of content that the name does not promise."""
    promised = FORMATS.get(suffix)
    if (
        promised == form
        or form not in _NAMES
        or {promised, form} == {"csv", "tsv"}
        or (suffix, form) == (".xml", "xml")
    ):
        return ()
    what, what_zh = _NAMES[form]
    if not suffix:
        return ((f"its name says nothing, by its content it is {what}", f"文件名无后缀，从内容看是{what_zh}"),)
    return ((f"its name ends in {suffix}, by its content it is {what}", f"文件后缀为 {suffix}，从内容看是{what_zh}"),)


def _reader(path: Path, form: str, search: HeaderSearch, options: IngestOptions) -> tuple[RowSource, str | None]:
    """The reader of the format, and the encoding of a text."""
    if form in _WORKBOOKS or form == "parquet":
        stream = open_seekable(path)
        try:
            if form == "parquet":
                return ParquetRows(stream, search), None
            # Imported here as pyarrow is: most files need neither.
            from app.ingest.tables.workbooks import WorkbookRows

            return WorkbookRows(stream, form, search, options), None
        except BaseException:
            stream.close()
            raise
    if form == "html":
        from app.ingest.tables.htmltables import HtmlRows

        page = HtmlRows(path, search, options)
        return page, page.encoding
    if form == "xml":
        from app.ingest.tables.spreadsheetml import SpreadsheetMlRows

        return SpreadsheetMlRows(path, search, options), None
    encoding = detect_encoding(path)
    text = open_text(path, encoding.name)
    try:
        if form == "jsonl":
            return JsonRows(text, search, options, encoding), encoding.name
        return DelimitedRows(text, form, search, options, encoding), encoding.name
    except BaseException:
        text.close()
        raise

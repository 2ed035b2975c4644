"""Workbooks of every kind - .xlsx .xlsm .xlsb .xls .ods - by calamine, looked over before they are loaded."""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any
from xml.etree.ElementTree import ParseError, fromstring
from xml.parsers.expat import ExpatError

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorkbookClosed,
)

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch
from app.ingest.outcomes import IngestOptions
from app.ingest.tables.binary import scan_binary_sheet
from app.ingest.tables.compound import Compound, DamagedError, scan_workbook, workbook_stream
from app.ingest.tables.grids import Grid, GridRows, Merge, Rows
from app.ingest.tables.monsters import (
    MAX_SHEET_BYTES,
    MAX_UNPACKED,
    MonsterError,
    check_ratio,
)
from app.ingest.tables.opendocument import scan_content
from app.ingest.tables.richtext import powers
from app.ingest.tables.sheetxml import Shape, Texts, check_copies, refuse_doctype, scan_sheet, scan_texts

_FAULTS = (
    zipfile.BadZipFile, zlib.error, EOFError, ParseError, ExpatError, ValueError, TypeError, LookupError, struct.error,
    NotImplementedError, RuntimeError, OSError, CalamineError,
)  # fmt: skip
"""What reading a damaged workbook raises."""

_KEPT_CELLS = 1_000_000
"""Sheets of this many cells in all stay loaded between the look at their headers and the reading of their rows."""

_MAX_PARTS = 10_000
_MAX_LIST_BYTES = 16 << 20
_TEXTS = "sharedstrings.xml"


class WorkbookRows(GridRows):
    """The rows of the sheets of a workbook.

    Args:
        stream: a seekable file with the workbook; owned and closed by this object.
        form: ``xlsx``, ``xlsb``, ``xls`` or ``ods``.
        search: how to find the header rows.
        options: what a row may hold.

    Raises:
        InputError: the file is no workbook, would fill memory, or no sheet has headers that are known.
    """

    def __init__(self, stream: IO[bytes], form: str, search: HeaderSearch, options: IngestOptions) -> None:
        self._stream = stream
        self._name = search.name
        self._loaded: dict[int, CalamineSheet] = {}
        self._room = _KEPT_CELLS
        shapes = self._guarded(lambda: _SCANS[form](stream))
        if shapes is None:
            raise self._locked()
        self.notes = _uncalculated(sum(shape.uncalculated for shape in shapes.values()))
        self._book: CalamineWorkbook = self._guarded(lambda: _opened(stream))
        try:
            sheets = self._guarded(lambda: self._book.sheets_metadata)
            if not sheets:
                raise self._damaged("it has no sheets", "其中没有工作表")
            super().__init__(
                [self._grid(place, sheet, shapes) for place, sheet in enumerate(sheets)], search, options, self._shut
            )
        except BaseException:
            self._book.close()
            raise

    def _shut(self) -> None:
        self._loaded.clear()
        with suppress(WorkbookClosed):
            self._book.close()
        self._stream.close()

    def _grid(self, place: int, sheet: SheetMetadata, shapes: dict[str | int, Shape]) -> Grid:
        shape = shapes.get(sheet.name) or shapes.get(place)
        unfit = None
        if sheet.typ is not SheetTypeEnum.WorkSheet:
            unfit = ("it is a chart or a macro, not a table", "为图表或宏，不是数据表")
        merges = shape.merges if shape else []
        if shape is None or (not merges and shape.name is None):
            merges = self._merges(place) if unfit is None else []
        return Grid(
            name=sheet.name,
            rows=lambda: _mended(self._rows(place), shape) if shape else self._rows(place),
            hidden=sheet.visible is not SheetVisibleEnum.Visible,
            merges=merges,
            hidden_rows=frozenset(shape.hidden_rows) if shape else frozenset(),
            unfit=unfit,
        )

    def _merges(self, place: int) -> list[Merge]:
        """The merged ranges as the reader knows them; none where it does not."""
        ranges = self._guarded(lambda: self._sheet(place).merged_cell_ranges) or []
        return [Merge(top + 1, bottom + 1, left, right) for (top, left), (bottom, right) in ranges]

    def _sheet(self, place: int) -> CalamineSheet:
        if place in self._loaded:
            return self._loaded[place]
        sheet = self._book.get_sheet_by_index(place)
        cells = sheet.height * sheet.width
        if not self._loaded or cells <= self._room:
            self._loaded[place] = sheet
            self._room -= cells
        return sheet

    def _rows(self, place: int) -> Iterator[tuple[int, Sequence[Any]]]:
        """All rows, numbered from 1."""
        sheet = self._guarded(lambda: self._sheet(place))
        rows = self._guarded(sheet.iter_rows)
        number = 0
        while True:
            row = self._guarded(lambda: next(rows, None))
            if row is None:
                return
            number += 1
            yield number, row

    def _guarded(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the act gives
        try:
            return act()
        except MonsterError as error:
            raise error.named(self._name) from error
        except PasswordError as error:
            raise self._locked() from error
        except _FAULTS as error:
            raise self._damaged(
                "it is no workbook, is damaged or has a password", "它不是有效的工作簿、已损坏或设有密码"
            ) from error
        except BaseException as error:
            # The reader is written in Rust; what it did not foresee comes as an exception of no common kind.
            if type(error).__name__ != "PanicException":
                raise
            raise self._damaged("it is damaged", "文件已损坏") from error

    def _damaged(self, why: str, why_zh: str) -> InputError:
        return InputError(
            f"{self._name}: the workbook cannot be read: {why}; open it in a spreadsheet program and save it again",
            f"{self._name}：无法读取工作簿：{why_zh}，请用表格软件打开并重新另存为 .xlsx",
            code="damaged_file",
        )

    def _locked(self) -> InputError:
        return InputError(
            f"{self._name}: the workbook has a password; open it, take the password off, and save it as .xlsx",
            f"{self._name}：工作簿设有密码，请打开后取消密码并另存为 .xlsx",
            code="password",
        )


def _mended(rows: Rows, shape: Shape) -> Rows:
    """The rows with what their reader leaves out."""
    rows = _with_constants(rows, shape) if shape.constants else rows
    return _with_powers(rows, shape.powers) if shape.powers else rows


def _with_powers(rows: Rows, powers: dict[str, str]) -> Rows:
    for number, row in rows:
        yield number, [powers.get(cell, cell) if cell.__class__ is str else cell for cell in row]


def _with_constants(rows: Rows, shape: Shape) -> Rows:
    """The rows with what formulas show that need no calculation; the reader may end before the last of them."""
    constants = shape.constants
    number = 0
    for number, row in rows:
        yield number, _filled_in(row, constants[number]) if number in constants else row
    for beyond in sorted(row for row in constants if row > number):
        yield beyond, _filled_in((), constants[beyond])


def _filled_in(row: Sequence[Any], texts: dict[int, str]) -> list[Any]:
    cells = list(row)
    cells.extend([""] * (max(texts) + 1 - len(cells)))
    for place, text in texts.items():
        cells[place] = text
    return cells


def _uncalculated(formulas: int) -> tuple[tuple[str, str], ...]:
    if not formulas:
        return ()
    return (
        (
            f"{formulas:,} formulas have no stored value and count as empty; open the workbook in a spreadsheet program"
            " and save it",
            f"{formulas:,} 个公式没有保存计算结果，按空单元格处理；请用表格软件打开并重新保存",
        ),
    )


def _opened(stream: IO[bytes]) -> CalamineWorkbook:
    stream.seek(0)
    return CalamineWorkbook.from_filelike(stream)


def _parts(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The parts of a workbook by name in lower case, sizes checked."""
    entries = archive.infolist()
    if len(entries) > _MAX_PARTS:
        raise MonsterError(f"it has more than {_MAX_PARTS:,} parts", f"内部文件超过 {_MAX_PARTS:,} 个")
    total = 0
    for entry in entries:
        check_ratio(entry.compress_size, entry.file_size)
        total += entry.file_size
        if entry.file_size > MAX_SHEET_BYTES or total > MAX_UNPACKED:
            raise MonsterError("it unpacks to more than 2 GB", "解压后超过 2 GB")
    check_ratio(sum(entry.compress_size for entry in entries), total)
    parts = {entry.filename.replace("\\", "/").lower(): entry for entry in entries}
    if len(parts) != len(entries):
        raise zipfile.BadZipFile
    return parts


def _drain(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack a part to see that it is no larger than the list of parts says."""
    with archive.open(entry) as part:
        while part.read(_MAX_LIST_BYTES):
            pass


def _small(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:  # noqa: ANN401 - an element
    """A small part as a tree."""
    if entry.file_size > _MAX_LIST_BYTES:
        raise MonsterError("its lists of sheets or styles have more than 16 MB", "工作表清单或样式表超过 16 MB")
    content = archive.read(entry)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        refuse_doctype()
    return fromstring(content)  # noqa: S314 - no document type, no entities


def _sheet_parts(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], book: str) -> dict[str, str]:
    """Relation -> part, for the sheets of the workbook in the part ``book``."""
    folder, _, file = book.rpartition("/")
    entry = parts.get(f"{folder}/_rels/{file}.rels".lstrip("/"))
    if entry is None:
        raise zipfile.BadZipFile
    found = {}
    for node in _small(archive, entry):
        target = node.get("Target", "").replace("\\", "/")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[node.get("Id", "")] = path.lower()
    return found


def _scan_xlsx(stream: IO[bytes]) -> dict[str | int, Shape]:
    stream.seek(0)
    with zipfile.ZipFile(stream) as archive:
        parts = _parts(archive)
        book = next((name for name in parts if name.rpartition("/")[2] == "workbook.xml"), None)
        if book is None:
            raise zipfile.BadZipFile
        relations = _sheet_parts(archive, parts, book)
        texts = Texts.none()
        raised: dict[str, str] = {}
        for name, entry in parts.items():
            if name.endswith(_TEXTS):
                with archive.open(entry) as part:
                    texts = scan_texts(part)
                if texts.raised:
                    with archive.open(entry) as part:
                        raised = powers(part)
            elif name.endswith("styles.xml"):
                _small(archive, entry)
        shapes: dict[str | int, Shape] = {}
        for node in _small(archive, parts[book]).iter():
            if node.tag.rpartition("}")[2] != "sheet":
                continue
            relation = next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == "id"), "")
            part_entry = parts.get(relations.get(relation, ""))
            if part_entry is None or "worksheets" not in part_entry.filename.lower():
                continue
            with archive.open(part_entry) as part:
                shape = scan_sheet(part, node.get("name", ""))
            check_copies(shape, texts, lambda entry=part_entry: archive.open(entry))  # type: ignore[misc]
            shape.powers = raised
            shapes[node.get("name", "")] = shape
        return shapes


def _scan_xlsb(stream: IO[bytes]) -> dict[str | int, Shape]:
    stream.seek(0)
    with zipfile.ZipFile(stream) as archive:
        for name, entry in _parts(archive).items():
            if name.startswith("xl/worksheets/") and name.endswith(".bin"):
                with archive.open(entry) as part:
                    scan_binary_sheet(part)
            elif name.endswith(".bin"):
                _drain(archive, entry)
    return {}


def _scan_ods(stream: IO[bytes]) -> dict[str | int, Shape] | None:
    stream.seek(0)
    with zipfile.ZipFile(stream) as archive:
        parts = _parts(archive)
        manifest = parts.get("meta-inf/manifest.xml")
        if manifest is not None and any(
            node.tag.rpartition("}")[2] == "encryption-data" for node in _small(archive, manifest).iter()
        ):
            return None
        with archive.open(parts["content.xml"]) as part:
            return dict(enumerate(scan_content(part)))


def _scan_xls(stream: IO[bytes]) -> dict[str | int, Shape] | None:
    book = Compound(stream)
    content = workbook_stream(book)
    if content is None:
        raise DamagedError
    shapes, locked = scan_workbook(content)
    return None if locked else dict(enumerate(shapes))


_SCANS: dict[str, Callable[[IO[bytes]], dict[str | int, Shape] | None]] = {
    "xlsx": _scan_xlsx,
    "xlsb": _scan_xlsb,
    "ods": _scan_ods,
    "xls": _scan_xls,
}

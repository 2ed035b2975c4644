"""Files made, or gone wrong, so as to fill memory: the limits that they are measured by, and how each is refused."""

from __future__ import annotations

from app.errors import InputError

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
"""What a sheet of a spreadsheet program holds at most; a text file has no more columns either."""

MAX_RATIO = 250
"""Times that packed content may grow: tables of words and numbers grow 5 to 40 times, nothing but zeros a thousand."""

FREE_BYTES = 32 << 20
"""Content of this size is unpacked whatever its ratio."""

MAX_UNPACKED = 4 << 30
"""Bytes of one file in an archive, unpacked to disk."""

MAX_SHEET_BYTES = 2 << 30
"""Bytes of the XML of one sheet, or of the texts of a workbook."""

MAX_CELLS = 20_000_000
"""Cells of a sheet that is read as a whole."""

FREE_RECTANGLE = 2_000_000
MAX_SPARSE = 8
"""The rectangle of a sheet is held in memory: a larger one than the former must have one cell in so many filled."""

MAX_TEXT_BYTES = 1 << 30
FREE_TEXT_BYTES = 64 << 20
MAX_TEXT_COPIES = 64
"""Texts are stored once and copied to each cell that shows them: over the former, so many times the text at most."""

MAX_MERGES = 200_000
"""Merged ranges of a sheet that are kept; what lies behind them is read as it stands."""

MAX_FIELD_BYTES = 16 << 20
"""One cell of a workbook; spreadsheet programs hold 32,767 characters."""


class MonsterError(Exception):
    """Content that is refused before it fills memory; says why in English and in Chinese."""

    def __init__(self, why: str, why_zh: str) -> None:
        super().__init__(why)
        self.why = why
        self.why_zh = why_zh

    def named(self, name: str) -> InputError:
        """The error as people see it."""
        return InputError(
            f"{name}: the file is refused: {self.why}; save the table alone as a new .xlsx or as CSV UTF-8",
            f"{name}：拒绝读取该文件：{self.why_zh}，请将数据表单独另存为新的 .xlsx 或 CSV UTF-8 文件",
            code="monster",
        )


def check_ratio(packed: int, unpacked: int) -> None:
    """Check what came of packed bytes so far.

    Raises:
        MonsterError: no real table grows so much.
    """
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        times = unpacked // max(packed, 1)
        raise MonsterError(
            f"its packed content grows {times:,} times, as no table does",
            f"压缩内容解压后膨胀 {times:,} 倍，不是正常的数据表",
        )


def check_rectangle(rows: int, columns: int, filled: int, sheet: str | None) -> None:
    """Check the rectangle that a sheet's cells span.

    Raises:
        MonsterError: it is larger than a sheet can be, or nearly all of it is empty.
    """
    where, where_zh = (f"the sheet {sheet!r}", f"工作表“{sheet}”") if sheet else ("a sheet", "工作表")
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise MonsterError(
            f"{where} has a cell in row {rows:,}, column {columns:,}, beyond the limits of a sheet",
            f"{where_zh}在第 {rows:,} 行第 {columns:,} 列有单元格，超出工作表的上限",
        )
    if rows * columns > FREE_RECTANGLE and rows * columns > MAX_SPARSE * filled:
        raise MonsterError(
            f"{where} spans {rows:,} rows by {columns:,} columns, of which {filled:,} cells are filled; "
            "delete what stands far from the table",
            f"{where_zh}跨 {rows:,} 行 {columns:,} 列，其中仅 {filled:,} 个单元格有内容，请删除远离数据区的单元格",
        )
    if filled > MAX_CELLS:
        raise MonsterError(f"{where} has more than {MAX_CELLS:,} cells", f"{where_zh}的单元格超过 {MAX_CELLS:,} 个")

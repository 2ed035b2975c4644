"""What became of a file, and how it was read, for people: in Chinese and English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.ingest import FEEDBACK, GRADES, INDUSTRIES, SheetRead
from app.records.report import FIRST_ROWS, LoadReport, is_record_kind
from scripts.console import Shell, listed

_RECORD_COLUMNS = ("added", "changed", "unchanged", "repeated", "rejected")
_COLUMNS = {
    INDUSTRIES: ("pairs", "rejected", "patents looked at", "changed"),
    GRADES: ("changed", "unchanged", "rejected"),
    FEEDBACK: ("recorded", "known", "unanswered", "needs", "rejected"),
}
"""Counts that are shown of a file that was loaded, by its kind."""

_MOST_SHOWN = 20
"""Columns, words and the like in one table; the whole is in `--json`."""

_LEFT_OUT = {
    "section": "titles of sections · 分节标题行",
    "total": "totals · 合计行",
    "unit": "units and numbers of columns · 单位或栏次行",
    "note": "notes · 说明行",
    "header": "repeated headers · 重复表头",
    "example": "examples · 示例行",
    "other_table": "rows of another table, not read · 其他表格的行（未读取）",
}
"""What rows that are no records are, as `SheetRead.skipped` calls them."""


def show_load(shell: Shell, report: LoadReport) -> None:
    """How a file was read, a row of counts, why rows were rejected, and where they are listed."""
    if is_record_kind(report.kind):
        _show_reading(shell, report)
    else:
        _show_unread(shell, report.sheets)
    for note, note_zh in report.notes:
        shell.line(f"{note} · {note_zh}")
    counts = report.as_json() | {"patents looked at": report.patents}
    columns = _COLUMNS.get(report.kind, _RECORD_COLUMNS)
    row = {name: counts[name] for name in ("file", "rows", *columns)} | {"seconds": f"{report.seconds:.1f}"}
    if "added" in counts:
        row["rows/s"] = f"{report.rows / report.seconds:,.0f}" if report.seconds else ""
    shell.rows([row])
    if report.kind == INDUSTRIES and not report.replaced:
        shell.line("no row could be used: the mapping stays as it was · 没有可用的行，对照表保持不变")
    for line in _findings(report, counts.get("warnings")):
        shell.line(line)
    if report.rejects:
        shell.line(f"rejects and warnings · 退回与警告: {report.rejects}")
    if report.load:
        shell.line(f"load · 加载记录: {report.load}")
    if report.dry_run:
        shell.line("nothing was written: this was a dry run · 试运行，未写入任何数据")


def _findings(report: LoadReport, warnings: Mapping[str, int] | None) -> Iterator[str]:
    for title, reasons in (("rejected · 退回", report.reasons), ("warnings · 警告", warnings)):
        if reasons:
            shown = (
                f"{code} {times} (rows · 行 {_first_rows(report, code)}{', …' if times > FIRST_ROWS else ''})"
                for code, times in Counter(reasons).most_common()
            )
            yield f"{title}: {'; '.join(shown)}"
    if report.merged:
        yield f"rows joined with what was known · 与已有内容合并的行: {report.merged}"
    if report.apart:
        yield f"texts in another language, kept in extra · 其他语言的文本，存入 extra: {report.apart}"
    if report.emptied:
        yield f"stored values emptied · 已清空的已有值: {listed(dict(report.emptied.most_common()))}"
    if report.counters:
        yield f"columns that merely count and are no ids · 仅为序号、不作为编号的列: {', '.join(report.counters)}"


def _first_rows(report: LoadReport, code: str) -> str:
    """The first rows of a reason, with their sheets where several were read."""
    several = sum(sheet.read for sheet in report.sheets) > 1
    places = report.first_rows.get(code, ())
    return ", ".join(f"{place.sheet}!{place.row}" if several else str(place.row) for place in places)


def _show_reading(shell: Shell, report: LoadReport) -> None:
    source = report.source
    if source is None:
        return
    facts = [("format · 格式", source.format + (" (gzip)" if source.compressed else ""))]
    facts += [("profile · 来源", source.profile)] if source.profile else []
    facts += [("encoding · 编码", source.encoding)] if source.encoding else []
    shell.line(f"how {report.file} was read · 读取方式: " + ", ".join(f"{name} {value}" for name, value in facts))
    _show_sheets(shell, report.sheets)
    _show_columns(shell, report)
    fields = report.fields
    rows = [(name, filled, _share(filled, report.rows)) for name, filled in fields.items()]
    if rows:
        shell.table(("field · 字段", "filled · 有值", "share · 填充率"), rows)
    words = [(name, word, times) for (name, word), times in report.words.most_common(_MOST_SHOWN)]
    if words:
        shell.table(("field · 字段", "unknown word · 未识别词", "times · 次数"), words)
        _more(shell, len(report.words))


def _show_sheets(shell: Shell, sheets: Sequence[SheetRead]) -> None:
    if len(sheets) == 1 and sheets[0].name is None and not sheets[0].skipped:
        rows = sheets[0].header_rows
        if rows:
            shell.line(f"header row · 表头行: {', '.join(map(str, rows))}")
        return
    shell.table(
        ("sheet · 工作表", "read · 已读", "rows · 行", "header rows · 表头行", "hidden · 隐藏", "note · 说明"),
        [
            (
                sheet.name or "",
                "yes · 是" if sheet.read else "no · 否",
                sheet.rows,
                ", ".join(map(str, sheet.header_rows)),
                ("sheet · 整表" if sheet.hidden else "")
                or (f"{sheet.hidden_rows} rows · 行" if sheet.hidden_rows else ""),
                "; ".join(filter(None, (_why(sheet), _left_out(sheet)))),
            )
            for sheet in sheets
        ],
    )


def _show_unread(shell: Shell, sheets: Sequence[SheetRead]) -> None:
    """Sheets that hold something and were not read."""
    for sheet in sheets:
        if not sheet.read and sheet.rows:
            shell.line(f"sheet not read · 未读工作表: {sheet.name or ''}: {_why(sheet)}")


def _left_out(sheet: SheetRead) -> str:
    return listed({_LEFT_OUT.get(what, what): times for what, times in sheet.skipped.items()}) if sheet.skipped else ""


def _why(sheet: SheetRead) -> str:
    return " · ".join(filter(None, (sheet.why, sheet.why_zh)))


def _show_columns(shell: Shell, report: LoadReport) -> None:
    columns: dict[str, str] = {}
    for sheet in report.sheets:
        for one in sheet.columns:
            columns.setdefault(one.header, one.field or "")
    used = [(header, ours) for header, ours in columns.items() if ours]
    if used:
        shell.table(("column · 列", "field · 字段"), used[:_MOST_SHOWN])
        _more(shell, len(used))
    if report.ignored:
        shown = ", ".join(report.ignored[:_MOST_SHOWN]) + (", …" if len(report.ignored) > _MOST_SHOWN else "")
        shell.line(f"kept as extra columns · 存入 extra 的列: {shown}")


def _more(shell: Shell, count: int) -> None:
    if count > _MOST_SHOWN:
        shell.line(f"… {count - _MOST_SHOWN} more · 另有 {count - _MOST_SHOWN} 项")


def _share(filled: int, rows: int) -> str:
    return f"{filled / rows:.0%}" if rows else ""

"""The words of every problem that a row can have, as data: code -> reason and fix in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.ingest.outcomes import Problem

DISPLAY_CHARS = 200
"""How much of a value a problem shows: enough to find the cell, short enough for a table."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates; ``{field}`` and the facts handed to :func:`problem` are filled in."""

    reason: str
    reason_zh: str
    fix: str
    fix_zh: str


WORDINGS: dict[str, Wording] = {
    # A row with one of these is rejected.
    "missing_id": Wording(
        "the row has no id",
        "该行缺少编号",
        "fill in the id column of this row",
        "请补填该行的编号列",
    ),
    "missing_title": Wording(
        "the row has no title",
        "该行缺少名称",
        "fill in the title; an abstract alone is not enough",
        "请补填名称，仅有摘要不够",
    ),
    "missing_name": Wording(
        "the row has no enterprise name",
        "该行缺少企业名称",
        "fill in the enterprise's name",
        "请补填企业名称",
    ),
    "missing_text": Wording(
        "the row has neither a title nor a text",
        "该行既无需求名称也无需求描述",
        "fill in the need's title or description",
        "请补填需求名称或需求描述",
    ),
    "too_long": Wording(
        "{field} has {length} characters; at most {limit} are allowed",
        "{field} 有 {length} 个字符，最多允许 {limit} 个",
        "shorten the text, or check whether several rows ran into one",
        "请缩短文本，或检查是否多行内容混入了一个单元格",
    ),
    "bad_id": Wording(
        "the id holds characters that are damaged or cannot be shown",
        "编号中含有损坏或不可显示的字符",
        "export the file again in UTF-8 and check the id",
        "请以 UTF-8 重新导出文件并检查编号",
    ),
    "id_destroyed": Wording(
        "a spreadsheet program turned the code into a rounded number; its last digits are lost",
        "表格软件已将代码转为数值，末尾数字已丢失",
        "format the column as text, enter or export the codes again, then ingest again",
        "请将该列设为“文本”格式，重新填写或导出代码后再导入",
    ),
    "wrong_type": Wording(
        "{field} is {found}, not a text",
        "{field} 的值是 {found}，不是文本",
        "write {field} as a text",
        "请将 {field} 写成文本",
    ),
    "ragged_row": Wording(
        "the row has {found} cells where the header has {expected}",
        "该行有 {found} 个单元格，而表头有 {expected} 个",
        "put cells that hold the separator or a line break in double quotes, or save as .xlsx",
        "含有分隔符或换行的单元格请用英文双引号括起来，或另存为 .xlsx",
    ),
    "unclosed_quote": Wording(
        "a double quote is opened in this row and never properly closed",
        "该行有未正确闭合的双引号",
        "close the quote, or double every quote inside a quoted cell",
        "请补全双引号；单元格内的双引号须写成两个",
    ),
    "row_too_long": Wording(
        "the row has more than {limit} characters",
        "该行超过 {limit} 个字符",
        "look for an unclosed quote or a missing line break",
        "请检查是否有未闭合的引号或缺少换行",
    ),
    "repeated_header": Wording(
        "the row repeats the header",
        "该行重复了表头",
        "delete the row; two files were probably joined",
        "请删除该行，可能是多个文件拼接所致",
    ),
    "bad_json": Wording(
        "the line is not valid JSON: {detail}",
        "该行不是有效的 JSON：{detail}",
        "write one JSON object per line",
        "请每行写一个 JSON 对象",
    ),
    "not_an_object": Wording(
        "the line holds {found}, not a JSON object",
        "该行是 {found}，不是 JSON 对象",
        "write one JSON object per line",
        "请每行写一个 JSON 对象",
    ),
    "too_many_fields": Wording(
        "the record has {found} fields; at most {limit} are allowed",
        "记录有 {found} 个字段，最多允许 {limit} 个",
        "send only what belongs to the record",
        "请只发送属于该记录的字段",
    ),
    "field_name_too_long": Wording(
        "a field's name has {length} characters; at most {limit} are allowed",
        "字段名有 {length} 个字符，最多允许 {limit} 个",
        "check whether a value was written as a name",
        "请检查是否将值误写成了字段名",
    ),
    "missing_ipc": Wording(
        "the row has no IPC code",
        "该行缺少 IPC 分类号",
        "fill in the IPC code, such as H01M or H01M10/05",
        "请补填 IPC 分类号，例如 H01M 或 H01M10/05",
    ),
    "missing_industry": Wording(
        "the row has no industry code",
        "该行缺少国民经济行业代码",
        "fill in the GB/T 4754 code, such as C3841",
        "请补填 GB/T 4754 代码，例如 C3841",
    ),
    "missing_field": Wording(
        "{event} needs {field}",
        "{event} 需要 {field}",
        "fill in {field}",
        "请填写 {field}",
    ),
    "bad_event": Wording(
        "not an event; there are {words}",
        "不是有效的事件，可用：{words}",
        "write one of these words",
        "请填写其中之一",
    ),
    "bad_level": Wording(
        "not a level: strong, fairly_strong, weak, none, or 4 to 1",
        "不是有效的相关级别：强相关、较强相关、弱相关、无相关，或 4 至 1",
        "write one of these words or numbers",
        "请填写其中之一",
    ),
    "bad_grade": Wording(
        "the grade is not A, B or C",
        "等级不是 A、B 或 C",
        "write A, B or C",
        "请填写 A、B 或 C",
    ),
    "bad_time": Wording(
        "{field} is not a time, or it lies in the future",
        "{field} 不是可识别的时间，或晚于当前时间",
        "write times as 2026-11-24T09:30:00Z; without a zone they are UTC",
        "时间请写成 2026-11-24T09:30:00Z；未注明时区的按 UTC 处理",
    ),
    "bad_number": Wording(
        "{field} is not a number that fits",
        "{field} 不是有效的数字",
        "write a rank as a whole number from 1, a score as a number",
        "名次请写从 1 开始的整数，分数请写数字",
    ),
    "unknown_field": Wording(
        "feedback has no field {field}",
        "反馈没有字段 {field}",
        "check the spelling",
        "请检查拼写",
    ),
    "unknown_record": Wording(
        "{field} names no record of the catalogue",
        "{field} 在目录库中不存在",
        "check the id, or load the record first",
        "请核对编号，或先导入该记录",
    ),
    "unknown_run": Wording(
        "there is no push run of this name",
        "没有该名称的推送批次",
        "check the name with `patmatch push list`, or leave it out",
        "请用 `patmatch push list` 核对批次名称，或不填写",
    ),
    "key_used": Wording(
        "another feedback has this key",
        "该 key 已用于另一条反馈",
        "give each feedback a key of its own; the same again must be the same throughout",
        "请为每条反馈使用不同的 key；重复发送时内容须完全一致",
    ),
    "query_id_used": Wording(
        "this query_id stands for another text",
        "该 query_id 已用于另一段文本",
        "give another text another query_id, or leave it out",
        "不同文本请使用不同的 query_id，或不填写",
    ),
    "need_id_used": Wording(
        "a need of other content has this id",
        "该编号已用于内容不同的需求",
        "give the new need an id of its own, or leave it out",
        "请为新需求使用新的编号，或不填写",
    ),
    "nothing_graded": Wording(
        "the row gives neither grade nor maturity nor agreed",
        "该行没有等级、成熟度或双向认可",
        "fill in at least one of them",
        "请至少填写其中一项",
    ),
    "undecodable": Wording(
        "the row holds bytes that are not {encoding}",
        "该行含有不符合 {encoding} 编码的字节",
        "export the file again in UTF-8; parts of it may be in another encoding",
        "请以 UTF-8 重新导出文件；其中部分内容可能是其他编码",
    ),
    "mixed_encoding": Wording(
        "the row is UTF-8 while most of the file is {encoding}",
        "该行为 UTF-8 编码，而文件大部分为 {encoding}",
        "export the file again in one encoding, best UTF-8",
        "请用统一的编码（建议 UTF-8）重新导出文件",
    ),
    # These are warnings: the record goes in, without the part that could not be used.
    "not_in_run": Wording(
        "the patent was not pushed to this firm in this run; the feedback is kept, and counts as not pushed",
        "该批次未向该企业推送此专利；反馈已保留，漏斗中按未推送计",
        "check firm, patent and run",
        "请核对企业、专利和批次",
    ),
    "quotes_repaired": Wording(
        "double quotes inside a cell were not doubled; they were read as they stand",
        "单元格内的双引号未成对书写，已按原样读取",
        "check the cell, or export with standard CSV quoting",
        "请核对该单元格，或按标准 CSV 格式导出",
    ),
    "damaged_characters": Wording(
        "{field} holds replacement characters: the text was damaged before it came here",
        "{field} 含有替换字符（�），文本在来源处已损坏",
        "export the record again from its source in UTF-8",
        "请从来源系统以 UTF-8 重新导出该记录",
    ),
    "id_from_other_column": Wording(
        "the id column {wanted} is empty; the id was taken from {used}",
        "编号列 {wanted} 为空，已改用 {used} 作为编号",
        "fill in {wanted}, so that the record keeps one id over time",
        "请补填 {wanted}，以保证记录编号前后一致",
    ),
    "credit_code_checksum": Wording(
        "the unified social credit code fails its check digit",
        "统一社会信用代码校验位不正确",
        "check the code for a typing slip",
        "请核对代码是否有误",
    ),
    "bad_date": Wording(
        "{field} is not a date that can be read",
        "{field} 不是可识别的日期",
        "write dates as 2024-05-31",
        "日期请写成 2024-05-31",
    ),
    "bad_ipc": Wording(
        "not an IPC code",
        "不是有效的 IPC 分类号",
        "write codes as H01M10/0567, separated by semicolons",
        "分类号请写成 H01M10/0567，多个用分号分隔",
    ),
    "bad_region": Wording(
        "the region is not a province of China or a GB/T 2260 code",
        "地区不是中国省级行政区名称或 GB/T 2260 代码",
        "write the province or its code; check whether the row's cells are shifted",
        "请填写省份名称或代码，并检查该行单元格是否错位",
    ),
    "bad_industry": Wording(
        "not a GB/T 4754 industry code",
        "不是 GB/T 4754 国民经济行业代码",
        "write codes as C3841",
        "行业代码请写成 C3841",
    ),
    "bad_boolean": Wording(
        "{field} is neither yes nor no",
        "{field} 既非“是”也非“否”",
        "write 是 or 否, yes or no",
        "请填写“是”或“否”",
    ),
    "bad_maturity": Wording(
        "the maturity is not a level from 1 to 9",
        "成熟度不是 1 到 9 级",
        "write a number from 1 to 9",
        "请填写 1 到 9 的数字",
    ),
    "bad_language": Wording(
        "the language is not a code such as zh or en; it was detected instead",
        "语言不是 zh、en 等代码，已改为自动识别",
        "write an ISO 639-1 code",
        "请填写 ISO 639-1 语言代码",
    ),
    "extra_cut": Wording(
        "the column {header} was cut to {limit} characters",
        "列 {header} 已截断为 {limit} 个字符",
        "nothing, unless the whole text is needed; then map the column to a field",
        "如无需全文则不必处理；否则请将该列映射到字段",
    ),
    "extra_dropped": Wording(
        "the row has more than {limit} other columns; the rest was left out",
        "该行其他列超过 {limit} 个，其余已略去",
        "remove columns that are not needed",
        "请删除不需要的列",
    ),
}


def problem(code: str, field: str | None, value: object = "", **facts: Any) -> Problem:  # noqa: ANN401 - facts fill templates
    """The problem ``code`` at ``field``, with its words filled in.

    Raises:
        KeyError: no such code, or a fact that its words need is missing; both are mistakes of the program.
    """
    wording = WORDINGS[code]
    facts["field"] = field
    return Problem(
        field=field,
        value=shortened(value),
        code=code,
        reason=wording.reason.format_map(facts),
        reason_zh=wording.reason_zh.format_map(facts),
        fix=wording.fix.format_map(facts),
        fix_zh=wording.fix_zh.format_map(facts),
    )


def shortened(value: object, limit: int = DISPLAY_CHARS) -> str:
    """``value`` as a text of at most ``limit`` characters; the last one is an ellipsis where something was cut."""
    text = "" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"

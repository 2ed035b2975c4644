"""Reads evaluators' files: a corpus and queries as JSON lines, judgements as a table.

Any file may be gzipped, which its bytes show and not its name, and may begin with a byte order mark.
A line that cannot be used is an ``InputError`` that names file and line and says what to do.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote_to_bytes

from app.errors import InputError
from app.evaluation.collection import Qrels, TextRow

GZIP_MAGIC = b"\x1f\x8b"
LOWEST, HIGHEST = 1, 4
TREC_COLUMNS = 4
TABLE_COLUMNS = 3
SHOWN_CHARACTERS = 60
"""How much of a wrong value a message repeats."""

BAD_FILE = "bad_evaluation_file"
"""Code of every error about an evaluator's file."""

_UNSAFE = re.compile(r"[\s%]")
_ESCAPES = re.compile(r"(?:%[0-9A-F]{2})+")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, for messages. Only the file's name is shown, never its folder."""

    file: str
    line: int

    def reject(self, message: str, message_zh: str) -> NoReturn:
        """Raise the ``InputError`` of this line."""
        raise InputError(
            f"{self.file}, line {self.line}: {message}", f"{self.file} 第 {self.line} 行：{message_zh}", code=BAD_FILE
        )


@dataclass(frozen=True, slots=True)
class Judgements:
    """A qrels file as read.

    Attributes:
        qrels: one level a pair, the higher one where a pair is judged twice.
        duplicates: rows that judge a pair again.
    """

    qrels: Qrels
    duplicates: int


@dataclass(frozen=True, slots=True)
class KnownJudgements:
    """The judgements whose query and document both exist, and the number of the others.

    Attributes:
        unknown_queries: query ids that the queries file does not have.
        unknown_documents: document ids that the corpus does not have.
        unknown_pairs: judged pairs left out for either reason.
    """

    qrels: Qrels
    unknown_queries: int
    unknown_documents: int
    unknown_pairs: int


def numbered_lines(path: Path) -> Iterator[tuple[Place, str]]:
    """The lines of a text file with something on them, plain or gzipped, each with its place.

    Raises:
        InputError: there is no such file, or it is not UTF-8, or its gzip stream is damaged.
    """
    place = Place(path.name, 0)
    try:
        with path.open("rb") as raw:
            packed = raw.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC
            plain: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw
            for number, line in enumerate(plain, start=1):
                place = Place(path.name, number)
                text = _decoded(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line, place)
                if text.strip():
                    yield place, text.rstrip("\r\n")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        place.reject(
            "the gzip data after this line is damaged; copy the file again",
            "此行之后的 gzip 数据已损坏；请重新复制该文件",
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"cannot read {path.name}: {reason}; check its name and that you may read it",
            f"无法读取 {path.name}：{reason}；请检查文件名和读取权限",
            code=BAD_FILE,
        ) from error


def read_texts(path: Path) -> Iterator[TextRow]:
    """The rows of a JSON lines file: ``id``, ``title``, ``text`` or ``abstract``, and ``lang`` where it is known.

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object with an id and texts.
    """
    for place, line in numbered_lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            place.reject(
                f"is not JSON ({error}); write one object a line", f"不是有效的 JSON（{error}）；每行应为一个 JSON 对象"
            )
        if not isinstance(row, dict):
            place.reject("is not a JSON object; write one object a line", "不是 JSON 对象；每行应为一个 JSON 对象")
        yield TextRow(
            id=_identifier(row, place),
            title=_text(row, "title", place),
            text=_text(row, "text", place) or _text(row, "abstract", place),
            lang=_text(row, "lang", place) or None,
        )


def read_qrels(path: Path) -> Judgements:
    """Judgements from a table with a header (query id, document id, level; by position), or from a TREC qrels file.

    A first line of four columns, the last one a number, makes a TREC file, which has no header. Its relevance 0 to 3 is
    the level 1 to 4, so that the gain ``2^relevance - 1`` of TREC's tools is the contract's ``2^(level - 1) - 1``.

    Raises:
        InputError: the file cannot be read, a row has too few columns, or a level is not one.
    """
    qrels: dict[str, dict[str, int]] = {}
    duplicates = 0
    for query_id, doc_id, level in _judgements(path):
        levels = qrels.setdefault(query_id, {})
        duplicates += doc_id in levels
        levels[doc_id] = max(level, levels.get(doc_id, LOWEST))
    if not qrels:
        raise InputError(
            f"{path.name} has no judgements; write a header, then query_id, doc_id and level separated by tabs",
            f"{path.name} 中没有评判记录；请先写表头，再以制表符分隔写入 query_id、doc_id、level",
            code=BAD_FILE,
        )
    return Judgements(qrels, duplicates)


def escaped(identifier: str) -> str:
    """The identifier with white space, which separates TREC's columns, and ``%`` percent-encoded, as UTF-8."""
    return _UNSAFE.sub(lambda found: quote(found[0]), identifier) or "-"


def unescaped(identifier: str) -> str:
    """What `escaped` was given. Anything else with a ``%`` is another tool's own identifier and stays as it is."""
    return _ESCAPES.sub(_plain, identifier)


def keep_known(qrels: Qrels, queries: Iterable[str], documents: Iterable[str]) -> KnownJudgements:
    """Leave out the judgements of queries or documents that do not exist, and count them."""
    known_queries, known_documents = frozenset(queries), frozenset(documents)
    judged_documents = {doc_id for levels in qrels.values() for doc_id in levels}
    kept = {
        query_id: {doc_id: level for doc_id, level in levels.items() if doc_id in known_documents}
        for query_id, levels in qrels.items()
        if query_id in known_queries
    }
    before = sum(len(levels) for levels in qrels.values())
    return KnownJudgements(
        {query_id: levels for query_id, levels in kept.items() if levels},
        unknown_queries=len(qrels.keys() - known_queries),
        unknown_documents=len(judged_documents - known_documents),
        unknown_pairs=before - sum(len(levels) for levels in kept.values()),
    )


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    """Query id, document id and level of each row of a qrels file of either layout, without the header."""
    parse = None
    for place, line in numbered_lines(path):
        if parse is None:
            parse = _trec_judgement if _is_trec(line) else _table_judgement
            if parse is _table_judgement and _is_header(line):
                continue
        yield parse(line, place)


def _plain(found: re.Match[str]) -> str:
    try:
        text = unquote_to_bytes(found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]
    return text if all(_UNSAFE.fullmatch(character) for character in text) else found[0]


def _is_trec(line: str) -> bool:
    cells = line.split()
    return len(cells) == TREC_COLUMNS and _is_number(cells[-1])


def _is_header(line: str) -> bool:
    cells = _columns(line)
    return len(cells) < TABLE_COLUMNS or not _is_number(cells[2])


def _table_judgement(line: str, place: Place) -> tuple[str, str, int]:
    cells = _columns(line)
    if len(cells) < TABLE_COLUMNS or not (cells[0] and cells[1]):
        place.reject(
            "needs three columns, query_id, doc_id and level, separated by tabs",
            "需要以制表符分隔的三列：query_id、doc_id、level",
        )
    return cells[0], cells[1], _level(cells[2], 0, place)


def _trec_judgement(line: str, place: Place) -> tuple[str, str, int]:
    cells = line.split()
    if len(cells) != TREC_COLUMNS:
        place.reject(
            "needs four columns, query id, iteration, document id and relevance, as the lines before",
            "需要与前面各行相同的四列：查询编号、迭代、文档编号、相关度",
        )
    return unescaped(cells[0]), unescaped(cells[2]), _level(cells[3], 1, place)


def _level(cell: str, shift: int, place: Place) -> int:
    """The level that a cell stands for; a TREC file counts from 0, which is ``shift`` below the level."""
    lowest, highest = LOWEST - shift, HIGHEST - shift
    if not _is_number(cell) or not lowest <= int(cell) <= highest:
        place.reject(
            f"{_shown(cell)} is not a level; write {lowest} (none) to {highest} (strong)",
            f"{_shown(cell)} 不是有效的等级；请填写 {lowest}（无相关）至 {highest}（强相关）",
        )
    return int(cell) + shift


def _columns(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").isascii() and cell.removeprefix("-").isdigit()


def _identifier(row: dict[str, Any], place: Place) -> str:
    value = row.get("id")
    identifier = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not identifier:
        place.reject('has no "id"; give each row a text or a whole number', '缺少 "id"；每行应有文本或整数编号')
    return identifier


def _text(row: dict[str, Any], name: str, place: Place) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        place.reject(
            f'"{name}" is not a text but {_shown(value)}; put it in quotes',
            f'"{name}" 不是文本而是 {_shown(value)}；请加引号',
        )
    return value


def _decoded(line: bytes, place: Place) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        place.reject("is not UTF-8 text; save the file as UTF-8", "不是 UTF-8 文本；请将文件另存为 UTF-8")


def _shown(value: object) -> str:
    return repr(value)[:SHOWN_CHARACTERS]

"""What a file is by its content, whatever its name says, and what to do about those that are no tables."""

from __future__ import annotations

import codecs
import json
import zipfile
from pathlib import Path
from typing import IO

from app.errors import InputError
from app.ingest.tables.compound import MAGIC as COMPOUND
from app.ingest.tables.compound import Compound, DamagedError
from app.ingest.tables.streams import open_bytes, open_seekable

TEXT, ARCHIVE = "text", "zip"

_HEAD_BYTES = 1 << 16
_ZIP = b"PK\x03\x04"
_SPREADSHEET_2003 = "urn:schemas-microsoft-com:office:spreadsheet"
_HTML_STARTS = (
    "<html",
    "<!doctype html",
    "<table",
    "<meta",
    "<head",
    "<body",
    "<style",
    "<div",
    "<center",
    "<font",
    "<tr",
    "<thead",
)
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_MAGIC = {
    b"PAR1": "parquet",
    b"%PDF": "pdf",
    b"{\\rtf": "rtf",
    b"Rar!": "rar",
    b"7z\xbc\xaf": "7z",
    b"SQLite format 3": "sqlite",
    b"\x00\x01\x00\x00Standard": "access",
    b"\x09\x08": "old xls",
    b"\x09\x04\x06\x00": "old xls",
    b"\x09\x02\x06\x00": "old xls",
}
_WORKBOOK_STREAMS = frozenset(("Workbook", "Book", "WORKBOOK", "BOOK"))

_COPY = (
    "copy its table into a spreadsheet and save it as .xlsx",
    "请将其中的表格复制到电子表格并另存为 .xlsx",
)
_ADVICE: dict[str, tuple[str, str, str, str]] = {
    "docx": ("a Word document", "Word 文档", *_COPY),
    "doc": ("an old Word or WPS document", "旧版 Word 或 WPS 文字文档", *_COPY),
    "odt": ("a text document", "文字文档", *_COPY),
    "rtf": ("a text document", "RTF 文字文档", *_COPY),
    "pptx": ("a presentation", "演示文稿", *_COPY),
    "ppt": ("a presentation", "演示文稿", *_COPY),
    "pdf": (
        "a PDF", "PDF 文件",
        "ask for the list as a spreadsheet, or copy its table into one and save it as .xlsx",
        "请向来源索取电子表格版本，或将其中的表格复制到电子表格并另存为 .xlsx",
    ),
    "image": (
        "a picture", "图片",
        "ask for the list as a spreadsheet, or enter it in one", "请向来源索取电子表格版本，或录入电子表格",
    ),
    "rar": ("an archive", "压缩包", "unpack it first", "请先解压"),
    "7z": ("an archive", "压缩包", "unpack it first", "请先解压"),
    "mht": (
        "a web archive (.mht)", "网页存档（.mht）",
        "open it in Excel or WPS and save it as .xlsx", "请用 Excel 或 WPS 打开并另存为 .xlsx",
    ),
    "old xls": (
        "a workbook of Excel 4 or older", "Excel 4 或更早版本的工作簿",
        "open it in Excel or WPS and save it as .xlsx", "请用 Excel 或 WPS 打开并另存为 .xlsx",
    ),
    "sqlite": ("a database", "数据库文件", "export its table as CSV UTF-8", "请将数据表导出为 CSV UTF-8"),
    "access": ("a database", "数据库文件", "export its table as .xlsx", "请将数据表导出为 .xlsx"),
    "compound": (
        "a document of Microsoft Office or WPS without a table", "不含数据表的 Office 或 WPS 文档",
        "open it in the program that made it and save the table as .xlsx", "请用原程序打开并将表格另存为 .xlsx",
    ),
}  # fmt: skip
"""Content -> what it is and what to do, each in English and in Chinese."""


def content_of(path: Path) -> str:
    """The content's form: a format that is read, `TEXT`, `ARCHIVE`, or a name of what is refused."""
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(_ZIP):
        return _of_zip(path)
    if head.startswith(COMPOUND):
        return _of_compound(path)
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            return form
    if head.startswith(_IMAGES) and b"\0" in head[:1000]:
        return "image"
    return _of_text(head)


def refusal(name: str, form: str) -> InputError | None:
    """Why content of this form is refused, and what to do; ``None`` where it is read."""
    if form == "locked":
        return InputError(
            f"{name}: the file has a password; open it, take the password off, and save it as .xlsx",
            f"{name}：文件设有密码，请打开后取消密码并另存为 .xlsx",
            code="password",
        )
    if form not in _ADVICE:
        return None
    what, what_zh, advice, advice_zh = _ADVICE[form]
    return InputError(
        f"{name}: by its content the file is {what}, which cannot be read as a table; {advice}",
        f"{name}：从内容看该文件是{what_zh}，无法作为数据表读取，{advice_zh}",
        code="unknown_format",
    )


def looks_like_table(path: Path) -> bool:
    """Whether a text has a separator in its first lines: a name that promises a workbook says nothing about texts."""
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    lines = [line for line in _decoded(head).splitlines()[:50] if line.strip()]
    return any(separator in line for line in lines for separator in "\t,;|")


def is_json_lines(path: Path) -> bool:
    """Whether the first line is a JSON object by itself."""
    with open_bytes(path) as stream:
        line = stream.readline(_HEAD_BYTES)
        while line and not line.strip():
            line = stream.readline(_HEAD_BYTES)
    try:
        return isinstance(json.loads(line.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _of_zip(path: Path) -> str:
    stream = open_seekable(path)
    try:
        with zipfile.ZipFile(stream) as archive:
            return _of_parts(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, UnicodeDecodeError):
        return "damaged zip"
    finally:
        stream.close()


def _of_parts(archive: zipfile.ZipFile) -> str:
    names = {name.replace("\\", "/").lower() for name in archive.namelist()}
    if any(name.endswith("workbook.xml") and name.count("/") <= 1 for name in names) and "[content_types].xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "word/document.xml" in names:
        return "docx"
    if "ppt/presentation.xml" in names:
        return "pptx"
    if "mimetype" in names and "content.xml" in names:
        entry = archive.getinfo(next(name for name in archive.namelist() if name.lower() == "mimetype"))
        if entry.file_size < 200:  # a media type
            kind = archive.read(entry)
            return "ods" if b"spreadsheet" in kind else "odt"
    return ARCHIVE


def _of_compound(path: Path) -> str:
    stream: IO[bytes] = open_seekable(path)
    try:
        names = set(Compound(stream).entries)
    except DamagedError:
        return "xls"  # whose reader says that it is damaged
    finally:
        stream.close()
    if "EncryptedPackage" in names:
        return "locked"
    if names & _WORKBOOK_STREAMS:
        return "xls"
    if "WordDocument" in names:
        return "doc"
    return "ppt" if "PowerPoint Document" in names else "compound"


def _of_text(head: bytes) -> str:
    start = _decoded(head).lstrip("\ufeff \t\r\n\0").lower()
    if start.startswith("<?xml") or start.startswith("<workbook"):
        if _SPREADSHEET_2003 in start[:4_000]:
            return "xml"
        start = start.partition("?>")[2].lstrip()
    while start.startswith("<!--"):
        start = start.partition("-->")[2].lstrip()
    if start.startswith(_HTML_STARTS):
        return "html"
    if start.startswith("mime-version:") or "content-type: multipart/related" in start[:2_000]:
        return "mht"
    return TEXT


def _decoded(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    return head.decode("utf-8", "replace")

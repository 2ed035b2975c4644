"""Files made to fill memory or to take for ever: small on the disk, each written by a function of its own."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
    "</Relationships>"
)
_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="专利" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_OPEN = (
    '<?xml version="1.0"?>{doctype}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "<sheetData>"
)
_TEXT = '<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'
_HEAD = f'<row r="1">{_TEXT.format(place="A1", text="公开号")}{_TEXT.format(place="B1", text="名称")}</row>'
_CLOSE = "</sheetData></worksheet>"


def xlsx(rows: Iterator[str] | list[str], *, doctype: str = "", texts: Iterator[str] | None = None) -> bytes:
    """A workbook of one sheet with these rows below its header."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS.format(kind="officeDocument", target="xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", _BOOK)
        archive.writestr(
            "xl/_rels/workbook.xml.rels", _RELATIONS.format(kind="worksheet", target="worksheets/sheet1.xml")
        )
        if texts is not None:
            with archive.open("xl/sharedStrings.xml", "w") as part:
                part.write(b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">')
                for text in texts:
                    part.write(f"<si><t>{text}</t></si>".encode())
                part.write(b"</sst>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write((_OPEN.format(doctype=doctype) + _HEAD).encode())
            for row in rows:
                part.write(row.encode())
            part.write(_CLOSE.encode())
    return buffer.getvalue()


def _cell(place: str, text: str = "x") -> str:
    row = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f'<row r="{row}">{_TEXT.format(place=place, text=text)}</row>'


def _laughs(depth: int = 9) -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol" * 10}">' for n in range(depth + 1))
    return f"<!DOCTYPE worksheet [{entities}]>"


def _packed(path: Path, piece: bytes, times: int) -> None:
    with gzip.open(path, "wb", 6) as stream:
        for _ in range(times):
            stream.write(piece)


def _plain(path: Path, head: bytes, piece: bytes, times: int, tail: bytes = b"") -> None:
    with path.open("wb") as stream:
        stream.write(head)
        for _ in range(times):
            stream.write(piece)
        stream.write(tail)


def _nested_zip(path: Path) -> None:
    content = b"\0" * (1 << 20)
    for level in range(5):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for copy in range(4):
                archive.writestr(f"{level}-{copy}.zip" if level else f"{copy}.csv", content)
        content = buffer.getvalue()
    path.write_bytes(content)


def _zip_bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as part,
    ):
        part.write("公开号,名称\n".encode())
        for _ in range(1024):
            part.write(b"A" * (1 << 20))


def _lying_zip(path: Path) -> None:
    """An archive whose list says that its file is small."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"A" * (64 << 20))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 1_000)
    struct.pack_into("<I", content, 22, 1_000)
    path.write_bytes(content)


def _xlsx_bomb(path: Path) -> None:
    row = '<row><c t="inlineStr"><is><t>AAAAAAAAAAAAAAAA</t></is></c></row>' * 10_000
    path.write_bytes(xlsx(row for _ in range(1_000)))


def ods(rows: str) -> bytes:
    """An OpenDocument spreadsheet of one sheet with these rows."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
            'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
            'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
            f'<table:table table:name="s">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return buffer.getvalue()


ODS_CELL = '<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p></table:table-cell>'
_ODS_HEAD = "".join(
    ["<table:table-row>", *(ODS_CELL.format(more="", text=text) for text in ("公开号", "名称")), "</table:table-row>"]
)


def sheet_of_2003(rows: str, doctype: str = "") -> bytes:
    """A spreadsheet in the XML of Excel 2003 with these rows."""
    return (
        f'<?xml version="1.0"?>{doctype}<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        f'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="s"><Table>{rows}</Table>'
        "</Worksheet></Workbook>"
    ).encode()


def _html(body: list[str]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8") as stream:
            stream.write("<html><body><table><tr><td>公开号</td><td>名称</td></tr>")
            stream.writelines(body)
            stream.write("</table></body></html>")

    return write


def _biff(cells: list[tuple[int, int]], dimensions: bytes = b"") -> bytes:
    """An old workbook of one sheet with numbers in these cells, in a compound file of one chain."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)
    name = record(0x0085, struct.pack("<IBBBB", 0, 0, 0, 1, 0) + b"s")
    head = record(0x0809, begin) + name + record(0x000A, b"")
    at = len(head)
    head = head.replace(struct.pack("<IBBBB", 0, 0, 0, 1, 0), struct.pack("<IBBBB", at, 0, 0, 1, 0))
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    if dimensions:
        sheet += record(0x0200, dimensions)
    for row, column in cells:
        sheet += record(0x0203, struct.pack("<HHHd", row, column, 0, 1.0))
    stream = (head + sheet + record(0x000A, b"")).ljust(4096, b"\0")
    return compound("Workbook", stream)


def compound(name: str, stream: bytes, *, circle: bool = False) -> bytes:
    """A compound file with one stream; on demand its chain of sectors runs in a circle."""
    stream = stream.ljust(-(-len(stream) // 512) * 512, b"\0")
    count = len(stream) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + count), 2 if circle else 0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))

    def entry(text: str, kind: int, start: int, size: int) -> bytes:
        raw = text.encode("utf-16-le")
        return (
            raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        ).ljust(116, b"\0") + struct.pack("<III", start, size, 0)

    folder = entry("Root Entry", 5, 0xFFFFFFFE, 0) + entry(name, 2, 2, len(stream))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 10
    head += struct.pack("<IIIIIIIII", 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)[:-4]
    return (
        head.ljust(76, b"\0")
        + struct.pack("<109I", 0, *([0xFFFFFFFF] * 108))
        + struct.pack("<128I", *fat)
        + folder.ljust(512, b"\0")
        + stream
    )


def _packed_field(path: Path) -> None:
    """A field that grows no more in unpacking than words do."""
    piece = random.Random(7).randbytes(1 << 19).hex().encode()  # noqa: S311 - not for secrets
    with gzip.open(path, "wb", 1) as stream:
        stream.write(_HEAD_LINE + b"CN1A,")
        for _ in range(200):
            stream.write(piece)
        stream.write(b"\n" + _LINE)


def _gb_field(characters: int) -> bytes:
    """A file of one row too long, whose field begins in the middle of two bytes."""
    long = "一种用于电池的隔膜及其制备方法，" * (characters // 16)
    return f"公开号,名称\nCN1A,{long}\nCN2A,一种电池\n".encode("gb18030")


_HEAD_LINE = "公开号,名称\n".encode()
_LINE = "CN2A,一种电池\n".encode()
_MEGABYTE = "A" * (1 << 20)
_JSON_MORE = b'{"id": "CN2A", "title": "x", "more": '
_JSON_HEAD = '{"id": "CN1A", "title": "一种电池"}\n'.encode()

REFUSED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "archives in archives": ("a.zip", _nested_zip),
    "zip of a gigabyte": ("a.zip", _zip_bomb),
    "zip that lies about its size": ("a.zip", _lying_zip),
    "xlsx that unpacks to hundreds of megabytes": ("a.xlsx", _xlsx_bomb),
    "cell in XFD1048576": ("a.xlsx", lambda path: path.write_bytes(xlsx([_cell("XFD1048576")]))),
    "2,000 cells in the last column": (
        "a.xlsx", lambda path: path.write_bytes(xlsx(_cell(f"XFD{row}") for row in range(2, 2_002))),
    ),
    "row number 2e9": ("a.xlsx", lambda path: path.write_bytes(xlsx([_cell("A2000000000")]))),
    "row 2e9 without references": (
        "a.xlsx", lambda path: path.write_bytes(xlsx(['<row r="2000000000"><c><v>1</v></c></row>'])),
    ),
    "a million columns in a sheet": (
        "a.xlsx", lambda path: path.write_bytes(xlsx(["<row>", *["<c><v>1</v></c>" * 1_000] * 1_000, "</row>"])),
    ),
    "one cell of 200 MB": (
        "a.xlsx",
        lambda path: path.write_bytes(
            xlsx(['<row r="2"><c r="A2" t="inlineStr"><is><t>', *[_MEGABYTE] * 200, "</t></is></c></row>"])
        ),
    ),
    "billion laughs in a sheet": (
        "a.xlsx", lambda path: path.write_bytes(xlsx([_cell("A2", "&l9;")], doctype=_laughs())),
    ),
    "external entity in a sheet": (
        "a.xlsx",
        lambda path: path.write_bytes(
            xlsx([_cell("A2", "&e;")], doctype='<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]>')
        ),
    ),
    "one long text shown by every cell": (
        "a.xlsx",
        lambda path: path.write_bytes(
            xlsx((f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(2, 100_000)),
                 texts=iter(["一" * 30_000]))
        ),
    ),
    "ods whose cell repeats over a whole sheet": (
        "a.ods",
        lambda path: path.write_bytes(
            ods(
                '<table:table-row table:number-rows-repeated="1048576">'
                + ODS_CELL.format(more=' table:number-columns-repeated="16384"', text="x") + "</table:table-row>"
            )
        ),
    ),
    "ods with a cell far away": (
        "a.ods",
        lambda path: path.write_bytes(
            ods(
                _ODS_HEAD
                + '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
                + '<table:table-row><table:table-cell table:number-columns-repeated="16000"/>'
                + ODS_CELL.format(more="", text="x") + "</table:table-row>"
            )
        ),
    ),
    "old workbook with a cell far away": ("a.xls", lambda path: path.write_bytes(_biff([(0, 0), (65_535, 65_535)]))),
    "old workbook that promises a huge sheet": (
        "a.xls",
        lambda path: path.write_bytes(_biff([(0, 0)], struct.pack("<IIHHH", 0, 4_000_000_000, 0, 60_000, 0))),
    ),
    "old workbook whose sectors run in a circle": (
        "a.xls", lambda path: path.write_bytes(compound("Workbook", b"\0" * 8_192, circle=True)),
    ),
    "xml of 2003 with billion laughs": (
        "a.xls",
        lambda path: path.write_bytes(sheet_of_2003("<Row><Cell><Data>&l9;</Data></Cell></Row>", _laughs())),
    ),
    "xml of 2003 with row 2e9": (
        "a.xls",
        lambda path: path.write_bytes(sheet_of_2003('<Row ss:Index="2000000000"><Cell><Data>x</Data></Cell></Row>')),
    ),
    "web page with a cell of 200 MB": (
        "a.xls", _html(["<tr><td>", *[_MEGABYTE] * 200, "</td></tr>"]),
    ),
    "web page with a million columns": ("a.html", _html(["<tr>", *["<td>1" * 1_000] * 1_000])),
    "web page with a wide span": ("a.html", _html(['<tr><td colspan="99999999" rowspan="99999999">x</td></tr>'])),
    "gzip of gigabytes": ("a.csv.gz", lambda path: _packed(path, b"A" * (1 << 20), 1_024)),
    "gzip of newlines": ("a.csv.gz", lambda path: _packed(path, b"\n" * (1 << 20), 256)),
    "gzip of equal rows": ("a.csv.gz", lambda path: _packed(path, b"CN1A,abcdefgh\n" * 70_000, 300)),
    "200 MB of newlines": ("a.csv", lambda path: _plain(path, _HEAD_LINE, b"\n" * (1 << 20), 200)),
    "200 MB of blank lines in JSON Lines": ("a.jsonl", lambda path: _plain(path, _JSON_HEAD, b" \n" * (1 << 19), 200)),
    "one field of 200 MB": (
        "a.csv", lambda path: _plain(path, _HEAD_LINE + b"CN1A,", b"A" * (1 << 20), 200, b"\n" + _LINE),
    ),
    "one quoted field of 200 MB": (
        "a.csv", lambda path: _plain(path, _HEAD_LINE + b'CN1A,"', b"A" * (1 << 20), 200, b'"\n' + _LINE),
    ),
    "one field of 200 MB in UTF-16": (
        "a.csv",
        lambda path: _plain(
            path, "\ufeff公开号,名称\nCN1A,".encode("utf-16-le"), "电池".encode("utf-16-le") * (1 << 18), 200
        ),
    ),
    "one field of 200 MB in GB18030": (
        "a.csv",
        lambda path: _plain(path, _HEAD_LINE.decode().encode("gb18030"), "电池".encode("gb18030") * (1 << 18), 200),
    ),
    "one field of 200 MB, packed": ("a.csv.gz", _packed_field),
    "one line of 200 MB": (
        "a.jsonl", lambda path: _plain(path, _JSON_HEAD + b'{"id": "', b"A" * (1 << 20), 200, b'"}\n' + _JSON_HEAD),
    ),
    "a million columns in a text": ("a.csv", lambda path: _plain(path, b"id,title", b",x" * 1_000, 1_000, b"\n")),
}  # fmt: skip
"""What it is -> the file's name and what writes it; each is refused as a whole."""

REJECTED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "one field of 20 MB": (
        "a.csv", lambda path: _plain(path, _HEAD_LINE + b"CN1A,", b"A" * (1 << 20), 20, b"\n" + _LINE),
    ),
    "one field of 20 MB in GB18030": ("a.csv", lambda path: path.write_bytes(_gb_field(10 << 20))),
    "one quoted field of 20 MB": (
        "a.csv", lambda path: _plain(path, _HEAD_LINE + b'CN1A,"', b"A" * (1 << 20), 20, b'"\n' + _LINE),
    ),
    "a row of a million cells": (
        "a.csv", lambda path: _plain(path, _HEAD_LINE + b"CN1A", b",x" * 1_000, 1_000, b"\n" + _LINE),
    ),
    "one line of 20 MB": (
        "a.jsonl", lambda path: _plain(path, _JSON_HEAD + b'{"id": "', b"A" * (1 << 20), 20, b'"}\n' + _JSON_HEAD),
    ),
    "lists 500 deep": (
        "a.jsonl", lambda path: _plain(path, _JSON_HEAD + _JSON_MORE, b"[", 500, b"]" * 500 + b"}\n" + _JSON_HEAD),
    ),
    "objects 500 deep": (
        "a.jsonl",
        lambda path: _plain(path, _JSON_HEAD + _JSON_MORE, b'{"a": ', 500, b"1" + b"}" * 501 + b"\n" + _JSON_HEAD),
    ),
    "an object of a hundred thousand keys": (
        "a.jsonl",
        lambda path: path.write_bytes(
            _JSON_HEAD + ("{" + ",".join(f'"k{n}": 1' for n in range(100_000)) + "}\n").encode() + _JSON_HEAD
        ),
    ),
}  # fmt: skip
"""Likewise; each costs one row, and those around it are read."""

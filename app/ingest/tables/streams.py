"""Bytes of a file: plain or gzipped, as text in the right encoding, or as a seekable file."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from app.errors import InputError
from app.ingest.tables.monsters import MonsterError, check_ratio

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"

UNDECODABLE = "patmatch.mark"
"""Error handler that turns each byte that cannot be decoded into a lone surrogate, so that its row can be rejected."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Of a broken GB18030 sequence only the first byte is marked, because the next may end the line; UTF-16 has pairs.
    end = error.end if error.encoding.startswith("utf-16") else error.start + 1
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : end]), end


codecs.register_error(UNDECODABLE, _mark)


def is_gzipped(path: Path) -> bool:
    """Whether the file's content is gzip, whatever its name says."""
    with path.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn what goes wrong in decompressing into an error that names the file.

    Raises:
        InputError: the compressed data is cut off, damaged or a bomb, or the file cannot be read.
    """
    try:
        yield
    except MonsterError as error:
        raise error.named(name) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{name}: the gzip data is damaged or cut off; copy or download the file again",
            f"{name}：gzip 数据损坏或不完整，请重新复制或下载该文件",
            code="damaged_file",
        ) from error
    except OSError as error:
        raise InputError(
            f"{name}: the file cannot be read ({error.strerror or 'input/output error'})",
            f"{name}：无法读取文件（{error.strerror or '读写错误'}）",
            code="unreadable_file",
        ) from error


class _Unpacked(io.RawIOBase):
    """What comes out of a gzipped file, as long as it grows no more than a table may."""

    def __init__(self, path: Path) -> None:
        self._packed = path.open("rb")
        self._inner = gzip.GzipFile(fileobj=self._packed, mode="rb")
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        count = self._inner.readinto(buffer)
        self._given += count
        check_ratio(self._packed.tell(), self._given)
        return count

    def close(self) -> None:
        self._inner.close()
        self._packed.close()
        super().close()


def open_bytes(path: Path) -> BinaryIO:
    """The file's content, decompressed where it is gzip.

    Reading raises:
        MonsterError: it grows as no table does.
    """
    if is_gzipped(path):
        return cast("BinaryIO", io.BufferedReader(_Unpacked(path), CHUNK_BYTES))
    return path.open("rb")


def open_text(path: Path, encoding: str) -> TextIO:
    """The file's content as text with its line ends as they are; bytes that cannot be decoded are marked."""
    return io.TextIOWrapper(
        io.BufferedReader(cast("io.RawIOBase", open_bytes(path)), CHUNK_BYTES), encoding, UNDECODABLE, newline=""
    )


def open_seekable(path: Path) -> IO[bytes]:
    """The file's content as a file that can be sought in; gzip is unpacked to a temporary file on disk."""
    if not is_gzipped(path):
        return path.open("rb")
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller, who closes it
    try:
        with open_bytes(path) as packed:
            shutil.copyfileobj(packed, unpacked, CHUNK_BYTES)
    except BaseException:
        unpacked.close()
        raise
    unpacked.seek(0)
    return unpacked


class LineTooLongError(ValueError):
    """A row is longer than the limit; what is left of its line has been skipped."""


class LineFeed:
    """The lines of a text stream for a parser that may need several of them for one row.

    Keeps the lines taken since :meth:`begin`, so that they can be given back when they turn out to be no row.
    """

    __slots__ = ("_limit", "_pending", "_readline", "_size", "taken")

    def __init__(self, stream: TextIO, limit: int) -> None:
        self._readline = stream.readline
        self._limit = limit
        self._pending: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []

    def __iter__(self) -> LineFeed:
        return self

    def __next__(self) -> str:
        if self._pending:
            line = self._pending.popleft()
        else:
            line = self._readline(self._limit + 1)
            if not line:
                raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size > self._limit:
            self._skip_rest()
            raise LineTooLongError
        return line

    def begin(self) -> None:
        """Forget the lines taken so far: a new row begins."""
        self.taken.clear()
        self._size = 0

    def give_back(self, start: int = 0) -> None:
        """Offer the lines taken from ``start`` on again."""
        self._pending.extendleft(reversed(self.taken[start:]))
        self.begin()

    def _skip_rest(self) -> None:
        """Read to the end of a line that was cut at the limit, and close what was kept of it."""
        line = self.taken[-1]
        if len(line) <= self._limit or line.endswith(("\n", "\r")):
            return
        while line and not line.endswith(("\n", "\r")):
            line = self._readline(self._limit)
        self.taken[-1] += "\n"

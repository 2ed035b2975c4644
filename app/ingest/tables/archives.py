"""Archives that hold one table among what else was packed with it."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.errors import InputError
from app.ingest.tables.monsters import MAX_UNPACKED, MonsterError, check_ratio
from app.ingest.tables.streams import CHUNK_BYTES, open_seekable

_MAX_ENTRIES = 10_000
_SHOWN = 10
_BESIDE = (".txt", ".html", ".htm", ".xml")
_UTF8_NAME = 0x800
_LOCKED = 0x1


@dataclass(slots=True)
class Member:
    """One file out of an archive.

    Attributes:
        path: where it lies, unpacked, with its own name.
        others: the names of the files that were left.
        folder: what is given back with :meth:`close`.
    """

    path: Path
    others: tuple[str, ...]
    folder: tempfile.TemporaryDirectory[str] = field(repr=False)

    def close(self) -> None:
        """Give the disk space back."""
        self.folder.cleanup()


def only_member(path: Path, suffixes: Collection[str]) -> Member:
    """Unpack the one file of an archive whose name ends in one of ``suffixes``.

    Raises:
        InputError: it is damaged or has a password, holds no such file, or several.
        MonsterError: it is an archive of archives, or its file would fill the disk.
    """
    stream = open_seekable(path)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = [entry for entry in archive.infolist() if not _is_trifle(entry)]
            if len(entries) > _MAX_ENTRIES:
                raise MonsterError(
                    f"it holds more than {_MAX_ENTRIES:,} files", f"压缩包内文件超过 {_MAX_ENTRIES:,} 个"
                )
            names = {entry.filename: _name(entry) for entry in entries}
            if not any(_suffix(name, suffixes) for name in names.values()) and any(
                name.lower().endswith(".zip") for name in names.values()
            ):
                raise MonsterError("it is an archive of archives", "压缩包内还是压缩包")
            tables = [entry for entry in entries if _suffix(names[entry.filename], suffixes)]
            if len(tables) > 1:
                # A text or a page beside a table explains it.
                tables = [entry for entry in tables if not _suffix(names[entry.filename], _BESIDE)] or tables
            entry = _chosen(path, tables, list(names.values()), names)
            others = tuple(name for key, name in names.items() if key != entry.filename)
            return _unpacked(archive, entry, names[entry.filename], others)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{path.name}: the archive is damaged or packed in an unusual way; pack it again, or unpack it first",
            f"{path.name}：压缩包已损坏或压缩方式不受支持，请重新压缩或先解压",
            code="damaged_file",
        ) from error
    finally:
        stream.close()


def _chosen(path: Path, tables: list[zipfile.ZipInfo], all_names: list[str], names: dict[str, str]) -> zipfile.ZipInfo:
    if len(tables) == 1:
        if tables[0].flag_bits & _LOCKED:
            raise InputError(
                f"{path.name}: the archive has a password; unpack it first",
                f"{path.name}：压缩包设有密码，请先解压",
                code="password",
            )
        return tables[0]
    held = ", ".join((names[entry.filename] for entry in tables) if tables else all_names[:_SHOWN]) or "-"
    if tables:
        raise InputError(
            f"{path.name}: the archive holds several tables ({held[:500]}); unpack it and load them one by one",
            f"{path.name}：压缩包内有多个数据表（{held[:500]}），请先解压再逐个导入",
            code="several_files",
        )
    raise InputError(
        f"{path.name}: the archive holds no table that can be read; it holds {held[:500]}",
        f"{path.name}：压缩包内没有可读取的数据表，内含：{held[:500]}",
        code="unknown_format",
    )


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, others: tuple[str, ...]) -> Member:
    check_ratio(entry.compress_size, entry.file_size)
    if entry.file_size > MAX_UNPACKED:
        raise MonsterError("it unpacks to more than 4 GB", "解压后超过 4 GB")
    folder = tempfile.TemporaryDirectory(prefix="patmatch-")
    try:
        path = Path(folder.name) / f"table{_ends(name)}"
        with archive.open(entry) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except BaseException:
        folder.cleanup()
        raise
    return Member(path, others, folder)


def _name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; programs of Chinese Windows write it in GBK and do not say so."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAME:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return PurePosixPath(name.replace("\\", "/")).name


def _is_trifle(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what macOS and Windows add of their own."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    return (
        entry.is_dir()
        or not parts
        or parts[0] == "__MACOSX"
        or parts[-1].startswith((".", "~$"))
        or parts[-1].lower() in ("thumbs.db", "desktop.ini")
    )


def _suffix(name: str, suffixes: Collection[str]) -> bool:
    return any(name.lower().endswith((suffix, f"{suffix}.gz")) for suffix in suffixes)


def _ends(name: str) -> str:
    """The suffixes of ``name`` that say what it is."""
    ends = [suffix.lower() for suffix in PurePosixPath(name).suffixes[-2:]]
    return "".join(ends if ends and ends[-1] == ".gz" else ends[-1:])

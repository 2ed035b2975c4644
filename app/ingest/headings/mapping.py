"""The mapping file: what their headers mean, for headers that are not recognised."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from app.errors import InputError
from app.ingest.headings.headers import EXTRA, IGNORE, fields_of
from app.ingest.headings.synonyms import SYNONYMS

ALLOWED = tuple(dict.fromkeys((*(name for kind in SYNONYMS for name in fields_of(kind)), EXTRA, IGNORE)))
"""Fields that a mapping may name; which of them a kind has is checked against the file's kind when it is read."""


def load_mapping(path: Path) -> dict[str, str]:
    """Read ``{"their header": "our field"}`` from a JSON or TOML file.

    Raises:
        InputError: the file is missing or neither JSON nor TOML, or it names a field that does not exist.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, "it cannot be read as UTF-8 text", "无法以 UTF-8 文本读取") from error
    try:
        entries = tomllib.loads(content) if path.suffix.lower() == ".toml" else json.loads(content)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unusable(
            path, f"it is neither JSON nor TOML ({error})", f"不是有效的 JSON 或 TOML（{error}）"
        ) from error
    if not isinstance(entries, dict) or not all(isinstance(field, str) for field in entries.values()):
        raise _unusable(path, 'write {"their header": "our field"}', '请写成 {"对方表头": "本系统字段"}')
    for header, field in entries.items():
        if field not in ALLOWED:
            raise _unusable(
                path,
                f"{header!r} is sent to {field!r}, which is no field; allowed are {', '.join(ALLOWED)}",
                f"“{header}”指向的“{field}”不是有效字段；可用字段：{'、'.join(ALLOWED)}",
            )
    return {str(header): field for header, field in entries.items()}


def _unusable(path: Path, why: str, why_zh: str) -> InputError:
    return InputError(
        f"{path.name}: the mapping cannot be used: {why}", f"{path.name}：映射文件不可用：{why_zh}", code="mapping"
    )

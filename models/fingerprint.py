"""The fingerprint of an encoder: a digest over all that changes a vector, and over nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from models.errors import SourceError
from models.folders import MANIFEST

# Raise it when this package turns the same files and options into other vectors than before.
SEMANTICS = 1
# Files that say who made the model and how it is called, not what it computes. Prompts are declared in the second and
# count as prefixes, once overrides are applied.
SILENT = frozenset({MANIFEST, "config_sentence_transformers.json", "special_tokens_map.json", "training.json"})
SPEAKING = frozenset({".json", ".safetensors", ".bin", ".model", ".txt", ".tiktoken"})


def files_that_count(folder: Path) -> list[Path]:
    """Files of a model folder that change its vectors, in a fixed order: its own and those of its modules' folders."""
    places = [folder]
    modules = folder / "modules.json"
    if modules.is_file():
        try:
            named = {str(module["path"]) for module in json.loads(modules.read_text(encoding="utf-8"))}
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"modules.json of {folder.name} is damaged.", f"{folder.name} 的 modules.json 已损坏。"
            ) from error
        places += [folder / name for name in sorted(named - {""})]
    found = {path for place in places if place.is_dir() for path in place.iterdir()}
    return sorted(path for path in found if path.is_file() and path.suffix in SPEAKING and path.name not in SILENT)


def fingerprint(folder: Path, facts: Mapping[str, str | int | float | bool]) -> str:
    """Digest of a folder's contents and of what is set beside them.

    Args:
        folder: the model's; where it lies does not count.
        facts: prefixes, limits, precision and what else changes a vector.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in files_that_count(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    digest.update(json.dumps({"semantics": SEMANTICS, **facts}, sort_keys=True, ensure_ascii=True).encode())
    return digest.hexdigest()

"""Model folders on disk: the layouts that can be read, publication of whole folders only, manifest and fingerprint."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.errors import SourceError

MANIFEST = "patmatch-model.json"

ADAPTATION = "adaptation.safetensors"
"""What a folder was adapted by (`models.adaptation`), kept beside the weights that came of it."""

# Raise it when this package turns the same files and options into other vectors than before.
SEMANTICS = 1
# Files that say who made the model and how it is called, not what it computes. Prompts are declared in the second and
# count as prefixes, once overrides are applied.
SILENT = frozenset(
    {MANIFEST, ADAPTATION, "config_sentence_transformers.json", "special_tokens_map.json", "training.json"}
)
SPEAKING = frozenset({".json", ".safetensors", ".bin", ".model", ".txt", ".tiktoken"})


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of folder that can be read: each group needs at least one file that fits one of its patterns."""

    name: str
    needs: tuple[tuple[str, ...], ...]

    def missing(self, folder: Path) -> list[str]:
        """The groups that the folder has no file for."""
        return [" or ".join(group) for group in self.needs if not any(any(folder.glob(pattern)) for pattern in group)]


_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "sentencepiece.bpe.model")

LAYOUTS = (
    Layout("sentence-transformers", (("modules.json",), ("config.json",), _TOKENIZER, _WEIGHTS)),
    Layout(
        "sentence-transformers with its transformer in a folder of its own",
        (
            ("modules.json",),
            ("0_Transformer/config.json",),
            tuple(f"0_Transformer/{name}" for name in _TOKENIZER),
            tuple(f"0_Transformer/{name}" for name in _WEIGHTS),
        ),
    ),
    Layout("transformers, read with mean pooling", (("config.json",), _TOKENIZER, _WEIGHTS)),
)


def layout_of(folder: Path) -> Layout:
    """The first layout that the folder follows.

    Raises:
        SourceError: there is no such folder, or it follows none; the message names each layout and what it lacks.
    """
    if not folder.is_dir():
        raise SourceError(
            f"There is no model folder {folder.name}. Run `patmatch model prepare`.",
            f"没有模型目录 {folder.name}。请先运行 `patmatch model prepare`。",
        )
    lacks = [(layout, layout.missing(folder)) for layout in LAYOUTS]
    for layout, missing in lacks:
        if not missing:
            return layout
    tried = "; ".join(f"{layout.name} (lacks {', '.join(missing)})" for layout, missing in lacks)
    raise SourceError(
        f"The folder {folder.name} holds no model that can be read. Tried: {tried}.",
        f"目录 {folder.name} 中没有可读取的模型。已尝试：{tried}。",
    )


def write_manifest(path: Path, folder: Path) -> None:
    """Note in the file ``path`` which files the folder has, beside its manifest, and how large they are."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != MANIFEST)
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
    path.write_text(json.dumps({"files": sizes}, indent=1) + "\n", encoding="utf-8")


def is_complete(manifest: Path, folder: Path) -> bool:
    """Whether every file that the manifest notes is in the folder in its size. False without a readable manifest."""
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        return bool(files) and all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


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


@contextmanager
def exclusive(target: Path) -> Iterator[None]:
    """Hold the right to write ``target`` among all processes; waits for who has it. The lock dies with its process."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new empty folder that becomes ``target`` when the block ends well, and is removed when it does not.

    Call it inside `exclusive`: what a killed process left of an earlier attempt is removed. The manifest is added here.
    """
    prefix = f".{target.name}.preparing-"
    for left in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(left)
    workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    # The same name as in the end, because messages name the folder.
    folder = workshop / target.name
    folder.mkdir()
    try:
        yield folder
        write_manifest(folder / MANIFEST, folder)
        for path in (*folder.rglob("*"), folder):
            # Some writers make files private; the service may run as another user than the one who prepares.
            path.chmod(0o755 if path.is_dir() else 0o644)
            _sync(path)
        if target.exists():
            target.rename(workshop / "damaged")
        folder.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _sync(path: Path) -> None:
    """Force a file or a directory to disk, so that the rename never publishes names without contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

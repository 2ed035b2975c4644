"""What training changed in a model, as a file: eight bits a weight and a scale a row, to add to the base's weights.

A file of the base's differences is a fortieth of the model, goes into a package, and says what made it. It is of no use
with other weights than those that it was trained from, and reading it checks that.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import SourceError
from models.folders import ADAPTATION, MANIFEST, exclusive, files_that_count, staged

Array = npt.NDArray[Any]
Tensors = Mapping[str, npt.NDArray[np.float32]]

FORMAT = 1
"""Raise it when a file of an earlier form can no longer be read."""

_KEY = "patmatch"
"""One key of the file's own metadata: safetensors writes several in no fixed order."""
_SCALE = ".scale"
_STEPS = 127
"""Whole numbers that eight bits have on each side of zero."""
_NOT_TAKEN = (MANIFEST, ADAPTATION, "README.md", "training.json")
"""Files of a base's folder that are about the base, or that the adapted model has its own of."""


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Differences to a base's weights.

    Attributes:
        differences: float32, by the names that the base's weights file uses, exactly as the file keeps them.
        description: JSON types: ``base`` (name, weights_sha256), the recipe, its data, the versions that made it.
    """

    differences: Tensors
    description: Mapping[str, Any]

    def apply(self, base: Path, folder: Path) -> None:
        """Write the adapted weights, and a model card, into a folder.

        Args:
            base: the base's prepared folder.
            folder: where they go, at the same place as in the base; may be the base's own folder.

        Raises:
            SourceError: the base is another model, or its weights are damaged.
        """
        from safetensors.numpy import load_file, save_file

        source = weights_file(base)
        expected = self.description["base"]
        if sha256_of(source) != expected["weights_sha256"]:
            raise SourceError(
                f"The adaptation is of {expected['name']} and does not fit the weights of {base.name}. Prepare "
                "the base anew, or use the base that it was trained from.",
                f"该适配文件针对 {expected['name']}，与 {base.name} 的权重不符。"
                "请重新准备基础模型，或使用其训练时的基础模型。",
            )
        weights = load_file(source)
        for name, difference in self.differences.items():
            weights[name] = weights[name] + difference
        target = folder / source.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.writing")
        save_file(weights, beside, metadata={"format": "pt"})
        beside.replace(target)
        (folder / "README.md").write_text(model_card(self.description), encoding="utf-8")


def weights_file(folder: Path) -> Path:
    """The one file that holds a model's weights.

    Raises:
        SourceError: they are in several files, or in none of this format.
    """
    found = [path for path in files_that_count(folder) if path.suffix == ".safetensors"]
    if len(found) != 1:
        raise SourceError(
            f"{folder.name} cannot be adapted: its weights must be one .safetensors file, and there are {len(found)}.",
            f"无法适配 {folder.name}：其权重必须是一个 .safetensors 文件，现有 {len(found)} 个。",
        )
    return found[0]


def check_names(file: Path, names: Iterable[str]) -> None:
    """Make sure that a weights file calls these tensors by these names.

    Raises:
        SourceError: it does not.
    """
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as weights:
        missing = sorted(set(names) - set(weights.keys()))
    if missing:
        raise SourceError(
            f"The model cannot be adapted: {file.name} has no tensor {missing[0]}, which would be trained.",
            f"无法适配该模型：{file.name} 中没有要训练的张量 {missing[0]}。",
        )


def sha256_of(path: Path) -> str:
    """The file's digest, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_kept(differences: Tensors) -> dict[str, npt.NDArray[np.float32]]:
    """Differences as a file gives them back: matrices rounded, everything else as it is."""
    return {name: _restored(*_rounded(one)) if one.ndim > 1 else one for name, one in differences.items()}


def write_adaptation(path: Path, differences: Tensors, description: Mapping[str, Any]) -> None:
    """Write differences, matrices in eight bits with a scale a row, vectors in float32.

    Args:
        path: the file; replaced at once where there is one.
        differences: float32 by name, ``[rows, ...]`` or ``[n]``.
        description: JSON types; `read_adaptation` gives it back.
    """
    from safetensors.numpy import save

    tensors: dict[str, Array] = {}
    for name, one in differences.items():
        if one.ndim > 1:
            tensors[name], tensors[f"{name}{_SCALE}"] = _rounded(one)
        else:
            tensors[name] = one.astype(np.float32)
    said = {"format": FORMAT, **description}
    said["sha256"] = _digest(tensors, said)
    beside = path.with_name(f"{path.name}.writing")
    beside.write_bytes(save(tensors, metadata={_KEY: json.dumps(said, sort_keys=True, ensure_ascii=False)}))
    beside.replace(path)


def read_adaptation(path: Path) -> Adaptation:
    """Read and check what `write_adaptation` wrote.

    Raises:
        SourceError: there is no such file, it is damaged, or of a form that this version does not know.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            said: dict[str, Any] = json.loads((file.metadata() or {})[_KEY])
        known, whole = said["format"] == FORMAT, said["sha256"] == _digest(tensors, said)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _unreadable(path) from error
    if not known:
        raise SourceError(
            f"{path.name} was written by a newer patmatch; update this one.",
            f"{path.name} 由更新版本的 patmatch 写成；请升级。",
        )
    if not whole:
        raise _unreadable(path)
    differences = {
        name: _restored(one, tensors[f"{name}{_SCALE}"]) if one.ndim > 1 else one
        for name, one in tensors.items()
        if not name.endswith(_SCALE)
    }
    return Adaptation(differences, said)


def write_adapted(base: Path, file: Path, out: Path) -> None:
    """Make the folder of an adapted model, with the file that adapted it; whole or not at all.

    Args:
        base: the prepared folder of the base.
        file: the adaptation.
        out: the new folder.

    Raises:
        SourceError: the file is damaged or of another base.
    """
    adaptation = read_adaptation(file)
    out.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(out), staged(out) as stage:
        kept = shutil.ignore_patterns(*_NOT_TAKEN, weights_file(base).name)
        shutil.copytree(base, stage, dirs_exist_ok=True, ignore=kept)
        adaptation.apply(base, stage)
        shutil.copyfile(file, stage / ADAPTATION)


def model_card(description: Mapping[str, Any]) -> str:
    """README.md of an adapted model, from what its file says."""
    base, pairs = description["base"], description.get("pairs", {})
    rows = [f"- {name}: {value}" for name, value in {**pairs, **description.get("recipe", {})}.items()]
    rows += [f"- {one['name']}: sha256 `{one['sha256']}`" for one in description.get("files", [])]
    rows += [f"- {name} {value}" for name, value in description.get("versions", {}).items()]
    return _CARD.format(name=base["name"], weights=base["weights_sha256"], rows="\n".join(rows))


_CARD = """---
base_model: {name}
pipeline_tag: sentence-similarity
library_name: sentence-transformers
---

# {name}, adapted to patents

The model `{name}` (weights sha256 `{weights}`)
with the differences that `patmatch train --pairs` learned from patents alone, without any judgement: a title finds its
abstract, one half of an abstract the other, and titles in two languages each other (InfoNCE in both directions, among
pairs of one IPC subclass). Tokenizer, prompts and licence are those of the base.

{rows}
"""


def _rounded(rows: Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Whole numbers and the scale of each row: its largest value is 127 steps."""
    flat = rows.reshape(len(rows), -1).astype(np.float32)
    scale = np.abs(flat).max(axis=1) / np.float32(_STEPS)
    steps = np.rint(flat / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
    return steps.reshape(rows.shape), scale


def _restored(steps: Array, scale: Array) -> npt.NDArray[np.float32]:
    wide = scale.reshape(-1, *[1] * (steps.ndim - 1))
    restored: npt.NDArray[np.float32] = steps.astype(np.float32) * wide.astype(np.float32)
    return restored


def _digest(tensors: Mapping[str, Array], said: Mapping[str, Any]) -> str:
    """Of everything in the file but this digest itself."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        one = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}\0{one.dtype}\0{one.shape}\n".encode())
        digest.update(one.tobytes())
    rest = {name: value for name, value in said.items() if name != "sha256"}
    digest.update(json.dumps(rest, sort_keys=True, ensure_ascii=True).encode())
    return digest.hexdigest()


def _unreadable(path: Path) -> SourceError:
    return SourceError(
        f"The adaptation {path.name} is missing or damaged. Reinstall patmatch, or make the file anew.",
        f"适配文件 {path.name} 缺失或已损坏。请重新安装 patmatch，或重新生成该文件。",
    )

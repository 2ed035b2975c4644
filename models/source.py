"""Where a model comes from, and how its folder is made ready."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from models import packaged
from models.adaptation import read_adaptation
from models.encoder import Role
from models.errors import SourceError
from models.folders import MANIFEST, exclusive, is_complete, staged, write_manifest
from models.sentence_transformer import SentenceTransformerEncoder

# A text of one window and one that overflows every limit known: both ways through the encoder are tried.
PROBES = ("高镍三元动力电解液 high-nickel electrolyte", "一种电解液及其制备方法。" * 200)

# What a repository holds for other runtimes and frameworks.
OTHER_RUNTIMES = ("onnx/*", "openvino/*", "coreml/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.gguf", "*.tflite")

BASE = "base"
"""The place of the packaged weights without the adaptation: ``package:base``."""

# Seconds until a hub that does not answer counts as unreachable.
TIMEOUT = 10.0


class Origin(StrEnum):
    """The kinds of source."""

    PACKAGE = "package"
    HUB = "hub"
    DIR = "dir"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from: the installed package, a hub name (with ``@revision`` if wanted), or a folder.

    The package has two: the model adapted to patents, and with ``BASE`` as the place the one that it was adapted from.
    """

    origin: Origin
    place: str = ""

    @classmethod
    def parse(cls, text: str) -> ModelSource:
        """Read ``package``, ``package:base``, ``hub:NAME``, ``hub:NAME@REVISION`` or ``dir:PATH``.

        Raises:
            SourceError: it is none of these.
        """
        word, _, place = text.strip().partition(":")
        place = place.strip()
        if word == Origin.PACKAGE and place in ("", BASE):
            return cls(Origin.PACKAGE, place)
        if word == Origin.HUB and re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?(@\w[\w./-]*)?", place):
            return cls(Origin.HUB, place)
        if word == Origin.DIR and place:
            return cls(Origin.DIR, place)
        raise SourceError(
            f"{text!r} names no model. Write package, package:base, hub:NAME or dir:PATH.",
            f"{text!r} 不是模型来源。请写 package、package:base、hub:名称 或 dir:路径。",
        )

    def __str__(self) -> str:
        return f"{self.origin}:{self.place}" if self.place else str(self.origin)

    @property
    def slug(self) -> str:
        """A file name for the model; two sources never share one."""
        if self.origin is Origin.PACKAGE:
            return packaged.NAME if self.place == BASE else packaged.ADAPTED
        if self.origin is Origin.HUB:
            return "hub--" + self.place.replace("/", "--")
        path = self._directory()
        return f"dir--{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"

    def folder_for(self, models_dir: Path) -> Path:
        """The model's folder: under ``models_dir``, or the given directory itself, which is never copied."""
        return self._directory() if self.origin is Origin.DIR else models_dir / self.slug

    def _directory(self) -> Path:
        return Path(self.place).expanduser().resolve()


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A folder that can be loaded, and whether this call made it (or, for a directory, checked it) ready."""

    folder: Path
    created: bool


def prepare(source: ModelSource, models_dir: Path, *, hub_endpoint: str | None = None) -> PreparedModel:
    """Make a model's folder ready: written beside its place, loaded, tried, forced to disk, then renamed.

    A second call only compares the files' sizes with the manifest. Calls at the same time wait for each other.

    Args:
        source: where the model comes from. Only ``hub:`` needs a network.
        models_dir: where folders lie; made if need be.
        hub_endpoint: address of a mirror of the hub; ``None`` is the hub itself.

    Raises:
        SourceError: the source cannot be had or what it holds is no working model.
    """
    folder = source.folder_for(models_dir)
    manifest = models_dir / f"{source.slug}.json" if source.origin is Origin.DIR else folder / MANIFEST
    if is_complete(manifest, folder):
        return PreparedModel(folder, created=False)
    with exclusive(models_dir / source.slug):
        if is_complete(manifest, folder):
            return PreparedModel(folder, created=False)
        if source.origin is Origin.DIR:
            check(folder)
            write_manifest(manifest, folder)
        else:
            with staged(folder) as stage:
                if source.origin is Origin.PACKAGE:
                    packaged.write_folder(packaged.package_file(), stage)
                    if source.place != BASE:
                        read_adaptation(packaged.ADAPTATION_FILE).apply(stage, stage)
                else:
                    _fetch(source.place, stage, hub_endpoint)
                check(stage)
    return PreparedModel(folder, created=True)


def check(folder: Path) -> None:
    """Load a folder and embed with it.

    Raises:
        SourceError: it cannot be loaded, or its vectors are not finite and of unit length.
    """
    encoder = SentenceTransformerEncoder(folder)
    encoded = encoder.encode(PROBES, Role.QUERY)
    lengths = np.linalg.norm(encoded.vectors, axis=1)
    if not (np.isfinite(encoded.vectors).all() and np.allclose(lengths, 1, atol=1e-4)):
        raise SourceError("The model gives vectors that are not of unit length.", "模型给出的向量不是单位长度。")


def _fetch(place: str, folder: Path, endpoint: str | None) -> None:
    """Fetch a repository, ``NAME`` or ``NAME@REVISION``, from the hub or its mirror ``endpoint`` into an empty folder.

    Raises:
        SourceError: the hub cannot be reached, refuses, or has no such model; the message says what to do instead.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    name, _, chosen = place.partition("@")
    revision = chosen or None  # the hub's own default
    api = HfApi(endpoint=endpoint)
    try:
        # Not list_repo_files: it tries an unreachable hub for half a minute.
        files = [file.rfilename for file in api.model_info(name, revision=revision, timeout=TIMEOUT).siblings or ()]
        # Where the same weights are there twice, the older format stays behind.
        twice = any("/" not in file and file.endswith(".safetensors") for file in files)
        ignored = [*OTHER_RUNTIMES, *(["*.bin"] if twice else [])]
        api.snapshot_download(name, revision=revision, local_dir=folder, ignore_patterns=ignored)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise SourceError(
            f"The hub has no public model {name} (revision {revision or 'main'}).",
            f"模型中心没有公开的模型 {name}（版本 {revision or 'main'}）。",
        ) from error
    # The client raises its own errors, the system's, and those of an HTTP library that changes with its version.
    except Exception as error:
        raise SourceError(
            f"{name} could not be fetched from the model hub ({type(error).__name__}). Use package, which needs no "
            "network, or copy the model's folder to this machine and use dir:PATH.",
            f"无法从模型中心下载 {name}（{type(error).__name__}）。"
            "请使用无需联网的 package，或把模型目录复制到本机后使用 dir:路径。",
        ) from error
    # The client's own bookkeeping; it holds times and would differ from machine to machine.
    shutil.rmtree(folder / ".cache", ignore_errors=True)

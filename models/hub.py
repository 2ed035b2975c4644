"""Models from the Hugging Face hub or a mirror of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from models.errors import SourceError

# What a repository holds for other runtimes and frameworks.
OTHER_RUNTIMES = ("onnx/*", "openvino/*", "coreml/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.gguf", "*.tflite")

# Seconds until a hub that does not answer counts as unreachable.
TIMEOUT = 10.0


def fetch(name: str, revision: str | None, folder: Path, endpoint: str | None = None) -> None:
    """Fetch a repository into an empty folder.

    Args:
        name: as the hub writes it, ``intfloat/multilingual-e5-base``.
        revision: branch, tag or commit; ``None`` is the main branch.
        folder: where the files go.
        endpoint: address of a mirror; ``None`` is the hub itself.

    Raises:
        SourceError: the hub cannot be reached, refuses, or has no such model; the message says what to do instead.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

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

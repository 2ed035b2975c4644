"""Any sentence-transformers folder as an encoder, without network; on the CPU, but where training moved it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.encoder import Encoded, Role, Vectors
from models.errors import EmptyTextError, SourceError
from models.folders import fingerprint, layout_of
from models.tokens import Plan, Prefixes, TextTokenizer, WindowPolicy, batches, plan

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Precision = Literal["float32", "bfloat16"]

# Tokens of one forward pass, padding included: two full windows. On CPUs larger passes leave the cache and are slower
# (8,192 tokens by a quarter), and a short query would wait longer for them.
MAX_BATCH_TOKENS = 1024


class SentenceTransformerEncoder:
    """An `Encoder` over a sentence-transformers folder.

    The folder's own modules run on token ids that are made here, so that texts over the model's limit follow a
    `WindowPolicy` instead of being cut. A text within the limit gets the ids, and so the vector, that
    sentence-transformers gives it.

    Args:
        folder: what `prepare` returned, or any layout of `models.folders.LAYOUTS`.
        prefixes: replace those that the folder declares, role by role.
        policy: what becomes of texts over the model's limit.
        precision: arithmetic of the transformer; vectors are float32 in any case. ``bfloat16`` is faster on CPUs that
            have it, and another fingerprint.
        threads: CPU threads of the whole process's torch; ``None`` leaves them.
        max_batch_tokens: tokens of one forward pass, padding included.

    Attributes:
        name: the folder's.
        fingerprint: digest over files, prefixes, limits, policy, precision and dimension.
        dimension: length of a vector.

    Raises:
        SourceError: the folder is missing, is no model, or is damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prefixes: Prefixes | None = None,
        policy: WindowPolicy | None = None,
        precision: Precision = "float32",
        threads: int | None = None,
        max_batch_tokens: int = MAX_BATCH_TOKENS,
    ) -> None:
        self._policy = policy or WindowPolicy()
        self._precision = precision
        self._max_batch_tokens = max_batch_tokens
        self.name = folder.name
        self._model, limit = _load(folder, threads)
        self._lock = threading.Lock()
        self._tokens = TextTokenizer(self._model.tokenizer.backend_tokenizer, limit)
        self._pad = int(getattr(self._model.tokenizer, "pad_token_id", None) or 0)
        self._prefixes = {role: _prefix(self._model.prompts, prefixes or Prefixes(), role) for role in Role}
        self._frame = self._tokens.frame()
        if max(map(len, self._tokens.ids(list(self._prefixes.values())))) >= self._frame.room:
            raise SourceError(
                f"The prefixes of {folder.name} leave no room for text within its {limit} tokens.",
                f"{folder.name} 的前缀过长：其 {limit} 个词元中已没有文本的位置。",
            )
        self.dimension = int(self._forward([[self._pad]]).shape[1])
        facts: dict[str, str | int | float | bool] = {
            "query_prefix": self._prefixes[Role.QUERY],
            "passage_prefix": self._prefixes[Role.PASSAGE],
            "max_tokens": limit,
            "windows": "weighted mean",
            "max_tokens_per_text": self._policy.max_tokens_per_text,
            "max_characters": self._policy.max_characters,
            "precision": precision,
            "normalised": True,
            "dimension": self.dimension,
        }
        self.fingerprint = fingerprint(folder, facts)

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Embed texts; see `Encoder.encode`.

        Raises:
            EmptyTextError: a text is empty after the model's own normalisation.
        """
        plans = self._plans(texts, role)
        windows = [ids for one in plans for ids in one.windows]
        vectors = np.empty((len(windows), self.dimension), dtype=np.float32)
        for group in batches([len(ids) for ids in windows], self._max_batch_tokens):
            vectors[group] = self._forward([windows[place] for place in group])
        return Encoded(
            vectors=_combined(vectors, plans, self.dimension),
            tokens=np.array([one.tokens for one in plans], dtype=np.int32),
            windows=np.array([len(one.windows) for one in plans], dtype=np.int32),
            truncated=np.array([one.truncated for one in plans], dtype=np.bool_),
        )

    def _plans(self, texts: Sequence[str], role: Role) -> list[Plan]:
        limit = self._policy.max_characters
        heads = [text if len(text) <= limit else text[:limit] for text in texts]
        for position, head in enumerate(heads):
            if self._tokens.is_empty(head):
                raise EmptyTextError(position)
        ids = self._tokens.ids([self._prefixes[role] + head for head in heads])
        plans = [plan(one, self._frame, self._policy) for one in ids]
        return [
            one if text is head else replace(one, tokens=round(one.tokens * len(text) / len(head)), truncated=True)
            for one, text, head in zip(plans, texts, heads, strict=True)
        ]

    def _forward(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Vectors of ``n`` inputs, float32 ``[n, dimension]``. One pass at a time: torch uses every core for it."""
        import torch

        with self._lock, torch.inference_mode(), arithmetic(self._precision, self._model.device.type):
            vectors: Vectors = self._pooled(ids).float().cpu().numpy()
        return vectors

    def _pooled(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """The folder's modules on ``n`` inputs: a tensor ``[n, dimension]``."""
        import torch

        width = max(len(one) for one in ids)
        padded = torch.full((len(ids), width), self._pad, dtype=torch.int64)
        mask = torch.zeros((len(ids), width), dtype=torch.int64)
        for row, one in enumerate(ids):
            padded[row, : len(one)] = torch.tensor(one, dtype=torch.int64)
            mask[row, : len(one)] = 1
        device = self._model.device
        inputs = {"input_ids": padded.to(device), "attention_mask": mask.to(device)}
        pooled: torch.Tensor = self._model(inputs)["sentence_embedding"]
        return pooled


def _combined(vectors: Vectors, plans: Sequence[Plan], dimension: int) -> Vectors:
    """One unit vector a text from those of its windows; float32 ``[texts, dimension]``."""
    combined = np.empty((len(plans), dimension), dtype=np.float32)
    start = 0
    for row, one in enumerate(plans):
        end = start + len(one.windows)
        mean = np.array(one.weights, dtype=np.float64) @ vectors[start:end].astype(np.float64)
        combined[row] = mean / np.linalg.norm(mean)
        start = end
    return combined


def _load(folder: Path, threads: int | None) -> tuple[SentenceTransformer, int]:
    """The folder's model, which pools whole texts and has a fast tokenizer, and its largest input in tokens."""
    layout_of(folder)
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
    # Damaged files raise whatever the library that trips over them has: json, safetensors, tokenizers, transformers.
    except Exception as error:
        raise SourceError(
            f"The model folder {folder.name} cannot be loaded ({type(error).__name__}): files are missing or damaged.",
            f"模型目录 {folder.name} 无法加载：{type(error).__name__}。其文件缺失或已损坏。",
        ) from error
    # Only poolings have this. Windows after the first have no prompt that could be left out.
    include_prompt = [bool(module.include_prompt) for module in model if hasattr(module, "include_prompt")]
    if not include_prompt or not all(include_prompt):
        raise SourceError(
            f"The model {folder.name} cannot be used: it must pool all tokens of a text, its prompt included.",
            f"模型 {folder.name} 无法使用：它必须对文本的全部词元（包括提示词）做池化。",
        )
    if model.max_seq_length is None:
        raise SourceError(
            "The model folder declares no largest input: set max_seq_length in sentence_bert_config.json.",
            "模型目录未声明最大输入长度：请在 sentence_bert_config.json 中设置 max_seq_length。",
        )
    if getattr(model.tokenizer, "backend_tokenizer", None) is None:
        raise SourceError(
            f"The tokenizer of {folder.name} has no fast form (tokenizer.json), which windows need.",
            f"{folder.name} 的分词器没有快速形式（tokenizer.json），无法切分窗口。",
        )
    return model, int(model.max_seq_length)


def _prefix(declared: Mapping[str, str | None], chosen: Prefixes, role: Role) -> str:
    """The prefix of a role: the one chosen, else the one declared. `document` is what newer folders call a passage."""
    override = chosen.query if role is Role.QUERY else chosen.passage
    if override is not None:
        return override
    names = ("query",) if role is Role.QUERY else ("passage", "document")
    return next((prefix for name in names if (prefix := declared.get(name))), "")


def arithmetic(precision: Precision, device: str) -> AbstractContextManager[None]:
    """What torch computes with inside the block, on devices of this type."""
    if precision == "float32":
        return nullcontext()
    import torch

    context: AbstractContextManager[None] = torch.autocast(device, dtype=torch.bfloat16)
    return context

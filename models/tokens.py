"""Texts to token ids, by a model's own tokenizer but without its truncation, padding and warnings."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from models.windows import Frame

# Control and format characters, surrogates, unassigned, and separators: nothing that a reader or a model sees.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What goes before a text in each role. ``None`` leaves what the model folder declares."""

    query: str | None = None
    passage: str | None = None


class TextTokenizer:
    """A model's tokenizer, told to never cut or pad. Safe to call from several threads: it never changes.

    Args:
        tokenizer: the model's. It is taken over, not copied, and nobody else may use it: one of 250,000 pieces takes
            290 MB in each process.
        limit: the model's largest input in tokens.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A text that holds "[SEP]" or "<mask>" is about these characters; they are no commands to the model.
        self._tokenizer.encode_special_tokens = True
        self._limit = limit

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        encodings = self._tokenizer.encode_batch_fast([_encodable(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def frame(self) -> Frame:
        """The special tokens around each window, and the limit."""
        bare = self._tokenizer.encode("a", add_special_tokens=False).ids
        whole = self._tokenizer.encode("a", add_special_tokens=True).ids
        start = next(place for place in range(len(whole)) if whole[place : place + len(bare)] == bare)
        return Frame(tuple(whole[:start]), tuple(whole[start + len(bare) :]), self._limit)

    def is_empty(self, text: str) -> bool:
        """Whether nothing that can be seen is left of the text after the model's own normalisation."""
        normalizer = self._tokenizer.normalizer
        seen = normalizer.normalize_str(_encodable(text)) if normalizer is not None else text
        return all(unicodedata.category(character) in INVISIBLE for character in seen)


def _encodable(text: str) -> str:
    """The text without lone surrogates, which JSON can carry and UTF-8 cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="replace").decode("utf-8")
    return text

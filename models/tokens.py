"""How a text is read: token ids by the model's own tokenizer, windows of the model's length, batches of windows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

# Control and format characters, surrogates, unassigned, and separators: nothing that a reader or a model sees.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What goes before a text in each role. ``None`` leaves what the model folder declares."""

    query: str | None = None
    passage: str | None = None


class TextTokenizer:
    """A model's tokenizer, set to never cut or pad. Safe to call from several threads: it never changes.

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


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """What becomes of a text over the model's limit.

    Prefix and text are tokenised as one and cut into windows of the limit, without overlap. Each window gets the
    special tokens; the text's vector is the mean of the windows' vectors, weighted by their numbers of tokens, at unit
    length. This is what the engine of the default model's package does. Repeating the prefix in each window was tried
    on 120 long texts and found their titles no better and no worse.

    Args:
        max_tokens_per_text: tokens of a text, with prefix and special tokens, that have influence; what lies beyond is
            reported as truncated. 8,192 is some twenty pages: longer than any abstract, need or business scope.
        max_characters_per_token: a text of more than this times ``max_tokens_per_text`` characters is cut before it is
            tokenised, because tokenising 5 MB takes seconds; its number of tokens is then an estimate from the part
            read. 16 is the longest piece of XLM-R, so nothing that could have had influence is lost, runs of blanks
            aside.
    """

    max_tokens_per_text: int = 8192
    max_characters_per_token: int = 16

    def __post_init__(self) -> None:
        if self.max_tokens_per_text < 1 or self.max_characters_per_token < 1:
            raise ValueError("a window policy's limits are at least 1")

    @property
    def max_characters(self) -> int:
        """Characters of a text that are tokenised at all."""
        return self.max_tokens_per_text * self.max_characters_per_token


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the tokens of each window: ``before + tokens + after``.

    Attributes:
        limit: the model's largest input in tokens.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    limit: int

    @property
    def room(self) -> int:
        """Tokens that fit one window beside the special ones."""
        return self.limit - len(self.before) - len(self.after)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one text is read.

    Attributes:
        windows: token ids of each input of the model, special tokens included.
        weights: tokens of each window without the special ones.
        tokens: of the whole text with prefix and special tokens.
        truncated: whether a tail has no influence.
    """

    windows: tuple[tuple[int, ...], ...]
    weights: tuple[int, ...]
    tokens: int
    truncated: bool


def plan(ids: Sequence[int], frame: Frame, policy: WindowPolicy) -> Plan:
    """Cut a text into windows.

    Args:
        ids: of prefix and text tokenised as one, without special tokens.
        frame: the special tokens and the limit.
        policy: how many tokens have influence.
    """
    special = len(frame.before) + len(frame.after)
    kept = ids[: max(policy.max_tokens_per_text - special, 1)]
    parts = [kept[start : start + frame.room] for start in range(0, len(kept), frame.room)]
    return Plan(
        windows=tuple((*frame.before, *part, *frame.after) for part in parts),
        weights=tuple(len(part) for part in parts),
        tokens=len(ids) + special,
        truncated=len(kept) < len(ids),
    )


def batches(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Group inputs of similar length, so that a short one is not padded to a long one's length.

    Args:
        lengths: tokens of each input.
        max_batch_tokens: tokens of a batch with its padding; an input that is longer alone gets a batch of its own.

    Returns:
        Positions in ``lengths``, grouped; each position once.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        # The first of a group is its longest, and every other is padded to it.
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= max_batch_tokens:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups

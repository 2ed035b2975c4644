"""How a text longer than the model's limit is read: the window policy, and the plan that it makes of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """What becomes of a text over the model's limit.

    Its token ids are cut into windows of the limit, without overlap. Each window has the role's prefix and the special
    tokens; the text's vector is the mean of the windows' vectors, weighted by their numbers of text tokens, at unit
    length.

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
class Window:
    """One input of the model.

    Attributes:
        ids: token ids with prefix and special tokens, at most the model's limit.
        weight: how many of them are the text's own.
    """

    ids: tuple[int, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the text's tokens in each window: ``before + prefix + text + after``.

    Attributes:
        limit: the model's largest input in tokens.
    """

    before: tuple[int, ...]
    prefix: tuple[int, ...]
    after: tuple[int, ...]
    limit: int

    @property
    def room(self) -> int:
        """Text tokens that fit one window."""
        return self.limit - len(self.before) - len(self.prefix) - len(self.after)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one text is read.

    Attributes:
        tokens: of the whole text with prefix and special tokens.
        truncated: whether a tail has no influence.
    """

    windows: tuple[Window, ...]
    tokens: int
    truncated: bool


def plan(ids: Sequence[int], frame: Frame, policy: WindowPolicy) -> Plan:
    """Cut a text into windows.

    Args:
        ids: of prefix and text tokenised as one, without special tokens.
        frame: what surrounds the text's tokens.
        policy: how many tokens have influence.
    """
    special = len(frame.before) + len(frame.after)
    kept = ids[: max(policy.max_tokens_per_text - special, 1)]
    tokens, truncated = len(ids) + special, len(kept) < len(ids)
    shared = _common_prefix(kept, frame.prefix)
    first = frame.limit - special
    windows = [_window(kept[:first], len(kept[:first]) - shared, frame)]
    for start in range(first, len(kept), frame.room):
        part = kept[start : start + frame.room]
        windows.append(_window((*frame.prefix, *part), len(part), frame))
    return Plan(tuple(windows), tokens, truncated)


def _window(ids: Sequence[int], weight: int, frame: Frame) -> Window:
    return Window((*frame.before, *ids, *frame.after), max(weight, 1))


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


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

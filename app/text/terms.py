"""What two texts share to the letter: words of spaced scripts, runs of Chinese, Japanese and Korean characters.

Two kinds of terms serve two ends. Those of BM25 (`terms_of`) find and order records: vectors blur exact terms
(chemical names, alloy grades, model numbers), and counting them does not. A `vocabulary` is shown to people: it leaves
grammar and the stock of patent language out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.text.normalising import HAN
from app.text.reading import as_written, term_reading

_CJK = rf"{HAN}\u3040-\u30ff\uac00-\ud7af"
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}][^\s_{_CJK}]*", re.UNICODE)
_CJK_RUN = re.compile(rf"[{_CJK}]+")
_EDGE = ".,;:!?()[]{}<>\"'“”‘’，。、；：！？（）【】《》"

# Grammar, and the stock of patent language: sharing these says nothing about the subject.
BOILERPLATE = re.compile(
    "本发明|本申请|实用新型|一种|方法|装置|系统|发明|公开|涉及|包括|所述|技术|领域|以及|其中|进行|具有|用于|"
    "需求|企业|公司|我们|目前|问题|希望|解决|研发|开发|项目|产品|生产|研究|应用|现有|要求|"
    "使用|采用|实现|提高|降低|减少|增加|可以|能够|通过|以上|之间|使得|从而|非常|主要|经过|完成|基于|提出|"
    "大大|较大|很大|广泛|"
    "[的了和与及或在是为对其该等]"
)
STOP_WORD = re.compile(
    "the|and|for|with|from|that|this|are|was|were|been|has|have|not|can|its|our|method|device|system|apparatus|"
    "use|uses|used|using|having|including|includes|contain|contains|containing|preparing|providing|provided|provides|"
    "or|of|in|on|to|is|an|as|at|it|be|by|present|based|thereof|thereby|therefor|therein|one|two|first|second|least|also|such|than|into|each|between|high|low|"
    "invention|comprising|said|wherein|which|der|die|das|und|mit|für|von|eine|einer|verfahren|vorrichtung"
)
# Unlike `_CJK` without the middle dot, which stands between the words of a Japanese name and cuts a run in two.
COUNTED = f"{HAN}\u3041-\u309f\u30a1-\u30fa\u30fc\uac00-\ud7af"
COUNTED_RUN = re.compile(f"[{COUNTED}]+|[^\\W_{COUNTED}]+(?:[-.][^\\W_{COUNTED}]+)*")
COUNTED_CJK = re.compile(f"[{COUNTED}]")
HAN_CHARACTER = re.compile(f"[{HAN}]")
_LONGEST = 12
_BETWEEN = "\n"  # in no run, so that nothing is found across two parts


def terms_of(text: str) -> Counter[str]:
    """The terms of BM25 in a text and how often each occurs: characters, pairs of them, and words.

    Chinese is taken by single characters and by pairs, which needs no dictionary and misses no new term; Japanese kana
    and Korean by pairs; other scripts by words. On judged needs characters with pairs were worth more than pairs alone,
    and both more than a segmenter's words (docs/quality.md). The inverted index of a snapshot (`index.terms`) counts
    and scores them.
    """
    found: Counter[str] = Counter()
    for match in COUNTED_RUN.finditer(term_reading(text)):
        run = match.group()
        if not COUNTED_CJK.match(run):
            found[run] += 1
            continue
        found.update(HAN_CHARACTER.findall(run))
        found.update(run[n : n + 2] for n in range(len(run) - 1))
    return found


def _grams(run: str) -> set[str]:
    return {run[i : i + n] for n in range(2, min(_LONGEST, len(run)) + 1) for i in range(len(run) - n + 1)}


def vocabulary(text: str) -> frozenset[str]:
    """All terms of a text: words of two letters or more, and every run of 2 to 12 CJK characters.

    They are folded as `term_reading` folds, so that both scripts of Chinese share theirs.
    """
    return _vocabulary(term_reading(text))


def _vocabulary(folded: str) -> frozenset[str]:
    parts, words = _parts(folded)
    return frozenset(words).union(*map(_grams, parts))


def _parts(folded: str) -> tuple[list[str], list[str]]:
    """The CJK runs of a text, cut at stock phrases, and its words."""
    parts, words = [], []
    for run in (found.strip(_EDGE) for found in _RUN.findall(folded)):
        if _CJK_RUN.fullmatch(run):
            parts += [part for part in BOILERPLATE.split(run) if len(part) > 1]
        elif len(run) > 1 and not run.isdigit() and not STOP_WORD.fullmatch(run):
            words.append(run)
    return parts, words


def _longest(terms: Iterable[str], limit: int) -> list[str]:
    """The longest of some terms, none inside another, at most ``limit``; equally long ones in their order."""
    kept: list[str] = []
    for term in sorted(terms, key=lambda term: (-len(term), term)):
        if not any(term in longer for longer in kept):  # 电解 tells nothing beside 电解液
            kept.append(term)
            if len(kept) == limit:
                break
    return kept


@dataclass(frozen=True, slots=True)
class Phrases:
    """A text whose vocabulary is looked into, not written out: millions of pairs are compared in a run.

    Attributes:
        parts: its CJK runs without stock.
        words: its other words.
        joined: all parts, with what is in none of them in between.
    """

    parts: tuple[str, ...]
    words: frozenset[str]
    joined: str

    @classmethod
    def of(cls, text: str) -> Phrases:
        """Those of a text."""
        parts, words = _parts(term_reading(text))
        return cls(tuple(parts), frozenset(words), _BETWEEN.join(parts))

    def longest_in(self, other: Phrases, limit: int) -> tuple[str, ...]:
        """The terms that both vocabularies have, longest first, none inside another, folded; at most ``limit``."""
        found = set(self.words & other.words)
        for part in other.parts:
            for start in range(len(part) - 1):
                if part[start : start + 2] in self.joined:
                    found.add(part[start : start + self._reach(part, start)])
        return tuple(_longest(found, limit))

    def _reach(self, part: str, start: int) -> int:
        """How many characters of ``part`` from ``start`` on stand together in this text too; two do."""
        length, most = 2, min(_LONGEST, len(part) - start)
        while length < most and part[start : start + length + 1] in self.joined:
            length += 1
        return length


def shared_terms(query: frozenset[str], text: str, limit: int) -> tuple[str, ...]:
    """The terms of ``query`` (a vocabulary) that ``text`` has too, longest first, none inside another.

    They are given as ``text`` writes them.
    """
    written = as_written(text)
    folded = term_reading(written)
    kept = _longest(query & _vocabulary(folded), limit)
    if len(written) != len(folded):  # a letter became two, as ß does: places no longer agree
        return tuple(kept)
    places = ((folded.index(term), len(term)) for term in kept)
    return tuple(written[place : place + length] for place, length in places)


def letters_shared(terms: tuple[str, ...], sentence: str) -> int:
    """How many characters of ``terms`` a sentence has, each term once, in whichever script it is written."""
    own = term_reading(sentence)
    return sum(len(term) for term in terms if term_reading(term) in own)

"""Texts cut into terms without a dictionary, in any script: what meanings are looked up by.

Words of spaced scripts are terms as they stand. Runs of Chinese characters are cut by a unigram model that is learnt
from the corpus itself: frequent runs of characters are its seeds, the likeliest cut of every run counts them anew, and
what such cuts do not use is dropped (hard EM, as in Kudo, Subword Regularization: Improving Neural Network Translation
Models with Multiple Subword Candidates, 2018). A bank of patents so teaches its own terms, new ones included.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from app.text.normalising import HAN
from app.text.terms import BOILERPLATE, STOP_WORD

LONGEST_TERM = 6
"""Characters of the longest Chinese term that is learnt; longer compounds are cut into their parts."""
FEWEST_USES = 3
"""Uses that make a run of characters a seed: a run seen twice is as often two halves of different terms."""
_ROUNDS = 2
"""Cuts of the corpus: the second already uses nine of ten terms of the third."""

_HANGUL = "\uac00-\ud7af"
_KATAKANA = "\u30a1-\u30fa\u30fc"
_TOKEN = re.compile(
    rf"[{HAN}]+|[{_KATAKANA}]+|[{_HANGUL}]+|[^\W_{HAN}{_HANGUL}\u3040-\u30ff]+(?:-[^\W_{HAN}{_HANGUL}\u3040-\u30ff]+)*"
)
_IS_HAN = re.compile(f"[{HAN}]")
_IS_HANGUL = re.compile(f"[{_HANGUL}]")
_IS_KATAKANA = re.compile(f"[{_KATAKANA}]")
# What Korean hangs on a noun: particles, and the light verb 하다 and the copula in the forms that patents use.
_PARTICLE = re.compile(
    "(?:으로써|로써|으로서|로서|에서의|으로부터|로부터|에서|에게|까지|부터|으로|하는|하고|하며|하여|하기|되는|되고|되며|"
    "되어|한다|된다|시키는|시켜|이며|이고|이다|인|을|를|이|가|은|는|의|에|로|와|과|도|한|된|할|될|함|됨|들)$"
)
_KOREAN_BOILERPLATE = re.compile(
    "발명|본|상기|관한|것|것으로|것을|것이|및|또는|방법|장치|시스템|포함|제공|이용|위한|위해|대한|따른|있|있다|있는|"
    "그|이|사용|갖는|가지|또한|하기|가능|활용|응용|높은|낮은|다양|더욱|상세하게|구체|특히|개시|실시예|단계|제조방법|조성물|이상|통해"
)


def script_of(term: str) -> str:
    """What a term is written in: ``han``, ``hangul``, ``kana`` or ``spaced``. Its vector is centred among its like."""
    first = term[:1]
    if _IS_HAN.match(first):
        return "han"
    if _IS_HANGUL.match(first):
        return "hangul"
    return "kana" if _IS_KATAKANA.match(first) else "spaced"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Which Chinese terms a corpus uses and how often; without any, a run is cut into pairs of characters.

    Attributes:
        costs: of each term, the negative logarithm of its share of all uses.
        unknown: cost of a character that no term covers.
    """

    costs: Mapping[str, float]
    unknown: float

    @classmethod
    def of(cls, uses: Mapping[str, int]) -> Lexicon:
        """The lexicon of terms that were used so often."""
        total = sum(uses.values()) + 1
        return cls({term: log(total / count) for term, count in uses.items()}, log(total) + 1)

    def terms(self, text: str) -> list[str]:
        """The terms of a text in its `term_reading`, in order, repeats included; stock phrases and numbers left out."""
        found: list[str] = []
        for token in _TOKEN.findall(text):
            if _IS_HAN.match(token):
                for run in BOILERPLATE.split(token):
                    found += _whole(self.cut(run))
            elif _IS_HANGUL.match(token):
                stem = _PARTICLE.sub("", token) if len(token) > 2 else token
                if len(stem) > 1 and not _KOREAN_BOILERPLATE.fullmatch(stem):
                    found.append(stem)
            elif len(token) > 1 and not token[0].isdigit() and not STOP_WORD.fullmatch(token):
                found.append(token)
        return found

    def cut(self, run: str) -> list[str]:
        """The likeliest cut of a run of Chinese characters (Viterbi); characters of no term come one by one."""
        costs, size = self.costs, len(run)
        best, starts = [0.0] * (size + 1), [0] * (size + 1)
        for end in range(1, size + 1):
            lowest, where = best[end - 1] + self.unknown, end - 1
            for start in range(max(0, end - LONGEST_TERM), end - 1):
                cost = costs.get(run[start:end])
                if cost is not None and best[start] + cost < lowest:
                    lowest, where = best[start] + cost, start
            best[end], starts[end] = lowest, where
        ends = [size]
        while ends[-1]:
            ends.append(starts[ends[-1]])
        return [run[start:end] for end, start in pairwise(ends)][::-1]


def _whole(parts: Sequence[str]) -> list[str]:
    """The terms of a cut; characters side by side that no term covers are taken as one that the corpus lacks."""
    found, loose = [], ""
    for part in (*parts, ""):
        if len(part) == 1:
            loose += part
            continue
        if 1 < len(loose) <= LONGEST_TERM:
            found.append(loose)
        loose = ""
        if part:
            found.append(part)
    return found


def learnt(texts: Sequence[str]) -> Lexicon:
    """The lexicon of a corpus.

    Args:
        texts: of the corpus or a sample of it, in their `term_reading`. 8,000 abstracts take 10 s.
    """
    runs = Counter(
        run
        for text in texts
        for token in _TOKEN.findall(text)
        if _IS_HAN.match(token)
        for run in BOILERPLATE.split(token)
    )
    uses = _seeds(runs)
    for _ in range(_ROUNDS):
        lexicon, counted = Lexicon.of(uses), Counter[str]()
        for run, times in runs.items():
            for term in lexicon.cut(run):
                counted[term] += times
        uses = {term: count for term, count in counted.items() if len(term) > 1 and count >= FEWEST_USES}
    return Lexicon.of(uses)


def _seeds(runs: Mapping[str, int]) -> dict[str, int]:
    """Runs of 2 to `LONGEST_TERM` characters used often enough; a longer one only where its two ends are."""
    seeds: dict[str, int] = {}
    for size in range(2, LONGEST_TERM + 1):
        counted: Counter[str] = Counter()
        for run, times in runs.items():
            for start in range(len(run) - size + 1):
                gram = run[start : start + size]
                if size == 2 or (gram[1:] in seeds and gram[:-1] in seeds):
                    counted[gram] += times
        seeds |= {gram: count for gram, count in counted.items() if count >= FEWEST_USES}
    return seeds


def document_frequencies(texts: Iterable[str], lexicon: Lexicon) -> Counter[str]:
    """In how many of ``texts``, in their `term_reading`, each term occurs."""
    frequencies: Counter[str] = Counter()
    for text in texts:
        frequencies.update(set(lexicon.terms(text)))
    return frequencies

"""What a text excludes: 不含氟, 不使用永磁体的, 无铅, without solvents, lead-free.

What is excluded must neither find a record nor lift it: vectors and terms both take 不使用永磁体的电机 for a text about
permanent magnets. The rules are made for precision, since a wrong exclusion loses good records: a marker alone is not
enough, what it takes away must end clearly (at 的, a mark of punctuation, the end), and 无 is a marker only before
something that a list names (`negation.toml`). Of 228 real needs of up to 3,000 characters one states an exclusion
(要求软管不含塑化剂), and it is the one that is read.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from app.text.containing import folded_term, holds
from app.text.normalising import HAN
from app.text.reading import term_reading
from app.text.terms import terms_of

LONGEST_EXCLUDED = 8
"""Characters of the longest Chinese term that is excluded; what is longer is a clause, not a term."""
LONGEST_BARE = 6
"""The same where no 的 ends it."""
MOST_EXCLUDED = 8
"""Terms of one text that are taken; a text that excludes more is a list of conditions."""
FEWEST_LEFT = 1
"""Letters and characters that a text must have left: a text that only excludes wants nothing that could be found."""

_TABLE = tomllib.loads(files("app.text").joinpath("negation.toml").read_text(encoding="utf-8"))
_SUBSTANCES = frozenset(_TABLE["substances"])
_BY_LENGTH = sorted(_SUBSTANCES, key=lambda word: (-len(word), word))
_ENGLISH = "|".join(sorted(map(re.escape, _TABLE["substances_en"]), key=lambda word: (-len(word), word)))
_CONTINUED = frozenset(_TABLE["continued"])
_NO_EXCLUSION = tuple(_TABLE["no_exclusion"])
_ALSO: dict[str, list[str]] = _TABLE["also"]
_OTHERWISE = re.compile("|".join(map(re.escape, _TABLE["otherwise"])))

# Not 不得不使用, 能不使用就, 含不含, 或不含, and not where what is done today is told rather than what is wanted.
_BEFORE_NONE = ("不得", "不能", "不可", "并非", "是否", "能否", "含", "或", "用", "莫")
_MARKER = "".join(f"(?<!{word})" for word in _BEFORE_NONE) + (
    "(?P<marker>不(?:应|得|能|可|再|需|必|允许|准)?(?:含有?|包含|使用|采用|添加)|不用|"
    "(?:避免|禁止|无需|无须)(?:使用|采用|添加))"
)
_ANY = "(?:任何|一切|任意|所有|大量|其他|其它|传统|昂贵|有毒|有害)*的?"
_RUN = rf"[{HAN}A-Za-z0-9\-]"
_LISTED = rf"(?P<listed>{_RUN}(?:{_RUN}|[、/])*)?"
_CHINESE = re.compile(f"{_MARKER}{_ANY}{_LISTED}")
_PRIVATIVE = re.compile(rf"(?<![有毫并或全绝是])[无非](?P<lacked>{'|'.join(map(re.escape, _BY_LENGTH))})")
_NOW = re.compile("目前|现有|现在|国内|一般|以往|过去|当前|若|如果|传统|由于|因为")
_CLAUSE_END = re.compile(r"[,，。;；:：!！?？\n]")
_LOOKED_BACK = 16
_CUT = re.compile("的|且|并|而|就|即|也|又|同时|能|可|会|时|后|条件下|情况下|前提下|等")
_AND = re.compile("、|/|或者|以及|或|和|及|与")
_HAN_ONLY = re.compile(f"[{HAN}]+")
_LETTER = re.compile(r"[^\W_]")

_OF = r"(?:(?:any|the|a|an|added|additional)\s+){0,3}"
_END_OF_NOUN = r"(?=\s*(?:$|[.,;:!?()\n]|(?:in|for|of|to|and|or|but|that|which|with|at|on|as|by|from|is|are|while)\b))"
_NOUN = rf"(?P<used>[a-z][a-z0-9\-]{{1,30}}(?:\s[a-z][a-z0-9\-]{{1,30}}){{0,3}}?){_END_OF_NOUN}"
_WITHOUT = r"(?<!\bor )\bwithout\s+"
_ENGLISH_USE = re.compile(
    rf"(?:{_WITHOUT}(?:(?:the\s+)?use\s+of|using|containing)|\bnot\s+using)\s+{_OF}{_NOUN}", re.IGNORECASE
)
_ENGLISH_WITHOUT = re.compile(
    rf"(?:{_WITHOUT}|\bfree\s+(?:of|from)\s+|\bnot\s+containing\s+){_OF}(?P<used>(?:{_ENGLISH})(?:e?s)?)\b",
    re.IGNORECASE,
)
_ENGLISH_SHORT = re.compile(f"{_WITHOUT}{_OF}{_NOUN}", re.IGNORECASE)
_SHORT = 80
"""Characters up to which an English text is a question, where ``without`` excludes whatever noun comes after it."""
_ABSTRACT = re.compile("|".join(_TABLE["no_exclusion_en"]), re.IGNORECASE)
_ENGLISH_FREE = re.compile(rf"(?<![\w-])(?P<lacked>{_ENGLISH})[- ]free\b", re.IGNORECASE)
_KANA_RUN = rf"[{HAN}\u30a1-\u30fa\u30fcA-Za-z0-9]"
_JAPANESE = re.compile(
    rf"(?P<used>{_KANA_RUN}{{1,12}})[をは](?:全く)?(?:使わない|使用しない|用いない|含まない|含有しない|添加しない)"
)
_KOREAN = re.compile(
    r"(?P<used>[\uac00-\ud7afA-Za-z0-9]{1,12}?)(?:을|를|이|가)?\s(?:전혀\s)?(?:사용하지|포함하지|함유하지|첨가하지)\s?않[는은고]|"
    r"(?P<lacked>[\uac00-\ud7afA-Za-z0-9]{1,12})\s?(?:불포함|미포함|무첨가)"
)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A place where a text says what it is without.

    Attributes:
        start: where the phrase begins, its marker included.
        end: behind its last character, a 的 included.
        terms: what is excluded, as the text writes it.
        word: the term of BM25 that says the same of a record, as 无铅 or ``lead-free`` do; ``None`` for no such term.
        named: whether the text itself says it by such a word.
    """

    start: int
    end: int
    terms: tuple[str, ...]
    word: str | None = None
    named: bool = False


@lru_cache(maxsize=256)
def exclusions(text: str) -> tuple[Exclusion, ...]:
    """Every exclusion in a text, in order, none inside another; none where too little of the text would be left."""
    found: list[Exclusion] = []
    for one in sorted(_all(text), key=lambda one: (one.start, -one.end)):
        if (not found or one.start >= found[-1].end) and sum(len(f.terms) for f in found) < MOST_EXCLUDED:
            found.append(one)
    return tuple(found) if len(_LETTER.findall(_without(text, found))) >= FEWEST_LEFT else ()


def excluded_terms(texts: Iterable[str]) -> tuple[str, ...]:
    """What some texts exclude, each once, in their order."""
    return tuple(dict.fromkeys(term for text in texts for one in exclusions(text) for term in one.terms))


def without_exclusions(text: str) -> str:
    """The text without the phrases that exclude something; as it is where too little would be left."""
    return _without(text, exclusions(text))


def stated(text: str) -> str:
    """The text as a query of it is embedded: without what a phrase excludes, as it is where too little is left.

    A vector cannot say "without": 不使用永磁体的电机 lies among permanent magnets, and 电机 among motors. What is a
    name of its own, 无卤 or ``lead-free``, stays: records that are so are called so.
    """
    return _without(text, [one for one in exclusions(text) if not one.named])


def wanted_terms(text: str) -> Counter[str]:
    """The terms of BM25 of what a text wants: those of `terms_of` without what it excludes.

    What says that a record is without it, as 无铅 and ``lead-free`` do, is wanted.
    """
    found = terms_of(without_exclusions(text))
    found.update(one.word for one in exclusions(text) if one.word)
    return found


def held(text: str, terms: Iterable[str], alike: Sequence[Sequence[str]] = ()) -> tuple[str, ...]:
    """Those of some excluded terms that a record's text holds and nowhere says to be without.

    Args:
        text: of the record, its title and body.
        terms: what was excluded.
        alike: for each of them other words that mean the same.
    """
    asked = list(terms)
    others = list(alike) or [()] * len(asked)
    folded = _OTHERWISE.sub(" ", term_reading(text))
    stems = {term: stems_of(term, more) for term, more in zip(asked, others, strict=True)}
    found = [term for term in asked if any(holds(folded, stem) for stem in stems[term])]
    if not found:
        return ()
    without = {term_reading(term) for term in excluded_terms([folded])}
    return tuple(term for term in found if not _lacks(folded, without, stems[term]))


def stems_of(term: str, alike: Iterable[str] = ()) -> tuple[str, ...]:
    """How an excluded term is looked for in a record, folded: 永磁体 is also in 永磁电机.

    Args:
        term: what was excluded.
        alike: words that mean the same.
    """
    folded = [folded_term(word) for word in (term, *alike, *_ALSO.get(term, ()))]
    short = [stem for word in folded if len(stem := _GENERIC.sub("", word)) > 1 and _HAN_ONLY.fullmatch(stem)]
    return tuple(dict.fromkeys(stem for stem in (*folded, *short) if stem))


_GENERIC = re.compile("(?:体|元素|材料|物质|成分|类)$")


def _lacks(folded: str, without: set[str], stems: Sequence[str]) -> bool:
    """Whether a record says that it is without, or instead of, what one of some stems names."""
    if any(stem in other for stem in stems for other in without):
        return True
    return any(_lacking(stem).search(folded) for stem in stems)


@lru_cache(maxsize=1024)
def _lacking(stem: str) -> re.Pattern[str]:
    """Where a record says that it is without, or instead of, a folded word."""
    word = re.escape(stem)
    return re.compile(
        f"(?:不含有?|不使用|不用|不采用|不添加|未添加|无需|避免使用|取代|代替|替代|[无非免]){_ANY}{word}|"
        rf"(?:without|free of|free from|no|non)[\s-](?:any |the |using ){{0,2}}{word}|{word}[- ]free"
    )


def _without(text: str, found: Iterable[Exclusion]) -> str:
    parts, end = [], 0
    for one in found:
        parts.append(text[end : one.start])
        end = one.end
    return " ".join("".join((*parts, text[end:])).split(" ")).strip(" ,，、") if end else text


def _all(text: str) -> Iterator[Exclusion]:
    for match in _CHINESE.finditer(text):
        if (one := _chinese(match, text)) is not None:
            yield one
    for match in _PRIVATIVE.finditer(text):
        lacked = match["lacked"]
        if len(lacked) > 1 or text[match.end() : match.end() + 1] not in _CONTINUED or lacked == "卤":
            yield Exclusion(match.start(), match.end(), (lacked,), _word(lacked), named=True)
    for pattern in (_ENGLISH_WITHOUT, _ENGLISH_USE, *((_ENGLISH_SHORT,) if len(text) <= _SHORT else ()), _JAPANESE):
        for match in pattern.finditer(text):
            if pattern is not _ENGLISH_SHORT or not _ABSTRACT.search(match["used"]):
                yield Exclusion(match.start(), match.end(), (match["used"],))
    for match in _ENGLISH_FREE.finditer(text):
        word = f"{match['lacked'].lower()}-free"
        yield Exclusion(match.start(), match.end(), (match["lacked"],), word, named=True)
    for match in _KOREAN.finditer(text):
        yield Exclusion(match.start(), match.end(), (match["used"] or match["lacked"],))


def _chinese(match: re.Match[str], text: str) -> Exclusion | None:
    listed = match["listed"]
    if not listed or listed.startswith(_NO_EXCLUSION) or listed[0].isdigit() or _told(text, match.start()):
        return None
    cut = _CUT.search(listed)
    run = listed[: cut.start()] if cut else listed
    relative = cut is not None and cut.group() == "的"
    start = match.start()
    known = next((word for word in _BY_LENGTH if run.startswith(word)), None)
    rest = run[len(known or "") :]
    if known and len(rest) > 1 and not relative and rest[0] not in _CONTINUED and not _AND.match(rest):
        return Exclusion(start, match.start("listed") + len(known), (known,), _word(known))
    terms = _items(run, relative=relative)
    if not terms or (match["marker"] == "不用" and not relative):
        return None
    if max(map(len, terms)) > (LONGEST_EXCLUDED if relative else LONGEST_BARE):
        return None
    read = run if relative or len(terms) > 1 or terms[0] == run else run[: run.index(terms[0]) + len(terms[0])]
    end = match.start("listed") + len(read) + relative
    return Exclusion(start, end, terms, _word(terms[0]) if len(terms) == 1 and terms[0] in _SUBSTANCES else None)


def _told(text: str, place: int) -> bool:
    """Whether the clause before ``place`` tells how things are, rather than what is wanted."""
    before = text[max(0, place - _LOOKED_BACK) : place]
    return bool(_NOW.search(_CLAUSE_END.split(before)[-1]))


def _items(run: str, *, relative: bool) -> tuple[str, ...]:
    """The terms of a list; the first alone where what follows may be a further property rather than another term."""
    items = [item for item in _AND.split(run) if item]
    if not items:
        return ()
    known = [item in _SUBSTANCES for item in items]
    if any(len(item) == 1 and not sure for item, sure in zip(items, known, strict=True)):
        return (run,) if len(run) > 1 and "、" not in run else ()
    if relative or all(known):
        return tuple(items)
    return (items[0],) if len(items) == 1 or "、" in run else ()


def _word(term: str) -> str | None:
    """The pair of characters that begins 无铅 and 无溶剂."""
    return f"无{term[0]}" if _HAN_ONLY.fullmatch(term[0]) else None

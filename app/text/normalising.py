"""What ingest makes of a source text: clean text (NFKC, visible characters, no HTML), and its language.

Of NFKC all is taken but what would change a meaning where it is shown: 10⁵ is not 105, nor ½ after a 3 a part of 31.
Terms and the model's tokens fold that as well (`app.text.reading`), so that it is found however it is written.

Both folds are idempotent, and leave one kind of white space. Most texts are clean apart from full-width punctuation, so
that case costs a few C-level scans; only what fails them is taken apart.

The script tells the language, and for Latin script a small statistical model. A text of Chinese characters alone may be
Japanese, as many titles of Japanese patents are. Three countries simplified the characters differently, and each
standard lists those of its own: GB 2312 the Simplified ones, Big5's first level the common Traditional ones, JIS X
0208's first level the common Japanese ones. A text with a character that neither of the other two lists (絶), or with
several of which some are in one list alone and some in the other (半導体製造), can only be written by the third.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from unicodedata import is_normalized, normalize

from app.text.markup import remove_tags, unescape_entities

ROUNDS = 6
"""How often a text is cleaned until it stays the same. Real text needs two rounds, escaped markup three."""

# NFKC of these characters, the only ones that most Chinese text has to lose. Replacing them first spares the full
# normalisation, which costs twenty times as much (measured: 14.9 against 0.8 microseconds for a business scope).
_WIDE_PUNCTUATION = (("，", ","), ("；", ";"), ("：", ":"), ("（", "("), ("）", ")"))

KEPT = "\u00b2\u00b3\u00b9\u2070\u2071\u2074-\u208e\u00bc-\u00be\u2150-\u215e\u2189\u2460-\u2473"
"""Superscripts, subscripts, fractions and circled numbers, for a class of a regular expression: they stay as written.
"""
_KEPT_RUN = re.compile(f"([{KEPT}]+)")
_POWERS_OF_UNITS = str.maketrans(
    {"㎟": "mm²", "㎠": "cm²", "㎡": "m²", "㎢": "km²", "㎣": "mm³", "㎤": "cm³", "㎥": "m³", "㎦": "km³", "㎨": "m/s²"}
)
_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls; tab, line breaks and \x1c-\x1f count as white space
    "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\s|[.,。,、·]")
_SILENT = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w.]|_")
_IN_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CHINESE_SUFFIXES = ("股份有限公司", "有限责任公司", "有限公司", "公司")
_LEGAL_SUFFIXES = (
    *_CHINESE_SUFFIXES, "corporation", "limited", "corp", "inc", "llc", "ltd", "co"
)  # fmt: skip
"""Longest first: 公司 would leave 有限 behind."""


def fold_line(text: str) -> str:
    """A title, a name or a code as one line."""
    plain = _plain(text)
    return _settle(text, lines=False) if plain is None else plain


def fold_body(text: str) -> str:
    r"""An abstract, a description or a scope; its line breaks stay as single ``\n``."""
    plain = _plain(text)
    return _settle(text, lines=True) if plain is None else plain


def folded_name(name: str) -> str:
    """A firm's or holder's name as two spellings of it agree: without brackets, widths, spaces and legal suffix.

    ``兰州(甘肃)新材料有限责任公司`` and ``兰州新材料有限公司`` are one. A name that is nothing else stays whole.
    """
    plain = fold_line(name).casefold()
    bare = _ASIDE.sub("", plain)
    end = len(bare)
    while suffix := next((one for one in _LEGAL_SUFFIXES if bare.endswith(one, 0, end)), None):
        end -= len(suffix)
    return bare[:end] or plain


def title_letters(title: str) -> str:
    """A title without marks and spaces, for comparing; a point within a number tells 1.5 from 15."""
    return _SILENT.sub("", title)


def name_spellings(name: str) -> tuple[str, ...]:
    """How a firm's name may stand elsewhere: with and without spaces and what is in brackets, with each legal suffix.

    For look-ups by the name as it is stored; whether two names are one is for `folded_name` to say.
    """
    plain = fold_line(name)
    bare = _IN_BRACKETS.sub("", plain).strip()
    forms = dict.fromkeys((plain, "".join(plain.split()), bare, "".join(bare.split())))
    for form in tuple(forms):
        suffix = next((one for one in _CHINESE_SUFFIXES if form.endswith(one)), "")
        forms.update(dict.fromkeys(form.removesuffix(suffix) + other for other in (*_CHINESE_SUFFIXES, "")))
    return tuple(form for form in forms if form)


def _plain(text: str) -> str | None:
    """The answer for text that needs no more than its punctuation narrowed; ``None`` where it takes a closer look."""
    if not text.isascii() and not is_normalized("NFKC", text):
        for wide, narrow in _WIDE_PUNCTUATION:
            text = text.replace(wide, narrow)
        if not is_normalized("NFKC", text):
            return None
    clean = text.isprintable() and text.strip(" ") == text and not any(odd in text for odd in ("  ", "<", "&"))
    return text if clean else None


def _settle(text: str, *, lines: bool) -> str:
    for _ in range(ROUNDS):
        cleaned = _clean(text, lines=lines)
        if cleaned == text:
            return text
        text = cleaned
    # Markup that reappears whenever it is removed is an attack on the loop, not a text: break what it is made of.
    while True:
        cleaned = _clean(_nfkc(text).replace("<", " ").replace("&", " "), lines=lines)
        if cleaned == text:
            return text
        text = cleaned


def _clean(text: str, *, lines: bool) -> str:
    if not text.isprintable():
        text = _NEWLINES.sub("\n", text)
        text = _INVISIBLE.sub("", text)
        text = _LONE_SURROGATE.sub("\ufffd", text)
    if not is_normalized("NFKC", text):
        text = _nfkc(text)
    if "<" in text:
        text = remove_tags(text)
    if "&" in text:
        text = unescape_entities(text)
    if not lines or "\n" not in text:
        return " ".join(text.split())
    folded = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in folded if line)


def _nfkc(text: str) -> str:
    """The text in NFKC but for what is `KEPT`."""
    pieces = _KEPT_RUN.split(text.translate(_POWERS_OF_UNITS))
    return "".join(piece if place % 2 else normalize("NFKC", piece) for place, piece in enumerate(pieces))


SAMPLE_CHARS = 400
"""How much of a text is read: the language of all but one of 16,655 real patents in four languages is right."""
LATIN_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "hu", "ro", "tr", "vi", "id")
"""What patents and needs in Latin script are written in; the model knows more and confuses short texts among them."""
ACCENTED_LANGUAGES = frozenset(("pl", "cs", "hu", "ro", "tr", "vi"))
"""Those that hardly write a phrase without a letter outside ASCII: not what a text within ASCII is."""
LIKELIER = {"en": 10.0, "de": 2.0, "fr": 2.0, "es": 2.0}
"""How many times as likely a language is before its text is read. Real titles of three words leave the model
undecided; nearly all patents and needs in Latin script are in English, and most others in these three."""
MIN_PROBABILITY = 0.5
MOST_KANJI = 60
"""Characters from which on Japanese has kana: the longest run of kanji in 55 real patents has 22."""

HAN = "\u3400-\u9fff\uf900-\ufaff"
"""Chinese characters, for a class of a regular expression: all of the plane that standards before Unicode had."""
_KANA_RANGE, _HANGUL_RANGE = "\u3041-\u309f\u30a1-\u30fa", "\uac00-\ud7af\u1100-\u11ff"
KANA_OR_HANGUL = re.compile(f"[{_KANA_RANGE}{_HANGUL_RANGE}]")
_KANA, _HANGUL = re.compile(f"[{_KANA_RANGE}]"), re.compile(f"[{_HANGUL_RANGE}]")
_HAN = re.compile(f"[{HAN}]")
_CHINESE_GRAMMAR = re.compile("一種|及其|與|所述")
"""What Japanese does not have: half of all Traditional titles begin or end with it."""
_ALSO_TRADITIONAL = frozenset("啓峯悦温着税粘脱葱説鈎鋭閲灯")
"""Japanese forms that Hong Kong writes too, where Big5's first level has Taiwan's (啟, 溫, 稅), and 灯, which everybody
writes for 燈 by hand."""
_FEWEST_MIXED = 3
"""Characters of one Chinese script or the other that make a mixed text Japanese: two are a slip of the keyboard."""
_BIG5_FIRST_LEVEL, _JIS_FIRST_LEVEL = (0xA440, 0xC67E), (0x889F, 0x9872)
"""As bytes, of Big5 and of Shift JIS."""
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_OTHER_SCRIPTS = (("ru", re.compile("[\u0400-\u04ff]")), ("ar", re.compile("[\u0600-\u06ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
                  ("el", re.compile("[\u0370-\u03ff]")), ("he", re.compile("[\u0590-\u05ff]")))  # fmt: skip
_CODE = re.compile("[a-z]{2}")
_NAMES = {
    "中文": "zh", "汉语": "zh", "简体中文": "zh", "繁体中文": "zh", "简体": "zh", "繁体": "zh", "中": "zh",
    "chinese": "zh", "cn": "zh", "zho": "zh", "chi": "zh",
    "英文": "en", "英语": "en", "英": "en", "english": "en", "eng": "en", "日文": "ja", "日语": "ja", "日": "ja",
    "japanese": "ja", "jp": "ja", "jpn": "ja",
    "韩文": "ko", "韩语": "ko", "朝鲜语": "ko", "韩": "ko", "korean": "ko", "kr": "ko", "kor": "ko", "德文": "de",
    "德语": "de", "german": "de", "deu": "de",
    "ger": "de", "法文": "fr", "法语": "fr", "french": "fr", "fra": "fr", "fre": "fr", "俄文": "ru", "俄语": "ru",
    "russian": "ru", "rus": "ru",
    "西班牙语": "es", "spanish": "es", "spa": "es", "tw": "zh", "日本語": "ja", "한국어": "ko", "deutsch": "de",
}  # fmt: skip


@lru_cache(maxsize=1024)
def language_word(word: str) -> str | None:
    """The ISO 639-1 code that ``word`` names (``zh-CN``, ``Chinese``, 中文), or ``None``."""
    folded = word.strip().casefold()
    base = folded.replace("_", "-").split("-")[0]
    if known := _NAMES.get(folded) or _NAMES.get(base):
        return known
    return base if _CODE.fullmatch(base) else None


def detect_language(heading: str, body: str) -> str | None:
    """The language of a record's text, or ``None`` when there is too little to tell.

    The body decides where it is longer: a Japanese title may be all Chinese characters, its abstract never is.
    """
    sample = f"{heading}\n{body[:SAMPLE_CHARS]}" if body else heading[:SAMPLE_CHARS]
    # A quick way out for nearly every Chinese text: three scans at C level, and no counting of scripts.
    ascii_chars = len(sample.encode("ascii", "ignore"))
    if ascii_chars * 2 < len(sample) and not KANA_OR_HANGUL.search(sample) and _HAN.search(sample):
        return "ja" if _japanese_kanji(sample) else "zh"
    return _by_counts(sample)


def _by_counts(sample: str) -> str | None:
    kana, hangul, han = (len(script.findall(sample)) for script in (_KANA, _HANGUL, _HAN))
    latin = len(_LATIN.findall(sample))
    # A syllable of East Asian script outweighs six letters: Chinese titles are full of formulas and trade names, while
    # an English text has at most a name in Chinese. A stray の makes no Chinese text Japanese.
    east = kana + hangul + han
    if east and east * 6 >= latin:
        if hangul * 5 >= east:
            return "ko"
        return "ja" if kana * 8 >= east or _japanese_kanji(sample) else "zh"
    for language, script in _OTHER_SCRIPTS:
        if len(script.findall(sample)) > latin:
            return language
    return _latin(sample) if latin > 2 else None


def _latin(sample: str) -> str | None:
    # In lower case: the model has seen few texts in capitals, and half of all titles capitalise every word.
    ranked = _identifier().rank(sample.lower())
    weighed = {
        str(language): float(probability) * LIKELIER.get(language, 1.0)
        for language, probability in ranked
        if not (sample.isascii() and language in ACCENTED_LANGUAGES)
    }
    best = max(weighed, key=lambda language: weighed[language])
    return best if weighed[best] >= MIN_PROBABILITY * sum(weighed.values()) else None


@lru_cache(maxsize=1)
def _identifier() -> Any:  # noqa: ANN401 - py3langid publishes no types
    # Loading takes 0.2 s and 30 MB, which a bank of Chinese patents never needs.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LATIN_LANGUAGES)
    return identifier


def _japanese_kanji(text: str) -> bool:
    """Whether characters that only Japanese writes side by side outnumber those that it does not commonly write.

    ``False`` where the characters are common to Japanese and a Chinese script (電池用電解液): Chinese texts are by far
    more. Only Chinese characters count.
    """
    if _simplified(text) or _CHINESE_GRAMMAR.search(text):  # a scan at C level, where nearly every Chinese text ends
        return False
    han = _HAN.findall(text)
    if len(han) > MOST_KANJI:
        return False
    unlike_big5 = [
        char
        for char in han
        if char not in _ALSO_TRADITIONAL
        and _in(char, "cp932", _JIS_FIRST_LEVEL)
        and not _in(char, "big5", _BIG5_FIRST_LEVEL)
    ]
    unlike_gb = [char for char in han if not _simplified(char)]
    foreign = sum(not _in(char, "cp932", _JIS_FIRST_LEVEL) for char in han)
    mixed = bool(unlike_big5) and len({*unlike_big5, *unlike_gb}) >= _FEWEST_MIXED
    return len(unlike_big5) > foreign and bool(unlike_gb) and (mixed or not set(unlike_big5).isdisjoint(unlike_gb))


def _simplified(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=16_384)
def _in(char: str, standard: str, level: tuple[int, int]) -> bool:
    try:
        code = int.from_bytes(char.encode(standard), "big")
    except UnicodeEncodeError:
        return False
    return level[0] <= code <= level[1]

"""Names of one thing: LFP, LiFePO4 and 磷酸铁锂. What a query says by one of them, records may say by another.

A table has one thing a line, its names separated by tabs. The built-in one (`synonyms.tsv`) is written for this bank's
trades; a deployment adds to it by a file of its own, or replaces it where the first line is ``#replace``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from unicodedata import normalize

from app.errors import UsageError
from app.text.normalising import HAN
from app.text.reading import read

LONGEST_NAME = 80
"""Characters of a name; what is longer is a sentence in the wrong file."""
MOST_NAMES = 16
"""Names of one thing; more are a class of things, which is not what a table of synonyms is for."""
MOST_EXPANDED = 24
"""Names that one text is given; a need of 3,000 characters names a dozen things of the table."""
CASED_UP_TO = 3
"""Letters and digits up to which a Latin name counts as it is written: PI is polyimide, and pi is not."""
REPLACE = "#replace"

_HAN = re.compile(f"[{HAN}]")

_LOWER = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class Synonyms:
    """A table of names. Only read; safe to use from many threads.

    Args:
        things: the names of each thing, two or more.
    """

    def __init__(self, things: Iterable[Sequence[str]]) -> None:
        self._names: dict[str, list[tuple[str, ...]]] = {}
        self._by_start: dict[str, list[str]] = {}
        for names in things:
            for name in names:
                self._names.setdefault(_key(name), []).append(tuple(names))
        self._folded: dict[str, str] = {}
        for name in self._names:
            self._folded.setdefault(name.translate(_LOWER), name)
            self._by_start.setdefault(name.translate(_LOWER)[:2], []).append(name)
        for some in self._by_start.values():
            some.sort(key=lambda name: (-len(name), name))

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._names)

    def groups(self, term: str) -> tuple[str, ...]:
        """The other names of what a term names, as the table writes them; none where it names nothing.

        A term is looked for as it is written, then in either case: lfp is LFP, since nothing else is.
        """
        key = _key(term)
        found = self._names.get(key) or self._names.get(self._folded.get(key.translate(_LOWER), ""), [])
        own = key.translate(_LOWER)
        return tuple(dict.fromkeys(name for names in found for name in names if _key(name).translate(_LOWER) != own))

    def expanded(self, text: str) -> tuple[str, ...]:
        """The names to add to a text, in the order in which it names the things; none that it has itself.

        A name is found where it is longest, and one of Latin letters as a whole word alone.
        """
        own, others = set[str](), dict[str, None]()
        for name, _ in self._found(_key(text)):
            if name not in own:
                own.add(name)
                others.update(dict.fromkeys(self.groups(name)))
        said = {name.translate(_LOWER) for name in own}
        return tuple(name for name in others if _key(name).translate(_LOWER) not in said)[:MOST_EXPANDED]

    def spelt_out(self, text: str) -> str:
        """A text with the Chinese name of each thing that it names by Latin letters: 磷酸铁锂电池 for LFP电池."""
        cased, parts, end = _key(text), list[str](), 0
        for name, place in self._found(cased):
            chinese = next((other for other in self.groups(name) if _HAN.match(other)), None)
            if name.isascii() and chinese is not None:
                parts += (cased[end:place], chinese)
                end = place + len(name)
        return "".join((*parts, cased[end:])) if parts else text

    def names_only(self, text: str) -> bool:
        """Whether a text has Latin letters only in names of things that have a Chinese name too."""
        spelt = self.spelt_out(text) if len(text) <= LONGEST_NAME else text
        return spelt != text and not any(_is_letter(character) for character in spelt if not character.isdigit())

    def _found(self, cased: str) -> Iterator[tuple[str, int]]:
        """Each name in a text, and where it begins."""
        folded, place = cased.translate(_LOWER), 0
        while place < len(folded) - 1:
            name = self._name_at(cased, folded, place)
            if name is not None:
                yield name, place
            place += 1 if name is None else len(name)

    def _name_at(self, cased: str, folded: str, place: int) -> str | None:
        for name in self._by_start.get(folded[place : place + 2], ()):
            if folded.startswith(name.translate(_LOWER), place) and _stands(name, cased, place):
                return name
        return None


def _key(text: str) -> str:
    """A text as names are compared: NFKC, Simplified characters, its case kept."""
    return read(normalize("NFKC", text), "zh")


def _stands(name: str, cased: str, place: int) -> bool:
    """Whether a name that is written at a place there is a name: Latin letters as a whole word, few in their case."""
    end = place + len(name)
    if _is_letter(name[0]) and place and _is_letter(cased[place - 1]):
        return False
    if _is_letter(name[-1]) and end < len(cased) and _is_letter(cased[end]):
        return False
    return not (name.isascii() and len(name) <= CASED_UP_TO) or cased.startswith(name, place)


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalnum()


def read_table(lines: Iterable[str], source: str) -> list[tuple[str, ...]]:
    """The things of a table; empty lines and those that begin with ``#`` are left out.

    Args:
        lines: of the table.
        source: what errors call it.

    Raises:
        UsageError: a line has one name, too many, too long a one, or one of a single character.
    """
    things = []
    for number, line in enumerate(lines, 1):
        said = line.strip("\r\n")
        if not said.strip() or said.lstrip().startswith("#"):
            continue
        names = tuple(dict.fromkeys(_key(name.strip()) for name in said.split("\t") if name.strip()))
        if not 2 <= len(names) <= MOST_NAMES:
            raise _bad(
                source, number, f"it has {len(names)} names; put 2 to {MOST_NAMES}, separated by tabs",
                f"有 {len(names)} 个名称，应为 2 到 {MOST_NAMES} 个，用制表符分隔",
            )  # fmt: skip
        wrong = next((name for name in names if not 2 <= len(name) <= LONGEST_NAME), None)
        if wrong is not None:
            raise _bad(
                source, number, f"{wrong[:20]!r} has {len(wrong)} characters; a name has 2 to {LONGEST_NAME}",
                f"“{wrong[:20]}”有 {len(wrong)} 个字符，名称应为 2 到 {LONGEST_NAME} 个字符",
            )  # fmt: skip
        things.append(names)
    return things


def _bad(source: str, number: int, problem: str, problem_zh: str) -> UsageError:
    return UsageError(
        f"PATMATCH_SYNONYMS: {source}, line {number}: {problem}.",
        f"PATMATCH_SYNONYMS：{source} 第 {number} 行{problem_zh}。",
    )


@cache
def built_in() -> Synonyms:
    """The table that comes with patmatch."""
    return Synonyms(_built_in_things())


@cache
def _built_in_things() -> tuple[tuple[str, ...], ...]:
    text = files("app.text").joinpath("synonyms.tsv").read_text(encoding="utf-8")
    return tuple(read_table(text.splitlines(), "synonyms.tsv"))


def loaded(path: Path | None) -> Synonyms:
    """The table in force: the built-in one, with what a file adds; the file alone where it begins with ``#replace``.

    Raises:
        UsageError: the file cannot be read or used.
    """
    if path is None:
        return built_in()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UsageError(
            f"PATMATCH_SYNONYMS: there is no file {path}.", f"PATMATCH_SYNONYMS：没有文件 {path}。"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"PATMATCH_SYNONYMS: {path.name} cannot be read as UTF-8 text: {type(error).__name__}.",
            f"PATMATCH_SYNONYMS：无法按 UTF-8 读取 {path.name}：{type(error).__name__}。",
        ) from error
    own = read_table(lines, path.name)
    alone = bool(lines) and lines[0].strip().lower() == REPLACE
    return Synonyms(own if alone else (*_built_in_things(), *own))


_in_force: Synonyms | None = None


def use(synonyms: Synonyms | None) -> None:
    """Put a table in force for this process, or the built-in one again.

    One for all: a pair has one score whoever asks, so search, push runs and alerts must not know different names.
    """
    global _in_force
    _in_force = synonyms


def in_force() -> Synonyms:
    """The table in force in this process; the built-in one where none was put."""
    return built_in() if _in_force is None else _in_force

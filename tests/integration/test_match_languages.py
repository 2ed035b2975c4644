"""Records of every language are found, of however many there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hashing_encoder import HashingEncoder
from live_samples import one

from app.domain import Filter, Kind, Patent
from app.match.scorer import MOST_PARTS
from app.settings import Settings
from app.wiring import Services

SIZES = {"zh": 40, "en": 30, "ja": 20, "ko": 18, "de": 16, "fr": 14, "ru": 4, "th": 2}
"""How many patents are in each language: the last two are searched with all the others, not one by one."""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Patents in eight languages, centred by language; no two languages have a word in common."""
    made = Services(Settings(home=tmp_path_factory.mktemp("home"), centre_from=50), encoder=HashingEncoder)
    made.serving.open()
    made.catalogue.upsert(
        [
            Patent(id=f"{lang}{n:02}", title=f"{lang}eins{n} {lang}zwei{n % 5} {lang}drei", lang=lang)
            for lang, size in SIZES.items()
            for n in range(size)
        ]
    )
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.indexes[Kind.PATENTS].refresh()
    yield made
    made.close()


def found(services: Services, words: str, k: int, wanted: Filter | None = None) -> set[str]:
    """The ids that a text finds."""
    result = services.match.match(one(words, Kind.PATENTS, k, wanted)).results[0]
    assert result.centred == "language", "what is not centred is searched whole, and this tests nothing"
    return {match.id for match in result.matches}


def test_match_finds_records_of_the_seventh_and_eighth_language(services: Services) -> None:
    """A search through everything gives all of it, also what is in the languages with the fewest records."""
    assert len(SIZES) == MOST_PARTS + 2
    everything = {f"{lang}{n:02}" for lang, size in SIZES.items() for n in range(size)}
    assert found(services, "zheins1 zhdrei", len(everything)) == everything


@pytest.mark.parametrize("lang", SIZES)
def test_match_finds_all_of_a_language_by_filter(services: Services, lang: str) -> None:
    """Whoever wants one language alone gets it, though the query has no word of it."""
    wanted = {f"{lang}{n:02}" for n in range(SIZES[lang])}
    assert found(services, "zheins1 zhdrei", 50, Filter(lang=(lang,))) == wanted

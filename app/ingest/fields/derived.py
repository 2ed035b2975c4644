"""Ids of records that have none: made of what tells them apart, and the same at every load."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from app.domain import Firm
from app.text.normalising import fold_line, folded_name, title_letters

DERIVED_DIGITS = 12
_DERIVED_FIRM = re.compile(rf"firm-[0-9a-f]{{{DERIVED_DIGITS}}}")
_CITY_DIGITS, _PROVINCE_DIGITS = 4, 2
_MUNICIPALITIES = ("11", "12", "31", "50")
"""Cities that are provinces: Beijing, Tianjin, Shanghai, Chongqing."""


def derived_patent_id(title: str, holders: Sequence[str]) -> str:
    """Of a patent or an achievement: of its title and its first holder, however they are spaced and bracketed."""
    folded = title_letters(fold_line(title).casefold())
    return _derived("patent", folded or title, folded_name(holders[0]) if holders else "")


def derived_need_id(title: str, text: str) -> str:
    """Of a need: of its title and its text."""
    return _derived("need", title, text)


def derived_firm_id(name: str, place: str) -> str:
    """Of a firm: of its normalised name and its place, as `place_of` or `places_of` says it."""
    return _derived("firm", folded_name(name), place)


def is_derived_firm(firm_id: str) -> bool:
    """Whether a firm's id was made of its name."""
    return _DERIVED_FIRM.fullmatch(firm_id) is not None


def place_of(region: str | None, city: str | None = None, province: str | None = None) -> str:
    """The place that tells firms of one name apart: the city as well as it is known; empty where it is not."""
    return places_of(region, city, province)[0]


def places_of(region: str | None, city: str | None = None, province: str | None = None) -> tuple[str, ...]:
    """All that a firm's place may be called where less is known of it, the closest first and nothing at last."""
    places: list[str] = []
    if region and len(region) >= _CITY_DIGITS and region[:_PROVINCE_DIGITS] not in _MUNICIPALITIES:
        places.append(region[:_CITY_DIGITS])
    if city and city_name(city):
        places.append(city_name(city))
    if region:
        places.append(region[:_PROVINCE_DIGITS])
    if province:
        places.append(fold_line(province).casefold())
    return (*dict.fromkeys(places), "")


def city_name(city: str) -> str:
    """A city's name as two spellings of it agree."""
    folded = fold_line(city).casefold()
    return folded.removesuffix("市") if len(folded) > 2 else folded


def may_be_one(one: Firm, other: Firm) -> bool:
    """Whether the places of two firms of one name do not contradict each other."""
    digits = [_place_digits(firm.region) for firm in (one, other)]
    if all(digits) and not digits[0].startswith(digits[1]) and not digits[1].startswith(digits[0]):
        return False
    if all(len(known) == _CITY_DIGITS for known in digits):
        return True
    cities = [city_name(firm.city) for firm in (one, other) if firm.city]
    return len(cities) < 2 or cities[0].endswith(cities[1]) or cities[1].endswith(cities[0])


def _place_digits(region: str | None) -> str:
    digits = (region or "")[:_CITY_DIGITS]
    return digits[:_PROVINCE_DIGITS] if digits[:_PROVINCE_DIGITS] in _MUNICIPALITIES or len(digits) == 3 else digits


def _derived(kind: str, *parts: str) -> str:
    digest = sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{kind}-{digest[:DERIVED_DIGITS]}"

"""Rows to records: one function for each kind, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.domain import AnyRecord, Firm, Kind, Need, Patent
from app.ingest.draft import Draft
from app.ingest.fields.codes import (
    compact,
    credit_code_holds,
    ipc_codes,
    is_rounded_number,
)
from app.ingest.fields.derived import derived_firm_id, derived_need_id, derived_patent_id, place_of
from app.ingest.fields.holders import bare_name, holder_type_of, split_names
from app.ingest.fields.numbers import application_of_cell, is_placeholder
from app.ingest.fields.places import credit_code_region, is_county, is_elsewhere, region_code
from app.ingest.fields.trades import deepest, industry_codes, with_section
from app.ingest.fields.values import as_maturity, as_text
from app.ingest.fields.words import document_kind_word, holder_type_word, is_missing, licence_words, yes_or_no
from app.ingest.identities import Stated, code_within, is_credit_code, stated_id
from app.ingest.parts import KEPT_PARTS, need_text
from app.text.normalising import detect_language, fold_line, language_word
from app.text.numbers import CREDIT_CODE_CHARS, firm_code


def record_in(kind: Kind, draft: Draft) -> AnyRecord | None:
    """The record that a row holds, ``None`` where it cannot be used; what is wrong is noted in the draft."""
    return _BUILDERS[kind](draft)


def _patent(draft: Draft) -> AnyRecord | None:
    stated = stated_id(draft, Kind.PATENTS)
    title = draft.line("title")
    abstract = draft.body("abstract")
    if not title and not _rejected_for(draft, "title"):
        note = draft.lack if stated.id else draft.reject  # a row without an id and a title is nobody's
        note("missing_title", "title", abstract)
    if draft.unusable:
        return None
    holders = _holders(draft)
    holder_type = draft.worded("holder_type", holder_type_word) or (holder_type_of(holders[0]) if holders else None)
    for name in ("filed_on", "published_on"):
        _same_line(draft, name, stated)
    return Patent(
        id=stated.id or derived_patent_id(title, holders),
        title=title,
        abstract=abstract,
        ipc=_ipc(draft),
        holders=holders,
        holder_type=holder_type,
        licence=_licence(draft),
        grade=_grade(draft),
        agreed=_truth(draft, "agreed"),
        dormant=_truth(draft, "dormant"),
        maturity=_maturity(draft),
        filed_on=draft.day("filed_on"),
        published_on=draft.day("published_on"),
        application_number=_application(draft, stated.id),
        family=_number(draft, "family"),
        document_kind=draft.worded("document_kind", document_kind_word),
        status=draft.status(Kind.PATENTS),
        region=_region(draft),
        industry=_industry(draft),
        lang=_language(draft, title, abstract),
        extra=draft.gather_extra(),
        original=draft.original,
    )


def _need(draft: Draft) -> AnyRecord | None:
    title = draft.line("title")
    text, subject = need_text(draft)
    if not title and not text and not draft.rejected:
        note = draft.lack if "id" in draft.present else draft.reject
        note("missing_text", "text")
    identity = stated_id(draft, Kind.NEEDS).id or derived_need_id(title, subject)
    if draft.unusable:
        return None
    for name in KEPT_PARTS:
        draft.keep(name)
    region = _region(draft)
    return Need(
        id=identity,
        title=title,
        text=text,
        firm_id=_firm_of(draft, region),
        filed_on=draft.day("filed_on"),
        status=draft.status(Kind.NEEDS),
        region=region,
        industry=_industry(draft),
        lang=_language(draft, title, text),
        extra=draft.gather_extra(),
        original=draft.original,
    )


def _firm(draft: Draft) -> AnyRecord | None:
    identity = stated_id(draft, Kind.FIRMS).id
    _credited(draft, identity)
    name = draft.line("name")
    scope = draft.body("business_scope")
    if not name and not _rejected_for(draft, "name"):
        note = draft.lack if identity else draft.reject
        note("missing_name", "name")
    if draft.unusable:
        return None
    province, city = draft.short("province"), draft.short("city")
    region = _firm_region(draft, identity, province)
    return Firm(
        id=identity or derived_firm_id(name, place_of(region, city, province)),
        name=name,
        business_scope=scope,
        province=province,
        city=city,
        firm_type=draft.short("firm_type"),
        filed_on=draft.day("filed_on"),
        status=draft.status(Kind.FIRMS),
        region=region,
        industry=_industry(draft),
        lang=_language(draft, name, scope),
        extra=draft.gather_extra(),
        original=draft.original,
    )


_BUILDERS: Mapping[Kind, Callable[[Draft], AnyRecord | None]] = {
    Kind.PATENTS: _patent,
    Kind.NEEDS: _need,
    Kind.FIRMS: _firm,
}


def _rejected_for(draft: Draft, name: str) -> bool:
    return any(found.field == name for found in draft.rejected)


def _credited(draft: Draft, identity: str) -> None:
    """Note what is odd about a firm's id that has the length of a unified social credit code."""
    if len(identity) != CREDIT_CODE_CHARS or not identity.isascii() or credit_code_holds(identity):
        return
    if identity.isdigit() and identity.endswith("000"):
        # Spreadsheets keep 15 digits and write zeros for the rest.
        draft.reject("id_destroyed", "id", identity)
    else:
        draft.warn("credit_code_checksum", "id", identity)


def _same_line(draft: Draft, name: str, stated: Stated) -> None:
    """Of a field with a line for each number of its row, leave the line of the number that is the id."""
    value = draft.present.get(name)
    if stated.total > 1 and isinstance(value, str):
        lines = [line.strip() for line in value.splitlines() if line.strip()]
        if len(lines) == stated.total:
            draft.keep(name)
            draft.present[name] = lines[stated.place]


def _application(draft: Draft, identity: str) -> str | None:
    """The application's number in one spelling, where a row has none its id if that is one.

    What is none, or was rounded, is kept in ``extra``.
    """
    number = draft.short("application_number")
    if number is None:
        return identity if "." in identity and application_of_cell(identity) == identity else None
    if is_placeholder(number) or is_rounded_number(number):
        if is_rounded_number(number):
            draft.warn("rounded_number", "application_number", number)
        draft.keep("application_number")
        return None
    source = as_text(draft.present["application_number"]) or number
    found = application_of_cell(source) or compact(number)
    if found != compact(number):
        draft.original.setdefault("application_number", source)
    return found


def _firm_of(draft: Draft, region: str | None) -> str | None:
    """Whose a need is: the firm's code, else the id that a firm of its name gets, so that both meet."""
    code = draft.short("firm_id")
    if code is not None and is_rounded_number(code):
        draft.warn("rounded_number", "firm_id", code)
        draft.keep("firm_id")
    elif code is not None and not is_placeholder(code):
        return code_within(code) or firm_code(code)
    name = draft.line("firm_name") if "firm_name" in draft.present else ""
    if not name:
        return None
    if is_credit_code(name):
        return firm_code(name)
    draft.keep("firm_name")
    draft.original["firm_id"] = name
    return derived_firm_id(name, place_of(region))


def _number(draft: Draft, name: str) -> str | None:
    """A number of an optional field; one that a spreadsheet program has rounded is kept in ``extra`` with a warning."""
    number = draft.short(name)
    if number is None or not is_rounded_number(number):
        return number
    draft.warn("rounded_number", name, number)
    draft.keep(name)
    return None


def _holders(draft: Draft) -> tuple[str, ...]:
    value = draft.present.get("holders")
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        texts = [as_text(entry) for entry in value if entry is not None]
        names = [bare_name(fold_line(text)) for text in texts if text]
        return tuple(dict.fromkeys(name for name in names if name))
    text = as_text(value)
    # Line breaks separate names, so they are cut before white space is folded.
    return split_names("\n".join(map(fold_line, text.splitlines()))) if text else ()


def _coded(
    draft: Draft, name: str, read: Callable[[str], tuple[tuple[str, ...], tuple[str, ...]]], code: str
) -> tuple[str, ...]:
    """The codes of a field that has a list of them; what is no code is kept in ``extra`` with a warning."""
    found: dict[str, None] = {}
    invalid: list[str] = []
    for value in draft.cells_of(name):
        codes, rest = read(as_text(value) or repr(value))
        found.update(dict.fromkeys(codes))
        invalid.extend(rest)
    for entry in invalid:
        draft.warn(code, name, entry)
    if invalid:
        draft.keep(name)
    return tuple(found)


def _ipc(draft: Draft) -> tuple[str, ...]:
    return _coded(draft, "ipc", ipc_codes, "bad_ipc")


def _industry(draft: Draft) -> tuple[str, ...]:
    codes = _coded(draft, "industry", industry_codes, "bad_industry")
    return deepest(tuple(dict.fromkeys(with_section(code) or code for code in codes)))


def _licence(draft: Draft) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for value in draft.cells_of("licence"):
        for word in split_names((as_text(value) or repr(value)).replace("/", ";").replace("、", ";")):
            if not is_missing(folded := fold_line(word)):
                known = licence_words(folded)
                if not known:
                    draft.warn("unknown_word", "licence", folded)
                words.update(dict.fromkeys(known or (folded,)))
    return tuple(words)


def _grade(draft: Draft) -> str | None:
    word = draft.short("grade")
    if word is None:
        return None
    letter = word.upper().removesuffix("级").removesuffix("類").removesuffix("类").strip()
    if letter in ("A", "B", "C"):
        if letter != word:
            draft.original.setdefault("grade", word)
        return letter
    return word


def _truth(draft: Draft, name: str) -> bool | None:
    value = draft.present.get(name)
    if value is None:
        return None
    truth = yes_or_no(value)
    if truth is None:
        draft.warn("bad_boolean", name, value)
        draft.keep(name)
    return truth


def _maturity(draft: Draft) -> int | None:
    value = draft.present.get("maturity")
    if value is None:
        return None
    level = as_maturity(value)
    if level is None:
        draft.warn("bad_maturity", "maturity", value)
        draft.keep("maturity")
    return level


def _region(draft: Draft, within: str = "") -> str | None:
    """A GB/T 2260 code of the columns' places: of the best that has one, or of a closer place in it that follows.

    The place as written is kept in ``original``, in ``extra`` what has no code. ``within`` is a place that is known
    of the record beside these columns.
    """
    found, known, told = region_code(within) if within else None, within, 0
    places = [text for place in draft.cells_of("region") if (text := as_text(place))]
    for place in places:
        code = region_code(f"{known} {place}") if known else None
        if code is None or code == found:
            code = region_code(place)
        told += code is not None
        if code is None or code == found or (found is not None and known != within and not code.startswith(found)):
            continue
        if code != place:
            draft.original.setdefault("region", place)
        found, known = code, f"{known} {place}"
    if told < len(places):
        if found is None and not any(is_elsewhere(place) or is_county(place) for place in places):
            draft.warn("bad_region", "region", places[0])
        draft.keep("region")
    return found


def _firm_region(draft: Draft, identity: str, province: str | None) -> str | None:
    """Six digits from the credit code where it agrees with the place that is stated, else what the columns say."""
    from_code = credit_code_region(identity)
    within = " ".join(name for name in (province, draft.short("city")) if name)
    stated = _region(draft, within) if "region" in draft.plan.fields else None
    stated = stated or region_code(within) or (region_code(province) if province else None)
    if stated is None and province is not None:
        draft.warn("bad_region", "province", province)
    if stated is None:
        return from_code
    if from_code is not None and from_code.startswith(stated):
        return from_code
    return stated


def _language(draft: Draft, heading: str, body: str) -> str | None:
    stated = draft.short("lang")
    if stated is not None:
        if code := language_word(stated):
            if code != stated:
                draft.original.setdefault("lang", stated)
            return code
        draft.warn("bad_language", "lang", stated)
        draft.keep("lang")
    return detect_language(heading, body)

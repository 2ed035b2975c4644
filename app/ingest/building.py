"""Rows to records: one function for each kind, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

from app.domain import AnyRecord, Firm, Kind, Need, Patent
from app.ingest.draft import Draft
from app.ingest.fields.codes import (
    CREDIT_CODE_LENGTH,
    compact,
    credit_code_holds,
    industry_codes,
    ipc_codes,
    is_rounded_number,
)
from app.ingest.fields.holders import holder_type_of, split_names
from app.ingest.fields.places import credit_code_region, is_elsewhere, region_code
from app.ingest.fields.values import as_maturity, as_text
from app.ingest.fields.words import document_kind_word, holder_type_word, is_missing, licence_word, yes_or_no
from app.text.normalising import detect_language, fold_line, language_word

DERIVED_ID_DIGITS = 12
_MOST_FOLDS = 5


def record_in(kind: Kind, draft: Draft) -> AnyRecord | None:
    """The record that a row holds, ``None`` where it cannot be used; what is wrong is noted in the draft."""
    return _BUILDERS[kind](draft)


def _patent(draft: Draft) -> AnyRecord | None:
    identity = _record_id(draft)
    title = draft.line("title")
    abstract = draft.body("abstract")
    if not title and not _rejected_for(draft, "title"):
        draft.lack("missing_title", "title", abstract)
    if draft.unusable:
        return None
    holders = _holders(draft)
    holder_type = draft.worded("holder_type", holder_type_word) or (holder_type_of(holders[0]) if holders else None)
    number = draft.short("application_number")
    return Patent(
        id=identity,
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
        application_number=compact(number) if number else None,
        family=draft.short("family"),
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
    text = draft.body("text")
    if not title and not text and not draft.rejected:
        # A row without an id and a text is nobody's.
        note = draft.lack if draft.id_expected else draft.reject
        note("missing_text", "text")
    if draft.id_expected:
        identity = _record_id(draft)
    else:
        # The same text gets the same id, so that loading a file without ids twice changes nothing.
        digest = sha256(f"{title}\x1f{text}".encode()).hexdigest()
        identity = f"need-{digest[:DERIVED_ID_DIGITS]}"
    if draft.unusable:
        return None
    firm = draft.short("firm_id")
    return Need(
        id=identity,
        title=title,
        text=text,
        firm_id=compact(firm) if firm else None,
        filed_on=draft.day("filed_on"),
        status=draft.status(Kind.NEEDS),
        region=_region(draft),
        industry=_industry(draft),
        lang=_language(draft, title, text),
        extra=draft.gather_extra(),
        original=draft.original,
    )


def _firm(draft: Draft) -> AnyRecord | None:
    identity = _credit_code(draft)
    name = draft.line("name")
    scope = draft.body("business_scope")
    if not name and not _rejected_for(draft, "name"):
        draft.lack("missing_name", "name")
    if draft.unusable:
        return None
    province = draft.short("province")
    return Firm(
        id=identity,
        name=name,
        business_scope=scope,
        province=province,
        city=draft.short("city"),
        firm_type=draft.short("firm_type"),
        filed_on=draft.day("filed_on"),
        status=draft.status(Kind.FIRMS),
        region=_firm_region(draft, identity, province),
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


def identity_of(draft: Draft) -> str:
    """The row's id; its problems are noted."""
    value = draft.present.get("id")
    source = as_text(value) if value is not None else None
    if source is None or (source is not value and is_missing(source)):
        if value is None or source is not None:
            draft.reject("missing_id", "id")
        else:
            draft.reject("wrong_type", "id", value, found=type(value).__name__)
        return ""
    identity = source if _is_simple(source) else _settled(source)
    _check_identity(draft, identity, source)
    if identity != source:
        draft.original["id"] = source
    return identity


def _settled(source: str) -> str:
    """An id folded until folding it again changes nothing, so that what is given out is taken back as the same."""
    identity = source
    for _ in range(_MOST_FOLDS):
        before, identity = identity, compact(fold_line(identity))
        if identity == before:
            break
    return identity


def _is_simple(source: str) -> bool:
    return source.isascii() and source.isalnum()


def _check_identity(draft: Draft, identity: str, source: str) -> None:
    limit = draft.options.max_id_chars
    if len(identity) > limit:
        draft.reject("too_long", "id", source, length=len(identity), limit=limit)
    elif not identity:
        draft.reject("missing_id", "id", source)
    elif "\ufffd" in identity or not identity.isprintable():
        draft.reject("bad_id", "id", source)
    elif is_rounded_number(identity):
        draft.reject("id_destroyed", "id", source)


def _record_id(draft: Draft) -> str:
    """The row's id, with a warning where the best id column is empty in this row and a lesser one had to do."""
    identity = identity_of(draft)
    positions = draft.plan.fields.get("id", ())
    if identity and len(positions) > 1:
        value, headers = draft.present["id"], draft.plan.headers
        used = next(position for position in positions if draft.cells[position] is value)
        if used != positions[0]:
            draft.warn("id_from_other_column", "id", identity, wanted=headers[positions[0]], used=headers[used])
    return identity


def _credit_code(draft: Draft) -> str:
    """A firm's id: a unified social credit code in capitals, or whatever the source calls it by."""
    source = draft.present.get("id")
    identity = _record_id(draft)
    code = identity.upper()
    if len(code) != CREDIT_CODE_LENGTH or not code.isascii():
        return identity
    if not credit_code_holds(code):
        if code.isdigit() and code.endswith("000"):
            # Spreadsheets keep 15 digits and write zeros for the rest.
            draft.reject("id_destroyed", "id", source)
        else:
            draft.warn("credit_code_checksum", "id", source)
    if code != identity:
        draft.original.setdefault("id", identity)
    return code


def _holders(draft: Draft) -> tuple[str, ...]:
    value = draft.present.get("holders")
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        texts = [as_text(entry) for entry in value if entry is not None]
        names = [fold_line(text) for text in texts if text]
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
    return _coded(draft, "industry", industry_codes, "bad_industry")


def _licence(draft: Draft) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for value in draft.cells_of("licence"):
        for word in split_names((as_text(value) or repr(value)).replace("/", ";").replace("、", ";")):
            if not is_missing(folded := fold_line(word)):
                words[licence_word(folded)] = None
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


def _region(draft: Draft) -> str | None:
    """A GB/T 2260 code from the best column that has one; the place as written is kept in ``original``."""
    places = [as_text(place) for place in draft.cells_of("region")]
    for place in places:
        if place and (code := region_code(place)):
            if code != place:
                draft.original.setdefault("region", place)
            return code
    if places:
        if not any(place and is_elsewhere(place) for place in places):
            draft.warn("bad_region", "region", places[0])
        draft.keep("region")
    return None


def _firm_region(draft: Draft, identity: str, province: str | None) -> str | None:
    """Six digits from the credit code where it agrees with the province, else what the columns say."""
    from_code = credit_code_region(identity)
    stated = _region(draft) if "region" in draft.plan.fields else None
    if stated is None and province is not None:
        stated = region_code(province)
        if stated is None:
            draft.warn("bad_region", "province", province)
    if stated is None:
        return from_code
    if from_code is not None and from_code.startswith(stated[:2]) and len(stated) <= 2:
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

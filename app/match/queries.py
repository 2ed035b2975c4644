"""From what was asked to the texts that are embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind, Query
from app.errors import InputError, PatmatchError, TooLargeError, unknown_record
from app.text.language import detect_language
from app.text.normalising import fold_body
from app.text.reading import need_views, views_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedQuery:
    """A query whose texts are known: its views, and the record to leave out of its own answer.

    Attributes:
        titled: whether the first of two views is a title, which tells more than the rest; a firm's name does not.
        lang: the language of its text, ``None`` where it cannot be told.
    """

    query: Query
    views: tuple[str, ...]
    titled: bool = True
    own_id: str | None = None
    lang: str | None = None


class QueryResolver:
    """Looks up the records that queries name and normalises the texts that they bring.

    Args:
        catalogue: where the records are.
        max_text_chars: longest text of one query, in characters.
    """

    def __init__(self, catalogue: Catalogue, *, max_text_chars: int) -> None:
        self._catalogue = catalogue
        self._max_text_chars = max_text_chars

    def resolve(self, queries: Sequence[Query], target: Kind) -> list[ResolvedQuery | PatmatchError]:
        """One outcome a query, in their order: its texts, or the error that it alone met."""
        records = self._records(queries)
        return [self._one(query, records, target) for query in queries]

    def _records(self, queries: Sequence[Query]) -> Mapping[tuple[Kind, str], AnyRecord]:
        found: dict[tuple[Kind, str], AnyRecord] = {}
        for kind in Kind:
            ids = [query.record_id for query in queries if query.record_kind is kind and query.record_id is not None]
            if ids:
                found |= {(kind, key): record for key, record in self._catalogue.get_many(kind, ids).items()}
        return found

    def _one(
        self, query: Query, records: Mapping[tuple[Kind, str], AnyRecord], target: Kind
    ) -> ResolvedQuery | PatmatchError:
        if query.record_kind is not None and query.record_id is not None:
            record = records.get((query.record_kind, query.record_id))
            if record is None:
                return unknown_record(query.record_kind, query.record_id)
            own_id = record.id if record.kind is target else None
            titled = record.kind is not Kind.FIRMS
            return ResolvedQuery(query=query, views=views_of(record), titled=titled, own_id=own_id, lang=record.lang)
        return self._from_text(query)

    def _from_text(self, query: Query) -> ResolvedQuery | PatmatchError:
        raw = [text for text in (query.title, query.text) if text is not None]
        longest = max(map(len, raw), default=0)
        if longest > self._max_text_chars:
            return TooLargeError(
                f"The text has {longest} characters; at most {self._max_text_chars} are allowed. "
                "Send the part that states the need.",
                f"文本有 {longest} 个字符，最多允许 {self._max_text_chars} 个。请只发送说明需求的部分。",
                code="text_too_long",
            )
        lang = detect_language(query.title or "", query.text or "")
        views = need_views(fold_body(query.title or ""), fold_body(query.text or ""), lang)
        if not views:
            return InputError(
                "The text is empty: there is nothing to match.", "文本为空，无法匹配。", code="empty_text"
            )
        return ResolvedQuery(query=query, views=views, lang=lang)

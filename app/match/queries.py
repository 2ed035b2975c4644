"""From what was asked, a text or a stored record, to the texts of a query and their vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind, Need, Query, Recognised
from app.errors import InputError, PatmatchError, TooLargeError, unknown_record
from app.ranking.space import Space, combine_text_parts, text_part_weights
from app.text.boilerplate import without_activities
from app.text.negation import excluded_terms, stated
from app.text.normalising import detect_language, fold_body
from app.text.numbers import kept_id
from app.text.reading import need_text_parts, text_parts_of
from app.text.synonyms import in_force
from app.text.terms import Phrases
from index import Condition, VectorStore, text_key
from models import Encoder, Role

_TERMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Route:
    """How a query is answered beside its meaning; see `app.match.router`.

    Attributes:
        query: what is left to be compared by meaning.
        recognised: what its text names.
        groups: conditions of the records that are listed first, the first group before the second.
        exact: ids of the records that a number names, with the number as the text has it.
        whole: whether the text is nothing but what was recognised.
        only: whether nothing is listed behind the groups.
        nothing: whether there is nothing to list: the text names only what the bank does not have.
    """

    query: Query
    recognised: tuple[Recognised, ...] = ()
    groups: tuple[tuple[Condition, ...], ...] = ()
    exact: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    only: bool = False
    nothing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedQuery:
    """A query whose texts are known: its text parts, and the record to leave out of its own answer.

    Attributes:
        titled: whether the first of two text parts is a title, which tells more than the rest; a firm's name does not.
        lang: the language of its text, ``None`` where it cannot be told.
        route: what its text names, beside its meaning; ``None`` where nothing was looked for.
    """

    query: Query
    text_parts: tuple[str, ...]
    titled: bool = True
    own_id: str | None = None
    lang: str | None = None
    route: Route | None = None

    @property
    def groups(self) -> tuple[tuple[Condition, ...], ...]:
        """Conditions of the records that are listed first."""
        return () if self.route is None else self.route.groups

    @property
    def excluded(self) -> tuple[str, ...]:
        """The terms that its text excludes; a firm's name and scope exclude none."""
        return excluded_terms(self.text_parts) if self.titled else ()

    @property
    def embedded(self) -> tuple[str, ...]:
        """Its text parts as they are embedded."""
        return embedded_parts(self.text_parts, self.lang, titled=self.titled)


def embedded_parts(text_parts: Sequence[str], lang: str | None, *, titled: bool) -> tuple[str, ...]:
    """The text parts of a query as they are embedded, where they state a need; those of a firm stay as they are.

    What they exclude is left out, and in Chinese what they name by Latin letters is spelt out: a vector of LFP says
    little, and one of 磷酸铁锂 what it is.
    """
    if not titled:
        return tuple(text_parts)
    wanted = tuple(map(stated, text_parts))
    return tuple(map(in_force().spelt_out, wanted)) if lang in ("zh", None) else wanted


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
                spelled = {key: kept_id(kind, key) for key in ids if (kind, key) not in found}
                known = self._catalogue.get_many(kind, list(set(spelled.values()))) if spelled else {}
                found |= {(kind, key): known[kept] for key, kept in spelled.items() if kept in known}
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
            return ResolvedQuery(
                query=query, text_parts=text_parts_of(record), titled=titled, own_id=own_id, lang=record.lang
            )
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
        if lang != "zh" and in_force().names_only(query.title or query.text or ""):
            lang = "zh"  # LFP alone is no English: it is asked as 磷酸铁锂
        text_parts = need_text_parts(fold_body(query.title or ""), fold_body(query.text or ""), lang)
        if not text_parts:
            return InputError(
                "The text is empty: there is nothing to match.", "文本为空，无法匹配。", code="empty_text"
            )
        return ResolvedQuery(query=query, text_parts=text_parts, lang=lang)


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query with its vector float32 ``[d]``, not yet in the space of a snapshot, and how much the model read."""

    resolved: ResolvedQuery
    vector: Floats
    tokens: int
    windows: int
    truncated: bool


def encode_text_parts(encoder: Encoder, queries: Sequence[ResolvedQuery]) -> list[EncodedQuery]:
    """Queries with their vectors, their text parts embedded in one call."""
    counts = [len(query.text_parts) for query in queries]
    encoded = encoder.encode([text_part for query in queries for text_part in query.embedded], Role.QUERY)
    weights = [weight for query in queries for weight in text_part_weights(len(query.text_parts), titled=query.titled)]
    vectors = combine_text_parts(encoded.vectors, counts, weights)
    ends = np.cumsum(counts)
    spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return [
        EncodedQuery(
            resolved=query,
            vector=vectors[n],
            tokens=int(encoded.tokens[span].sum()),
            windows=int(encoded.windows[span].sum()),
            truncated=bool(encoded.truncated[span].any()),
        )
        for n, (query, span) in enumerate(zip(queries, spans, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """A need or a firm's profile that is asked with, whose texts have vectors in the store.

    Attributes:
        need_id: of the need; ``None`` for a profile.
        lang: the language of its text.
        industry: GB/T 4754 codes that it is asked under.
        text_parts: its texts.
        keys: in the vector store, of those texts in which the model sees something.
    """

    need_id: str | None
    lang: str | None
    industry: tuple[str, ...]
    text_parts: tuple[str, ...]
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, record: AnyRecord) -> StoredQuery:
        """That of a record, the model taken to see something in all of its texts."""
        text_parts, need_id = text_parts_of(record), record.id if isinstance(record, Need) else None
        embedded = embedded_parts(text_parts, record.lang, titled=need_id is not None)
        keys = tuple(text_key(Role.QUERY, text_part) for text_part in embedded)
        return cls(need_id, record.lang, record.industry, text_parts, keys)

    def without(self, empty: Collection[str]) -> StoredQuery:
        """The same where the model sees nothing in the texts ``empty``."""
        keys = tuple(key for text_part, key in zip(self.embedded, self.keys, strict=True) if text_part not in empty)
        return self if len(keys) == len(self.keys) else replace(self, keys=keys)

    @property
    def embedded(self) -> tuple[str, ...]:
        """Its texts as they are embedded."""
        return embedded_parts(self.text_parts, self.lang, titled=self.titled)

    @property
    def titled(self) -> bool:
        """Whether the first of two texts is a title."""
        return self.need_id is not None

    @property
    def phrases(self) -> Phrases:
        """What reasons are looked for in: a need's title and text, or what a firm deals in by its profile."""
        return Phrases.of("\n".join(self.text_parts) if self.titled else without_activities(self.text_parts[-1]))


def stored_vectors(queries: Sequence[StoredQuery], store: VectorStore, space: Space) -> Floats:
    """The unit vectors float32 ``[queries, dimension]`` in a space, of queries that have keys.

    Raises:
        VectorStoreDamagedError: a vector cannot be read.
    """
    if not queries:
        return np.empty((0, store.dimension), dtype=np.float32)
    counts = [len(query.keys) for query in queries]
    weights = [weight for query in queries for weight in text_part_weights(len(query.keys), titled=query.titled)]
    combined = combine_text_parts(store.get([key for query in queries for key in query.keys]), counts, weights)
    return np.ascontiguousarray(space.of_queries(combined, [query.lang for query in queries]))


def shared_with_title(asked: Phrases, title: Phrases) -> str:
    """The longest terms of a title that a query has too, none inside another, separated by spaces."""
    return " ".join(asked.longest_in(title, _TERMS_SHOWN))

"""Write the inverted index of a snapshot: its terms, how often each text holds them, and how long each text is.

The index is tantivy's, in flat files of fixed names beside the snapshot's others. Texts are written in equal pieces,
so many that tantivy's merge policy (eight segments of one size become one) leaves one segment; positions are its order.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from index.bm25 import FORWARD_FILES, usable, written_forward
from index.durable import sync_file
from index.errors import SnapshotWriteError, VectorInputError
from index.terms import (
    EXTENSIONS,
    META_FILE,
    POSITION,
    SAMPLE,
    TERMS,
    TERMS_FILE,
    TEXT_LENGTH,
    TOKENS,
    is_text,
    segment_file,
    segment_name,
)

HEAP_BYTES = 256 << 20
"""What texts may take in memory before they are written as a segment; a piece takes about a quarter of it."""
PIECE = 20_000
"""Texts written at once, at most. A piece must stay under the heap, and eight of the fewest be over 16,800 texts: the
policy takes all segments up to 10,000 texts as of one size, and sizes within a factor of 1.68."""
MERGED_AT_ONCE = 8
SAMPLE_TEXTS, SAMPLE_TERMS = 32, 24
"""Texts, and terms of each, that are kept to verify with: some 10 KB."""

_BUILDING = "terms.building"
_TOKENIZER = "whitespace"
_BLANK = re.compile(r"[ \t\n\f\r]")  # what that tokenizer splits at
_ROUNDS = 4


def write_terms(directory: Path, texts: Iterable[Mapping[str, int]], count: int, seed: int) -> tuple[str, ...]:
    """Write the index of the terms of ``count`` texts and flush it to the disk; the names of its files.

    Memory is bounded by `HEAP_BYTES` and merging; ``texts`` are taken one at a time.

    Args:
        directory: the snapshot's.
        texts: term to count of each position, in order.
        count: how many there are.
        seed: of the texts that are kept to verify with.

    Raises:
        VectorInputError: there are more or fewer texts than said, or a term holds a blank or no text.
        SnapshotWriteError: tantivy could not write its files.
        OSError: the disk did not take them.
    """
    work = directory / _BUILDING
    work.mkdir()
    chosen = frozenset(np.random.default_rng(seed).permutation(count)[:SAMPLE_TEXTS].tolist())
    facts: dict[str, Any] = {TOKENS: 0, SAMPLE: []}
    _fill(work, _counted(written_forward(directory, texts), count, chosen, facts), count)
    meta = json.loads((work / META_FILE).read_text(encoding="utf-8"))
    written = _renamed(work, directory, meta)
    shutil.rmtree(work)
    text = json.dumps({**facts, "index": meta}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (directory / TERMS_FILE).write_text(text + "\n", encoding="utf-8")
    for name in (TERMS_FILE, *written):
        sync_file(directory / name)
    return (TERMS_FILE, *FORWARD_FILES, *written)


def pieces_of(count: int) -> int:
    """In how many equal pieces texts are written: a power of eight, so that merging ends with one segment."""
    pieces = 1
    while count > pieces * PIECE:
        pieces *= MERGED_AT_ONCE
    return pieces


def _counted(
    texts: Iterable[Mapping[str, int]], count: int, chosen: frozenset[int], facts: dict[str, Any]
) -> Iterator[str]:
    """Each text as tantivy takes it, each term as often as it occurs; sums and the sample are noted on the way."""
    position = -1
    for position, counts in enumerate(texts):
        kept = usable(counts)
        joined = "".join(kept)
        if _BLANK.search(joined) or not is_text(joined):
            raise VectorInputError(f"a term of position {position} holds a blank or half a surrogate pair")
        length = sum(kept.values())
        facts[TOKENS] += length
        if position in chosen and kept:
            some = dict(sorted(kept.items())[:: max(1, len(kept) // SAMPLE_TERMS)][:SAMPLE_TERMS])
            facts[SAMPLE].append({POSITION: position, TEXT_LENGTH: length, TERMS: some})
        yield " ".join([" ".join([term] * number) if number > 1 else term for term, number in kept.items()])
    if position + 1 != count:
        raise VectorInputError(f"there are terms of {position + 1} texts for {count} positions")


def _fill(work: Path, texts: Iterator[str], count: int) -> None:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(TERMS, tokenizer_name=_TOKENIZER, index_option="freq")
    builder.add_unsigned_field(POSITION, indexed=True, fast=True)
    with _written():
        index = tantivy.Index(builder.build(), path=str(work), reuse=False, sort_by_field=POSITION)
        writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
    pieces = pieces_of(count)
    try:
        _add(writer, texts, count, pieces)
    except BaseException:
        # Its threads would go on to write into a directory that whoever catches this removes.
        with suppress(ValueError, RuntimeError):
            writer.wait_merging_threads()
        raise
    with _written():
        writer.wait_merging_threads()
        for _ in range(_ROUNDS):
            # A commit asks the merge policy again; merges of merges may have ended unasked.
            if pieces == 1 or index.searcher().num_segments == 1:
                break
            writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
            writer.commit()
            writer.wait_merging_threads()
            index.reload()


def _add(writer: tantivy.IndexWriter, texts: Iterator[str], count: int, pieces: int) -> None:
    piece = 1
    for position, text in enumerate(texts):
        document = tantivy.Document()
        with _written():
            document.add_text(TERMS, text)
            document.add_unsigned(POSITION, position)
            writer.add_document(document)
            if position + 1 == count * piece // pieces and piece < pieces:
                writer.commit()
                piece += 1
    with _written():
        writer.commit()


def _renamed(work: Path, directory: Path, meta: dict[str, Any]) -> tuple[str, ...]:
    """Move the segments' files to names that are the same for every build, and say so in ``meta``."""
    names = []
    # By size, which is all that tells segments apart before they are read; there is one unless the heap was too small.
    for number, segment in enumerate(sorted(meta["segments"], key=lambda entry: -int(entry["max_doc"]))):
        stem = segment["segment_id"].replace("-", "")
        for extension in EXTENSIONS:
            name = segment_file(number, extension)
            (work / f"{stem}.{extension}").rename(directory / name)
            names.append(name)
        segment["segment_id"] = segment_name(number)
    meta["opstamp"] = 0
    return tuple(names)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:  # tantivy's only ones; their text holds the path
        raise SnapshotWriteError("the snapshot could not be written: tantivy could not write its files") from error

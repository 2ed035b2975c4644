"""Files of other people to records or rejects.

The way of a row: a format's reader (``delimited``, ``jsonlines``, ``workbooks``, ``parquet``) gives its cells,
``headers`` says which field each belongs to, ``building`` makes the record from what ``text``, ``values``, ``codes``,
``places``, ``holders`` and ``words`` read in the cells, and ``reading`` hands out the outcome.
"""

from app.ingest.industries import MappingFile, MappingRow, read_industries
from app.ingest.mapping import load_mapping
from app.ingest.objects import record_of
from app.ingest.outcomes import IngestLimits, Problem, RowOutcome, SourceFile
from app.ingest.reading import FORMATS, RecordFile, read_records
from app.ingest.rejects import RejectsFile

__all__ = [
    "FORMATS",
    "IngestLimits",
    "MappingFile",
    "MappingRow",
    "Problem",
    "RecordFile",
    "RejectsFile",
    "RowOutcome",
    "SourceFile",
    "load_mapping",
    "read_industries",
    "read_records",
    "record_of",
]

"""Files of other people to records or rejects.

The way of a row: a format's reader (``delimited``, ``jsonlines``, ``workbooks``, ``parquet``) gives its cells,
``headers`` says which field each belongs to, ``building`` makes the record from what ``text``, ``values``, ``codes``,
``places``, ``holders`` and ``words`` read in the cells, and ``reading`` hands out the outcome.
"""

from app.ingest.feedback import GivenFeedback, feedback_in, feedback_of
from app.ingest.grades import grading_in, grading_of
from app.ingest.industries import Pairs, pairs_in
from app.ingest.mapping import load_mapping
from app.ingest.objects import record_of
from app.ingest.outcomes import IngestLimits, Problem, RowOutcome, SourceFile
from app.ingest.problems import problem
from app.ingest.reading import FORMATS, RowFile, read_records, read_rows
from app.ingest.rejects import RejectsFile, inert, rejects_path
from app.ingest.synonyms import FEEDBACK, GRADES, INDUSTRIES

__all__ = [
    "FEEDBACK",
    "FORMATS",
    "GRADES",
    "INDUSTRIES",
    "GivenFeedback",
    "IngestLimits",
    "Pairs",
    "Problem",
    "RejectsFile",
    "RowFile",
    "RowOutcome",
    "SourceFile",
    "feedback_in",
    "feedback_of",
    "grading_in",
    "grading_of",
    "inert",
    "load_mapping",
    "pairs_in",
    "problem",
    "read_records",
    "read_rows",
    "record_of",
    "rejects_path",
]

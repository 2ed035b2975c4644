"""Files of other people to records or rejects.

The way of a row: a reader of ``tables`` gives its cells, ``headings`` says which field each belongs to, ``building``
makes the record from what ``fields`` reads in the cells, and ``reading`` hands out the outcome.
"""

from app.ingest.feedback import GivenFeedback, digits_lost, feedback_in, feedback_of
from app.ingest.grades import grading_in, grading_of
from app.ingest.headings.mapping import load_mapping
from app.ingest.headings.synonyms import FEEDBACK, GRADES, INDUSTRIES
from app.ingest.industries import Pairs, pairs_in
from app.ingest.objects import record_of
from app.ingest.outcomes import SHANGHAI, IngestOptions, Problem, RowOutcome, SheetRead, SourceFile
from app.ingest.problems import problem
from app.ingest.reading import FORMATS, RowFile, read_records, read_rows
from app.ingest.rejects import RejectsFile, rejects_path

__all__ = [
    "FEEDBACK",
    "FORMATS",
    "GRADES",
    "INDUSTRIES",
    "SHANGHAI",
    "GivenFeedback",
    "IngestOptions",
    "Pairs",
    "Problem",
    "RejectsFile",
    "RowFile",
    "RowOutcome",
    "SheetRead",
    "SourceFile",
    "digits_lost",
    "feedback_in",
    "feedback_of",
    "grading_in",
    "grading_of",
    "load_mapping",
    "pairs_in",
    "problem",
    "read_records",
    "read_rows",
    "record_of",
    "rejects_path",
]

"""Files of other people to records or rejects.

The way of a row: a format's reader (``delimited``, ``jsonlines``, ``workbooks``, ``parquet``) gives its cells,
``headers`` says which field each belongs to, ``building`` makes the record from what ``text``, ``values``, ``codes``,
``places``, ``holders`` and ``words`` read in the cells, and ``reading`` hands out the outcome.
"""

from app.ingest.feedback import FeedbackFile, FeedbackRow, GivenFeedback, feedback_of, read_feedback
from app.ingest.grades import GradingFile, GradingRow, grading_of, read_grades
from app.ingest.industries import MappingFile, MappingRow, read_industries
from app.ingest.mapping import load_mapping
from app.ingest.objects import record_of
from app.ingest.outcomes import IngestLimits, Problem, RowOutcome, SourceFile
from app.ingest.problems import problem
from app.ingest.reading import FORMATS, RecordFile, read_records
from app.ingest.rejects import RejectsFile, inert, rejects_path

__all__ = [
    "FORMATS",
    "FeedbackFile",
    "FeedbackRow",
    "GivenFeedback",
    "GradingFile",
    "GradingRow",
    "IngestLimits",
    "MappingFile",
    "MappingRow",
    "Problem",
    "RecordFile",
    "RejectsFile",
    "RowOutcome",
    "SourceFile",
    "feedback_of",
    "grading_of",
    "inert",
    "load_mapping",
    "problem",
    "read_feedback",
    "read_grades",
    "read_industries",
    "read_records",
    "record_of",
    "rejects_path",
]

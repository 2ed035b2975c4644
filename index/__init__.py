"""Vectors and terms to ids: stored vectors, snapshots built, verified and published, the live one, and changes."""

from index.bm25 import NO_TERMS, QueryPostings, TermCounts, TermWeights, WeighedTerms
from index.build import BuildOptions, SnapshotSpec, write_snapshot
from index.columns import ColumnKind, Columns, ColumnValues
from index.conditions import AtLeast, Between, Condition, Equals, Ids, OneOf, Prefix
from index.engine import FaissIndex, Hits
from index.errors import (
    ConditionError,
    FileProblem,
    FingerprintMismatchError,
    IndexRoomError,
    LockedError,
    RollbackError,
    SnapshotDamagedError,
    SnapshotError,
    SnapshotMissingError,
    SnapshotNameError,
    SnapshotWriteError,
    StoreLockedError,
    VectorInputError,
    VectorMissingError,
    VectorStoreDamagedError,
    VectorStoreError,
    VectorStoreWriteError,
    VerificationError,
)
from index.ids import IdList
from index.join import JoinCorpus, JoinOptions, Neighbours, merge_neighbours
from index.join_run import JoinProgress, JoinTask, read_join, run_join, sampled_recall
from index.layers import Found, Part, View
from index.live import LiveIndex
from index.lock import FileLock
from index.manifest import FileEntry, IndexParameters, Manifest, MeasuredRecall, read_manifest
from index.names import SnapshotId
from index.plan import Plan, PlanKind
from index.products import Arithmetic
from index.publication import (
    Pruned,
    Publication,
    SnapshotEntry,
    current_id,
    list_snapshots,
    prune,
    publication_log,
    publish,
    rollback,
    rollback_target,
)
from index.segments import Segment, Upsert
from index.snapshot import Snapshot, VerifyReport, load_snapshot, verify_snapshot
from index.sources import ArrayVectors, VectorSource
from index.terms import TermIndex
from index.vectors import StoredVectors, VectorStore, text_key

__all__ = [
    "NO_TERMS",
    "Arithmetic",
    "ArrayVectors",
    "AtLeast",
    "Between",
    "BuildOptions",
    "ColumnKind",
    "ColumnValues",
    "Columns",
    "Condition",
    "ConditionError",
    "Equals",
    "FaissIndex",
    "FileEntry",
    "FileLock",
    "FileProblem",
    "FingerprintMismatchError",
    "Found",
    "Hits",
    "IdList",
    "Ids",
    "IndexParameters",
    "IndexRoomError",
    "JoinCorpus",
    "JoinOptions",
    "JoinProgress",
    "JoinTask",
    "LiveIndex",
    "LockedError",
    "Manifest",
    "MeasuredRecall",
    "Neighbours",
    "OneOf",
    "Part",
    "Plan",
    "PlanKind",
    "Prefix",
    "Pruned",
    "Publication",
    "QueryPostings",
    "RollbackError",
    "Segment",
    "Snapshot",
    "SnapshotDamagedError",
    "SnapshotEntry",
    "SnapshotError",
    "SnapshotId",
    "SnapshotMissingError",
    "SnapshotNameError",
    "SnapshotSpec",
    "SnapshotWriteError",
    "StoreLockedError",
    "StoredVectors",
    "TermCounts",
    "TermIndex",
    "TermWeights",
    "Upsert",
    "VectorInputError",
    "VectorMissingError",
    "VectorSource",
    "VectorStore",
    "VectorStoreDamagedError",
    "VectorStoreError",
    "VectorStoreWriteError",
    "VerificationError",
    "VerifyReport",
    "View",
    "WeighedTerms",
    "current_id",
    "list_snapshots",
    "load_snapshot",
    "merge_neighbours",
    "prune",
    "publication_log",
    "publish",
    "read_join",
    "read_manifest",
    "rollback",
    "rollback_target",
    "run_join",
    "sampled_recall",
    "text_key",
    "verify_snapshot",
    "write_snapshot",
]

"""Vectors and terms to ids: stored vectors, snapshots built, verified and published, the live one, and changes."""

from index.arrays import ArrayVectors, IdList, VectorSource
from index.bm25 import NO_TERMS, QueryPostings, TermCounts, TermWeights, WeighedTerms
from index.build import BuildOptions, SnapshotSpec, write_snapshot
from index.columns import AtLeast, Between, ColumnKind, Columns, ColumnValues, Condition, Equals, Ids, OneOf, Prefix
from index.durable import FileLock
from index.engine import Plan, PlanKind
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
from index.join import JoinCorpus, JoinOptions, Neighbours
from index.join_run import JoinProgress, JoinTask, read_join, run_join, sampled_recall
from index.layers import Found, IndexState, Part
from index.live import LiveIndex
from index.manifest import Manifest, SnapshotId
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
)
from index.segments import Segment, Upsert
from index.snapshot import Snapshot, VerifyReport, load_snapshot, verify_snapshot
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
    "FileLock",
    "FileProblem",
    "FingerprintMismatchError",
    "Found",
    "IdList",
    "Ids",
    "IndexRoomError",
    "IndexState",
    "JoinCorpus",
    "JoinOptions",
    "JoinProgress",
    "JoinTask",
    "LiveIndex",
    "LockedError",
    "Manifest",
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
    "WeighedTerms",
    "current_id",
    "list_snapshots",
    "load_snapshot",
    "prune",
    "publication_log",
    "publish",
    "read_join",
    "rollback",
    "run_join",
    "sampled_recall",
    "text_key",
    "verify_snapshot",
    "write_snapshot",
]

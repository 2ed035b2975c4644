"""What the tests of snapshots build from: clustered vectors, ids that tell their generation, small columns, terms."""

import numpy as np

from index import BuildOptions, ColumnKind, ColumnValues, FingerprintMismatchError, SnapshotSpec

DIMENSION = 16
FINGERPRINT = "f" * 16


def unit(vectors):
    """Rows of length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(count, seed, dimension=DIMENSION, clusters=20, spread=0.35):
    """Unit vectors float32 ``[count, dimension]`` around shared centres, as texts of a few fields are."""
    generator = np.random.default_rng(seed)
    centres = unit(np.random.default_rng(99).standard_normal((clusters, dimension)))
    noise = generator.standard_normal((count, dimension)) * spread / np.sqrt(dimension)
    return unit(centres[generator.integers(0, clusters, count)] + noise)


def spec_of(count=300, generation=0, target="patents", **changes):
    """A snapshot of ``count`` records whose ids begin with their generation."""
    values = {
        "target": target,
        "ids": [f"g{generation}-{number}" for number in range(count)],
        "vectors": clustered(count, generation),
        "fingerprint": FINGERPRINT,
        "encoder": "test encoder",
        "source_revision": str(generation),
        "columns": {
            "ipc": ColumnValues(
                ColumnKind.CODES, [("H01M10/05",) if n % 3 else ("C07D", "A61K") for n in range(count)]
            ),
            "agreed": ColumnValues(ColumnKind.FLAG, [n % 2 == 0 for n in range(count)]),
        },
        "sample_queries": clustered(60, 1000 + generation),
        "sample_kind": "needs",
        "extra": {"generation": generation},
        "terms": lambda: ({"all": 1, f"third{number % 3}": 2, f"own{number}": 1} for number in range(count)),
    }
    return SnapshotSpec(**{**values, **changes})


def made_with(fingerprint):
    """Accept the snapshots of one encoder alone."""

    def accept(manifest):
        if manifest.fingerprint != fingerprint:
            raise FingerprintMismatchError(fingerprint, manifest.fingerprint)

    return accept


def options(**changes):
    """Build options for one thread; ``flat_below=1`` makes the index approximate."""
    return BuildOptions(**{"threads": 1, **changes})

"""Makes the golden snapshots of the current format; whoever changes the format runs it and deletes the old folder.

``needs`` is an exact index of 20 vectors, ``patents`` an approximate one of 200 with its exact vectors, each of 8
dimensions with an array kept beside it and an inverted index of terms, published. ``expected.json`` holds what they
must answer. Run it as ``PYTHONPATH=.:tests/integration python tests/golden/make_index.py``.
"""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from index_samples import clustered, made_with

from index import BuildOptions, ColumnKind, ColumnValues, LiveIndex, SnapshotSpec, publish, write_snapshot
from index.manifest import FORMAT


def main():
    """Write the folder anew."""
    root, queries, expected = Path(__file__).parent / f"index-v{FORMAT}", clustered(3, 5, dimension=8), {"queries": []}
    shutil.rmtree(root, ignore_errors=True)
    expected["queries"] = queries.tolist()
    for target, count, flat_below in [("needs", 20, 50_000), ("patents", 200, 1)]:
        day, numbers = date(2020, 1, 1), range(count)
        manifest = write_snapshot(
            root,
            SnapshotSpec(
                target=target,
                ids=[f"{target}-{n}-号" for n in numbers],
                vectors=clustered(count, 7, dimension=8),
                columns={
                    "ipc": ColumnValues(ColumnKind.CODES, [("H01M10/0567", "C07D") if n % 2 else () for n in numbers]),
                    "region": ColumnValues(ColumnKind.CODE, ["620102" if n % 3 else None for n in numbers]),
                    "filed_on": ColumnValues(ColumnKind.DAY, [day + timedelta(n) if n % 5 else None for n in numbers]),
                    "maturity": ColumnValues(ColumnKind.NUMBER, [n % 10 or None for n in numbers]),
                    "agreed": ColumnValues(ColumnKind.FLAG, [(True, False, None)[n % 3] for n in numbers]),
                },
                fingerprint="golden",
                encoder="golden encoder",
                source_revision="1",
                sample_queries=clustered(30, 6, dimension=8),
                arrays={"kept": clustered(2, 8, dimension=8)},
                terms=lambda numbers=numbers: ({"电池": n % 3, "电": 1 + n % 4, f"x{n}": 1} for n in numbers),
                built_at=datetime(2026, 11, 23, 14, 0, tzinfo=UTC),
            ),
            BuildOptions(flat_below=flat_below, threads=1),
        )
        publish(root, manifest.id)
        live = LiveIndex(root, target, made_with("golden"))
        live.refresh()
        hits = live.current().search(queries, 5)
        ids = [live.current().ids.take(row) for row in hits.positions]
        found = live.current().terms.search({"电池": 2.0, "电": 1.0, "x7": 0.5}, 5)
        terms = {"ids": live.current().ids.take(found.positions), "scores": found.scores.tolist()}
        expected[target] = {"id": manifest.id, "ids": ids, "scores": hits.scores.tolist(), "terms": terms}
    (root / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()

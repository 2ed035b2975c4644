"""`patmatch index`: build, list, verify, publish, roll back and prune snapshots."""

from __future__ import annotations

import click

from app.domain import Kind
from app.errors import UsageError
from app.services.embedding import Report
from app.services.indexing import BuildReport, SnapshotEntry, snapshot_bytes
from scripts.console import Advance, Shell, shell_command

TARGETS = click.Choice([*(kind.value for kind in Kind), "all"])


@click.group(short_help="Build and publish the indexes.")
def command() -> None:
    """Build, list, verify, publish, roll back and prune the snapshots of each target."""


def _kinds(target: str) -> list[Kind]:
    return list(Kind) if target == "all" else [Kind(target)]


@command.command("build")
@click.argument("target", type=TARGETS, default="all")
@click.option("--publish", is_flag=True, help="Serve the snapshot once it is verified.")
@click.option("--estimate", is_flag=True, help="Only say how long it takes and how large it gets.")
@shell_command
def build(shell: Shell, target: str, publish: bool, estimate: bool) -> None:
    r"""Embed what is new or changed, build a verified snapshot and, with --publish, serve it.

    Vectors are kept: a second build embeds nothing. A killed build continues from the vectors already made. With
    `all`, targets without records are passed over.

    \b
    Example:
      patmatch index build patents --publish
      patmatch index build all --estimate
    """
    results = []
    with shell.services() as services:
        kinds = [kind for kind in _kinds(target) if target != "all" or services.catalogue.count(kind)]
        if not kinds:
            raise UsageError(
                "There are no records to index. Load some first: patmatch ingest patents FILE",
                "没有可建索引的记录。请先加载：patmatch ingest patents 文件",
            )
        for kind in kinds:
            if estimate:
                guess = services.indexing.estimate(kind)
                shell.line(
                    f"{kind}: {guess.to_embed} of {guess.records} texts to embed, about {guess.seconds:,.0f} s "
                    f"and {guess.bytes / 1e6:,.0f} MB"
                )
                results.append(guess.as_json())
                continue
            with shell.progress(f"{kind}") as advance:
                report = services.indexing.build(kind, publish=publish, report=_shown(advance))
            _print_build(shell, report)
            results.append(report.as_json())
    shell.result({"builds" if not estimate else "estimates": results})


def _shown(advance: Advance) -> Report:
    return lambda progress: advance(progress.done, progress.total)


def _print_build(shell: Shell, report: BuildReport) -> None:
    rates = report.as_json()
    shell.line(f"{report.target}: {report.snapshot} {'published' if report.published else 'built'}")
    shell.table(
        ("records", "embedded", "texts/s", "tokens/s", "truncated", "recall@20", "MB", "seconds"),
        [
            (
                report.records,
                report.embedded,
                rates["texts_per_second"],
                rates["tokens_per_second"],
                report.truncated,
                f"{report.recall:.4f}",
                f"{report.bytes / 1e6:.1f}",
                f"{report.seconds:.1f}",
            )
        ],
    )


@command.command("list")
@click.argument("target", type=TARGETS, default="all")
@shell_command
def list_(shell: Shell, target: str) -> None:
    r"""List the snapshots, newest first; * marks the one that is served.

    \b
    Example:
      patmatch index list patents
    """
    with shell.services() as services:
        entries = [entry for kind in _kinds(target) for entry in services.indexing.snapshots(kind)]
    shell.table(
        ("", "snapshot", "records", "recall@20", "encoder", "fingerprint", "MB", "state"),
        [_row(entry) for entry in entries],
    )
    shell.result({"snapshots": [_as_json(entry) for entry in entries]})


def _row(entry: SnapshotEntry) -> tuple[object, ...]:
    mark, manifest = "*" if entry.current else "", entry.manifest
    if manifest is None:
        return (mark, entry.id, "", "", "", "", "", str(entry.damage))
    return (
        mark,
        entry.id,
        manifest.count,
        f"{manifest.recall.value:.4f}",
        manifest.encoder,
        manifest.fingerprint[:12],
        f"{snapshot_bytes(manifest) / 1e6:.1f}",
        str(entry.damage or "ok"),
    )


def _as_json(entry: SnapshotEntry) -> dict[str, object]:
    damage = str(entry.damage) if entry.damage else None
    known = {"id": entry.id, "current": entry.current, "damage": damage}
    if entry.manifest is None:
        return known
    manifest = entry.manifest
    return known | {
        "records": manifest.count,
        "encoder": manifest.encoder,
        "fingerprint": manifest.fingerprint,
        "recall_at_20": manifest.recall.value,
        "bytes": snapshot_bytes(manifest),
        "built_at": manifest.built_at,
        "source_revision": manifest.source_revision,
    }


@command.command("verify")
@click.argument("snapshot", required=False)
@shell_command
def verify(shell: Shell, snapshot: str | None) -> None:
    r"""Read a snapshot whole again: checksums, counts, self-queries. Without an id, every served one.

    \b
    Example:
      patmatch index verify
    """
    with shell.services() as services:
        reports = services.indexing.verify(snapshot)
    for report in reports:
        shell.line(
            f"{report.id}: ok, {report.manifest.count} records, {report.bytes / 1e6:.1f} MB read, "
            f"{report.self_queries} self-queries, recall@20 {report.recall:.4f}"
        )
    shell.result({"verified": [{"snapshot": r.id, "bytes": r.bytes, "recall_at_20": r.recall} for r in reports]})


@command.command("publish")
@click.argument("snapshot")
@shell_command
def publish(shell: Shell, snapshot: str) -> None:
    r"""Serve SNAPSHOT from now on. Running services take it up within a second.

    \b
    Example:
      patmatch index publish patents-20261123T130700Z-1a2b3c4d
    """
    with shell.services() as services:
        previous = services.indexing.publish(snapshot)
    shell.line(f"published {snapshot}; before it: {previous or 'none'}")
    shell.result({"published": snapshot, "previous": previous})


@command.command("rollback")
@click.argument("target", type=click.Choice([kind.value for kind in Kind]), default="patents")
@shell_command
def rollback(shell: Shell, target: str) -> None:
    r"""Serve the snapshot that was published before the present one.

    \b
    Example:
      patmatch index rollback patents
    """
    with shell.services() as services:
        snapshot = services.indexing.rollback(Kind(target))
    shell.line(f"{target}: back to {snapshot}")
    shell.result({"target": target, "published": snapshot})


@command.command("prune")
@click.argument("target", type=TARGETS, default="all")
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, help="Newest snapshots to keep.")
@shell_command
def prune(shell: Shell, target: str, keep: int) -> None:
    r"""Delete old snapshots and leftovers, never the served one nor the one that rollback would serve.

    \b
    Example:
      patmatch index prune patents --keep 2
    """
    with shell.services() as services:
        pruned = [services.indexing.prune(kind, keep) for kind in _kinds(target)]
    removed = [snapshot for done in pruned for snapshot in done.removed]
    leftovers = sum(done.leftovers for done in pruned)
    for snapshot in removed:
        shell.line(f"removed {snapshot}")
    shell.line(f"{len(removed)} snapshots and {leftovers} leftovers of killed builds removed")
    shell.result({"removed": removed, "leftovers": leftovers})

"""`patmatch index`: build, list, log, verify, publish, roll back and prune snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from app.builds.hubness import hubness_of
from app.builds.jobs import BuildJob
from app.builds.overview import TargetOverview, age_seconds, entry_json
from app.builds.reports import BuildEstimate, BuildReport, BuildRequest, BuildSkipped, snapshot_bytes
from app.builds.verify import Verification
from app.domain import Kind
from app.errors import UsageError
from app.serving.translation import translated
from app.wiring import Services
from index import Manifest, SnapshotEntry
from scripts.console import AT_LEAST_ONE, KIND, Shell, shell_command, shell_options

_SHOWN = ("target", "records", "delta", "running", "calibration")
_HUBS = {"hub share": "hub_share@10", "reach": "reach@10"}
TARGETS = click.Choice([*KIND.choices, "all"])


@click.group(short_help="Build and publish the indexes.")
def command() -> None:
    """Build, list, verify, publish, roll back and prune the snapshots of each target; show the log."""


def _kinds(target: str) -> list[Kind]:
    return list(Kind) if target == "all" else [Kind(target)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """The options of `patmatch index build`."""

    target: str
    publish: bool
    estimate: bool
    encoder: str | None
    if_delta_over: int | None
    build_id: str | None
    lease: int | None

    def begun(self, services: Services) -> BuildJob | None:
        """The build that a server began and passed on, if there is one."""
        if self.build_id is None or self.lease is None:
            return None
        return services.indexing.jobs.adopt(self.build_id, self.lease)


@command.command("build")
@click.argument("target", type=TARGETS, default="all")
@click.option("--publish", is_flag=True, help="Serve the snapshot once it is verified.")
@click.option("--estimate", is_flag=True, help="Only say how long it takes and how large it gets.")
@click.option("--encoder", help="package, package:base, hub:NAME or dir:PATH, prepared before; default PATMATCH_MODEL.")
@click.option(
    "--if-delta-over", type=click.IntRange(min=0), metavar="N", help="Only if more than N records have changed."
)
@click.option("--build-id", hidden=True, help="Go on with a build that a server began.")
@click.option("--lease", type=int, hidden=True, help="The inherited open file that holds that build's lease.")
@shell_options(_Build)
def build(shell: Shell, options: _Build) -> None:
    r"""Embed what is new or changed, build a verified snapshot and, with --publish, serve it.

    Vectors are kept: a second build embeds nothing. A killed build continues from the vectors already made. One build
    of a target runs at a time. With `all`, targets without records are passed over.

    \b
    Example:
      patmatch index build patents --publish
      patmatch index build all --publish --if-delta-over 5000
      patmatch index build patents --encoder dir:/data/models/mine
      patmatch index build all --estimate
    """
    with shell.services() as services:
        with translated():
            spec = None if options.encoder is None else services.spec_of(options.encoder)
        kinds = _kinds(options.target)
        if options.target == "all":
            kinds = [kind for kind in kinds if services.catalogue.count(kind)]
        if not kinds:
            raise UsageError(
                "There are no records to index. Load some first: patmatch ingest patents FILE",
                "没有可建索引的记录。请先加载：patmatch ingest patents 文件",
            )
        if options.estimate:
            _estimate(shell, [services.indexing.estimate(kind, spec) for kind in kinds])
            return
        results = []
        for kind in kinds:
            request = BuildRequest(
                target=kind, publish=options.publish, encoder=spec, if_delta_over=options.if_delta_over
            )
            with shell.report(f"{kind}") as report:
                results.append(services.indexing.run(request, job=options.begun(services), report=report))
            _print_build(shell, results[-1])
    result: dict[str, Any] = {"builds": [result.as_json() for result in results], "built": True}
    skipped = [result for result in results if isinstance(result, BuildSkipped)]
    if len(skipped) == len(results):
        result |= {"built": False, "reason": "delta", "delta": sum(result.delta for result in skipped)}
    shell.result(result)


def _estimate(shell: Shell, guesses: list[BuildEstimate]) -> None:
    for guess in guesses:
        shell.line(
            f"{guess.target}: {guess.to_embed} of {guess.records} texts to embed, about {guess.seconds:,.0f} s "
            f"and {guess.bytes / 1e6:,.0f} MB"
        )
    shell.result({"estimates": [guess.as_json() for guess in guesses]})


def _print_build(shell: Shell, report: BuildReport | BuildSkipped) -> None:
    if isinstance(report, BuildSkipped):
        shell.line(f"{report.target}: not built, {report.delta} records have changed since the served snapshot")
        return
    rates = report.as_json()
    shell.line(f"{report.target}: {report.snapshot} {'published' if report.published else 'built'}")
    row = {
        "records": report.records,
        "embedded": report.embedded,
        "texts/s": rates["texts_per_second"],
        "tokens/s": rates["tokens_per_second"],
        "truncated": report.truncated,
        "recall@20": f"{report.recall:.4f}",
        "MB": f"{report.bytes / 1e6:.1f}",
        "seconds": f"{report.seconds:.1f}",
    }
    shell.rows([row])


@command.command("list")
@click.argument("target", type=TARGETS, default="all")
@shell_command
def list_(shell: Shell, target: str) -> None:
    r"""List the snapshots, newest first; * marks the one that is served. Shows what has changed since, and what runs.

    Hub share and reach are of the nearest ten of sample queries: by the encoder's own cosines > by the snapshot's.

    \b
    Example:
      patmatch index list patents
    """
    with shell.services() as services:
        targets = [services.overview.target(kind) for kind in _kinds(target)]
    shell.table(
        ("", "snapshot", "age", "records", "recall@20", *_HUBS, "encoder", "fingerprint", "index", "MB", "state"),
        [_row(entry) for found in targets for entry in found.snapshots],
    )
    for found in targets:
        for line in _standing(found):
            shell.line(line)
    shell.result(
        {
            "snapshots": [entry_json(entry) for found in targets for entry in found.snapshots],
            "targets": [{name: shown[name] for name in _SHOWN} for shown in (found.as_json() for found in targets)],
        }
    )


def _standing(found: TargetOverview) -> Iterator[str]:
    """How far a target's catalogue is ahead, and how far its build is."""
    if found.published is not None and found.delta is not None:
        yield f"{found.target}: {found.delta} records changed since the served snapshot"
    elif found.records:
        yield f"{found.target}: {found.records} records, nothing usable is published"
    if found.reading is not None:
        yield f"{found.target}: {found.reading.text} · {found.reading.text_zh}"
    if found.running is not None:
        running = found.running
        rate = f", {running.rate:,.0f}/s" if running.rate else ""
        yield f"{found.target}: {running.id} is running: {running.stage} {running.done} of {running.total}{rate}"


def _row(entry: SnapshotEntry) -> tuple[object, ...]:
    mark, manifest = "*" if entry.current else "", entry.manifest
    if manifest is None:
        return (mark, entry.id, "", "", "", *("" for _ in _HUBS), "", "", "", "", str(entry.damage))
    return (
        mark,
        entry.id,
        _age(age_seconds(manifest)),
        manifest.count,
        f"{manifest.recall.value:.4f}",
        *_hubs(manifest),
        manifest.encoder,
        manifest.fingerprint[:12],
        manifest.index.type,
        f"{snapshot_bytes(manifest) / 1e6:.1f}",
        str(entry.damage or "ok"),
    )


def _hubs(manifest: Manifest) -> tuple[str, ...]:
    """Each measure before and after; empty where the build measured none."""
    found = hubness_of(manifest)
    if found is None:
        return tuple("" for _ in _HUBS)
    return tuple(f"{found['before'][name]:.3f} > {found['after'][name]:.3f}" for name in _HUBS.values())


def _age(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@command.command("log")
@click.argument("target", type=TARGETS, default="all")
@shell_command
def log(shell: Shell, target: str) -> None:
    r"""Show who published or rolled back what, when, and how good it was; newest first.

    \b
    Example:
      patmatch index log patents
    """
    with shell.services() as services:
        lines = [(kind, line) for kind in _kinds(target) for line in services.indexing.log(kind)[::-1]]
    shell.table(
        ("when", "action", "snapshot", "took the place of", "by", "recall@20", "records", "fingerprint"),
        [
            (
                line.when[:19],
                line.action,
                line.id,
                line.previous,
                line.by,
                None if line.recall is None else f"{line.recall:.4f}",
                line.records,
                (line.fingerprint or "")[:12],
            )
            for _, line in lines
        ],
    )
    shell.result({"log": [{"target": kind.value, **asdict(line)} for kind, line in lines]})


@command.command("verify")
@click.argument("snapshot", required=False)
@click.option("--no-encoder", is_flag=True, help="Do not embed a sample again; the model is not loaded.")
@shell_command
def verify(shell: Shell, snapshot: str | None, no_encoder: bool) -> int:
    r"""Read a snapshot whole again: files, searches, its records against the catalogue, its vectors against the model.

    Without an id, every served one. All that is wrong is listed; the exit status is then 1.

    \b
    Example:
      patmatch index verify
      patmatch index verify --no-encoder
    """
    with shell.services() as services:
        found = services.verification.verify(snapshot, encode=not no_encoder)
    for one in found:
        _print_verification(shell, one)
    shell.result({"verified": [one.as_json() for one in found]})
    return 0 if all(one.sound for one in found) else 1


def _print_verification(shell: Shell, one: Verification) -> None:
    if one.report is not None:
        compared = f", {one.compared} records embedded again, cosine from {one.least_cosine}" if one.compared else ""
        shell.line(
            f"{one.snapshot}: {'ok' if one.sound else 'not ok'}, {one.report.manifest.count} records, "
            f"{one.report.bytes / 1e6:.1f} MB read, {one.report.self_queries} self-queries, "
            f"recall@20 {one.report.recall:.4f}{compared}"
        )
    for trouble in one.troubles:
        shell.line(f"{one.snapshot}: {trouble.text} · {trouble.text_zh}")


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
@click.argument("target", type=KIND, default="patents")
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
@click.option("--keep", type=AT_LEAST_ONE, default=3, show_default=True, help="Newest snapshots to keep.")
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

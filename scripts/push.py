"""`patmatch push`: push lists of all firms, computed, listed, reported and exported."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from app.api.filters import filter_of_text
from app.evaluation.pages import render_push
from app.push.exports import SheetLayout
from app.push.report import SampledList
from app.push.rules import PushRequest, read_rules
from app.push.run import PushRun
from app.sheets import Lang
from scripts.console import INPUT, LANG, LINK, OUTPUT, Shell, listed, shell_command, shell_options


@click.group(short_help="Push lists of all firms: run, list, report, export.")
def command() -> None:
    """Push lists of all firms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The options of `patmatch push run`."""

    name: str
    k: int | None
    pool: str | None
    filter_json: str | None
    firms_json: str | None
    rules: Path | None
    compare: Path | None
    curve: bool
    seed: int

    def request(self, most_values: int) -> PushRequest:
        """What they ask for."""
        return PushRequest(
            name=self.name,
            rules=read_rules(self.rules, k=self.k),
            compare=None if self.compare is None else read_rules(self.compare, k=self.k),
            patents=filter_of_text(self.filter_json or "{}", most_values),
            firms=filter_of_text(self.firms_json or "{}", most_values),
            pool=self.pool,
            seed=self.seed,
            curve=self.curve,
        )


@command.command("run")
@click.option("--run", "name", required=True, help="The run's name. The same call again does nothing twice.")
@click.option("-k", "--k", "k", type=click.IntRange(min=1), help="Places in a list; before the rules.")
@click.option("--pool", help="Push the patents of a saved pool.")
@click.option("--filter", "filter_json", help='Push the patents that pass: {"grade": ["A"], "dormant": true}.')
@click.option("--firms", "firms_json", help='Push to the firms that pass: {"region": ["62"]}.')
@click.option("--rules", type=INPUT, help="TOML or JSON of rules; docs/push.md has them all.")
@click.option("--compare", type=INPUT, help="Rules for half of the firms, drawn at random, to compare with.")
@click.option("--curve", is_flag=True, help="Try other caps and floors too, to show what limits cost.")
@click.option("--seed", default=0, show_default=True, help="Of the assignment to rankings, and of ties.")
@shell_options(_Run)
def run(shell: Shell, asked: _Run) -> None:
    r"""Compute the list of every firm and keep it as one run.

    Stopped anywhere, the same command goes on. Done, it says so and changes nothing.

    \b
    Example:
      patmatch push run --run 2026-11
      patmatch push run --run gansu --firms '{"region": ["62"]}' --rules rules.toml
    """
    request = asked.request(shell.settings.max_filter_values)
    with shell.services() as services, shell.stages() as report:
        services.serving.open()
        outcome = services.pushing.run(request, report)
    if outcome.already:
        shell.line(f"run {asked.name} was already done; nothing is pushed twice · 批次 {asked.name} 已完成，未重复推送")
    _print_run(shell, outcome.run)
    shell.result({"already": outcome.already, **as_json(outcome.run)})


@command.command("list")
@shell_command
def list_runs(shell: Shell) -> None:
    r"""List the runs, the latest first.

    \b
    Example:
      patmatch push list
    """
    with shell.services() as services:
        runs = services.catalogue.pushes.runs()
    rows = [(one.name, one.status, f"{one.started_at:%Y-%m-%d %H:%M}", one.firms, one.entries) for one in runs]
    shell.table(("run", "status", "started", "firms", "entries"), rows)
    shell.result({"runs": [as_json(one) for one in runs]})


@command.command("report")
@click.argument("name")
@click.option("--html", type=OUTPUT, help="Write the whole report as one page.")
@shell_command
def report_run(shell: Shell, name: str, html: Path | None) -> None:
    r"""Print what run NAME reached, how it spread patents, and which firms have too few.

    \b
    Example:
      patmatch push report 2026-11 --html report.html
    """
    with shell.services() as services, shell.progress("report") as advance:
        made = services.push_reporting.report(name, advance)
    result = made.as_json()
    if html is not None:
        html.write_text(render_push(result, [_for_reading(one) for one in made.sampled]), encoding="utf8")
        shell.line(f"wrote {html}")
    _print_run(shell, made.run)
    for what in ("levels", "placed", "arms", "industries", "regions", "holder_types", "sizes"):
        shell.line(f"{what}: {listed(result[what])}")
    for why, firms in (result["short"] or {}).items():
        shell.line(f"too few, {why}: {firms['firms']} firms, as {', '.join(firms['examples'])}")
    shell.line("overlap: -" if made.overlap is None else f"overlap with {made.previous}: {made.overlap:.1%}")
    shell.result(result)


def _for_reading(one: SampledList) -> dict[str, Any]:
    entries = [asdict(entry) | {"title": title} for entry, title in one.entries]
    return {"firm": one.firm_id, "name": one.name, "profile": one.profile, "entries": entries}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """The options of `patmatch push export`."""

    name: str
    out: Path
    firm_id: str | None
    sheet_per_firm: bool
    lang: Lang
    link: str | None


@command.command("export")
@click.argument("name")
@click.option("--out", required=True, type=OUTPUT, help="An .xlsx file for people, or .csv, .parquet or .jsonl.")
@click.option("--firm", "firm_id", metavar="ID", help="Only the list of this firm.")
@click.option("--sheet-per-firm", is_flag=True, help="Of .xlsx: a sheet for each firm.")
@LANG
@LINK
@shell_options(_Export)
def export(shell: Shell, asked: _Export) -> None:
    r"""Write all lists of run NAME to a file. Withdrawn patents and firms that opted out are left out.

    A workbook has columns for the firms' answers; `patmatch feedback import` takes it back as it is.

    \b
    Example:
      patmatch push export 2026-11 --out lists.xlsx
      patmatch push export 2026-11 --out list.xlsx --firm 91620000MA71XXXX0X
      patmatch push export 2026-11 --out lists.csv
    """
    layout = SheetLayout(lang=asked.lang, per_firm=asked.sheet_per_firm, link=asked.link)
    with shell.services() as services, shell.progress("export") as advance:
        rows = services.push_delivery.export(asked.name, asked.out, advance, firm_id=asked.firm_id, layout=layout)
    shell.line(f"wrote {rows} rows to {asked.out}")
    shell.result({"run": asked.name, "firm": asked.firm_id, "rows": rows, "file": str(asked.out)})


def as_json(one: PushRun) -> dict[str, object]:
    """A run with its manifest."""
    return {
        "run": one.name,
        "status": one.status,
        "started_at": one.started_at.isoformat(),
        "finished_at": None if one.finished_at is None else one.finished_at.isoformat(),
        "firms": one.firms,
        "entries": one.entries,
        "manifest": json.loads(one.manifest),
    }


def _print_run(shell: Shell, one: PushRun) -> None:
    manifest = json.loads(one.manifest)
    exposure, plain = manifest.get("exposure", {}), manifest.get("exposure_plain", {})
    rows = [(name, plain.get(name), exposure.get(name)) for name in ("coverage", "gini", "largest", "hub_share")]
    shell.table(("patents", "plain lists", "this run"), rows)
    for arm, figures in manifest.get("arms", {}).items():
        shell.line(f"arm {arm}: {listed(figures)}")
    for arm, counts in manifest.get("left_out_by_status", {}).items():
        shell.line(f"arm {arm} leaves out by status: {listed(counts) or '-'}")
    if "pushed_without_status" in manifest:
        shell.line(f"{manifest['pushed_without_status']} patents are pushed whose source states no status")
    if "seconds" in manifest:
        shell.line(f"seconds: {listed(manifest['seconds'])}; {manifest['peak_mb']} MB at most")
    shell.line(f"{one.firms} firms have a list, {one.entries} entries")

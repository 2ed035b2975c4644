"""`patmatch doctor`: is everything well, and what to do if not."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.builds.doctor import Diagnosis
from scripts.console import Shell, shell_command


@click.command(short_help="Check model, catalogue, snapshots, disk and settings.")
@shell_command
def command(shell: Shell) -> int:
    r"""Check settings, disk, catalogue, model, vectors, every served snapshot and the builds, and say what to do.

    The exit status is 1 when something is broken.

    \b
    Example:
      patmatch doctor
    """
    with shell.services() as services:
        diagnosis = Diagnosis(
            home=shell.settings.home,
            encoder=services.encoder.get,
            catalogue=services.catalogue,
            indexing=services.indexing,
            overview=services.overview,
            verification=services.verification,
            delta_limit=shell.settings.delta_limit,
        )
        findings = list(diagnosis.findings())
    shell.table(
        ("part", "state", "finding", "what to do · 处理方法"),
        [(f.part, f.severity, f.text, f"{f.advice} · {f.advice_zh}" if f.advice else "") for f in findings],
    )
    shell.result({"findings": [asdict(finding) for finding in findings]})
    return 1 if any(finding.severity == "error" for finding in findings) else 0

"""`patmatch bench`: everything that only measures."""

from __future__ import annotations

import click

from scripts.bench.explain import explain
from scripts.bench.filters import filters
from scripts.bench.home import home
from scripts.bench.push import push
from scripts.bench.serve import serve
from scripts.bench.terms import terms


@click.group(short_help="Measure the running service.")
def command() -> None:
    """Measure the running service, the published index and the push run."""


for measure in (explain, filters, home, push, serve, terms):
    command.add_command(measure)

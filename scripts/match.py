"""`patmatch match`: one query on the published index, as a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from app.api.filters import filter_of_text
from app.api.folding import FOLDED_SHOWN
from app.api.schemas import answer_out
from app.domain import AnyRecord, Firm, Kind, MatchRequest, Need, Patent, Query, QueryResult, Why
from app.errors import PatmatchError, UsageError
from app.match.exports import MatchFile, write_matches
from app.sheets import Lang
from scripts.console import KIND, LANG, LINK, OUTPUT, Shell, shell_options


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command."""

    text: str | None
    k: int
    offset: int
    target: str
    filter_json: str | None
    title: str | None
    need_id: str | None
    patent_id: str | None
    firm_id: str | None
    collapse: bool
    per_holder: int
    must: tuple[str, ...]
    must_not: tuple[str, ...]
    explain: bool
    out: Path | None
    lang: Lang
    link: str | None

    def request(self, most_values: int) -> MatchRequest:
        """What they ask for."""
        return MatchRequest(
            queries=(_query(self),),
            target=Kind(self.target),
            k=self.k,
            offset=self.offset,
            filter=filter_of_text(self.filter_json or "{}", most_values),
            explain=self.explain,
            collapse=self.collapse,
            per_holder=self.per_holder,
            must=self.must,
            must_not=self.must_not,
        )


@click.command(short_help="Ask the published index one question.")
@click.argument("text", required=False)
@click.option("-k", type=int, default=10, show_default=True, help="How many matches.")
@click.option(
    "--offset",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How many of the best are passed over: the next page.",
)
@click.option("--target", type=KIND, default="patents", show_default=True)
@click.option("--filter", "filter_json", help='As in the HTTP interface: {"ipc": ["H01M"], "status": ["active"]}.')
@click.option("--title", help="The query's title, weighed on its own.")
@click.option("--need-id", help="Ask with a stored need instead of a text.")
@click.option("--patent-id", help="Ask with a stored patent.")
@click.option("--firm-id", help="Ask with a stored firm.")
@click.option("--collapse", is_flag=True, help="One of each family and of each title and holder.")
@click.option(
    "--per-holder",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Most of one holder; 0 for any number.",
)
@click.option("--must", multiple=True, help="A term that each record holds, by this or another name. May be repeated.")
@click.option("--must-not", multiple=True, help="A term that no record holds. May be repeated.")
@click.option("--explain", is_flag=True, help="Show why each matched.")
@click.option("--out", type=OUTPUT, help="Write them to a file, too: .xlsx for people, or .csv or .jsonl.")
@LANG
@LINK
@shell_options(_Options)
def command(shell: Shell, options: _Options) -> None:
    r"""Match TEXT with the published index and print the best records.

    \b
    Example:
      patmatch match "高镍三元动力电解液的开发" -k 5
      patmatch match --need-id N001 --filter '{"ipc": ["H01M"]}'
      patmatch match "一种杀菌剂组合物" --collapse --per-holder 2
      patmatch match "华中科技大学 激光焊接" -k 20 --offset 20
      patmatch match "不使用永磁体的电机" --must 电机 --must-not 永磁 --explain
      patmatch match --need-id N001 -k 50 --out matches.xlsx
    """
    request = options.request(shell.settings.max_filter_values)
    file = None
    if options.out is not None:
        file = MatchFile(path=options.out, zone=shell.settings.zone, lang=options.lang, link=options.link)
        request = file.asked(request)
    with shell.services() as services:
        services.serving.open()
        answer = services.match.match(request)
    result = answer.results[0]
    if isinstance(result.error, PatmatchError):
        raise result.error
    if file is not None:
        rows = write_matches(file, request, answer)
        shell.line(f"wrote {rows} matches to {file.path}")
    out = answer_out(answer, debug=True, request_id="command-line")
    shell.line(f"snapshot {answer.snapshot.id}, encoder {answer.snapshot.encoder}")
    _print(shell, result)
    shell.result(json.loads(out.model_dump_json(exclude_unset=True)))


def _query(asked: _Options) -> Query:
    given = {Kind.NEEDS: asked.need_id, Kind.PATENTS: asked.patent_id, Kind.FIRMS: asked.firm_id}
    records = [(kind, record_id) for kind, record_id in given.items() if record_id]
    texts = asked.text is not None or asked.title is not None
    if len(records) + texts != 1:
        raise UsageError(
            "Give either TEXT (with an optional --title) or one of --need-id, --patent-id, --firm-id.",
            "请提供文本（可附 --title），或 --need-id、--patent-id、--firm-id 之一。",
        )
    if records:
        return Query(id="q1", record_kind=records[0][0], record_id=records[0][1])
    return Query(id="q1", text=asked.text, title=asked.title)


def _print(shell: Shell, result: QueryResult) -> None:
    if result.nothing_fits:
        shell.line(_nothing_fits(result))
    rows = [
        (m.rank, f"{m.score:.3f}", m.level.value, f"{m.cosine:.4f}", m.id, m.record.heading, _about(m.record))
        for m in result.matches
    ]
    shell.table(("rank", "score", "level", "cosine", "id", "title", "about"), rows)
    for one in result.recognised:
        shell.line(f"{one.kind}: {one.text} = {one.value}" + ("" if one.found else ", which the bank does not have"))
    for match in result.matches:
        if match.why:
            shell.line(f"{match.rank}. {_reasons(match.why)}")
        if match.folded:
            behind = ", ".join(f"{one.id} ({one.by})" for one in match.folded[:FOLDED_SHOWN])
            more = ", ..." if len(match.folded) > FOLDED_SHOWN else ""
            shell.line(
                f"{match.rank}. stands for {len(match.folded)} more · 另有 {len(match.folded)} 件: {behind}{more}"
            )
    if result.excluded:
        shell.line(f"excluded by the text · 已排除: {' · '.join(result.excluded)}")
    if result.truncated:
        shell.line(f"The text has {result.tokens} tokens; its tail is beyond the declared limit and had no influence.")
    if result.shortfall:
        shell.line(f"{len(result.matches)} of {result.requested}: {result.shortfall}")


def _nothing_fits(result: QueryResult) -> str:
    probability = f"{min(result.no_match_probability or 0.0, 0.99):.0%}"
    return (
        f"The bank has nothing for this query (probability {probability}); what follows is merely the nearest. · "
        f"库中没有适合的记录（概率 {probability}），以下仅为最相近的。"
    )


def _reasons(why: Why) -> str:
    """One line: what is shared, what means the same, what each signal added, and the passage."""
    pairs = (f"{pair.query} = {pair.record}" for pair in why.meanings)
    signals = f"meaning {why.signals.meaning:.2f}"
    signals += " (another language)" if why.signals.alone else f", words covered {why.signals.coverage:.0%}"
    named = f"named by {why.exact}" if why.exact else None
    met = "; ".join(f"{one.query}: {' '.join(filter(None, (one.record, one.state)))}" for one in why.figures)
    uses = f"uses {' · '.join(why.excluded)}" if why.excluded else ""
    return " — ".join(filter(None, (named, " · ".join((*why.terms, *pairs)), met, uses, signals, why.passage)))


def _about(record: AnyRecord) -> str:
    match record:
        case Patent():
            return "; ".join((*record.holders[:1], *record.ipc[:1]))
        case Need():
            return record.firm_id or ""
        case Firm():
            return f"{record.province or ''} {record.business_scope[:40]}"

"""What leaves a run: reports, files that others open, and lists that forget withdrawn patents at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from push_samples import push_services, request

from app.catalogue import PushEntry
from app.domain import Firm, Kind
from app.errors import InputError, NotFoundError
from app.evaluation.pages import render_push
from app.wiring import Services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A home with two runs, the second of other patents."""
    made = push_services(tmp_path_factory.mktemp("home"))
    made.pushing.run(request("first"))
    made.pushing.run(request("second", cap=6))
    yield made
    made.close()


def entries(services: Services, name: str) -> list[PushEntry]:
    """All of a run."""
    return [entry for page in services.catalogue.pushes.iterate(name) for entry in page]


def test_push_export_csv_opens_in_excel_with_chinese_intact(services: Services, tmp_path: Path) -> None:
    """The file begins with a byte order mark, and every entry is a row."""
    out = tmp_path / "lists.csv"
    rows = services.push_delivery.export("first", out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert len(read) == rows == len(entries(services, "first"))
    assert any("公司" in row["firm_name"] for row in read)


def test_push_export_quotes_what_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    """A title that looks like a formula is a text in CSV, and as it is in the other formats."""
    services = push_services(tmp_path / "home")
    services.pushing.run(request("one"))
    first = entries(services, "one")[0].patent_id
    services.writing.put(Kind.PATENTS, first, {"title": "=HYPERLINK(1)"})
    services.push_delivery.export("one", tmp_path / "new" / "lists.csv")
    services.push_delivery.export("one", tmp_path / "new" / "lists.jsonl")
    rows = list(csv.DictReader((tmp_path / "new" / "lists.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["title"] for row in rows if row["patent_id"] == first} == {"'=HYPERLINK(1)"}
    told = [json.loads(line) for line in (tmp_path / "new" / "lists.jsonl").read_text(encoding="utf8").splitlines()]
    assert {row["title"] for row in told if row["patent_id"] == first} == {"=HYPERLINK(1)"}
    services.close()


def test_push_export_types_columns_of_parquet(services: Services, tmp_path: Path) -> None:
    """Ranks are integers and scores numbers also where a column has no value at all."""
    services.push_delivery.export("first", tmp_path / "lists.parquet")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "lists.parquet")}
    assert {name for name, kind in types.items() if kind == "int64"} == {"rank", "firm_rank", "patent_revision"}
    assert types["score"] == "double"
    assert types["need_id"] == types["firm_id"] == "string"


def test_push_export_of_one_firm_is_its_list(services: Services, tmp_path: Path) -> None:
    """The same rows as in the whole file; nothing for a firm without a list; a firm must be there."""
    firm = entries(services, "first")[-1].firm_id
    whole, one = tmp_path / "all.jsonl", tmp_path / "one.jsonl"
    services.push_delivery.export("first", whole)
    services.push_delivery.export("first", one, firm_id=firm)
    lines = whole.read_text(encoding="utf8").splitlines()
    assert one.read_text(encoding="utf8").splitlines() == [
        line for line in lines if json.loads(line)["firm_id"] == firm
    ]
    services.catalogue.upsert([Firm(id="unlisted", name="新企业")])
    assert services.push_delivery.export("first", one, firm_id="unlisted") == 0
    with pytest.raises(NotFoundError):
        services.push_delivery.export("first", tmp_path / "none.jsonl", firm_id="nobody")
    assert not (tmp_path / "none.jsonl").exists()


def test_push_export_files_of_all_kinds_say_the_same(services: Services, tmp_path: Path) -> None:
    """Parquet and JSONL hold the same rows, with types where the format has them."""
    services.push_delivery.export("first", tmp_path / "lists.parquet")
    services.push_delivery.export("first", tmp_path / "lists.jsonl")
    told = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text(encoding="utf8").splitlines()]
    assert pq.read_table(tmp_path / "lists.parquet").to_pylist() == told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lists.jsonl", "lists.parquet"]


def test_push_export_refuses_other_endings_and_unknown_runs(services: Services, tmp_path: Path) -> None:
    """Nothing is written then."""
    with pytest.raises(InputError, match="must end in"):
        services.push_delivery.export("first", tmp_path / "lists.xls")
    with pytest.raises(NotFoundError):
        services.push_delivery.export("nothing", tmp_path / "lists.csv")
    assert not list(tmp_path.iterdir())


def test_push_report_counts_what_the_lists_hold(services: Services) -> None:
    """Levels, arms and sizes add up; a run without repeats has no overlap with the one before."""
    made = services.push_reporting.report("second")
    told = made.as_json()
    mine = entries(services, "second")
    assert sum(told["levels"].values()) == sum(told["holder_types"].values()) == len(mine)
    assert sum(told["sizes"].values()) == told["firms_reached"] == len({entry.firm_id for entry in mine})
    assert (told["previous"], told["overlap"]) == ("first", 0.0)
    assert told["exposure"]["places"] == len(mine)
    assert len(made.sampled) == 10


def test_push_report_page_is_whole_and_escapes(services: Services) -> None:
    """One file, nothing loaded from elsewhere, titles cannot break it."""
    made = services.push_reporting.report("second")
    lists = [
        {"firm": one.firm_id, "name": "<script>x</script>", "profile": one.profile, "entries": []}
        for one in made.sampled
    ]
    page = render_push(made.as_json(), lists)
    assert page.startswith("<!doctype html>")
    assert "<script>" not in page
    assert "基尼系数" in page
    assert "http" not in page


def test_push_curve_shows_what_limits_cost(services: Services) -> None:
    """Tighter caps keep less value and reach more patents."""
    run = services.pushing.run(replace(request("curve", months=0, floor=1), curve=True)).run
    points = [point for point in json.loads(run.manifest)["curve"] if not point["floor"]]
    kept, largest = ([point[name] for point in points] for name in ("kept", "largest"))
    assert kept[0] == 1.0
    assert min(kept) < 1.0
    assert largest == sorted(largest, reverse=True)
    assert points[-1]["coverage"] > points[0]["coverage"]


def test_push_list_forgets_withdrawn_patents_at_once(tmp_path: Path) -> None:
    """A deleted patent is in no list any more, also in files; ranks stay as pushed; one that is inactive neither."""
    services = push_services(tmp_path / "home")
    services.pushing.run(request("one"))
    firm = entries(services, "one")[0].firm_id
    before = services.push_delivery.of_firm(firm)
    gone, inactive = (one.record for one in before.patents[:2])
    services.writing.delete(Kind.PATENTS, gone.id)
    services.writing.put(Kind.PATENTS, inactive.id, {"title": inactive.title, "status": "inactive"})
    after = services.push_delivery.of_firm(firm)
    assert [one.entry.rank for one in after.patents] == [one.entry.rank for one in before.patents[2:]]
    services.push_delivery.export("one", tmp_path / "lists.jsonl")
    text = (tmp_path / "lists.jsonl").read_text(encoding="utf8")
    assert gone.id not in text
    assert inactive.id not in text
    services.close()


def test_push_list_is_given_in_parts(services: Services) -> None:
    """A cursor leads to what is behind it, and the last part has none."""
    firm = entries(services, "first")[0].firm_id
    whole = services.push_delivery.of_firm(firm, "first")
    part = services.push_delivery.of_firm(firm, "first", size=2)
    rest = services.push_delivery.of_firm(firm, "first", after=part.cursor or 0)
    assert part.cursor == 2
    assert rest.cursor is None
    assert (*part.patents, *rest.patents) == whole.patents


def test_push_list_of_a_firm_that_opted_out_is_empty_and_says_so(services: Services) -> None:
    """So it is from the moment it opts out."""
    firm = entries(services, "first")[0].firm_id
    services.outreach.opt_out(firm)
    found = services.push_delivery.of_firm(firm, "first")
    services.outreach.undo_opt_out(firm)
    assert (found.patents, found.why_empty) == ((), "opted_out")
    with pytest.raises(NotFoundError):
        services.push_delivery.of_firm("nobody")


def test_push_pairs_of_all_runs_are_told_once(services: Services) -> None:
    """The funnel counts a pair that two runs pushed once, and knows nothing of a run that is not there."""
    services.pushing.run(request("again", months=0))
    pairs = [pair[:2] for pair in services.push_delivery.pushed_pairs(None) or ()]
    runs = [run.name for run in services.push_delivery.runs()]
    wanted = {(entry.firm_id, entry.patent_id) for name in runs for entry in entries(services, name)}
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == wanted
    first = [pair[:2] for pair in services.push_delivery.pushed_pairs("first") or ()]
    assert sorted(first) == sorted((entry.firm_id, entry.patent_id) for entry in entries(services, "first"))
    assert services.push_delivery.pushed_pairs("nothing") is None


def test_push_run_asks_feedback_of_the_catalogue(tmp_path: Path) -> None:
    """A firm that opted out gets no list, one that rejected a patent not that one; its old list is empty at once."""
    services = push_services(tmp_path)
    services.pushing.run(request("one", months=0))
    first, last = entries(services, "one")[0], entries(services, "one")[-1]
    services.outreach.opt_out(last.firm_id)
    services.feedback.add(
        {"key": "k1", "event": "rejected", "firm_id": first.firm_id, "patent_id": first.patent_id, "reason": "price"}
    )
    assert services.push_delivery.of_firm(last.firm_id).why_empty == "opted_out"
    services.pushing.run(request("two", months=0))
    pushed = {(entry.firm_id, entry.patent_id) for entry in entries(services, "two")}
    assert (first.firm_id, first.patent_id) not in pushed
    assert last.firm_id not in {firm for firm, _ in pushed}
    services.feedback.add({"event": "interested", "firm_id": first.firm_id, "patent_id": first.patent_id, "run": "one"})
    services.pushing.run(request("three", months=0))
    again = {(entry.firm_id, entry.patent_id) for entry in entries(services, "three")}
    assert (first.firm_id, first.patent_id) in again, "it changed its mind"
    services.close()


def test_push_lists_lose_patents_of_a_status_that_nobody_knows(tmp_path: Path) -> None:
    """As a run would leave them out now; a run, or an arm of it, whose rules push such keeps them."""
    services = push_services(tmp_path / "home")
    services.pushing.run(request("known"))
    services.pushing.run(request("any", unknown_status=True, months=0))
    half = replace(request("half", months=0), compare=request(unknown_status=True, months=0).rules)
    services.pushing.run(half)
    first = {name: entries(services, name) for name in ("known", "any", "half")}
    patent = first["known"][0].patent_id
    services.catalogue.upsert([replace(services.catalogue.get(Kind.PATENTS, patent), status="权属争议")])  # type: ignore[type-var, list-item]
    kept = {}
    for name, before in first.items():
        out = tmp_path / f"{name}.jsonl"
        services.push_delivery.export(name, out)
        told = [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()]
        kept[name] = {one["arm"] for one in told if one["patent_id"] == patent}
        lost = [one for one in before if (one.firm_id, one.rank) not in {(row["firm_id"], row["rank"]) for row in told}]
        assert {one.patent_id for one in lost} <= {patent}
    assert kept == {"known": set(), "any": {"a"}, "half": {"b"}}
    firm = first["known"][0].firm_id
    assert patent not in [one.entry.patent_id for one in services.push_delivery.of_firm(firm, "known").patents]
    (told_to,) = services.push_delivery.of_firms("known", after=firm[:-1], to=firm)
    assert patent not in [one.entry.patent_id for one in told_to.patents]
    services.close()

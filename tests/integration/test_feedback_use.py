"""What feedback is used for: files of judgements that evaluate as they are, and funnels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hashing_encoder import HashingEncoder

from app.catalogue import PushRun
from app.domain import Firm, Need, Patent
from app.errors import InputError, NotFoundError
from app.feedback.funnel import By, FunnelService, PushedPair
from app.feedback.judgements import ExportFiles
from app.quality.material import EvaluationFiles
from app.settings import Settings
from app.wiring import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services over a small catalogue; nothing is embedded on the way in."""
    made = Services(Settings(home=tmp_path / "home"), encoder=HashingEncoder, embed=lambda _kind, _records: 0)
    made.catalogue.upsert(
        [
            Firm(
                id="F1", name="兰州新材料有限公司", business_scope="电解液", industry=("C3841", "C39"), region="620102"
            ),
            Firm(id="F2", name="天水轴承有限公司", region="6205"),
            Firm(id="SAME", name="同号企业"),
        ]
    )
    made.catalogue.upsert(
        [Patent(id=f"P{n}", title=f"第{n}种电解液", abstract="含锂盐。", holder_type="university") for n in range(4)]
        + [Patent(id="P9", title="一种轴承", holder_type="institute")]
    )
    made.catalogue.upsert([Need(id="SAME", title="电解液的开发", text="循环寿命"), Need(id="N2", text="轴承")])
    yield made
    made.close()


def say(services: Services, *items: dict[str, Any]) -> None:
    """Record feedback."""
    assert services.feedback.add_all(items).rejected == ()


def judged(level: str, by: str, at: str = "2026-11-01", **fields: Any) -> dict[str, Any]:
    """A judgement of the first patent for the first need."""
    return {"level": level, "by": by, "at": at, "need_id": "SAME", "patent_id": "P0", **fields}


def exported(services: Services, folder: Path, **options: bool) -> tuple[list[list[str]], list[Any], list[Any]]:
    """The rows of the three files."""
    files = ExportFiles(folder / "out" / "q.tsv", folder / "out" / "c.jsonl", folder / "out" / "n.jsonl")
    services.judgements.export(files, **options)
    lines = [
        path.read_text(encoding="utf8").splitlines() for path in (files.qrels, files.corpus, files.queries) if path
    ]
    header, *rows = lines[0]
    assert header == "query_id\tdoc_id\tlevel"
    return [row.split("\t") for row in rows], *([json.loads(line) for line in part] for part in lines[1:])


def test_feedback_export_settles_what_judges_say(services: Services, tmp_path: Path) -> None:
    """A judge's newest word counts, whenever it was recorded; of two judges the higher level; views say nothing."""
    say(
        services,
        judged("weak", "王", "2026-11-02"),
        judged("strong", "王", "2026-11-01"),
        judged("none", "李", "2026-11-03"),
        judged("none", "王", patent_id="P1"),
        judged("strong", "王", "2026-11-01T00:00:01Z", patent_id="P1"),
        {"event": "viewed", "need_id": "SAME", "firm_id": "F1", "patent_id": "P2"},
    )
    qrels, corpus, queries = exported(services, tmp_path)
    assert qrels == [["SAME", "P0", "2"], ["SAME", "P1", "4"]]
    assert [row["id"] for row in corpus] == ["P0", "P1", "P2", "P3", "P9"]
    assert corpus[0] == {"id": "P0", "title": "第0种电解液", "text": "含锂盐。"}
    assert queries == [{"id": "SAME", "title": "电解液的开发", "text": "循环寿命"}]
    _, corpus, _ = exported(services, tmp_path, judged_only=True)
    assert [row["id"] for row in corpus] == ["P0", "P1"]


def test_feedback_export_takes_events_where_they_are_wanted(services: Services, tmp_path: Path) -> None:
    """Signed 4, contacted 3, rejected 1; a firm's last word counts; a higher level of a judge stands."""
    firm = {"firm_id": "F1", "at": "2026-11-01"}
    say(
        services,
        {"event": "contacted", "patent_id": "P1", **firm},
        {"event": "signed", "patent_id": "P0", **firm, "at": "2026-11-05"},
        {"event": "contacted", "patent_id": "P2", **firm},
        {"event": "rejected", "patent_id": "P2", "reason": "价格", **firm, "at": "2026-11-06"},
        {"event": "viewed", "patent_id": "P3", **firm},
        {"level": "strong", "by": "王", "patent_id": "P2", **firm},
    )
    assert exported(services, tmp_path)[0] == [["F1", "P2", "4"]]
    assert exported(services, tmp_path, events=True)[0] == [["F1", "P0", "4"], ["F1", "P1", "3"], ["F1", "P2", "4"]]


def test_feedback_export_tells_queries_of_one_id_apart_and_leaves_out_what_is_gone(
    services: Services, tmp_path: Path
) -> None:
    """A need keeps its id; a firm and a text of the same id are told by a prefix; deleted records are left out."""
    say(
        services,
        judged("strong", "王"),
        judged("weak", "王", need_id=None, firm_id="SAME"),
        judged("none", "王", need_id=None, query_id="SAME", query_text="隔膜"),
        judged("strong", "王", need_id="N2", patent_id="P9"),
    )
    services.writing.delete(Patent.kind, "P9")
    qrels, _, queries = exported(services, tmp_path)
    assert qrels == [["SAME", "P0", "4"], ["firm:SAME", "P0", "2"], ["text:SAME", "P0", "1"]]
    assert [row["id"] for row in queries] == ["SAME", "firm:SAME", "text:SAME"]
    assert queries[2] == {"id": "text:SAME", "text": "隔膜"}


def test_feedback_export_works_as_it_is_with_evaluate(services: Services, tmp_path: Path) -> None:
    """The three files go through the evaluation: every judged pair is served and no id is unknown."""
    say(
        services,
        *(
            judged(level, "王", patent_id=f"P{n}")
            for n, level in enumerate(("strong", "fairly_strong", "weak", "none"))
        ),
        judged("strong", "王", need_id="N2", patent_id="P9"),
        judged("weak", "王", need_id=None, query_text="电解液的添加剂"),
    )
    exported(services, tmp_path)
    files = EvaluationFiles(
        corpus=tmp_path / "out" / "c.jsonl", queries=tmp_path / "out" / "n.jsonl", qrels=tmp_path / "out" / "q.tsv"
    )
    counts = services.evaluating.evaluate(files).result.counts
    assert (counts["unknown_pairs"], counts["unserved_pairs"], counts["documents_without_text"]) == (0, 0, 0)


def test_feedback_export_of_nothing_says_so(services: Services, tmp_path: Path) -> None:
    """No empty file that an evaluation would stumble over."""
    with pytest.raises(InputError, match="no judgements"):
        services.judgements.export(ExportFiles(tmp_path / "q.tsv"))
    assert not (tmp_path / "q.tsv").exists()


def told(services: Services) -> None:
    """Five things that came back about three pairs in a run of which nothing is known yet, and one in another."""
    for name in ("2026-10", "2026-11"):
        begun = PushRun(name=name, status="running", inputs="", manifest="{}", started_at=datetime.now(UTC))
        services.catalogue.pushes.begin(begun)
    run = {"run": "2026-11"}
    say(
        services,
        {"event": "viewed", "firm_id": "F1", "patent_id": "P0", "level": "strong", "at": "2026-11-01", **run},
        {"event": "viewed", "firm_id": "F1", "patent_id": "P0", "level": "strong", "at": "2026-11-02", **run},
        {"event": "contacted", "firm_id": "F1", "patent_id": "P0", "at": "2026-11-03", **run},
        {"event": "signed", "firm_id": "F1", "patent_id": "P0", "at": "2026-11-04", **run},
        {"event": "viewed", "firm_id": "F2", "patent_id": "P9", "level": "weak", "at": "2026-11-01", **run},
        {"event": "viewed", "firm_id": "F2", "patent_id": "P1", "at": "2026-10-01", "run": "2026-10"},
        {"event": "rejected", "firm_id": "F2", "patent_id": "P2", "reason": "r", "at": "2026-11-01", **run},
    )


def pairs(funnel: Any) -> dict[str, int]:
    """The pairs of each stage."""
    return {stage.name: stage.pairs for stage in funnel.stages}


def test_feedback_funnel_counts_pairs_on_feedback_alone(services: Services) -> None:
    """Each pair once a stage; of one run or of all; shares of the stage before, with their intervals."""
    told(services)
    (funnel,) = services.funnel.funnel(run="2026-11")
    assert pairs(funnel) == {"viewed": 2, "interested": 0, "contacted": 1, "need_returned": 0, "signed": 1}
    assert [stage.of_pushed for stage in funnel.stages] == [None] * 5
    viewed, interested, contacted, *_ = funnel.stages
    assert (viewed.of_before, interested.of_before, contacted.of_before) == (None, 0.0, None)
    assert interested.of_before_interval is not None
    assert interested.of_before_interval.low == 0
    assert pairs(services.funnel.funnel()[0])["viewed"] == 3
    assert sum(stage.not_pushed for stage in funnel.stages) == 0
    with pytest.raises(NotFoundError, match="2025-01"):
        services.funnel.funnel(run="2025-01")


def test_feedback_funnel_is_over_what_was_pushed_where_that_is_known(services: Services) -> None:
    """Pairs and shares are of what was pushed; what came back about others is counted beside, and in no share."""
    told(services)
    asked: list[str | None] = []

    def pushed(run: str | None) -> list[PushedPair]:
        asked.append(run)
        return [PushedPair("F1", f"P{n}", "strong") for n in range(4)]

    (funnel,) = FunnelService(services.catalogue, pushed).funnel(run="2026-11")
    assert asked == ["2026-11"]
    assert list(pairs(funnel).items())[:2] == [("pushed", 4), ("viewed", 1)]
    assert [stage.not_pushed for stage in funnel.stages] == [0, 1, 0, 0, 0, 0]
    viewed = funnel.stages[1]
    assert (viewed.of_pushed, viewed.of_before) == (0.25, 0.25)
    assert viewed.of_pushed_interval is not None
    assert round(viewed.of_pushed_interval.high, 4) == 0.6994


def test_feedback_funnel_has_one_a_run_and_contracts_of_contacts(services: Services) -> None:
    """By run each has what came back naming it, the latest first; a contract's share is of contacts."""
    told(services)
    funnels = services.funnel.funnel(by=By.RUN)
    assert [(funnel.group, pairs(funnel)["viewed"]) for funnel in funnels] == [("2026-11", 2), ("2026-10", 1)]
    assert [funnel.group for funnel in services.funnel.funnel(run="2026-10", by=By.RUN)] == ["2026-10"]
    signed = funnels[0].stages[-1]
    assert (signed.name, signed.pairs, signed.of_before) == ("signed", 1, 1.0)


def test_feedback_funnel_compares_the_arms_of_a_run(services: Services) -> None:
    """Each arm has the pairs that were pushed to its firms; what was not pushed is of no arm."""
    told(services)
    pushed = [PushedPair("F1", f"P{n}", "strong", "a") for n in range(4)] + [PushedPair("F2", "P3", "weak", "b")]
    funnels = FunnelService(services.catalogue, lambda _run: pushed).funnel(run="2026-11", by=By.ARM)
    found = {str(funnel.group): funnel.stages for funnel in funnels}
    assert [(group, stages[0].pairs, stages[1].pairs) for group, stages in found.items()] == [
        ("a", 4, 1), ("b", 1, 0), ("-", 0, 0),
    ]  # fmt: skip
    assert found["-"][1].not_pushed == 1
    assert found["b"][1].of_pushed_interval is not None


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (By.LEVEL, {"strong": 1, "weak": 1}),
        (By.INDUSTRY, {"C38": 1, "-": 1}),
        (By.REGION, {"62": 2}),
        (By.HOLDER_TYPE, {"university": 1, "institute": 1}),
    ],
)
def test_feedback_funnel_is_split(services: Services, by: By, groups: dict[str, int]) -> None:
    """By the level shown, the firm's division and province, the patent's holder; also of records deleted since."""
    told(services)
    services.writing.delete(Firm.kind, "F1")
    services.writing.delete(Patent.kind, "P9")
    funnels = services.funnel.funnel(run="2026-11", by=by)
    assert {str(funnel.group): pairs(funnel)["viewed"] for funnel in funnels} == groups
    pushed = [PushedPair("F1", "P0", "strong"), PushedPair("F2", "P9", "weak"), PushedPair("F2", "P3", "weak")]
    funnels = FunnelService(services.catalogue, lambda _run: pushed).funnel(run="2026-11", by=by)
    assert sum(pairs(funnel)["pushed"] for funnel in funnels) == 3
    assert {str(funnel.group): pairs(funnel)["viewed"] for funnel in funnels} == groups

"""Systems that are compared on one material: the service, TREC runs of others, and earlier reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import InputError
from app.evaluation.collection import QueryRun, Words
from app.evaluation.earlier import read_report, sameness
from app.evaluation.files import BAD_FILE
from app.evaluation.result import Asked, EvaluationResult, ReportContents, evaluate_runs, restricted
from app.evaluation.trec import answered, read_run
from app.quality.material import EvaluationMaterial, titles

_OF_THE_WORK = frozenset({"seconds", "texts_embedded"})
"""Settings of an evaluation that do not decide an answer."""


@dataclass(frozen=True, slots=True)
class System:
    """One of the systems compared, by the name that the user gave it, and its evaluation."""

    source: str
    contents: ReportContents


class Bench:
    """Measures answers against one material; the languages of its texts are detected once."""

    def __init__(self, material: EvaluationMaterial) -> None:
        self.material = material
        self.collection = material.collection()
        self._query_digests = material.query_digests()
        self._digests = material.digests()
        self._titles = titles(material.queries), titles(material.documents)

    def measured(
        self,
        runs: Sequence[QueryRun],
        described: Callable[[EvaluationResult], EvaluationResult],
        asked: Asked | None = None,
    ) -> ReportContents:
        """The evaluation of ``runs``, one for each query; ``described`` adds where they are from.

        ``asked`` are the runs of the same queries asked in each way, where they were.
        """
        qrels = self.material.known.qrels
        result = evaluate_runs(runs, self.collection, asked)
        # Pairs without a score: their document has no text or is not in the run, or their query failed.
        unserved = sum(len(qrels.get(run.query_id, ())) - len(run.served) for run in runs)
        counts = {**result.counts, **self.material.counts, "unserved_pairs": unserved}
        return ReportContents(
            result=described(replace(result, counts=counts, material=self._digests)),
            runs=runs,
            qrels=qrels,
            query_titles=self._titles[0],
            document_titles=self._titles[1],
            collection=self.collection,
            query_digests=self._query_digests,
            asked=asked or {},
        )

    def of_run_file(self, path: Path) -> System:
        """A TREC run of any system. It says no levels and nothing of documents that it left out.

        Raises:
            InputError: the file cannot be used, or has none of the queries.
        """
        lists = read_run(path)
        known = lists.keys() & self.material.queries.keys()
        if not known:
            raise InputError(
                f"{path.name} has no query of the queries file; check that the ids are the same",
                f"{path.name} 中没有查询文件里的任何查询；请检查编号是否一致",
                code=BAD_FILE,
            )
        unknown = {match.doc_id for key in known for match in lists[key]} - self.material.documents.keys()
        counts = {
            "unknown_run_queries": len(lists) - len(known),
            "unknown_run_documents": len(unknown),
            "queries_without_answer": len(self.material.queries) - len(known),
        }
        runs = answered(lists, self.material.queries, self.material.known.qrels)
        contents = self.measured(
            runs,
            lambda result: replace(result, encoder={"name": path.name}, counts={**result.counts, **counts}),
        )
        return System(f"run:{path.name}", contents)

    def of_report(self, folder: Path) -> tuple[System, Sequence[str], tuple[Words, ...]]:
        """What ``--report`` wrote earlier, the ids of the queries that are the same today, and what is not.

        Raises:
            InputError: the folder is no report, or no query is the same.
        """
        earlier = read_report(folder)
        name = folder.resolve().name
        runs = [earlier.runs.get(key, QueryRun(query_id=key)) for key in self.material.queries]
        origin = earlier.origin
        contents = self.measured(
            runs,
            lambda result: replace(
                result,
                encoder=origin["encoder"],
                snapshot=origin["snapshot"],
                settings=origin["settings"],
            ),
        )
        same = sameness(earlier, contents)
        if len(same.common) == len(earlier.query_digests):  # the same queries: what was asked otherwise holds, too
            slices = replace(contents.result.slices, asked=origin["slices"].get("asked", {}))
            contents = replace(contents, result=replace(contents.result, slices=slices))
        return System(f"baseline:{name}", contents), sorted(same.common), same.notes


def side_by_side(
    bench: Bench, baselines: Sequence[Path], served: Callable[[], Sequence[System]], run_files: Sequence[Path]
) -> tuple[list[System], list[Words]]:
    """All systems over the queries that every one of them was asked; files are read before anything is embedded.

    Args:
        bench: what they are measured on.
        baselines: folders that ``--report`` wrote.
        served: evaluates the service.
        run_files: TREC runs.

    Returns:
        The systems in the order of the arguments, the one that the others are compared with first, and notes on what
        was compared.

    Raises:
        InputError: a run or an earlier report cannot be used, or the reports have no query in common with today.
    """
    found = [bench.of_report(folder) for folder in baselines]
    runs = [bench.of_run_file(path) for path in run_files]
    systems = [*(system for system, _, _ in found), *served(), *runs]
    asked = bench.material.queries.keys()
    common = set(asked).intersection(*(ids for _, ids, _ in found))
    if not common:
        raise InputError(
            "no query is the same in all of the earlier reports; compare with one at a time",
            "没有在所有先前报告中都相同的查询；请逐一比较",
            code="no_common_query",
        )
    if len(common) < len(asked):
        systems = [replace(system, contents=restricted(system.contents, common)) for system in systems]
    notes = [
        Words(f"{system.source}: {en}", f"{system.source}：{zh}") for system, _, changes in found for en, zh in changes
    ]
    notes += [note for system in runs for note in _run_notes(system)]
    notes += [note for system in systems[1:] if (note := _made_otherwise(systems[0], system)) is not None]
    return systems, notes


def _run_notes(system: System) -> Iterator[Words]:
    counts, source = system.contents.result.counts, system.source
    if missing := counts["queries_without_answer"]:
        yield Words(
            f"{source}: {missing} queries are not in the file and count as empty answers.",
            f"{source}：文件中缺少 {missing} 个查询，按空结果计。",
        )
    if unserved := counts["unserved_pairs"]:
        yield Words(
            f"{source}: {unserved} of {counts['judged_pairs']} judged pairs are not in the file; they rank last and "
            "gain nothing, so judged_ndcg@10 and judged_spearman are lower than of a run that scores them.",
            f"{source}：{counts['judged_pairs']} 个评判对中有 {unserved} 个不在文件中，排在最后且没有增益，"
            "因此 judged_ndcg@10 与 judged_spearman 低于为其打分的结果。",
        )
    if unknown := counts["unknown_run_documents"]:
        yield Words(
            f"{source}: {unknown} documents are not in the corpus; they keep their places and are not relevant.",
            f"{source}：{unknown} 个文档不在文档库中，保留名次但视为不相关。",
        )


def _made_otherwise(first: System, system: System) -> Words | None:
    """What of encoder and settings is not as in the first; of a run file nobody knows."""
    before, after = (_made(each.contents.result) for each in (first, system))
    if not before or not after:
        return None
    keys = [key for key in (before | after) if before.get(key) != after.get(key)]
    if not keys:
        return Words(
            f"{system.source} and {first.source} have the same encoder and settings.",
            f"{system.source} 与 {first.source} 的模型和设置相同。",
        )
    changed = ", ".join(f"{key} {before.get(key, '-')} → {after.get(key, '-')}" for key in keys)
    return Words(
        f"{system.source} differs from {first.source} in: {changed}.",
        f"{system.source} 与 {first.source} 的不同之处：{changed}。",
    )


def _made(result: EvaluationResult) -> dict[str, object]:
    """Encoder and settings, without what says only how the work went."""
    if "fingerprint" not in result.encoder:
        return {}
    made = {**result.encoder, **result.settings, "index": result.snapshot.get("index")}
    return {key: value for key, value in made.items() if key not in _OF_THE_WORK}

"""Small faults that somebody could make in the lines that matter most, and the tests that must notice them.

Each was made by hand; several of them no test noticed at first. A snippet is as short as it can be and still say which
line is meant, so that it stays true when the code around it is rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass

_BUILD = "tests/integration/test_index_build.py::test_index_build"
_DURABLE = "tests/unit/index/test_durable.py::test_index_durable"
_VECTORS = "tests/unit/index/test_vectors.py::test_index_vectors"
_LOCK = "tests/unit/index/test_lock.py::test_index_lock"
_CALIBRATIONS = "tests/unit/serving/test_calibrations.py::test_calibrations"
_ALLOCATION = "tests/unit/push/allocation/test_allocate.py::test_allocation"
_RELEVANCE = "tests/unit/ranking/test_relevance.py::test_relevance"
_CATALOGUE = "tests/integration/catalogue/test_catalogue"


@dataclass(frozen=True)
class Mutant:
    """A fault and who must notice it.

    Attributes:
        name: what goes wrong, as the end of a test's id.
        file: what is changed, from the root of the repository.
        old: the text that is replaced; it occurs once in the file.
        new: what takes its place.
        test: the id of a test that must fail.
    """

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "a renamed file is not flushed",
        "index/durable.py",
        "            os.fsync(file.fileno())\n",
        "",
        f"{_DURABLE}_file_is_flushed_before_and_its_folder_after_the_rename",
    ),
    Mutant(
        "the folder of a renamed file is not flushed",
        "index/durable.py",
        "raise\n    sync_directory(path.parent)\n",
        "raise\n",
        f"{_DURABLE}_file_is_flushed_before_and_its_folder_after_the_rename",
    ),
    Mutant(
        "the folder of a new snapshot is not flushed",
        "index/build.py",
        "            sync_directory(directory)\n",
        "",
        f"{_BUILD}_flushes_before_it_renames",
    ),
    Mutant(
        "the recall floor is lowered",
        "index/build.py",
        "recall_floor: float = 0.95",
        "recall_floor: float = 0.75",
        f"{_BUILD}_holds_the_recall_floor",
    ),
    Mutant(
        "appended vectors are not flushed",
        "index/vector_file.py",
        '            os.fsync(descriptor)\n            failpoint("vectors.synced")\n',
        '            failpoint("vectors.synced")\n',
        f"{_VECTORS}_are_flushed_before_an_append_returns",
    ),
    Mutant(
        "the cut of a torn append is not flushed",
        "index/vector_file.py",
        "file.truncate(keep)\n                os.fsync(file.fileno())\n",
        "file.truncate(keep)\n",
        f"{_VECTORS}_cut_of_a_torn_append_is_flushed_before_the_next_is_written",
    ),
    Mutant(
        "a prefix matches itself alone",
        "index/columns.py",
        "itemgetter(slice(len(value))) if isinstance(condition, Prefix) else None",
        "None",
        "tests/unit/index/test_columns.py::test_index_columns_agree_with_the_oracle",
    ),
    Mutant(
        "a torn line of the log swallows the next",
        "index/publication.py",
        'if file.read(1) != b"\\n":',
        "if False:",
        "tests/integration/test_index_publication.py::test_index_log_survives_a_torn_line",
    ),
    Mutant("two hold one lock", "index/durable.py", "fcntl.LOCK_EX", "fcntl.LOCK_SH", f"{_LOCK}_names_its_holder"),
    Mutant(
        "an adopted lock is inherited",
        "index/durable.py",
        "        os.set_inheritable(descriptor, False)\n",
        "",
        f"{_LOCK}_adopted_is_not_inherited_by_children",
    ),
    Mutant(
        "a refused lock leaves its file open",
        "index/durable.py",
        "            self._descriptor = None\n            os.close(descriptor)\n",
        "            self._descriptor = None\n",
        f"{_LOCK}_refused_leaves_no_open_file",
    ),
    Mutant(
        "the seventh language is not searched",
        "app/match/scorer.py",
        "if len(parts) < len(sizes) or not parts:",
        "if not parts:",
        "tests/integration/test_match_languages.py::test_match_finds_records_of_the_seventh_and_eighth_language",
    ),
    Mutant(
        "a patent is twice in one list",
        "app/push/candidates.py",
        "            places = places[~np.isin(places, found.patents[row])]\n",
        "",
        "tests/integration/test_push_run.py::test_push_floor_adds_no_patent_to_a_list_that_has_it",
    ),
    Mutant(
        "a calibration holds for every encoder",
        "app/serving/calibrations.py",
        "-v{self.version}-{self.fingerprint}",
        "-v{self.version}",
        f"{_CALIBRATIONS}_in_force_are_read_for_their_ranking_alone",
    ),
    Mutant(
        "a file of another encoder's calibration is read",
        "app/serving/calibrations.py",
        "if found.id != name or found.ranking.key != key:",
        "if found.id != name:",
        f"{_CALIBRATIONS}_of_another_encoder_are_refused",
    ),
    Mutant(
        "a snapshot's calibration of another encoder is read",
        "app/serving/calibrations.py",
        ' and RankingId(**said["ranking"]) == ranking:',
        ":",
        f"{_CALIBRATIONS}_kept_with_a_snapshot_are_those_of_its_encoder",
    ),
    Mutant(
        "a snapshot keeps calibrations of all encoders",
        "app/serving/calibrations.py",
        " if one.ranking.fingerprint == fingerprint]",
        "]",
        f"{_CALIBRATIONS}_kept_with_a_snapshot_are_those_of_its_encoder",
    ),
    Mutant(
        "equals have no order",
        "app/ranking/relevance.py",
        "(-total[n], ids[n])",
        "-total[n]",
        f"{_RELEVANCE}_orders_equals_by_their_ids",
    ),
    Mutant(
        "terms that two languages share do not count",
        "app/ranking/relevance.py",
        "np.where(alone, np.maximum(fused, apart), fused)",
        "np.where(alone, apart, fused)",
        f"{_RELEVANCE}_keeps_terms_that_two_languages_do_share",
    ),
    Mutant(
        "a record of another language is judged by words that it cannot share",
        "app/ranking/relevance.py",
        "np.where(alone, np.maximum(fused, apart), fused)",
        "fused",
        f"{_RELEVANCE}_gives_a_foreign_record_no_credit_for_terms",
    ),
    Mutant(
        "a stretched cosine is more than the same text",
        "app/ranking/relevance.py",
        "np.minimum(cosines * crossed.stretch, 1.0)",
        "(cosines * crossed.stretch)",
        f"{_RELEVANCE}_is_bounded",
    ),
    Mutant(
        "coverage is not bounded",
        "app/ranking/lexical.py",
        "np.clip(shares, 0.0, 1.0)",
        "np.maximum(shares, 0.0)",
        "tests/unit/ranking/test_lexical.py::test_lexical_coverage_is_a_share",
    ),
    Mutant(
        "a headline counts like one sentence of a long body",
        "app/ranking/lexical.py",
        "HEADLINE_WEIGHT * sqrt(len(found))",
        "HEADLINE_WEIGHT",
        "tests/unit/ranking/test_lexical.py::test_lexical_headline_counts_as_much_as_a_good_part_of_its_body",
    ),
    Mutant(
        "foreign pairs say what words are worth",
        "app/ranking/ordinal.py",
        "fused = pairs.at(~pairs.alone) if _worth_fitting(pairs.at(~pairs.alone)) else pairs",
        "fused = pairs",
        "tests/unit/ranking/test_ordinal.py::test_ordinal_fit_leaves_foreign_pairs_out_of_the_slopes_of_both",
    ),
    Mutant(
        "a few records of a language double each of their cosines",
        "app/serving/spaces.py",
        "(value * counts[pair] + pooled * SPREAD_PRIOR) / (counts[pair] + SPREAD_PRIOR)",
        "value",
        "tests/unit/serving/test_spaces.py::test_spaces_draw_the_spread_of_few_records_to_that_of_all",
    ),
    Mutant(
        "what a text repeats counts again",
        "app/text/wanted.py",
        "return text[:period] if 0 < period < len(text) else text",
        "return text",
        "tests/unit/text/test_wanted.py::test_wanted_is_the_same_of_a_text_that_repeats_itself",
    ),
    Mutant(
        "the introduction of a firm is what it wants",
        "app/text/wanted.py",
        "if any(map(says_wanted, body)):",
        "if False:",
        "tests/unit/text/test_wanted.py::test_wanted_leaves_the_introduction_of_the_firm_out",
    ),
    Mutant(
        "a sentence that asks is a headline where it stands first",
        "app/text/wanted.py",
        " and not says_wanted(sentence):",
        ":",
        "tests/unit/text/test_wanted.py::test_wanted_finds_what_is_wanted_wherever_it_stands",
    ),
    Mutant(
        "a query of no known language meets foreign records",
        "app/ranking/relevance.py",
        "query is not None and language != query",
        "language != query",
        f"{_RELEVANCE}_crosses_nothing_for_a_query_of_no_known_language",
    ),
    Mutant(
        "a cosine is drawn together",
        "app/ranking/space.py",
        "min(max(own / across, 1.0), MOST_STRETCH)",
        "min(own / across, MOST_STRETCH)",
        "tests/unit/ranking/test_relevance.py::test_space_stretches_within_bounds",
    ),
    Mutant(
        "a cap lets one more in",
        "app/push/allocation/allocate.py",
        "gone = order[rank_within(named[order]) >= self._most]",
        "gone = order[rank_within(named[order]) > self._most]",
        f"{_ALLOCATION}_keeps_every_limit_and_is_near_the_best",
    ),
    Mutant(
        "what is not eligible has a floor",
        "app/push/allocation/lists.py",
        "np.where(self.eligible, np.minimum(there, most), 0)",
        "np.minimum(there, most)",
        f"{_ALLOCATION}_has_no_floor_for_what_is_not_eligible",
    ),
    Mutant(
        "a floor counts matches that are not fair",
        "app/push/allocation/allocate.py",
        "problem.patents[chosen & problem.fair], minlength",
        "problem.patents[chosen], minlength",
        f"{_ALLOCATION}_counts_fair_matches_alone_for_a_floor",
    ),
    Mutant(
        "an exchange takes a fair match away",
        "app/push/allocation/allocate.py",
        " or problem.fair[firm, column] < problem.fair[other, given]",
        "",
        f"{_ALLOCATION}_fills_no_place_with_a_patent_that_its_floor_needs_elsewhere",
    ),
    Mutant(
        "two changes have one number",
        "app/catalogue/writing.py",
        "len(changed) + 1\n",
        "len(changed)\n",
        f"{_CATALOGUE}_apply.py::test_catalogue_apply_writes_and_deletes_at_one_moment",
    ),
    Mutant(
        "a rejection covers one patent alone",
        "app/feedback/service.py",
        "sorted(patents | (kin - ",
        "sorted(patents | (patents - ",
        f"{_CATALOGUE}_feedback.py::test_feedback_rejections_cover_the_family",
    ),
)

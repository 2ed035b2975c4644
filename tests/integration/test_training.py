"""`patmatch train`, on a model of a few kilobytes and judgements that one word decides."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from models_samples import model_file
from safetensors.numpy import load_file

import models.training
from models import ModelSource, Prefixes, Role, SentenceTransformerEncoder, prepare
from models.errors import TrainingError
from models.packaged import write_folder
from models.training import FineTuner
from models.training_data import JudgedQuery, TuningOptions
from scripts.cli import run

WORDS = ("a", "b", "c", "battery", "cell")
FAST = ("--learning-rate", "0.01", "--epochs", "2", "--precision", "float32")
EMBEDDINGS = "embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of 32 dimensions and 24 tokens."""
    folder = tmp_path_factory.mktemp("training") / "tiny"
    folder.mkdir()
    write_folder(model_file(), folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Needs and documents of five words in every order of three; documents with 电池 are what everyone looks for."""
    folder = tmp_path_factory.mktemp("judged")
    triples = [" ".join(triple) for triple in itertools.permutations(WORDS, 3)]
    needs = [{"id": f"n{n}", "title": triples[4 * n], "text": triples[4 * n + 1] if n % 2 else ""} for n in range(12)]
    corpus = [{"id": f"d{n}", "title": f"{triple} 电池" if n % 3 == 0 else triple} for n, triple in enumerate(triples)]
    judged = [(need, corpus[(7 * place + step) % len(corpus)]) for place, need in enumerate(needs) for step in range(9)]
    rows = [f"{need['id']}\t{row['id']}\t{3 + (k % 2) if '电池' in row['title'] else 1 + (k % 2)}"
            for k, (need, row) in enumerate(judged)]  # fmt: skip
    found = {name: folder / f"{name}.jsonl" for name in ("corpus", "queries")} | {"qrels": folder / "qrels.tsv"}
    found["corpus"].write_text("".join(json.dumps(row) + "\n" for row in corpus))
    found["queries"].write_text("".join(json.dumps(row) + "\n" for row in needs))
    found["qrels"].write_text("query\tdoc\tlevel\n" + "\n".join(rows) + "\n")
    return found


def train(files: dict[str, Path], base: Path, out: Path, *more: str) -> int:
    """Run the command in a home beside ``out``; its exit status."""
    home = ("--home", str(out.parent / "home"))
    return run(["train", *given(files), "--base", f"dir:{base}", "--out", str(out), *home, *FAST, *more])


def given(files: dict[str, Path]) -> list[str]:
    """Files as options."""
    return [part for name, path in files.items() for part in (f"--{name}", str(path))]


def weights(folder: Path) -> dict[str, np.ndarray]:
    """Every tensor of a model folder."""
    return load_file(folder / "model.safetensors")


def test_training_writes_a_model_that_prepare_takes(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is better on needs that it never saw, loads like any folder, and says how it was made."""
    out = tmp_path / "trained"
    assert train(files, tiny, out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["better"] is True
    for name, before in told["measures"]["before"].items():
        assert told["measures"]["after"][name] >= before
    assert told["measures"]["after"]["judged_ndcg@10"] > told["measures"]["before"]["judged_ndcg@10"] + 0.05
    assert (told["counts"]["needs"], told["counts"]["held_out_needs"], told["counts"]["judged_pairs"]) == (12, 2, 108)
    assert told["counts"]["hard_negatives"] > 0
    assert [step.split()[1] for step in told["next"]] == [
        "model",
        "evaluate",
        "index",
        f"PATMATCH_MODEL=dir:{out}",
        "calibrate",
    ]
    assert prepare(ModelSource.parse(f"dir:{out}"), tmp_path / "models").created
    encoder, base = SentenceTransformerEncoder(out), SentenceTransformerEncoder(tiny)
    assert encoder.fingerprint != base.fingerprint
    vectors = [one.encode(["battery cell"], Role.QUERY).vectors for one in (encoder, base)]
    assert not np.allclose(*vectors, atol=1e-3)
    assert [one.encode(["电池 a"], Role.PASSAGE).tokens.tolist() for one in (encoder, base)] == [[8], [8]]
    assert (out / "tokenizer.json").read_bytes() == (tiny / "tokenizer.json").read_bytes()
    assert np.array_equal(weights(out)[EMBEDDINGS], weights(tiny)[EMBEDDINGS])
    card, report = (out / "README.md").read_text("utf-8"), json.loads((out / "training.json").read_text("utf-8"))
    for word in (
        "base_model: tiny",
        base.fingerprint,
        "| judged_ndcg@10 |",
        "- seed: 1",
        "- judged_pairs: 108",
        "CoSENT",
    ):
        assert word in card
    assert report == {name: value for name, value in told.items() if name not in {"folder", "next"}}
    assert str(tmp_path) not in card + json.dumps(report)


def test_training_is_the_same_for_a_seed(files: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    """Two runs give the same weights, and the same fingerprint although the clock differs; another seed does not."""
    names = ("first", "second", "third")
    for name, seed in zip(names, ("1", "1", "2"), strict=True):
        assert train(files, tiny, tmp_path / name, "--seed", seed, "--negatives", "0", "--allow-worse") == 0
    first, second, third = ((tmp_path / name / "model.safetensors").read_bytes() for name in names)
    assert first == second
    assert first != third
    prints = [SentenceTransformerEncoder(tmp_path / name).fingerprint for name in names]
    assert prints[0] == prints[1] != prints[2]


def test_training_refuses_a_model_that_is_not_better(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, the measures in both languages, and nothing at the folder; unless a worse one is wanted."""
    out, still = tmp_path / "trained", ("--learning-rate", "1e-12", "--negatives", "0")
    assert train(files, tiny, out, *still) == 1
    err = capsys.readouterr().err
    assert "as they are served, the trained one is not better than its base (judged_ndcg@10 0." in err
    assert "不优于原模型" in err
    assert not out.exists()
    assert not list(tmp_path.glob(".trained*"))
    assert train(files, tiny, out, *still, "--allow-worse") == 0
    assert "NOT better than its base as served" in (out / "README.md").read_text("utf-8")


def test_training_judges_by_folds_and_learns_from_all(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every need judges once, by a model that did not see it."""
    out = tmp_path / "trained"
    assert train(files, tiny, out, "--folds", "3", "--json", "--negatives", "0") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["held_out_needs"] == told["counts"]["needs"] == 12
    assert told["options"]["folds"] == 3
    assert told["steps"] > 0
    card = (out / "README.md").read_text("utf-8")
    assert "3-fold cross-validation" in card
    assert "| spread of the gains |" in card
    assert [fold["needs"] for fold in told["folds"]] == [4, 4, 4]
    for side in ("before", "after"):
        # Every need counts for this measure here, and folds are of one size: the mean over folds is that over needs.
        mean = np.mean([fold[side]["judged_ndcg@10"] for fold in told["folds"]])
        assert mean == pytest.approx(told["measures"][side]["judged_ndcg@10"])
    gains = [fold["after"]["judged_ndcg@10"] - fold["before"]["judged_ndcg@10"] for fold in told["folds"]]
    assert told["spread"]["judged_ndcg@10"] == pytest.approx(np.std(gains, ddof=1))


def test_training_measures_folds_without_making_a_model(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fold is said as soon as it is measured; the folds' measures are those of a run that makes a model."""
    asked = [
        "train",
        *given(files),
        "--base",
        f"dir:{tiny}",
        "--home",
        str(tmp_path / "home"),
        *FAST,
        "--negatives",
        "0",
    ]
    assert run([*asked, "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("fold of 6 needs, as served: judged_ndcg@10 0.") == 2
    assert "not in service" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert run(asked) == 2
    assert "--folds" in capsys.readouterr().err


def test_training_takes_judgements_of_the_catalogue(
    files: dict[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same records from the catalogue give the same model and measures as from files; ids nobody knows do not."""
    monkeypatch.setenv("PATMATCH_MODEL", f"dir:{tiny}")
    home, qrels = ("--home", str(tmp_path / "home")), ("--qrels", str(files["qrels"]))
    asked = ["train", *qrels, *home, *FAST, "--allow-worse", "--json", "--out"]
    assert run(["model", "prepare", "--source", f"dir:{tiny}", *home]) == 0
    assert run(["ingest", "needs", str(files["queries"]), *home]) == 0
    assert run(["ingest", "patents", str(files["corpus"]), *home]) == 0
    capsys.readouterr()
    assert run([*asked, str(tmp_path / "early")]) == 1
    assert "patmatch index build patents --publish" in capsys.readouterr().err
    assert run(["index", "build", "patents", "--publish", *home]) == 0
    capsys.readouterr()
    assert run([*asked, str(tmp_path / "catalogue")]) == 0
    of_catalogue = json.loads(capsys.readouterr().out)
    assert run(["train", *given(files), *home, *FAST, "--allow-worse", "--json", "--out", str(tmp_path / "files")]) == 0
    of_files = json.loads(capsys.readouterr().out)
    for name in ("measures", "vectors", "counts", "checks"):
        assert of_catalogue[name] == of_files[name]
    assert [step.split()[1] for step in of_catalogue["next"]][1] == "index"
    models_of = [weights(tmp_path / name) for name in ("catalogue", "files")]
    assert all(np.array_equal(models_of[0][name], models_of[1][name]) for name in models_of[0])
    (tmp_path / "strange.tsv").write_text("query\tdoc\tlevel\nx\ty\t4\n")
    assert run(["train", "--qrels", str(tmp_path / "strange.tsv"), *home, "--out", str(tmp_path / "none")]) == 1
    assert "编号" in capsys.readouterr().err


def test_training_measures_in_the_space_that_is_served(
    files: dict[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With as many passages as a build centres from, the base's held-out measures are other ones."""
    told = []
    for name, least, shared in (("plain", "1000", "1"), ("fused", "2", "1"), ("centred", "2", "0")):
        monkeypatch.setenv("PATMATCH_CENTRE_FROM", least)
        monkeypatch.setenv("PATMATCH_SHARED_TERMS", shared)
        assert train(files, tiny, tmp_path / name, "--json", "--negatives", "0", "--allow-worse") == 0
        said = json.loads(capsys.readouterr().out)
        told.append((said["measures"]["before"], said["vectors"]["before"]))
    plain, fused, centred = told
    assert plain[0] == plain[1] != fused[1]  # shared terms count in a centred space alone
    assert fused[0] != fused[1] == centred[0] == centred[1]


def test_training_judges_by_what_an_evaluation_measures(
    files: dict[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over all needs, the base's measures are those of `patmatch evaluate`, which asks an index through the service."""
    monkeypatch.setenv("PATMATCH_CENTRE_FROM", "2")
    home = ("--home", str(tmp_path / "home"))
    asked = [
        "train",
        *given(files),
        "--base",
        f"dir:{tiny}",
        *home,
        *FAST,
        "--negatives",
        "0",
        "--folds",
        "2",
        "--json",
    ]
    assert run(asked) == 0
    measured = json.loads(capsys.readouterr().out)["measures"]["before"]
    assert run(["model", "prepare", "--source", f"dir:{tiny}", *home]) == 0
    capsys.readouterr()
    assert run(["evaluate", *given(files), "--encoder", f"dir:{tiny}", *home, "--json"]) == 0
    served = json.loads(capsys.readouterr().out)["measures"]
    assert {name: pytest.approx(served[name], abs=1e-6) for name in measured} == measured


def test_training_leaves_a_taken_folder_alone(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies there already is wrong usage, before any work; an empty folder is none."""
    out = tmp_path / "trained"
    out.mkdir()
    (out / "mine").write_text("kept")
    assert train(files, tiny, out) == 2
    assert "已存在" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine"]
    (out / "mine").unlink()
    assert train(files, tiny, out, "--allow-worse") == 0


def test_training_leaves_nothing_when_it_is_stopped(
    files: dict[str, Path], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the written model is tried: no folder, whole or half."""

    def stopped(folder: Path) -> None:
        assert (folder / "model.safetensors").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(models.training, "check", stopped)
    assert train(files, tiny, tmp_path / "trained", "--allow-worse", "--negatives", "0") == 130
    assert not (tmp_path / "trained").exists()
    assert not list(tmp_path.glob(".trained.preparing*"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--freeze-layers", "2"), "no 2 layers"),
        (("--folds", "7"), "12 different needs have judgements of two levels; 14 are wanted"),
        (("--base", "dir:/nowhere/at/all"), "no model folder all"),
    ],
)
def test_training_says_what_is_wrong(
    files: dict[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, str],
    said: str,
) -> None:
    """One line, status 1 or 2, nothing written."""
    import re

    assert train(files, tiny, tmp_path / "trained", "--negatives", "0", *more) in {1, 2}
    err = capsys.readouterr().err
    assert re.search(said, err)
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "trained").exists()


def test_training_reads_texts_as_the_service_does(tiny: Path, tmp_path: Path) -> None:
    """With dropout off, what learns gives the encoder's vectors, in order; its folder declares its prefixes."""
    options = TuningOptions(precision="float32", max_tokens=24, step_tokens=30)
    tuner = FineTuner(tiny, options, Prefixes(query="a b "))
    tuner.save(tmp_path / "same", {"README.md": "card"})
    saved = SentenceTransformerEncoder(tmp_path / "same")
    texts = ["battery cell 电池 a b", "a", "b c 电池 cell", "c"]
    for role in Role:
        learned = tuner._student.tensors(texts, role, options).detach().numpy()
        expected = SentenceTransformerEncoder(tiny, prefixes=Prefixes(query="a b ")).encode(texts, role).vectors
        assert np.allclose(learned, expected, atol=1e-5)
        assert np.allclose(saved.encode(texts, role).vectors, expected, atol=1e-5)


def test_training_blends_towards_the_base(tiny: Path) -> None:
    """Half way is the mean of base and trained weights."""
    query = JudgedQuery(text_parts=("a b",), weights=(1.0,), passages=("电池 a", "c", "cell"), levels=(4, 1, 2))
    found = []
    for blend in (1.0, 0.5):
        tuner = FineTuner(tiny, TuningOptions(blend=blend, precision="float32", learning_rate=0.01, epochs=3))
        tuner.train([query], None)
        found.append({name: value.detach().numpy().copy() for name, value in tuner._parameters.items()})
        tuner._load(tuner._base)
    base = {name: value.detach().numpy() for name, value in tuner._parameters.items()}
    assert all(np.allclose(found[1][name], (base[name] + found[0][name]) / 2, atol=1e-6) for name in base)
    assert any(not np.allclose(found[0][name], base[name], atol=1e-4) for name in base)


def test_training_says_that_it_diverged(tiny: Path) -> None:
    """A rate that throws the weights out of all bounds ends it, in words, and leaves the base's weights."""
    query = JudgedQuery(text_parts=("a b",), weights=(1.0,), passages=("电池 a", "c", "cell"), levels=(4, 1, 2))
    tuner = FineTuner(tiny, TuningOptions(precision="float32", learning_rate=1e36, epochs=5))
    before = tuner.encoder.encode(["a b"], Role.QUERY).vectors
    with pytest.raises(TrainingError, match="diverged"):
        tuner.train([query], None)
    tuner._load(tuner._base)
    assert np.array_equal(tuner.encoder.encode(["a b"], Role.QUERY).vectors, before)

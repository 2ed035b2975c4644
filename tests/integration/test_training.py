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
from models import ModelSource, Prefixes, Role, load_encoder, prepare
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
    given = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    home = ("--home", str(out.parent / "home"))
    return run(["train", *given, "--base", f"dir:{base}", "--out", str(out), *home, *FAST, *more])


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
    assert prepare(ModelSource.parse(f"dir:{out}"), tmp_path / "models").created
    encoder, base = load_encoder(out), load_encoder(tiny)
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
    assert report == {name: value for name, value in told.items() if name != "folder"}
    assert str(tmp_path) not in card + json.dumps(report)


def test_training_is_the_same_for_a_seed(files: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    """Two runs give the same weights, and the same fingerprint although the clock differs; another seed does not."""
    names = ("first", "second", "third")
    for name, seed in zip(names, ("1", "1", "2"), strict=True):
        assert train(files, tiny, tmp_path / name, "--seed", seed, "--negatives", "0", "--allow-worse") == 0
    first, second, third = ((tmp_path / name / "model.safetensors").read_bytes() for name in names)
    assert first == second
    assert first != third
    prints = [load_encoder(tmp_path / name).fingerprint for name in names]
    assert prints[0] == prints[1] != prints[2]


def test_training_refuses_a_model_that_is_not_better(
    files: dict[str, Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, the measures in both languages, and nothing at the folder; unless a worse one is wanted."""
    out, still = tmp_path / "trained", ("--learning-rate", "1e-12", "--negatives", "0")
    assert train(files, tiny, out, *still) == 1
    err = capsys.readouterr().err
    assert "not better than its base (judged_ndcg@10 0." in err
    assert "不优于原模型" in err
    assert not out.exists()
    assert not list(tmp_path.glob(".trained*"))
    assert train(files, tiny, out, *still, "--allow-worse") == 0
    assert "NOT better than its base" in (out / "README.md").read_text("utf-8")


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
    assert "3-fold cross-validation" in (out / "README.md").read_text("utf-8")


def test_training_measures_in_the_space_that_is_served(
    files: dict[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With as many passages as a build centres from, the base's held-out measures are other ones."""
    told = []
    for name, least in (("plain", "1000"), ("centred", "2")):
        monkeypatch.setenv("PATMATCH_CENTRE_FROM", least)
        assert train(files, tiny, tmp_path / name, "--json", "--negatives", "0", "--allow-worse") == 0
        told.append(json.loads(capsys.readouterr().out)["measures"]["before"])
    assert told[0] != told[1]


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
        (("--learning-rate", "1"), "diverged|not better"),
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
    saved = load_encoder(tmp_path / "same")
    texts = ["battery cell 电池 a b", "a", "b c 电池 cell", "c"]
    for role in Role:
        learned = tuner._student.tensors(texts, role, options).detach().numpy()
        expected = load_encoder(tiny, prefixes=Prefixes(query="a b ")).encode(texts, role).vectors
        assert np.allclose(learned, expected, atol=1e-5)
        assert np.allclose(saved.encode(texts, role).vectors, expected, atol=1e-5)


def test_training_blends_towards_the_base(tiny: Path) -> None:
    """Half way is the mean of base and trained weights."""
    query = JudgedQuery(views=("a b",), weights=(1.0,), passages=("电池 a", "c", "cell"), levels=(4, 1, 2))
    found = []
    for blend in (1.0, 0.5):
        tuner = FineTuner(tiny, TuningOptions(blend=blend, precision="float32", learning_rate=0.01, epochs=3))
        tuner.train([query], None)
        found.append({name: value.detach().numpy().copy() for name, value in tuner._parameters.items()})
        tuner.reset()
    base = {name: value.detach().numpy() for name, value in tuner._parameters.items()}
    assert all(np.allclose(found[1][name], (base[name] + found[0][name]) / 2, atol=1e-6) for name in base)
    assert any(not np.allclose(found[0][name], base[name], atol=1e-4) for name in base)

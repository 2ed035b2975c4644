"""`patmatch train --pairs`, on a model of a few kilobytes and patents of five words."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models_samples import model_file
from safetensors.numpy import load_file

from app.catalogue import Catalogue
from app.domain import Patent
from models import ModelSource, SentenceTransformerEncoder, prepare
from models.adaptation import read_adaptation, sha256_of
from models.folders import ADAPTATION
from models.packaged import write_folder
from scripts.cli import run

ROOT = Path(__file__).parents[2]
WORDS = ("a", "b", "c", "battery", "cell", "电池")
TRIPLES = [" ".join(triple) for triple in itertools.permutations(WORDS, 3)]
FAST = (
    "--steps", "6", "--batch", "12", "--learning-rate", "0.01", "--precision", "float32", "--freeze-layers", "0",
    "--threads", "1", "--device", "cpu", "--blend", "1",
)  # fmt: skip


def rows(start: int, stop: int) -> list[dict[str, Any]]:
    """Patents whose abstract says their title's words again, in another order and long enough to say something."""
    return [
        {
            "id": f"CN{100000000 + place}A",
            "title": TRIPLES[place],
            "abstract": f"{' '.join(reversed(TRIPLES[place].split()))} {place} ".ljust(70, "a"),
            "lang": "zh",
            "ipc": "H01M10/05" if place % 2 else "G06F3/01",
            **({"title_en": f"{TRIPLES[place]} b", "title_zh": "电池"} if place % 3 == 0 else {}),
        }
        for place in range(start, stop)
    ]


def written(path: Path, content: list[dict[str, Any]]) -> Path:
    """The rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of 32 dimensions and 24 tokens."""
    folder = tmp_path_factory.mktemp("adapting") / "tiny"
    folder.mkdir()
    write_folder(model_file(), folder)
    return folder


@pytest.fixture(scope="module")
def patents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty of them."""
    return written(tmp_path_factory.mktemp("patents") / "patents.jsonl", rows(0, 80))


def arguments(tiny: Path, out: Path, *files: Path) -> list[str]:
    """The command, in a home beside ``out``."""
    home = ("--home", str(out.parent / "home"))
    return ["train", "--pairs", *map(str, files), "--base", f"dir:{tiny}", "--out", str(out), *home, *FAST]


def weights(folder: Path) -> dict[str, np.ndarray]:
    """Every tensor of a model folder."""
    return load_file(folder / "model.safetensors")


def test_adapting_writes_the_model_and_its_differences(
    tiny: Path, patents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder is taken by prepare, and is base and file together to the bit; the file says what made it."""
    out, other = tmp_path / "adapted", written(tmp_path / "other.jsonl", rows(70, 120))
    assert run([*arguments(tiny, out, patents), "--measure", str(other), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"patents": 80, "pairs": 80 + 2 * 27, "measured": 40}
    assert (told["steps"], told["taken"], told["rejected"]) == (6, 6, 0)
    assert told["loss"] > 0
    for when in ("before", "after"):
        assert 0 <= told[when]["recall@1"] <= told[when]["recall@10"] <= 1
    assert told["before"] != told["after"]
    assert 0 < told["rounding"] < 0.01
    assert told["bytes"] == (out / ADAPTATION).stat().st_size
    assert [step.split()[1] for step in told["next"]] == ["model", "index", f"PATMATCH_MODEL=dir:{out}"]
    adaptation = read_adaptation(out / ADAPTATION)
    said = adaptation.description
    assert said["base"] == {"name": "tiny", "weights_sha256": sha256_of(tiny / "model.safetensors")}
    assert said["files"] == [{"name": "patents.jsonl", "sha256": sha256_of(patents)}]
    assert (said["recipe"]["steps"], said["recipe"]["seed"], said["recipe"]["device"]) == (6, 1, "cpu")
    assert (said["pairs"]["pairs"], said["rounding"]["cosine"]) == (told["counts"]["pairs"], told["rounding"])
    assert str(tmp_path) not in json.dumps(said)
    base, whole = weights(tiny), weights(out)
    for name, value in base.items():
        expected = value + adaptation.differences[name] if name in adaptation.differences else value
        assert np.array_equal(whole[name], expected), name
    assert prepare(ModelSource.parse(f"dir:{out}"), tmp_path / "models").created
    assert SentenceTransformerEncoder(out).fingerprint != SentenceTransformerEncoder(tiny).fingerprint


def test_adapting_again_makes_the_same_folder_and_another_blend_of_one_training(
    tiny: Path, patents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the state no step is left; a blend of a half is half of the differences."""
    out = tmp_path / "first"
    assert run(arguments(tiny, out, patents)) == 0
    capsys.readouterr()
    for name, blend in (("same", "1"), ("half", "0.5")):
        again = [*arguments(tiny, tmp_path / name, patents), "--state", str(tmp_path / "first.state"), "--json"]
        assert run([*again, "--blend", blend]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["taken"], told["loss"], told["before"]) == (0, None, {})
    assert (tmp_path / "same" / ADAPTATION).read_bytes() == (out / ADAPTATION).read_bytes()
    whole, half = (read_adaptation(tmp_path / name / ADAPTATION).differences for name in ("first", "half"))
    for name, value in whole.items():
        step = np.abs(value).max() / 127
        assert np.abs(half[name] - value / 2).max() <= step


KILLED = """
import os, signal, sys
import models.pairs
from scripts.cli import run
tune = models.pairs.PairTuner._step
left = [int(sys.argv[1])]
def step(self, *given):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return tune(self, *given)
models.pairs.PairTuner._step = step
sys.exit(run(sys.argv[2:]))
"""


def test_adapting_goes_on_after_a_kill_to_the_same_model(tiny: Path, patents: Path, tmp_path: Path) -> None:
    """Killed after a saved step, made again: the differences are those of an unbroken run, to the bit."""
    more = ("--steps", "22")
    killed = [sys.executable, "-c", KILLED, "21", *arguments(tiny, tmp_path / "broken", patents), *more]
    done = subprocess.run(killed, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "broken.state").is_file()
    assert not (tmp_path / "broken").exists()
    for name in ("broken", "unbroken"):
        assert run([*arguments(tiny, tmp_path / name, patents), *more]) == 0
    found = [read_adaptation(tmp_path / name / ADAPTATION).differences for name in ("broken", "unbroken")]
    for name, value in found[0].items():
        assert np.array_equal(value, found[1][name])


@pytest.mark.parametrize(
    ("more", "status", "english", "chinese"),
    [
        (("--seed", "2"), 1, "is the state of a training with other options (seed)", "另一组选项"),
        (("--batch", "500"), 1, "a step takes 500", "每一步需要 500 对"),
        (("--device", "nothing"), 1, "There is no device 'nothing' here", "本机没有设备"),
        (("--freeze-layers", "3"), 1, "The model has no 3 layers", "没有 3 层"),
        (("--blend", "0"), 2, "--blend", ""),
        (("--epochs", "2"), 2, "No such option", ""),
    ],
)
def test_adapting_refuses_in_one_line(
    tiny: Path, patents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...], status: int, english: str, chinese: str,
) -> None:  # fmt: skip
    """With what is wrong in both languages, and nothing at the folder."""
    assert run(arguments(tiny, tmp_path / "first", patents)) == 0
    again = [*arguments(tiny, tmp_path / "again", patents), "--state", str(tmp_path / "first.state")]
    capsys.readouterr()
    assert run([*again, *more]) == status
    err = capsys.readouterr().err
    assert english in err
    assert chinese in err
    assert not (tmp_path / "again").exists()


def test_adapting_refuses_other_patents_and_a_folder_that_is_taken(
    tiny: Path, patents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state is of its pairs; an earlier model is not replaced."""
    assert run(arguments(tiny, tmp_path / "first", patents)) == 0
    fewer = written(tmp_path / "fewer.jsonl", rows(1, 80))
    capsys.readouterr()
    again = [*arguments(tiny, tmp_path / "again", fewer), "--state", str(tmp_path / "first.state")]
    assert run(again) == 1
    assert "a training with other pairs" in capsys.readouterr().err
    assert run(arguments(tiny, tmp_path / "first", patents)) == 2
    assert "there is something at first already" in capsys.readouterr().err
    measured = [*arguments(tiny, tmp_path / "third", patents), "--measure", str(fewer)]
    assert run(measured) == 1
    assert "none is left to measure on" in capsys.readouterr().err


def test_adapting_says_which_rows_it_could_not_use(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 3, as ingest has it; their headers can be mapped, and several files are one training."""
    (tmp_path / "map.json").write_text(json.dumps({"号": "id", "名": "title", "摘": "abstract"}), encoding="utf-8")
    files = []
    for name, start, more in (("one.csv", 0, "CN9,,without a title,G06F\n"), ("two.csv", 40, "")):
        lines = [f"{row['id']},{row['title']},{row['abstract']},{row['ipc']}\n" for row in rows(start, start + 40)]
        files.append(tmp_path / name)
        files[-1].write_text("号,名,摘,ipc\n" + "".join(lines) + more, encoding="utf-8")
    command = arguments(tiny, tmp_path / "out", *files)
    assert run([*command, "--mapping", str(tmp_path / "map.json"), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["rejected"], told["reasons"], told["counts"]["patents"]) == (1, {"missing_title": 1}, 80)


def test_adapting_learns_from_the_catalogue_without_files(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same pairs as from a file of the same patents."""
    home = tmp_path / "home"
    home.mkdir()
    catalogue = Catalogue.open(f"sqlite:///{home / 'catalogue.sqlite3'}")
    catalogue.upsert(
        [Patent(id=row["id"], title=row["title"], abstract=row["abstract"], ipc=(row["ipc"],), lang="zh",
                extra={"title_en": row["title_en"]} if "title_en" in row else {}) for row in rows(0, 80)]
    )  # fmt: skip
    catalogue.close()
    assert run([*arguments(tiny, tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"patents": 80, "pairs": 80 + 2 * 27, "measured": 0}


def test_adapting_help_is_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Options of judgements are not among those of pairs, nor the other way round; each names the other."""
    assert run(["train", "--pairs", "--help"]) == 0
    pairs = capsys.readouterr().out
    assert "--temperature" in pairs
    assert "--qrels" not in pairs
    assert "Example:" in pairs
    assert run(["train", "--help"]) == 0
    judgements = capsys.readouterr().out
    assert "--temperature" not in judgements
    assert "train --pairs --help" in " ".join(judgements.split())

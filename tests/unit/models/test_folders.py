"""Model folders on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import SourceError
from models.folders import LAYOUTS, MANIFEST, exclusive, is_complete, layout_of, staged

COMPLETE = ("modules.json", "config.json", "tokenizer.json", "model.safetensors")


def filled(folder: Path, *names: str) -> Path:
    """The folder, with files of these names in it."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (COMPLETE, LAYOUTS[0]),
        (("modules.json", "config.json", "vocab.txt", "pytorch_model-00001-of-00002.bin"), LAYOUTS[0]),
        (("modules.json", *(f"0_Transformer/{name}" for name in COMPLETE[1:])), LAYOUTS[1]),
        (COMPLETE[1:], LAYOUTS[2]),
    ],
)
def test_models_folders_know_their_layouts(tmp_path, names, layout):
    """Each layout is known by its files."""
    assert layout_of(filled(tmp_path, *names)) is layout


def test_models_folders_name_every_layout_that_was_tried(tmp_path):
    """A folder that follows no layout is refused with all layouts and what each one lacks."""
    folder = filled(tmp_path / "odd", "config.json", "tokenizer.json", "README.md")
    with pytest.raises(SourceError) as caught:
        layout_of(folder)
    for layout in LAYOUTS:
        assert layout.name in str(caught.value)
        assert layout.name in caught.value.message_zh
    assert "modules.json" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_models_folders_say_what_to_run_when_there_is_none(tmp_path):
    """A folder that is not there is refused with the command that makes it."""
    with pytest.raises(SourceError, match="patmatch model prepare"):
        layout_of(tmp_path / "none")


def test_models_folders_appear_whole(tmp_path):
    """What was staged stands at its place with a manifest, readable for everybody, and nothing is left beside it."""
    target = tmp_path / "models" / "m"
    with exclusive(target), staged(target) as stage:
        assert stage.name == "m"
        filled(stage, "a.bin", "1_Pooling/config.json").joinpath("a.bin").chmod(0o600)
        assert not target.exists()
    assert is_complete(target / MANIFEST, target)
    assert (target / "a.bin").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == ["m"]


def test_models_folders_leave_nothing_when_the_making_fails(tmp_path):
    """An error inside leaves the target as it was and no temporary folder."""
    target = tmp_path / "m"
    with pytest.raises(ZeroDivisionError), exclusive(target), staged(target) as stage:
        filled(stage, f"{1 / len(list(stage.iterdir()))}.bin")
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_models_folders_of_a_killed_process_are_never_taken_for_a_model(tmp_path):
    """A process killed while it writes leaves no target; the next attempt gets the lock, cleans up and succeeds."""
    target = tmp_path / "m"
    script = (
        "import os, sys; from pathlib import Path; from models.folders import exclusive, staged\n"
        "target = Path(sys.argv[1])\n"
        "with exclusive(target), staged(target) as stage:\n"
        "    (stage / 'a.bin').write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run([sys.executable, "-c", script, str(target)], cwd=root, check=False)
    assert killed.returncode == -9
    assert not target.exists()
    assert [path for path in tmp_path.iterdir() if path.is_dir()], "the killed process should have left its stage"
    with exclusive(target), staged(target) as stage:
        filled(stage, "a.bin")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["m"]


def test_models_folders_that_are_damaged_are_replaced(tmp_path):
    """A target that lost a file is not complete; staging again replaces it as a whole."""
    target = filled(tmp_path / "m", "stale.bin")
    with exclusive(target), staged(target) as stage:
        filled(stage, "a.bin", "b.bin")
    assert not (target / "stale.bin").exists()
    assert is_complete(target / MANIFEST, target)
    os.truncate(target / "a.bin", 1)
    assert not is_complete(target / MANIFEST, target)
    (target / "a.bin").unlink()
    assert not is_complete(target / MANIFEST, target)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": {}}', '{"files": {"a": "1"}}', '{"files": 3}'])
def test_models_folders_with_a_broken_manifest_are_not_complete(tmp_path, content):
    """A manifest that cannot be read, or notes nothing, proves nothing."""
    filled(tmp_path, "a")
    (tmp_path / MANIFEST).write_text(content)
    assert not is_complete(tmp_path / MANIFEST, tmp_path)

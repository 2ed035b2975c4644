"""A model file in the package's layout, small enough to make in a test: 1 layer, 32 dimensions, random weights."""

from __future__ import annotations

import struct

import numpy as np

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = [
    "▁",
    "▁que",
    "ry",
    ":",
    "▁pas",
    "sage",
    "▁battery",
    "▁cell",
    "电",
    "池",
    "电池",
    "a",
    "b",
    "c",
    "▁a",
    "▁b",
    "▁c",
]
PIECES = [*SPECIAL, *WORDS, "<mask>"]
HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 1, 2, 64, 24, 2
ROWS = len(PIECES) + 3
NORMALISATION = {0x3000: " ", 0xFF21: "A"}


def quantised(weights: np.ndarray) -> bytes:
    """Blocks of 32 weights as the package writes them, straight from the layout's description."""
    blocks = []
    for block in weights.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        nibbles = np.clip(np.round(block / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        blocks.append(struct.pack("<e", scale) + bytes(nibbles[j] | nibbles[j + 16] << 4 for j in range(16)))
    return b"".join(blocks)


def tensors(seed: int = 0) -> dict[str, tuple[int, int, bytes]]:
    """Each tensor's type, elements and bytes."""
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> tuple[int, int, bytes]:
        return 1, rows * columns, quantised(random.normal(0, 0.3, (rows, columns)).astype(np.float32))

    def plain(*shape: int, around: float = 0) -> tuple[int, int, bytes]:
        values = random.normal(around, 0.1, shape).astype("<f4")
        return 0, values.size, values.tobytes()

    made = {
        "emb.word": matrix(ROWS, HIDDEN),
        "emb.pos": plain(POSITIONS, HIDDEN),
        "emb.type": plain(TYPES, HIDDEN),
        "emb.ln.w": plain(HIDDEN, around=1),
        "emb.ln.b": plain(HIDDEN),
    }
    for layer in range(LAYERS):
        for name, rows, columns in [
            *((name, HIDDEN, HIDDEN) for name in ("q", "k", "v", "ao")),
            ("fi", INNER, HIDDEN),
            ("fo", HIDDEN, INNER),
        ]:
            made[f"l{layer}.{name}.w"] = matrix(rows, columns)
            made[f"l{layer}.{name}.b"] = plain(rows)
        for name in ("aln", "oln"):
            made[f"l{layer}.{name}.w"] = plain(HIDDEN, around=1)
            made[f"l{layer}.{name}.b"] = plain(HIDDEN)
    return made


def model_file(seed: int = 0, leave_out: str | None = None) -> bytes:
    """The whole file."""
    blobs = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blobs)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4") / 10
    header = b"E5S1" + struct.pack("<I", 1)
    header += struct.pack("<7ifi", HIDDEN, LAYERS, HEADS, INNER, ROWS, POSITIONS, TYPES, 1e-12, 32)
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(b"".join(blobs)))
    header += offsets.tobytes() + scores.tobytes() + b"".join(blobs)
    entries = b"".join(
        struct.pack("<IB", code, len(text)) + text.encode("utf-32-le") for code, text in NORMALISATION.items()
    )
    header += struct.pack("<iI", len(NORMALISATION), len(entries)) + entries
    kept = {name: tensor for name, tensor in tensors(seed).items() if name != leave_out}
    header += struct.pack("<i", len(kept))
    size = len(header) + sum(2 + len(name) + 21 for name in kept)
    directory, body = b"", b""
    for name, (kind, elements, raw) in kept.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, elements, size + len(body), len(raw))
        body += raw
    return header + directory + body


def normalisation_map(entries: bytes) -> dict[int, str]:
    """The normalisation map of a model file: each entry is a u32 code point, a u8 count and u32 replacements."""
    found, at = {}, 0
    while at < len(entries):
        code, count = struct.unpack_from("<IB", entries, at)
        found[code] = entries[at + 5 : at + 5 + 4 * count].decode("utf-32-le")
        at += 5 + 4 * count
    return found

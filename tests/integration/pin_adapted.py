"""Write what the default model makes of the pinned texts, once its adaptation is another: models_pinned_adapted.json.

python tests/integration/pin_adapted.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from models import ModelSource, Role, SentenceTransformerEncoder, prepare

HERE = Path(__file__).parent


def main() -> None:
    """Prepare the model beside everything else, embed, write."""
    texts = json.loads((HERE / "models_pinned.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        encoder = SentenceTransformerEncoder(prepare(ModelSource.parse("package"), Path(folder)).folder, threads=1)
    rows = []
    for one in texts:
        vector = encoder.encode([one["text"]], Role(one["role"])).vectors[0]
        kept = {"role": one["role"], "text": one["text"], "vector": [round(float(value), 5) for value in vector[:8]]}
        rows.append(json.dumps(kept, ensure_ascii=False))
    (HERE / "models_pinned_adapted.json").write_text("[\n  " + ",\n  ".join(rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()

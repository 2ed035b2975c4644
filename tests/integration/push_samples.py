"""A home with the sample in it, for tests of push runs."""

from __future__ import annotations

from pathlib import Path

from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.push.rules import PushRequest, PushRules
from app.settings import Settings
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"


def push_services(home: Path) -> Services:
    """Services over the sample, its patents published and opened."""
    services = Services(Settings(home=home), encoder=HashingEncoder)
    for kind in Kind:
        services.importing.load(SAMPLE / f"{kind.value}.jsonl", kind)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    return services


def request(name: str = "one", **rules: object) -> PushRequest:
    """A run over the whole sample with short lists; the test encoder's scores are low, so every level passes."""
    said = {"k": 5, "candidates": 30, "min_level": "none", "min_score": 0, "fair_level": "none", **rules}
    return PushRequest(name=name, rules=PushRules.model_validate(said))

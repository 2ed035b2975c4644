"""A home of before the packaged model was adapted, under a patmatch whose default it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hashing_encoder import HashingEncoder

from app.domain import Kind, MatchRequest, Patent, Query
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.wiring import Services
from models.errors import SourceError

BASE, ADAPTED = "multilingual-e5-small", "multilingual-e5-small-patents"
PREPARED = {"package:base": HashingEncoder(name=BASE), "package": HashingEncoder(48, name=ADAPTED)}


def before(_spec: EncoderSpec) -> HashingEncoder:
    """What `package` was."""
    return PREPARED["package:base"]


def after(spec: EncoderSpec) -> HashingEncoder:
    """What the two sources are."""
    return PREPARED[spec.source]


def unprepared(spec: EncoderSpec) -> HashingEncoder:
    """The same before `model prepare`: the folder of the base is there, that of the adapted one is not."""
    if spec.source == "package":
        raise SourceError("There is no model folder.")
    return after(spec)


def encoder_of(services: Services) -> str:
    """The name of the encoder that answers, with an answer."""
    services.serving.open()
    asked = MatchRequest(queries=(Query(id="q", text="电池"),), k=3)
    found = services.match.match(asked)
    assert [len(one.matches) for one in found.results] == [3]
    return found.snapshot.encoder


def test_models_upgrade_goes_on_with_the_base_until_a_build(tmp_path: Path) -> None:
    """Answers and changes with the base at once, with nothing prepared; a build goes over, a rollback goes back."""
    settings = Settings(home=tmp_path)
    with closing(Services(settings, encoders=before)) as services:
        services.catalogue.upsert([Patent(id=f"CN{n}", title=f"一种电池 {n}", lang="zh") for n in range(9)])
        services.indexing.build(Kind.PATENTS, publish=True)
    with closing(Services(settings, encoders=unprepared)) as services:
        services.catalogue.upsert([Patent(id="CN10", title="一种电池 10", lang="zh")])
        assert encoder_of(services) == BASE
        assert services.health.readiness().parts["model"].ready
    with closing(Services(settings, encoders=after)) as services:
        assert encoder_of(services) == BASE
        services.indexing.build(Kind.PATENTS, publish=True)
        assert encoder_of(services) == ADAPTED
    with closing(Services(settings, encoders=after)) as services:
        assert encoder_of(services) == ADAPTED
        services.indexing.rollback(Kind.PATENTS)
        assert encoder_of(services) == BASE

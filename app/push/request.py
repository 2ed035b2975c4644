"""What a push run is asked for."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from app.domain import Filter
from app.errors import InputError
from app.push.rules import PushRules

_MOST_NAME = 64
_NAME = re.compile(rf"\w[\w.-]{{0,{_MOST_NAME - 1}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What a run is asked for.

    Attributes:
        name: of the run; the same name with the same request does nothing twice.
        rules: of arm a.
        compare: rules of arm b, where half of the firms are assigned to it at random.
        patents: which patents are pushed.
        firms: which firms are pushed to.
        pool: name of a saved filter of patents, beside ``patents``.
        seed: of the assignment, of ties and of the join.
        curve: whether other caps and floors are tried too, to show what limits cost; no part of what a run is.
    """

    name: str
    rules: PushRules = field(default_factory=PushRules)
    compare: PushRules | None = None
    patents: Filter = field(default_factory=Filter)
    firms: Filter = field(default_factory=Filter)
    pool: str | None = None
    seed: int = 0
    curve: bool = False

    @property
    def arms(self) -> dict[str, PushRules]:
        """The rules of each arm; one alone where nothing is compared."""
        return {"a": self.rules} if self.compare is None else {"a": self.rules, "b": self.compare}

    def parameters(self) -> dict[str, Any]:
        """As a manifest says them."""
        return {
            "rules": self.rules.model_dump(mode="json"),
            "compare": None if self.compare is None else self.compare.model_dump(mode="json"),
            "patents": _said(self.patents),
            "firms": _said(self.firms),
            "pool": self.pool,
            "seed": self.seed,
        }

    def digest(self) -> str:
        """The same for the same request, whatever its name."""
        text = json.dumps(self.parameters(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _said(asked: Filter) -> dict[str, Any]:
    return {name: value for name, value in asdict(asked).items() if value is not None}


def check_name(name: str) -> None:
    """Raise unless a run can have this name: it is that of a folder too.

    Raises:
        InputError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"A run's name has 1 to {_MOST_NAME} letters, digits, hyphens, underscores and dots, not {name[:80]!r}.",
            f"批次名称由 1 至 {_MOST_NAME} 个字母、数字、连字符、下划线或点组成。",
            code="bad_run_name",
        )

"""What a push run is asked for, and the rules that it obeys: a small file with defaults, checked field by field."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.domain import PATENT_STATUSES, Filter, Level
from app.errors import FieldError, InputError

WORTH_SENDING = 0.22
"""The least score of a place, unless rules say otherwise. Of lists read, every one from here on had a patent that a
reader would keep, and 42 of 47 places were such; from `weak` on one in three was (docs/push.md)."""
_MOST_NAME = 64
_NAME = re.compile(rf"\w[\w.-]{{0,{_MOST_NAME - 1}}}")


class PushRules(BaseModel):
    """The rules of a run. Every field has a default; an unknown one is an error that names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(20, ge=1, le=200, description="Places in a firm's list.")
    candidates: int = Field(60, ge=1, le=500, description="Patents a firm that its list is chosen from.")
    min_level: Level = Field(Level.WEAK, description="Matches below it are not pushed.")
    min_score: float = Field(WORTH_SENDING, ge=0, le=1, description="Matches that score less are not pushed either.")
    exclude_status: tuple[str, ...] = Field(("inactive",), description="Patents of such a status are not pushed.")
    unknown_status: bool = Field(
        False, description="Whether patents are pushed whose status is a word that nobody knows, or unknown."
    )
    exclude_firm_status: tuple[str, ...] = Field(("inactive",), description="Firms of such a status get no list.")
    region: Literal["all", "province", "city"] = Field("all", description="How near patents must be to the firm.")
    industry: Literal["all", "section", "division", "group"] = Field(
        "all", description="How much of the GB/T 4754 code of firm and patent must agree: C, C38, C384."
    )
    licence: tuple[str, ...] = Field((), description="Only patents offered in one of these ways; empty for any.")
    prefer_agreed: float = Field(
        0.0, ge=0, le=1, description="Added to the score of patents that both sides rated worth industrialising."
    )
    months: int = Field(12, ge=0, description="What was pushed within so many months is not, unless it changed.")
    own_patents: bool = Field(False, description="Whether a firm is pushed patents that it holds itself.")
    per_holder: int = Field(3, ge=0, description="Most patents of one holder in a list; 0 for any number.")
    per_family: int = Field(
        1, ge=0, description="Most members of one family, or of one application, in a list; 0 for any number."
    )
    per_title: int = Field(1, ge=0, description="Most patents of one title and holders in a list; 0 for any number.")
    per_subject: int = Field(0, ge=0, description="Most patents of one IPC subclass in a list; 0 for any number.")
    cap: int = Field(0, ge=0, description="Most lists that a patent is in; 0 for any number.")
    floor: int = Field(0, ge=0, description="Fewest lists that a patent is in where fair matches exist.")
    fair_level: Level = Field(Level.FAIRLY_STRONG, description="Matches from here on count for the floor.")
    shared_terms: bool = Field(True, description="Whether shared terms order candidates, as `match` does.")
    terms_find: bool = Field(True, description="Whether shared terms find candidates too: milliseconds a query.")

    @model_validator(mode="after")
    def _fits(self) -> PushRules:
        if self.candidates < self.k:
            raise ValueError("candidates must not be fewer than k")
        if self.cap and self.floor > self.cap:
            raise ValueError("floor must not be over cap")
        return self

    def leaves_out(self, status: str | None) -> bool:
        """Whether patents of this status are not pushed. A patent whose source states none is."""
        strange = status is not None and status not in PATENT_STATUSES
        return status in self.exclude_status or (strange and not self.unknown_status)

    @property
    def region_digits(self) -> int:
        """Digits of the GB/T 2260 code that must agree; 0 for none."""
        return {"all": 0, "province": 2, "city": 4}[self.region]

    @property
    def industry_chars(self) -> int:
        """Characters of the GB/T 4754 code that must agree; 0 for none."""
        return {"all": 0, "section": 1, "division": 3, "group": 4}[self.industry]

    def digest(self) -> str:
        """The same for the same rules."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_rules(path: Path | None, **overrides: Any) -> PushRules:  # noqa: ANN401 - as a file would say them
    """The rules of a TOML or JSON file; the defaults where there is none.

    Args:
        path: ends in ``.toml`` or ``.json``.
        overrides: fields said elsewhere, before the file; ``None`` for those that are not.

    Raises:
        InputError: it cannot be read, or a field is wrong; each is named.
    """
    said: dict[str, Any] = {}
    if path is not None:
        try:
            text = path.read_text(encoding="utf8")
            said = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise InputError(
                f"The rules in {path.name} cannot be read: {error}.",
                f"无法读取规则文件 {path.name}：{error}。",
                code="bad_rules",
            ) from error
        if not isinstance(said, dict):
            raise InputError("The rules must be an object.", "规则必须是一个对象。", code="bad_rules")
    try:
        return PushRules(**(said | {name: value for name, value in overrides.items() if value is not None}))
    except ValidationError as error:
        fields = tuple(
            FieldError(".".join(map(str, one["loc"])) or "rules", one["msg"], f"规则有误：{one['msg']}")
            for one in error.errors()
        )
        shown = "; ".join(f"{field.field}: {field.message}" for field in fields)
        raise InputError(
            f"The rules cannot be used: {shown}", f"规则有误：{shown}", code="bad_rules", fields=fields
        ) from error


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

"""Queries of a run by the patents that the rules join them with: those of the same industry, and of the same region."""

from __future__ import annotations

import numpy as np

from app.arrays import Ints, Mask
from app.push.firms import Asked, PushFirms
from app.push.patents import PushPatents
from app.push.rules import PushRules
from index import Condition, Prefix

Group = tuple[str, str]
"""The beginning of an industry's code and of a region's; empty where any will do."""


class QueryGroups:
    """Says which patents a query is joined with.

    A firm of several industries is in a group for each; one without the code that a rule goes by is joined with all.

    Args:
        firms: whose queries.
        rules: of the run.
    """

    def __init__(self, firms: PushFirms, rules: PushRules) -> None:
        self._firms, self._rules = firms, rules

    def of(self, query: Asked) -> tuple[list[str], str]:
        """The industries and the region, cut to what must agree, that a query is asked under."""
        chars, digits = self._rules.industry_chars, self._rules.region_digits
        region = (self._firms.regions[query.firm] or "")[:digits]
        codes = {code[:chars] for code in query.industry if len(code) >= chars} if chars else set()
        return sorted(codes), region if len(region) == digits else ""

    def conditions(self, query: Asked) -> list[Condition]:
        """What is asked of a patent for this query."""
        codes, region = self.of(query)
        asked: list[Condition] = [Prefix("industry", tuple(codes))] if codes else []
        return [*asked, Prefix("region", (region,))] if region else asked

    def members(self, queries: Ints) -> dict[Group, Ints]:
        """The queries of each group, ascending; groups in the order of their codes."""
        found: dict[Group, list[int]] = {}
        for number in queries.tolist():
            codes, region = self.of(self._firms.queries[number])
            for code in codes or [""]:
                found.setdefault((code, region), []).append(number)
        return {group: np.array(found[group], dtype=np.int64) for group in sorted(found)}

    @staticmethod
    def mask(patents: PushPatents, layer: int, group: Group) -> Mask:
        """Bool ``[n]``: the patents of a layer that are of a group's industry and region."""
        columns = patents.view.layers[layer].searched.columns
        pairs = zip(("industry", "region"), group, strict=True)
        return columns.mask([Prefix(name, (prefix,)) for name, prefix in pairs if prefix])

    @staticmethod
    def name(group: Group) -> str:
        """What files of a group are called."""
        return f"{group[0] or 'any'}-{group[1] or 'any'}"

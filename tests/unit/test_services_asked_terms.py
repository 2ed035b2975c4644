"""The terms that a query looks for in an inverted index are those that the ranking weighs."""

import pytest

from app.ranking.lexical import MOST_TERMS, TermStatistics, query_terms
from app.services.asked_terms import asked_terms

TEXTS = [f"一种{word}电池的制备方法及其应用 {word} NMC-{n}" for n, word in enumerate("锂钠钾铝锌镁钙铁锰钴" * 3)]
STATISTICS = TermStatistics.of(TEXTS)


@pytest.mark.parametrize("titled", [True, False])
@pytest.mark.parametrize("views", [("锂电池 NMC-7",), ("锂电池电池", "需要一种高能量密度的锂电池，" * 9), ("", "铁")])
def test_services_asked_terms_are_those_of_the_ranking(views, titled):
    """The same terms, and with the rarity that the index multiplies the same weights."""
    asked = asked_terms(views, STATISTICS, titled=titled)
    weighed = {term: weight * STATISTICS.weight(term) for term, weight in asked.items()}
    assert weighed == pytest.approx(query_terms(views, STATISTICS, titled=titled))
    assert 0 < len(asked) <= MOST_TERMS

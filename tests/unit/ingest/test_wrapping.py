"""Cells that Excel's syntax wraps."""

from __future__ import annotations

import pytest

from app.ingest.tables.wrapping import unwrapped


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="91320594MA1XK7Q3PB"', "91320594MA1XK7Q3PB"),
        ('=""', ""),
        ('= "0123" ', "0123"),
        ('＝"0123"', "0123"),
        ('="甲""乙""装置"', '甲"乙"装置'),
        ('=""91320594""', "91320594"),
        ('="=""0123"""', "0123"),
        ('=T("0123")', "0123"),
        ('=HYPERLINK("https://x.example/CN1A","CN1A")', "CN1A"),
        ('=hyperlink("https://x.example/CN1A"; "CN1A")', "CN1A"),
        ('=HYPERLINK("https://x.example/CN1A")', "https://x.example/CN1A"),
        ("=91320594", "91320594"),
        ("=91320594MA1XK7Q3PB", "91320594MA1XK7Q3PB"),
        ("'CN110000023A", "CN110000023A"),
        ("'0123", "0123"),
        ("'2019-05-01", "2019-05-01"),
        ("'=1+1", "=1+1"),
        ("'一种膜分离装置", "一种膜分离装置"),
        ('\ufeff="0123"', "0123"),
        ('\t="0123"\t', "0123"),
        ("\u200bCN1A", "CN1A"),
    ],
)
def test_ingest_wrapping_is_taken_off(cell: str, text: str) -> None:
    """What is wrapped is what is meant."""
    assert unwrapped(cell) == text


@pytest.mark.parametrize(
    "cell",
    [
        "'quoted' text",
        "'s-Hertogenbosch",
        "=A1+B1",
        "=SUM(A1:A9)",
        "== 说明 ==",
        "=",
        "'",
        "=x<5",
        '="a"&"b"',
        "'n' roll",
    ],
)
def test_ingest_wrapping_leaves_other_text(cell: str) -> None:
    """A quote, a name and a formula that has no text of its own stay."""
    assert unwrapped(cell) == cell


def test_ingest_wrapping_takes_linear_time() -> None:
    """Megabytes of quotes and brackets are looked at once."""
    assert len(unwrapped('="' + '"' * 1_000_000)) == 999_997
    for cell in ("=HYPERLINK(" + '"' * 1_000_000, "'" + "1" * 1_000_000 + "!", '="' * 500_000):
        assert unwrapped(cell) == cell

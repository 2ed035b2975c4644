"""Figures with units: one quantity however it is written, and what a record says of a query's."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.quantities import MOST_FIGURES, Figure, compared, figures


def only(text: str) -> Figure:
    """The one figure of a text."""
    (found,) = figures(text)
    return found


@pytest.mark.parametrize(
    "alike",
    [
        ("5 μm", "5um", "5微米", "５μｍ", "5µm", "0.005 mm", "5000纳米"),
        ("10 kW", "1万瓦", "10千瓦", "10000W", "10,000 W", "1×10^4W", "1×10⁴W", "10KW"),
        ("20 ℃", "20°C", "20摄氏度", "20攝氏度"),
        ("3 MPa", "3兆帕", "30bar", "3N/mm2"),
        ("100 m²", "100㎡", "100平方米", "100m2"),
        ("1200 rpm", "1,200 r/min", "1200转/分", "1200转/分钟"),
        ("300 Wh/kg", "300 W·h/kg", "0.3kWh/kg"),
        ("2 h", "2小时", "120min", "120分钟"),
        ("0.1~0.3毫米", "0.1-0.3mm", "0.1mm至0.3mm", "100到300μm", "0.2±0.1mm"),
        ("≥10kW", "不低于10千瓦", "10kW以上", "至少10 kW", "at least 10 kW", "大于等于1万瓦"),
        ("≤2 mm", "不超过2毫米", "2mm以下", "up to 2 mm", "2毫米以内"),
        ("5-10万吨/年", "50000-100000 t/a"),
    ],
)
def test_one_quantity_is_read_from_all_its_spellings(alike: tuple[str, ...]) -> None:
    """Units by symbol, prefix and Chinese name, widths, multipliers, ranges and comparisons."""
    first, *others = map(only, alike)
    for other in others:
        assert other.dimension == first.dimension
        assert (other.low, other.high) == pytest.approx((first.low, first.high))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("-20~60℃", -20, 60), ("零下20℃", -20, -20), ("10℃-20℃", 10, 20), ("大于70摄氏度", 70, inf),
        ("不超过100℃", -inf, 100), ("约50%", 45, 55), ("50%左右", 45, 55), ("99.9%", 99.9, 99.9),
    ],
)  # fmt: skip
def test_bounds(text: str, low: float, high: float) -> None:
    """Signs, and 不超过 that ends with 超过."""
    assert (only(text).low, only(text).high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text",
    ["2016年", "5A06铝合金", "Q235B", "5G网络", "3D打印", "H01M10/0567", "第3章", "1.5 million", "CN1066061", ""],
)
def test_years_models_and_numbers_without_units_are_no_figures(text: str) -> None:
    """Of what looks like a figure, nothing is read."""
    assert figures(text) == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("厚度为0.5mm", "厚度"),
        ("效率提高到95%", "效率"),
        ("长10m", "长度"),
        ("噪音低于40dB", "噪声"),
        ("温度高,加5L水", None),
    ],
)
def test_the_word_that_a_figure_belongs_to(text: str, word: str | None) -> None:
    """What stands before it in the same clause."""
    assert only(text).word == word


@pytest.mark.parametrize(
    ("query", "record", "state"),
    [
        ("≥10 kW", "功率为12千瓦", "met"),
        ("≥10 kW", "输出8kW", "not_met"),
        ("10 kW", "1万瓦", "met"),
        ("10 kW", "11 kW", "not_met"),
        ("温度不超过100℃", "温度为80℃", "met"),
        ("温度不超过100℃", "温度为180℃", "not_met"),
        ("温度不超过100℃", "尺寸为180mm", "silent"),
        ("厚度5mm", "长度5mm", "silent"),
        ("厚度5mm", "长度5mm,厚度5毫米", "met"),
        ("厚度5mm", "厚度3mm,另有5mm", "not_met"),
        ("≥10kW", "≥5kW", "not_met"),
        ("≥10kW", "≥20kW", "met"),
        ("≥10kW", "≤20kW", "silent"),
        ("15℃", "10-20℃", "met"),
        ("100℃", "不低于80℃", "met"),
    ],
)
def test_what_a_record_says_of_a_figure(query: str, record: str, state: str) -> None:
    """Met, not met, or silent where nothing of the kind is said."""
    (found,) = compared(figures(query), figures(record))
    assert found.state == state
    assert (found.record is None) == (state == "silent")
    assert found.query.text == query.removeprefix("温度").removeprefix("厚度").replace("℃", "°C")


@given(st.integers(1, 9999), st.sampled_from(["μm", "kW", "微米", "兆帕", "%", "mAh", "转/分", "g/cm3"]))
def test_what_is_read_is_met_by_itself(number: int, unit: str) -> None:
    """Whatever number and unit: the same figure meets it, and a bound holds what lies on it."""
    text = f"{number}{unit}"
    for asked in (text, f"≥{text}", f"不超过{text}", f"{text}-{number + 1}{unit}"):
        (found,) = compared(figures(asked), figures(text))
        assert found.state == "met"


@given(st.text(st.sampled_from("0123456789.,-~±≥ ×^万kWm%℃年"), max_size=30))
def test_any_mixture_is_read(text: str) -> None:
    """Bounds are in order, whatever stands there."""
    assert all(one.low <= one.high for one in figures(text))


@pytest.mark.parametrize("piece", ["1 ", "1", "1,234", "1-", "1kW~", "(", "±1", "10×10", "1mm "])
def test_enormous_texts_are_read_at_once(piece: str) -> None:
    """100,000 characters of numbers and marks."""
    assert len(figures(piece * (100_000 // len(piece)))) <= MOST_FIGURES

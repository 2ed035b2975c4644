"""Places, holders and languages: what names and texts tell."""

from __future__ import annotations

import time

import pytest

from app.ingest.fields.holders import holder_type_of, split_names
from app.ingest.fields.places import PROVINCES, credit_code_region, is_elsewhere, region_code
from app.text.normalising import detect_language, language_word


def test_ingest_names_all_provinces_with_and_without_their_suffix() -> None:
    """The 34 provincial units are known by short and by full name."""
    assert len(PROVINCES) == 34
    assert len(set(PROVINCES.values())) == 34
    for name, code in PROVINCES.items():
        for suffix in ("", "省", "市", "自治区", "特别行政区"):
            assert region_code(name + suffix) == ("2202" if name + suffix == "吉林市" else code)
    assert region_code("广西壮族自治区") == "45"
    assert region_code("新疆维吾尔自治区") == "65"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("620102", "62"),
        ("44", "44"),
        ("4403", "44"),
        ("广东省深圳市南山区", "44"),
        ("中国 江苏", "32"),
        ("Guangdong", "44"),
        ("Shaanxi Province", "61"),
        ("遼寧", "21"),
        ("广东(440000)", "44"),
        ("99", None),
        ("电烤箱", None),
        ("DURAND-DELACRE", None),
        ("1", None),
    ],
)
def test_ingest_names_regions(place: str, expected: str | None) -> None:
    """Codes stand as they are, names give two digits, everything else nothing."""
    code = region_code(place)
    assert (code[:2] if code else None) == expected
    if place.isdigit() and code:
        assert code == place


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("苏州", "3205"),
        ("苏州市", "3205"),
        ("江苏苏州", "3205"),
        ("江苏省 苏州市 吴江区", "3205"),
        ("江苏-苏州", "3205"),
        ("广东省深圳市南山区", "4403"),
        ("内蒙古自治区呼和浩特市", "1501"),
        ("延边朝鲜族自治州", "2224"),
        ("延边", "2224"),
        ("恩施州", "4228"),
        ("大理", "5329"),
        ("吉林省吉林市", "2202"),
        ("吉林市", "2202"),
        ("海南州", "6325"),
        ("海南", "46"),
        ("海南藏族自治州", "6325"),
        ("上海市浦东新区", "310115"),
        ("浦东新区", "310115"),
        ("北京海淀", "110108"),
        ("上海 上海市", "31"),
        ("湖北省仙桃市", "429004"),
        ("辽宁朝阳", "2113"),
        ("朝阳", None),  # a city of Liaoning, and districts of Beijing and Changchun
        ("江北区", None),
        ("鼓楼区", None),
    ],
)
def test_ingest_names_cities_and_districts(place: str, code: str | None) -> None:
    """The deepest place that the names are sure of, with its province before it or without."""
    assert region_code(place) == code


def test_ingest_names_places_of_other_countries_are_no_mistake() -> None:
    """Korean and Japanese places have no code, and no warning is due."""
    assert is_elsewhere("부산광역시")
    assert is_elsewhere("静岡県")
    assert is_elsewhere("東京都")
    assert not is_elsewhere("电烤箱")


def test_ingest_names_region_in_a_credit_code() -> None:
    """Places 3 to 8 of an 18-character code; 100000, the whole country, is none."""
    assert credit_code_region("12130400688212131X") == "130400"
    assert credit_code_region("9110000071093123XX") is None
    assert credit_code_region("91990000607425900X") is None
    assert credit_code_region("310000400000001") is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("清华大学; 北京大学", ("清华大学", "北京大学")),
        ("华为技术有限公司,中兴通讯股份有限公司", ("华为技术有限公司", "中兴通讯股份有限公司")),
        ("Seven Days Hotel(Shenzhen) Co., Ltd.", ("Seven Days Hotel(Shenzhen) Co., Ltd.",)),
        ("3M Innovative Properties Company; Smith, John", ("3M Innovative Properties Company", "Smith, John")),
        ("张三、李四|王五\n赵六", ("张三", "李四", "王五", "赵六")),
        ("甲公司;甲公司;", ("甲公司",)),
        ("阿斯莫株式会社, Bosch GmbH", ("阿斯莫株式会社", "Bosch GmbH")),
        (
            "Imaginary University, Imaginary Membrane Co., Ltd.",
            ("Imaginary University", "Imaginary Membrane Co., Ltd."),
        ),
        ("Hitachi, Ltd., Toshiba Corporation", ("Hitachi, Ltd.", "Toshiba Corporation")),
        ("Imaginary Co.,Ltd, Foo S.p.A., Bar, Inc.", ("Imaginary Co.,Ltd", "Foo S.p.A.", "Bar, Inc.")),
        (
            "Institute of Chemistry, Chinese Academy of Sciences, Imaginary Inc.",
            ("Institute of Chemistry, Chinese Academy of Sciences", "Imaginary Inc."),
        ),
        ("University of California, Berkeley", ("University of California, Berkeley",)),
        ("Xilong Chemical Plant, Shantou City", ("Xilong Chemical Plant, Shantou City",)),
        ("IMAGINARY MEMBRANE INC;;UNIV IMAGINARY", ("IMAGINARY MEMBRANE INC", "UNIV IMAGINARY")),
        ("IMAGINARY MEMBRANE INC (2022-06-01)", ("IMAGINARY MEMBRANE INC",)),
        ("UNIV IMAGINARY [CN]\nIMAGINARY MEMBRANE CO LTD [CN]", ("UNIV IMAGINARY", "IMAGINARY MEMBRANE CO LTD")),
        ("甲大学(CN); 乙公司 [CN;US]", ("甲大学", "乙公司")),
        ("IMAGINARY CO LTD (IMAG-C); DOE J (DOEJ-Individual)", ("IMAGINARY CO LTD", "DOE J")),
        ("三星(中国)有限公司; 日立(株)", ("三星(中国)有限公司", "日立(株)")),
        ("甲大学 | 乙公司", ("甲大学", "乙公司")),
        ("甲大学 / 乙公司", ("甲大学", "乙公司")),
        ("甲大学/乙公司", ("甲大学", "乙公司")),
        ("NOVOZYMES A/S; Foo A/S", ("NOVOZYMES A/S", "Foo A/S")),
        ("1.甲大学 2.乙公司", ("甲大学", "乙公司")),
        ("1、甲大学;2、乙公司", ("甲大学", "乙公司")),
        ("(1)甲大学(2)乙公司", ("甲大学", "乙公司")),
        ("①甲大学②乙公司", ("甲大学", "乙公司")),
        ("1.甲大学\n2.3M公司", ("甲大学", "2.3M公司")),
    ],
)
def test_ingest_names_lists_of_holders(text: str, names: tuple[str, ...]) -> None:
    """Separators of all kinds; a comma separates only where no name can contain it."""
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("清华大学", "university"),
        ("中国科学院大学", "university"),
        ("兰州石化职业技术学院", "university"),
        ("清华大学深圳研究生院", "university"),
        ("中国科学院长春应用化学研究所", "institute"),
        ("浙江大学台州研究院", "institute"),
        ("甘肃省农业科学院", "institute"),
        ("浙江大学医学院附属第一医院", "hospital"),
        ("北京大学科技有限公司", "firm"),
        ("七天酒店(深圳)有限公司", "firm"),
        ("沈阳机床厂", "firm"),
        ("张三", "person"),
        ("欧阳修文", "person"),
        ("동아대학교 산학협력단", "university"),
        ("삼성전자주식회사", "firm"),
        ("한국전자통신연구원", "institute"),
        ("アスモ株式会社", "firm"),
        ("東京大学", "university"),
        ("株式会社半導体エネルギー研究所", "firm"),
        ("Massachusetts Institute of Technology", "university"),
        ("Fraunhofer-Gesellschaft", "institute"),
        ("NOVOZYMES A/S", "firm"),
        ("Seven Days Hotel(Shenzhen) Co., Ltd.", "firm"),
        ("University of Tokyo", "university"),
        ("Massachusetts General Hospital", "hospital"),
        ("Udagawa Hiroaki", None),
        ("奈良県", None),
        ("国家电网", None),
        ("刘文学", "person"),
        ("襄阳市第三十九中学", None),
        ("Xilong Chemical Plant, Shantou City", "firm"),
    ],
)
def test_ingest_names_kinds_of_holders(name: str, expected: str | None) -> None:
    """A name tells its kind in four languages, or none where it does not."""
    assert holder_type_of(name) == expected


@pytest.mark.parametrize(
    ("heading", "body", "expected"),
    [
        ("一种电池", "本发明公开了一种电池。", "zh"),
        ("一種石斑魚苗分級篩", "", "zh"),
        ("N-甲基-2-pyrrolidone (NMP) and LiPF6 电解液", "", "zh"),
        ("カーボンブラシ及び回転電機", "", "ja"),
        ("回転電機", "直流モータは複数のカーボンブラシを備えている。", "ja"),
        ("优の品牌香料，一种天然植物提取物的制备方法", "", "zh"),
        ("비오카닌 A를 유효성분으로 포함하는 조성물", "", "ko"),
        ("Verfahren zum Radial-Axial-Ringwalzen von Lagerringen", "", "de"),
        ("Method for preparing a battery electrolyte", "The invention discloses a method.", "en"),
        ("Dispositif de commande d'un moteur", "L'invention concerne un dispositif pour la commande.", "fr"),
        ("Электролит для литиевых батарей", "", "ru"),
        ("Rooftop energy", "", "en"),
        ("12345", "", None),
        ("", "", None),
        ("LED灯", "", "zh"),
        ("5G通信基站", "", "zh"),
        ("PVC管材", "", "zh"),
        ("Al2O3 陶瓷", "", "zh"),
        ("USB-C接口", "", "zh"),
        ("鋰離子電池正極材料", "", "zh"),
        ("電漿處理裝置及其製造方法", "", "zh"),
        ("一種摩擦片粘合方法", "", "zh"),
        ("温控器自動調節系統", "", "zh"),
        ("窒化鉄磁性材料", "", "ja"),
        ("画像処理装置", "", "ja"),
        ("半導体製造装置", "", "ja"),
        ("硫化物固体電解質", "", "ja"),
        ("車両用灯具", "", "ja"),
        ("砂防堰堤、鋼管壁の補強方法", "", "zh"),
        ("電池用電解液", "", "zh"),
        ("CO2 capture", "", "en"),
        ("PCB", "", "en"),
        ("battery", "", "en"),
        ("LED bulb", "", "en"),
        ("AI chip cooling", "", "en"),
        ("Wärmepumpe", "", "de"),
        ("Kühlkreislauf für Batterien", "", "de"),
        ("Pompe à chaleur", "", "fr"),
        ("Bomba de calor", "", "es"),
        ("LED 조명", "", "ko"),
    ],
)
def test_ingest_names_languages(heading: str, body: str, expected: str | None) -> None:
    """Script tells most; Latin script is told by a model; digits tell nothing.

    Kanji that a Chinese script shares character for character, and those behind a stray kana, count as Chinese.
    """
    assert detect_language(heading, body) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("zh-CN", "zh"),
        ("Chinese", "zh"),
        ("中文", "zh"),
        ("jp", "ja"),
        ("EN_us", "en"),
        ("eng", "en"),
        ("de", "de"),
        ("方言", None),
    ],
)
def test_ingest_names_language_words(word: str, expected: str | None) -> None:
    """Codes with regions, names and common mistakes lead to ISO 639-1."""
    assert language_word(word) == expected


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("某石化股份有限公司 某石化股份有限公司科学研究院", ("某石化股份有限公司", "某石化股份有限公司科学研究院")),
        ("清华大学 北京某科技有限公司", ("清华大学", "北京某科技有限公司")),
        ("张三 李四", ("张三", "李四")),
        ("中国科学院 化学研究所", ("中国科学院 化学研究所",)),
        ("某大学 附属医院", ("某大学 附属医院",)),
        ("张 三", ("张 三",)),
    ],
)
def test_ingest_names_between_spaces(cell: str, names: tuple[str, ...]) -> None:
    """Some sources have a space between holders; a space within a name keeps it whole."""
    assert split_names(cell) == names


def test_ingest_names_of_any_length_take_linear_time() -> None:
    """What follows a university is looked for close behind it."""
    start = time.perf_counter()
    assert holder_type_of("大学" * 100_000 + "研究所") == "university"
    assert time.perf_counter() - start < 3

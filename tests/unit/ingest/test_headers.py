"""Headers: which are recognised, which are left alone, and what a mapping does."""

from __future__ import annotations

import time
from dataclasses import fields

import pytest

from app.domain import RECORD_TYPES, Kind
from app.errors import InputError
from app.ingest.headings.headers import fields_of, plan_columns, recognise
from app.ingest.headings.heading import HeaderSearch
from app.ingest.headings.synonyms import PARTS, REQUIRED, SYNONYMS
from app.ingest.tables.leftovers import Leftovers


@pytest.mark.parametrize("kind", list(Kind))
def test_ingest_headers_every_field_of_a_record_can_be_read(kind: Kind) -> None:
    """The synonyms name real fields and parts of a need only, and no field that a source may have is forgotten."""
    record_fields = {field.name for field in fields(RECORD_TYPES[kind])} - {"original", "extra", "industry_derived"}
    parts = {*PARTS, "firm_name"} if kind is Kind.NEEDS else set()
    assert set(SYNONYMS[kind]) == record_fields | parts


@pytest.mark.parametrize("kind", list(Kind))
def test_ingest_headers_no_synonym_stands_for_two_fields(kind: Kind) -> None:
    """Only an application number serves two fields, as itself and as an id of last resort."""
    for name, groups in SYNONYMS[kind].items():
        for words in groups:
            for word in (name, *words):
                found = [field for field, _ in recognise(word, kind)]
                assert found in ([name], ["id", "application_number"]), word


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("专利名称", "title"),
        ("名称", "title"),
        ("标题 (中文)", "title"),
        ("发明创造名称", "title"),
        ("摘要", "abstract"),
        ("摘要（中文）", "abstract"),
        ("公开（公告）号", "id"),
        ("公开(公告)号", "id"),
        ("授权公告号", "id"),
        ("申请号", "id"),
        ("IPC", "ipc"),
        ("IPC分类号", "ipc"),
        ("主分类号", "ipc"),
        ("申请（专利权）人", "holders"),
        ("专利权人", "holders"),
        ("[标]当前申请(专利权)人", "holders"),
        ("法律状态", "status"),
        ("公开(公告)日", "published_on"),
        ("申请日", "filed_on"),
        ("APPLICANT", "holders"),
        ("Filing Date", "filed_on"),
        ("publication_date", "published_on"),
        ("ｔｉｔｌｅ", "title"),
        ("TRL", "maturity"),
        ("许可方式", "licence"),
        ("License", "licence"),
        ("是否沉睡专利", "dormant"),
        ("双向认可", "agreed"),
        ("document_kind", "document_kind"),
        ("\ufeffid", "id"),
    ],
)
def test_ingest_headers_of_patents(header: str, field: str) -> None:
    """Headers of offices, data vendors and universities, in any width, case and bracket."""
    assert next(name for name, _ in recognise(header, Kind.PATENTS)) == field


@pytest.mark.parametrize(
    "header",
    [
        "title_en",
        "标题(英文)",
        "摘要 (译文)",
        "Abstract (English)",
        "序号",
        "No",
        "No.",
        "#",
        "发明人",
        "备注",
        "",
        "2024年专利清单",
    ],
)
def test_ingest_headers_that_are_no_field_of_ours(header: str) -> None:
    """Translations beside the text, running numbers and titles of tables are not mistaken for fields."""
    assert recognise(header, Kind.PATENTS) == ()


def test_ingest_headers_a_translation_is_the_text_where_there_is_no_other() -> None:
    """An English title beside the title is an additional column; alone it is the title."""
    beside = plan_columns(("公开号", "标题", "标题(英文)"), Kind.PATENTS, {})
    assert (beside.fields["title"], beside.extras) == ((1,), (2,))
    alone = plan_columns(("Publication Number", "Title (English)", "Abstract (English)"), Kind.PATENTS, {})
    assert (alone.fields["title"], alone.fields["abstract"]) == ((1,), (2,))


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Title-题名", "title"),
        ("Summary-摘要", "abstract"),
        ("IPCR Classifications", "ipc"),
        ("International classification", "ipc"),
        ("IPC - Current", "ipc"),
        ("FI", "ipc"),
        ("Applicant(s)", "holders"),
        ("Assignee/Applicant", "holders"),
        ("出願人/権利者", "holders"),
        ("Dead/Alive", "status"),
        ("법적상태", "status"),
        ("출원일자", "filed_on"),
        ("filing/creation date", "filed_on"),
        ("国标行业大类", "industry"),
    ],
)
def test_ingest_headers_of_exports(header: str, field: str) -> None:
    """Headers of data vendors and offices that a list without their other columns may have, too."""
    assert recognise(header, Kind.PATENTS)[0][0] == field


def test_ingest_headers_of_a_credit_code_comes_before_a_number() -> None:
    """Lists of firms count their rows in 编号 and have the code in a column of its own."""
    plan = plan_columns(("编号", "企业名称", "纳税人识别号", "统一社会信用代码", "注册号"), Kind.FIRMS, {})
    assert plan.fields["id"] == (3, 0, 2, 4)


def test_ingest_headers_of_needs_and_firms() -> None:
    """The same word may mean another field in another kind of file."""
    needs = {
        header: recognise(header, Kind.NEEDS)[0][0]
        for header in ("需求名称", "技术需求", "发布日期", "统一社会信用代码", "状态")
    }
    assert needs == {
        "需求名称": "title",
        "技术需求": "text",
        "发布日期": "filed_on",
        "统一社会信用代码": "firm_id",
        "状态": "status",
    }
    firms = {
        header: recognise(header, Kind.FIRMS)[0][0]
        for header in ("统一社会信用代码", "企业名称", "经营范围", "成立日期", "登记状态")
    }
    assert firms == {
        "统一社会信用代码": "id",
        "企业名称": "name",
        "经营范围": "business_scope",
        "成立日期": "filed_on",
        "登记状态": "status",
    }


def test_ingest_headers_the_best_id_column_comes_first() -> None:
    """An explicit id stands above a publication number, that above a grant number, that above an application number."""
    headers = ("申请号", "授权公告号", "公开号", "编号", "名称")
    plan = plan_columns(headers, Kind.PATENTS, {})
    assert plan.fields["id"] == (3, 2, 1, 0)
    assert plan.fields["application_number"] == (0,)
    assert plan.columns == {
        "申请号": "application_number",
        "授权公告号": "id",
        "公开号": "id",
        "编号": "id",
        "名称": "title",
    }


def test_ingest_headers_the_main_ipc_column_comes_first() -> None:
    """Whatever the columns' order, the main class leads."""
    assert plan_columns(("IPC分类号", "主分类号"), Kind.PATENTS, {}).fields["ipc"] == (1, 0)


def test_ingest_headers_a_mapping_takes_its_field_over() -> None:
    """A mapped header is the only one of its field; a header that would have been recognised goes to extra."""
    plan = plan_columns(
        ("id", "名称", "Project-Name", "备注"), Kind.PATENTS, {"project name": "title", "备注": "ignore"}
    )
    assert plan.fields["title"] == (2,)
    assert [plan.headers[position] for position in plan.extras] == ["名称"]


def test_ingest_headers_unnamed_and_repeated_ones_stay_apart() -> None:
    """No column of a sloppy table is lost under another's name."""
    assert plan_columns(("x", "", "x", "x", " "), Kind.PATENTS, {}).headers == (
        "x",
        "column 2",
        "x (2)",
        "x (3)",
        "column 5",
    )


@pytest.mark.parametrize(
    ("kind", "headers", "other"),
    [
        (Kind.PATENTS, ("统一社会信用代码", "企业名称", "经营范围"), "firms"),
        (Kind.FIRMS, ("公开号", "专利名称", "摘要"), "patents"),
        (Kind.NEEDS, ("统一社会信用代码", "企业名称", "经营范围"), "firms"),
    ],
)
def test_ingest_headers_of_another_kind_of_file_are_refused(kind: Kind, headers: tuple[str, ...], other: str) -> None:
    """The message names the missing column, what was seen, what it looks like, in both languages."""
    search = HeaderSearch("列表.csv", kind, {})
    with pytest.raises(InputError) as caught:
        search.require(search.best([headers]))
    assert caught.value.error_code == "missing_column"
    assert "列表.csv" in caught.value.message
    assert headers[0] in caught.value.message
    assert f"file of {other}" in caught.value.message
    assert "列表.csv" in caught.value.message_zh
    assert REQUIRED[kind][0][0] in caught.value.message


def test_ingest_headers_the_header_row_is_found_below_a_title() -> None:
    """Spreadsheets have merged titles and notes on top."""
    search = HeaderSearch("a.xlsx", Kind.PATENTS, {})
    heading = search.best(
        [
            ("2024年度可转让专利清单", None, None),
            (None, None, None),
            ("序号", "公开号", "专利名称"),
            ("1", "CN1", "有效"),
        ]
    )
    assert heading.row == 3
    assert heading.headers == ("序号", "公开号", "专利名称")


def test_ingest_headers_a_mapping_must_fit_the_file() -> None:
    """A header that the file does not have, or a field that its kind does not have, is named at once."""
    with pytest.raises(InputError, match="'Nmae'"):
        HeaderSearch("a.csv", Kind.PATENTS, {"Nmae": "title"}).check_mapping(("id", "Name"))
    with pytest.raises(InputError, match="'business_scope', which patents do not have"):
        HeaderSearch("a.csv", Kind.PATENTS, {"Name": "business_scope"}).check_mapping(("id", "Name"))
    HeaderSearch("a.csv", Kind.PATENTS, {"name ": "title", "id": "extra"}).check_mapping(("id", "Name"))
    assert "title" in fields_of(Kind.PATENTS)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("专利号/申请号", "id"),
        ("专利号或申请号", "id"),
        ("Patent/Publication Number", "id"),
        ("公開號", "id"),
        ("申請號", "application_number"),
        ("專利權人", "holders"),
        ("专利权人名称/申请人", "holders"),
        ("专利授权日期", "published_on"),
        ("专利目前状态", "status"),
        ("法律狀態", "status"),
        ("所属高校", "holders"),
        ("专利名称/成果名称", "title"),
    ],
)
def test_ingest_headers_choices_prefixes_and_scripts(header: str, name: str) -> None:
    """A header may give a choice of names, begin with 专利, or be in Traditional characters."""
    assert name in {found for found, _ in recognise(header, Kind.PATENTS)}


@pytest.mark.parametrize("header", ["申请日/公开日", "名称/单位", "IPC/CPC", "专利发明人", "专利代理机构"])
def test_ingest_headers_choices_of_different_things_are_none(header: str) -> None:
    """What may be one or the other is not guessed."""
    assert recognise(header, Kind.PATENTS) == ()


def test_ingest_headers_take_linear_time() -> None:
    """A header that is nothing but brackets is looked at once, wherever headers are."""
    start = time.perf_counter()
    for header in ("(" * 64_000, "（甲" * 32_000):
        plan_columns([header, "名称"], Kind.PATENTS, {})
        Leftovers([header, "名称"], frozenset((0, 1)))
    assert time.perf_counter() - start < 8


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("揭榜期限", "deadline"),
        ("项目工期", "deadline"),
        ("预期投入（万元）", "budget"),
        ("拟投入研发资金", "budget"),
        ("总投资额", "budget"),
        ("技术指标及要求", "figures"),
        ("亟需突破的关键技术瓶颈", "problem"),
        ("国内外研究现状", "background"),
        ("拟采取的合作方式", "cooperation"),
    ],
)
def test_ingest_headers_parts_of_a_need_have_words_before_them(header: str, name: str) -> None:
    """What a form asks for may be anybody's: the end of the header says what it is."""
    assert recognise(header, Kind.NEEDS) == ((name, 0),)


@pytest.mark.parametrize("header", ["注册资金", "资金来源", "揭榜单位", "企业规模", "联系时间", "需求类型"])
def test_ingest_headers_beside_a_need_are_no_parts_of_it(header: str) -> None:
    """Columns about the firm or the list stay in extra."""
    assert recognise(header, Kind.NEEDS) == ()

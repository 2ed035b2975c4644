"""Statuses: the words of twelve sources, compounds, and lists of events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import Kind
from app.ingest import read_records, record_of
from app.ingest.fields.statuses import UNKNOWN, status_read

CASES = Path(__file__).parent / "cases"

PATENTS = {
    "active": """
        授权 | 有效 | 有效(授权) | 有效-授权 | 专利权维持 | 等年费滞纳金 | 权利恢复 | 专利权的恢复
        宣告专利权部分无效 | 部分撤销 | 公告封卷 | 专利权的转移 | 专利申请权、专利权的转移
        专利实施许可合同备案的注销 | 专利实施许可合同备案的生效 | 专利权质押合同登记的注销 | 专利权的保全
        专利权的保全及其解除 | 专利权人的姓名或者名称、地址的变更 | 无效宣告请求审查 | 法律状态：有效 | PATENTED
        ACTIVE | GRANTED | Alive | In force | Patented Case | Active - Reinstated | The patent has been granted
        Patent maintained as amended | No opposition filed within time limit | 등록 | 존속 | 特許 有効
        権利存続中 | 登録 | 專利權有效
        已下证 | 下证 | 已领证 | 已拿证 | 已获证 | 证书已下发 | 已批准 | 已登记 | 已授权未过期 | 授权（未终止） | 未放弃
        已缴年费 | 年费已缴纳 | 缴费正常 | 正常 | 保护中 | 存活 | 登録 権利継続中 | 存続-登録-継続
    """,
    "pending": """
        公开 | 公布 | 实质审查的生效 | 审中 | 审中-实审 | 审中－公开 | 等待实审提案 | 驳回等复审请求
        等待颁证公告 | 一通出案待答复 | 未授权 | 复审 | PCT指定期内 | PCT进入指定国(指定期内) | 专利申请权的转移
        驳回复审 | 公布后转移 | 未获授权 | 没有授权 | 未下证 | 待领证 | 已提交 | 申报中 | 国家阶段 | Not yet granted
        Allowed -- Notice of Allowance Not Yet Mailed | 公布封卷 | PENDING | Application filed | Final Rejection Mailed
        Docketed New Case - Ready for Examination | Publications -- Issue Fee Payment Verified
        Grant of patent is intended | Notice of Allowance Mailed -- Application Received in Office of Publications
        Examination is in progress | 공개 | 출원 | 심사중 | 거절결정불복심판중 | 審査中 | 出願中 | 審查中
    """,
    "inactive": """
        专利权的终止 | 未缴年费专利权终止 | 专利权有效期届满 | 期限届满 | 避免重复授权 | 避免重复授予专利权
        避重放弃 | 主动放弃专利权 | 专利权的主动放弃 | 发明专利申请公布后的驳回 | 发明专利申请公布后的撤回
        发明专利申请公布后的视为撤回 | 发明专利申请公布后的视为放弃 | 视为放弃取得专利权 | 专利权的无效宣告
        专利权的无效宣告(专利权全部无效) | 专利权的无效、部分无效宣告专利权全部无效
        专利权的终止(①未缴年费专利权终止) | 逾期视撤，等恢复 | 逾期视撤失效 | 届满终止，待失效
        未缴年费专利权终止，等恢复 | 失效-未缴年费 | 失效 | 无权 | 授权后失效 | 全部撤销 | PCT指定期满
        PCT进入指定国(指定期满) | PCT未进入指定国 | 公开-撤回 | 授权-放弃 | 授权（未缴年费） | DISCONTINUED
        EXPIRED | INACTIVE | LAPSED | REVOKED | Dead | Withdrawn | Ceased | Not_active | Not-in-force
        Expired - Fee Related | Expired - Lifetime | Abandoned -- Failure to Respond to an Office Action
        Expired due to NonPayment of Maintenance Fees Under 37 CFR 1.362
        The application is deemed to be withdrawn | 거절 | 취하 | 포기 | 소멸 | 무효 | 존속기간만료 | 등록료불납
        権利消滅 | 拒絶査定 | 取下 | みなし取下 | 存続期間満了 | 年金不納 | 未審査請求によるみなし取下
        專利權消滅 | 核駁 | 未繳年費 | 視為撤回
        已过有效期 | 已过保护期 | 不再有效 | 非有效 | 停缴年费 | 未按时缴费 | 没有缴费 | 未续费 | 年费滞纳终止
        放弃维持 | 终止维持 | 未维持 | 权利丧失 | 作废 | 死亡 | 未授权失效 | 未授权终止 | 视为未提出
        Not granted | Not maintained
    """,
    UNKNOWN: """
        未知 | 不详 | 未确认 | 查无 | 未查询到 | 不清楚 | Unknown | Indeterminate | 文件的公告送达 | 著录事项变更
    """,
}


@pytest.mark.parametrize(
    ("word", "status"),
    [(word.strip(), status) for status, text in PATENTS.items() for word in text.replace("\n", "|").split("|")],
)
def test_ingest_statuses_words_of_patents(word: str, status: str) -> None:
    """CNIPA, PatSnap, incoPat, Lens, Derwent, Orbit, USPTO, EPO, Google, KIPRIS, J-PlatPat and TIPO."""
    if word:
        assert status_read(Kind.PATENTS, word) == (status, ())


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ("权利转移 | 未缴年费", "inactive"),
        ("公开|实质审查的生效|授权", "active"),
        ("公开、实质审查、授权", "active"),
        ("公开 实质审查的生效 授权", "active"),
        ("公开\n授权\n专利权的终止", "inactive"),
        ("公开→授权→终止", "inactive"),
        ("授权 | 权利转移", "active"),
        ("授权,权利转移,质押,许可", "active"),
        ("授权 | 未缴年费 | 权利恢复", "active"),
        ("授权 | 权利恢复 | 未缴年费", "inactive"),
        ("公开 | 驳回 | 复审 | 授权", "active"),
        # The newest first, as the stages show.
        ("未缴年费 | 权利转移 | 授权 | 实质审查的生效 | 公开", "inactive"),
        ("授权 | 公开", "active"),
        # A state that sums up the events behind it.
        ("失效|公开|授权", "inactive"),
        ("有效|公开|实质审查的生效", "active"),
        # With days, whatever the order.
        ("2020-05-08 授权; 2023-01-02 未缴年费专利权终止", "inactive"),
        ("2023-01-02 未缴年费专利权终止; 2020-05-08 授权", "inactive"),
        ("20230102 未缴年费专利权终止|20200508 授权|20180101 公开", "inactive"),
        ("授权(2020-05-08),专利权的终止(2023年1月2日)", "inactive"),
        ("2019.1.1 公开\n2020.1.1 授权\n2021.1.1 未缴年费专利权终止\n2022.1.1 权利的恢复", "active"),
        ("2022.1.1 权利的恢复\n2021.1.1 未缴年费专利权终止\n2020.1.1 授权", "active"),
        ("2022-01-01 权利转移; 2021-01-01 未缴年费专利权终止", "inactive"),
        ("Active, expires 2038-01-02", "active"),
    ],
)
def test_ingest_statuses_lists_are_read_to_the_last_event_that_decides(events: str, status: str) -> None:
    """By days, else as the list stands; a transfer, a licence or a pledge revives nothing."""
    assert status_read(Kind.PATENTS, events) == (status, ())


def test_ingest_statuses_case_words() -> None:
    """Every word of the case has its right status, and none is unknown."""
    for outcome in read_records(CASES / "06_status_words.csv", Kind.PATENTS):
        assert outcome.record is not None
        assert outcome.record.status == outcome.raw["期望"]
        assert [found.code for found in outcome.warnings] == []


@pytest.mark.parametrize(
    ("kind", "word", "status"),
    [
        (Kind.FIRMS, "存续（在营、开业、在册）", "active"),
        (Kind.FIRMS, "在营（开业）企业", "active"),
        (Kind.FIRMS, "仍注册", "active"),
        (Kind.FIRMS, "核准設立", "active"),
        (Kind.FIRMS, "未注销", "active"),
        (Kind.FIRMS, "迁出", "active"),
        (Kind.FIRMS, "吊销，未注销", "inactive"),
        (Kind.FIRMS, "吊销,已注销", "inactive"),
        (Kind.FIRMS, "已告解散", "inactive"),
        (Kind.FIRMS, "责令关闭", "inactive"),
        (Kind.FIRMS, "除名", "inactive"),
        (Kind.FIRMS, "清算", "inactive"),
        (Kind.FIRMS, "停业", "inactive"),
        (Kind.FIRMS, "歇業", "inactive"),
        (Kind.FIRMS, "筹建", "pending"),
        (Kind.FIRMS, "不详", UNKNOWN),
        (Kind.FIRMS, "甲乙丙", None),
        (Kind.NEEDS, "对接中", "open"),
        (Kind.NEEDS, "未解决", "open"),
        (Kind.NEEDS, "揭榜中", "open"),
        (Kind.NEEDS, "已发布", "open"),
        (Kind.NEEDS, "解决中", "open"),
        (Kind.NEEDS, "已解决", "closed"),
        (Kind.NEEDS, "已揭榜", "closed"),
        (Kind.NEEDS, "已截止", "closed"),
        (Kind.NEEDS, "已签约", "closed"),
    ],
)
def test_ingest_statuses_of_firms_and_needs(kind: Kind, word: str, status: str | None) -> None:
    """What registers of firms and lists of needs write."""
    assert status_read(kind, word).status == status


def test_ingest_statuses_unknown_words_stay_and_are_warned_of(tmp_path: Path) -> None:
    """A word that nobody knows is kept; 未知 is a status, though of other fields it means that there is no value."""
    path = tmp_path / "rows.jsonl"
    rows = [("A", "待定之事"), ("B", "未知"), ("C", ""), ("D", "授权 | 待定之事"), ("E", ["公开", "授权"])]
    path.write_text(
        "".join(json.dumps({"id": key, "title": "题", "status": status}) + "\n" for key, status in rows), "utf-8"
    )
    outcomes = list(read_records(path, Kind.PATENTS))
    assert [one.record.status for one in outcomes if one.record] == ["待定之事", UNKNOWN, None, "active", "active"]
    found = [[(warning.code, warning.field, warning.value) for warning in one.warnings] for one in outcomes]
    assert found == [[("unknown_word", "status", "待定之事")], [], [], [("unknown_word", "status", "待定之事")], []]
    assert outcomes[1].record is not None
    assert outcomes[1].record.original == {"status": "未知"}


def test_ingest_statuses_are_taken_back_as_they_are_given_out() -> None:
    """Every word that a record may have as its status is read as itself."""
    for kind, words in {
        Kind.PATENTS: ("active", "pending", "inactive", UNKNOWN, "待定之事"),
        Kind.NEEDS: ("open", "closed", UNKNOWN),
        Kind.FIRMS: ("active", "pending", "inactive", UNKNOWN),
    }.items():
        for word in words:
            record = record_of(kind, {"id": "A", "title": "题", "name": "甲公司", "status": word}).record
            assert record is not None
            assert (record.status, record.original) == (word, {})


def test_ingest_statuses_a_second_column_helps_where_the_first_says_nothing() -> None:
    """Exports have a column for the state and one for the last event."""
    record = record_of(Kind.PATENTS, {"id": "A", "title": "题", "法律状态": "未确认", "状态": "未缴年费"}).record
    assert record is not None
    assert record.status == "inactive"

"""Words of other people for our closed vocabularies, as data, and the few functions that look them up."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import normalize

from app.domain import Event, HolderType, Kind, Level, Licence

MISSING = frozenset(
    ("", "n/a", "#n/a", "na", "nan", "null", "none", "nil", "nat", "-", "--", "---", "—", "——", "－", "/", "\\",
        "\\n", "无", "暂无", "空", "未知",
     "不详", "未填", "未填写", "无数据", "#value!", "#ref!", "#name?", "#null!", "#div/0!", "<na>", "(null)",
     "unknown", "없음", "なし")
)  # fmt: skip
"""Cells that say that there is no value, in lower case."""

LONGEST_MISSING = max(map(len, MISSING))
"""Longer cells hold a value, whatever it is (spaces around a short word aside)."""

_PATENT_STATUS = {
    "active": (
        "active", "granted", "grant", "in force", "valid", "alive", "有效", "授权", "有权", "有效专利", "专利权维持",
        "维持", "维持有效", "已授权", "授权有效",
        "专利权有效", "授权公告", "등록", "등록유지", "登録", "存続", "权利转移", "许可", "质押", "公告", "权利人变更",
    ),
    "pending": (
        "pending", "filed", "published", "application", "under examination", "审中", "在审", "实质审查",
        "实质审查的生效", "实审", "进入实审", "公开", "已公开",
        "申请中", "审查中", "申请", "受理", "初审", "等待实审", "审中-公开", "审中-实审", "공개", "출원", "심사중",
        "公開", "出願中", "審査中", "審查中", "審中", "實質審查",
    ),
    "inactive": (
        "inactive", "expired", "lapsed", "withdrawn", "rejected", "revoked", "abandoned", "refused", "ceased", "dead",
        "invalid", "无效", "失效", "终止",
        "届满", "期限届满", "撤回", "驳回", "放弃", "权利终止", "专利权终止", "未缴年费", "撤销", "视为撤回",
        "视为放弃", "全部无效", "无权", "已失效", "失效专利",
        "避重放弃", "公开后撤回", "소멸", "거절", "포기", "취하", "무효", "등록소멸", "拒絶", "消滅", "取下", "放棄",
        "無効", "無效", "失權",
    ),
}  # fmt: skip
_NEED_STATUS = {
    "open": (
        "open", "active", "published", "new", "pending", "in progress", "对接中", "未解决", "待解决", "发布",
        "已发布", "征集中", "进行中", "待对接", "洽谈中", "未对接",
        "有效", "开放", "揭榜中", "招标中", "寻求中", "待揭榜", "已受理", "發布", "진행중", "募集中",
    ),
    "closed": (
        "closed", "solved", "resolved", "done", "cancelled", "canceled", "withdrawn", "expired", "inactive", "已解决",
        "已关闭", "关闭", "已对接", "已完成", "完成", "结束",
        "已结束", "已过期", "过期", "已撤回", "撤销", "已签约", "失效", "取消", "已取消", "终止", "已终止", "已下架",
        "완료", "終了",
    ),
}  # fmt: skip
_FIRM_STATUS = {
    "active": (
        "active", "existing", "normal", "open", "in business", "registered", "存续", "在业", "开业", "正常", "在营",
        "迁出", "迁入", "在册", "存续在营开业在册", "登记",
        "登记成立", "确立", "存續", "開業",
    ),
    "pending": ("pending", "筹建", "设立中", "筹备", "预登记"),
    "inactive": (
        "inactive", "closed", "dissolved", "cancelled", "revoked", "deregistered", "注销", "吊销", "停业", "歇业",
        "撤销", "清算", "吊销未注销", "吊销已注销", "已注销",
        "已吊销", "经营异常注销", "责令关闭", "除名", "註銷", "吊銷",
    ),
}  # fmt: skip
_STATUS: dict[Kind, dict[str, str]] = {
    kind: {word: status for status, words in table.items() for word in words}
    for kind, table in ((Kind.PATENTS, _PATENT_STATUS), (Kind.NEEDS, _NEED_STATUS), (Kind.FIRMS, _FIRM_STATUS))
}

_LICENCES = {
    Licence.TRANSFER: ("transfer", "assignment", "sale", "转让", "专利转让", "专利权转让", "技术转让", "出售",
        "所有权转让", "權利轉讓", "轉讓"),
    Licence.LICENCE: (
        "licence", "license", "licensing", "许可", "专利许可", "实施许可", "许可使用", "普通许可", "独占许可",
        "排他许可", "授权许可", "技术许可", "专利实施许可", "許可",
    ),
    Licence.OPEN_LICENCE: ("openlicence", "openlicense", "开放许可", "专利开放许可", "開放許可"),
    Licence.PAY_AFTER_USE: ("payafteruse", "先使用后付费", "先用后付", "先使用后付", "先用后付费", "先試用後付費",
        "先使用後付費"),
    Licence.EQUITY: ("equity", "作价入股", "作价投资", "入股", "技术入股", "专利入股", "作价入资", "作價入股",
        "折价入股"),
    Licence.PLEDGE: ("pledge", "质押", "质押融资", "专利质押", "质押贷款", "質押"),
}  # fmt: skip
_LICENCE_OF = {word: str(licence) for licence, words in _LICENCES.items() for word in words}

_HOLDER_TYPES = {
    HolderType.UNIVERSITY: ("university", "college", "universities", "大学", "高校", "大专院校", "高等院校",
        "高等学校", "院校", "大學", "대학", "学校", "职业院校"),
    HolderType.INSTITUTE: (
        "institute", "research institute", "科研机构", "科研院所", "科研单位", "研究所", "研究院", "研究机构",
        "科研院校所", "事业单位", "研究機構", "연구소", "科研",
        "新型研发机构",
    ),
    HolderType.HOSPITAL: ("hospital", "医院", "医疗机构", "医疗卫生机构", "醫院", "병원"),
    HolderType.FIRM: ("firm", "company", "enterprise", "corporation", "企业", "公司", "工矿企业", "企業", "기업",
        "企业单位"),
    HolderType.PERSON: ("person", "individual", "inventor", "个人", "自然人", "個人", "개인"),
    HolderType.FOREIGN: ("foreign", "overseas", "国外", "外国", "境外", "海外", "外资", "國外"),
}  # fmt: skip
_HOLDER_TYPE_OF = {word: str(holder) for holder, words in _HOLDER_TYPES.items() for word in words}

_DOCUMENT_KINDS = {
    "invention": ("invention", "发明", "发明专利", "发明申请", "发明授权", "发明公开", "中国发明专利", "發明",
        "發明專利", "授权发明", "特許", "특허", "patent", "a", "b"),
    "utility": ("utility", "utility model", "实用新型", "实用新型专利", "中国实用新型专利", "實用新型", "新型",
        "実用新案", "실용신안", "u"),
    "design": ("design", "外观设计", "外观设计专利", "外观", "外觀設計", "意匠", "디자인", "s"),
}  # fmt: skip
_DOCUMENT_KIND_OF = {word: kind for kind, words in _DOCUMENT_KINDS.items() for word in words}

_EVENTS = {
    Event.VIEWED: ("viewed", "view", "查看", "已查看", "浏览", "已浏览", "已读"),
    Event.INTERESTED: ("interested", "感兴趣", "有意向", "有兴趣", "意向"),
    Event.CONTACTED: ("contacted", "contact", "联系", "已联系", "已对接", "对接"),
    Event.NEED_RETURNED: ("need_returned", "need returned", "提出需求", "返回需求", "需求反馈", "新需求"),
    Event.SIGNED: ("signed", "签约", "已签约", "签订合同", "成交"),
    Event.REJECTED: ("rejected", "reject", "拒绝", "已拒绝", "不感兴趣", "不需要", "不合适"),
    Event.LEVEL: ("level", "评级", "判级", "评价"),
}  # fmt: skip
_EVENT_OF = {word: event for event, words in _EVENTS.items() for word in words}

_LEVELS = {
    Level.STRONG: ("strong", "4", "强相关"),
    Level.FAIRLY_STRONG: ("fairly_strong", "fairly strong", "3", "较强相关"),
    Level.WEAK: ("weak", "2", "弱相关"),
    Level.NONE: ("none", "1", "无相关", "不相关"),
}
_LEVEL_OF = {word: level for level, words in _LEVELS.items() for word in words}

_YES = frozenset(
    (
        "true",
        "yes",
        "y",
        "1",
        "t",
        "是",
        "有",
        "对",
        "√",
        "✓",
        "☑",
        "真",
        "已认可",
        "认可",
        "同意",
        "沉睡",
        "예",
        "はい",
        "是的",
    )
)
_NO = frozenset(
    (
        "false",
        "no",
        "n",
        "0",
        "f",
        "否",
        "不是",
        "没有",
        "×",
        "✗",
        "☐",
        "假",
        "未认可",
        "不认可",
        "不同意",
        "非沉睡",
        "아니오",
        "いいえ",
        "非",
        "x",
    )
)


def is_missing(value: object) -> bool:
    """Whether a cell holds no value: empty, or a word such as ``N/A`` or ``无``."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or (len(value) <= LONGEST_MISSING and value.strip().lower() in MISSING)
    if isinstance(value, float):
        return value != value
    if isinstance(value, (list, tuple)):
        return all(not isinstance(item, (list, tuple, dict)) and is_missing(item) for item in value)
    return isinstance(value, dict) and not value


@lru_cache(maxsize=4096)
def status_word(kind: Kind, word: str) -> str:
    """``word`` as one of our statuses, or as it came when it is none that we know."""
    folded = _folded(word)
    table = _STATUS[kind]
    if folded in table:
        return table[folded]
    # 失效-未缴年费, 审中/实质审查, 有效（授权）: the first part that is known decides.
    for part in _parts(folded):
        if part in table:
            return table[part]
    return word


@lru_cache(maxsize=4096)
def licence_word(word: str) -> str:
    """``word`` as one of our licence modes, or as it came."""
    return _LICENCE_OF.get(_folded(word).replace(" ", "").replace("_", "").replace("-", ""), word)


@lru_cache(maxsize=4096)
def holder_type_word(word: str) -> str:
    """``word`` as one of our holder types, or as it came."""
    folded = _folded(word)
    return _HOLDER_TYPE_OF.get(folded) or next(
        (_HOLDER_TYPE_OF[p] for p in _parts(folded) if p in _HOLDER_TYPE_OF), word
    )


@lru_cache(maxsize=4096)
def document_kind_word(word: str) -> str:
    """``word`` as ``invention``, ``utility`` or ``design``, or as it came."""
    return _DOCUMENT_KIND_OF.get(_folded(word), word)


def event_word(word: str) -> Event | None:
    """``word`` as an event; ``None`` where it is none."""
    return _EVENT_OF.get(_folded(word))


def level_word(word: str) -> Level | None:
    """``word`` as a level; ``None`` where it is none."""
    return _LEVEL_OF.get(_folded(word))


def yes_or_no(value: object) -> bool | None:
    """``value`` as a truth value; ``None`` when it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    folded = _folded(str(value))
    return True if folded in _YES else False if folded in _NO else None


def _folded(word: str) -> str:
    return " ".join(normalize("NFKC", word).casefold().split())


def _parts(folded: str) -> list[str]:
    for mark in "()[];,/|、-:":
        folded = folded.replace(mark, "\n")
    return [part.strip() for part in folded.split("\n") if part.strip()]

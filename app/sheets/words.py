"""What our codes are called in a sheet for people. The readers of files know each of these words again."""

from __future__ import annotations

from app.domain import Event, Level
from app.sheets.columns import Column, Words

LEVELS = {
    Level.STRONG.value: Words("强相关", "Strong"),
    Level.FAIRLY_STRONG.value: Words("较强相关", "Fairly strong"),
    Level.WEAK.value: Words("弱相关", "Weak"),
    Level.NONE.value: Words("无相关", "None"),
}
"""Levels of relevance, the best first."""

LEVEL_COLUMN = Column(
    key="level",
    header=Words("推荐级别", "Recommended level"),
    kind="word",
    words=LEVELS,
    about=Words("由匹配度得出：强相关、较强相关、弱相关、无相关。", "By the score: strong, fairly strong, weak, none."),
)
"""The level that matches and push lists say."""

EVENTS = {
    Event.VIEWED.value: Words("已查看", "Viewed"),
    Event.INTERESTED.value: Words("感兴趣", "Interested"),
    Event.CONTACTED.value: Words("已联系", "Contacted"),
    Event.SIGNED.value: Words("已签约", "Signed"),
    Event.REJECTED.value: Words("拒绝", "Rejected"),
    Event.NEED_RETURNED.value: Words("提出需求", "Need returned"),
    Event.LEVEL.value: Words("评级", "Level"),
}
"""What came back about a patent."""

STATUSES = {
    "active": Words("有效", "In force"),
    "pending": Words("审中", "Pending"),
    "inactive": Words("失效", "Lapsed"),
    "unknown": Words("未知", "Unknown"),
}
"""Legal status of a patent."""

NEED_STATUSES = {"open": Words("征集中", "Open"), "closed": Words("已关闭", "Closed")}

FIRM_STATUSES = {
    "active": Words("存续", "Active"),
    "pending": Words("筹建", "Pending"),
    "inactive": Words("注销或吊销", "Inactive"),
}

PLACED = {
    "choice": Words("优先入选", "First choice"),
    "cap": Words("限量后递补", "Moved up by the cap"),
    "floor": Words("保底展示", "Shown by the floor"),
    "diversity": Words("多样性递补", "Moved up for diversity"),
    "agreed": Words("双向认可优先", "Moved up as agreed"),
}
"""Why a patent has its place in a push list."""

"""Headers that other people write, as data: kind -> our field -> groups of synonyms, the best group first.

Compared after NFKC and case folding, without spaces and punctuation, and at last without what stands in brackets, so
one spelling stands for many: ``公开（公告）号``, ``公开(公告)号``, ``公开公告号`` are one. A field's own name is
always among its synonyms.
"""

from __future__ import annotations

from app.domain import Kind

TRANSLATION_MARKS = frozenset(
    (
        "英文",
        "英语",
        "英",
        "english",
        "en",
        "eng",
        "译文",
        "翻译",
        "译",
        "机翻",
        "机器翻译",
        "translation",
        "translated",
        "日文",
        "韩文",
        "小语种",
    )
)
"""In brackets behind a header, they say that the column is a translation of another."""

Synonyms = dict[str, tuple[tuple[str, ...], ...]]

_APPLICATION_NUMBER = (
    "申请号", "申请专利号", "专利申请号", "app no", "application no", "application number", "appl no", "appno",
    "application_id", "申请编号", "出願番号",
    "출원번호",
)  # fmt: skip
_REGION = (
    ("region", "region code", "地区代码", "区划代码", "行政区划", "行政区划代码", "区域代码", "省份代码", "省市代码",
        "所在地代码"),
    ("省份", "省", "省市", "所在省份", "所属省份", "所在省", "所属省", "申请人省份", "申请人省市", "中国申请人省市",
        "当前权利人省市", "申请人所在省",
     "省级行政区", "省自治区直辖市", "province", "prov"),
    ("地区", "区域", "所在地区", "所属地区", "所属区域", "所在地", "所在区域", "国省", "国别省市", "国省代码",
        "申请人地区", "area", "location", "地域"),
)  # fmt: skip
_INDUSTRY = (
    ("行业代码", "国民经济行业代码", "国民经济行业分类代码", "industry code", "industry_codes", "gbt4754", "gb4754",
        "行业分类代码"),
    ("行业", "国民经济行业", "国民经济行业分类", "行业分类", "所属行业", "所属国民经济行业", "产业", "技术领域行业",
        "industry", "industries", "sector"),
)  # fmt: skip
_LANG = (("lang", "language", "语言", "语种", "文本语言", "lang code", "language code"),)

PATENTS: Synonyms = {
    "id": (
        ("编号", "专利编号", "成果编号", "登记编号", "记录编号", "标识", "patent id", "doc id", "docid",
            "document id", "record id", "uid", "uuid", "pn"),
        ("公开号", "公开公告号", "公开授权公告号", "文献号", "公开文献号", "publication no", "publication number",
            "publication id", "pub no", "pubno",
         "pub number", "公開番号", "공개번호", "document number", "doc number"),
        ("公告号", "授权公告号", "授权号", "专利号", "专利证书号", "专利号码", "grant no", "grant number",
            "patent no", "patent number", "登録番号",
         "特許番号", "등록번호"),
        _APPLICATION_NUMBER,
    ),
    "title": (
        ("名称", "专利名称", "标题", "题名", "发明名称", "发明创造名称", "成果名称", "专利标题", "专利题目", "题目",
            "项目名称", "科技成果名称", "技术名称",
         "标题中文", "名称中文", "中文标题", "中文名称", "patent title", "invention title", "title of invention",
         "title cn", "title zh", "name",
         "発明の名称", "タイトル", "発明名称", "발명의명칭", "발명의 명칭", "제목", "titel", "bezeichnung"),
    ),
    "abstract": (
        ("摘要", "专利摘要", "摘要中文", "中文摘要", "文摘", "摘要内容", "abstract cn", "abstract zh",
            "abstract text", "要約", "요약", "초록",
         "zusammenfassung", "abs"),
        ("成果简介", "技术简介", "成果介绍", "成果描述", "技术描述", "专利简介", "简介", "内容简介", "成果内容",
            "技术方案", "summary", "description", "text",
         "描述", "内容"),
    ),
    "ipc": (
        ("主分类号", "ipc主分类号", "主ipc", "ipc主分类", "主分类", "主国际分类号", "main ipc", "ipc main",
            "first ipc", "primary ipc"),
        ("ipc", "ipc分类号", "ipc分类", "国际分类号", "国际专利分类号", "国际专利分类", "分类号", "专利分类号",
            "ipc号", "ipc代码", "ipc codes", "ipc code",
         "ipcs", "int cl", "ipcr", "国際特許分類", "ipc分類", "副分类号", "ipc副分类号", "ipc classification",
         "ipc symbols"),
    ),
    "holders": (
        ("专利权人", "权利人", "当前专利权人", "当前权利人", "当前申请专利权人", "当前申请人", "标准化当前权利人",
            "持有人", "成果持有人", "专利持有人",
         "holder", "holder name", "patentee", "patentees", "owner", "owners", "current assignee", "特許権者",
         "특허권자", "所有人"),
        ("申请人", "申请专利权人", "申请专利权单位", "专利申请人", "第一申请人", "申请单位", "申请权利人",
            "申请人名称", "完成单位", "成果完成单位",
         "成果单位", "所属单位", "持有单位", "applicant", "applicants", "applicant name", "assignee", "assignees",
         "出願人", "출원인", "anmelder",
         "原始申请专利权人", "原始申请人", "第一申请专利权人", "单位", "单位名称"),
    ),
    "holder_type": (
        ("持有人类型", "申请人类型", "专利权人类型", "权利人类型", "当前权利人类型", "单位类型", "申请人性质",
            "holder type", "applicant type",
         "owner type", "assignee type", "主体类型"),
    ),
    "status": (
        ("法律状态", "当前法律状态", "专利状态", "专利有效性", "有效性", "简单法律状态", "专利法律状态",
            "最新法律状态", "法律状态事件", "状态",
         "legal status", "simple legal status", "patent status", "state", "등록상태", "법적상태", "法的状態",
         "ステータス"),
    ),
    "filed_on": (("申请日", "申请日期", "申请时间", "filing date", "filed", "application date", "app date",
        "date filed", "出願日", "출원일", "申請日"),),
    "published_on": (
        ("公开日", "公开公告日", "公开日期", "公布日", "公开公告日期", "公开时间", "date", "publication date",
            "published", "pub date", "date published",
         "publication", "日期", "公開日", "공개일"),
        ("公告日", "授权公告日", "授权日", "授权日期", "授权时间", "公告日期", "grant date", "登録日", "등록일"),
    ),
    "application_number": (_APPLICATION_NUMBER,),
    "family": (("同族", "同族号", "专利族", "族号", "简单同族", "inpadoc同族", "同族编号", "family id",
        "patent family", "simple family", "docdb family id"),),
    "document_kind": (
        ("专利类型", "专利种类", "类型", "文献类型", "专利类别", "kind", "kind code", "patent type", "document kind",
            "doc kind", "type",
         "文献种类", "发明类型"),
    ),
    "licence": (
        ("许可方式", "转化方式", "转让方式", "合作方式", "转化类型", "拟转化方式", "实施方式许可", "许可类型",
            "交易方式", "成果转化方式", "拟采取的转化方式",
         "licence", "license", "licences", "licenses", "license type", "licence type", "licensing", "transfer mode",
         "licence modes"),
    ),
    "grade": (("分级", "等级", "专利等级", "专利分级", "评级", "级别", "价值等级", "专利价值等级", "grade", "rating",
        "分级结果"),),
    "agreed": (("双向认可", "双方认可", "供需双方认可", "双向认可专利", "是否双向认可", "agreed", "both agreed",
        "mutually agreed"),),
    "dormant": (("沉睡", "沉睡专利", "是否沉睡", "是否沉睡专利", "是否为沉睡专利", "dormant", "is dormant",
        "sleeping"),),
    "maturity": (
        ("成熟度", "技术成熟度", "技术就绪度", "技术成熟度等级", "成果成熟度", "技术就绪水平", "trl", "maturity",
            "trl level", "technology readiness level",
         "readiness"),
    ),
    "region": _REGION,
    "industry": _INDUSTRY,
    "lang": _LANG,
}  # fmt: skip

NEEDS: Synonyms = {
    "id": (
        ("编号", "需求编号", "需求id", "需求号", "需求代码", "技术需求编号", "标识", "need id", "need no",
            "demand id", "requirement id", "topic id",
         "record id", "uid", "uuid"),
    ),
    "title": (
        ("需求名称", "需求标题", "技术需求名称", "需求题目", "名称", "标题", "题目", "项目名称", "难题名称",
            "技术难题名称", "课题名称", "技术需求标题",
         "need title", "demand title", "topic", "topic title", "subject", "name"),
    ),
    "text": (
        ("需求描述", "需求内容", "技术需求", "技术需求描述", "需求详情", "需求说明", "技术需求内容", "需求简介",
            "描述", "内容", "详细描述", "详细内容",
         "具体需求", "具体内容", "难题描述", "技术难题", "技术难题描述", "主要内容", "需求概述", "需求",
         "需求背景及描述", "详情", "说明", "description",
         "text", "need", "demand", "requirement", "requirements", "body", "content", "details", "need description"),
        ("简介", "摘要", "summary", "abstract"),
    ),
    "firm_id": (
        ("企业统一社会信用代码", "统一社会信用代码", "企业信用代码", "信用代码", "社会信用代码", "企业编号", "企业id",
            "单位信用代码", "credit code",
         "company id", "enterprise id", "firm", "uscc"),
    ),
    "filed_on": (
        ("发布日期", "发布时间", "提出日期", "提交日期", "提交时间", "登记日期", "征集日期", "需求发布时间",
            "需求发布日期", "日期", "date", "published",
         "publication date", "posted", "created", "created at", "filed", "open date", "release date"),
    ),
    "status": (("状态", "需求状态", "对接状态", "处理状态", "进展状态", "解决状态", "state"),),
    "region": _REGION,
    "industry": _INDUSTRY,
    "lang": _LANG,
}  # fmt: skip

FIRMS: Synonyms = {
    "id": (
        ("统一社会信用代码", "社会信用代码", "信用代码", "企业信用代码", "统一信用代码", "credit code",
            "unified social credit code", "uscc", "usci",
         "企业id", "企业编号", "编号", "firm id", "company id", "enterprise id", "record id", "uid", "纳税人识别号"),
        ("注册号", "工商注册号", "企业注册号", "registration no", "registration number", "组织机构代码"),
    ),
    "name": (
        ("企业名称", "公司名称", "单位名称", "名称", "企业名", "公司名", "机构名称", "主体名称", "市场主体名称",
            "企业全称", "公司全称", "商事主体名称",
         "company", "company name", "enterprise", "enterprise name", "firm name", "firm", "organisation",
         "organization", "字号名称"),
    ),
    "business_scope": (
        ("经营范围", "主营业务", "业务范围", "许可经营项目", "经营业务范围", "经营范围及方式", "business scope",
            "scope", "main business", "businesses"),
        ("企业简介", "公司简介", "主要产品", "主营产品", "简介", "产品", "description", "profile", "text", "products"),
    ),
    "province": (("省份", "省", "所属省份", "所在省份", "所在省", "注册省份", "省市", "所属省", "province", "prov"),),
    "city": (("城市", "市", "所属城市", "所在城市", "地市", "所在市", "所属地市", "注册城市", "city", "town"),),
    "region": (
        ("地区代码", "区划代码", "行政区划", "行政区划代码", "注册地区代码", "登记机关区划代码", "region",
            "region code", "area code"),
        ("地区", "所属地区", "所在地区", "区域", "所在地", "area", "location"),
    ),
    "filed_on": (
        ("成立日期", "成立时间", "注册日期", "注册时间", "登记日期", "设立日期", "registered on", "registration date",
            "established", "founded",
         "date of establishment", "established on", "date", "start date"),
    ),
    "firm_type": (
        ("企业类型", "公司类型", "市场主体类型", "主体类型", "类型", "企业性质", "经济类型", "单位类型", "type",
            "company type", "enterprise type",
         "legal form"),
    ),
    "status": (("登记状态", "经营状态", "企业状态", "存续状态", "状态", "营业状态", "state", "operating status",
        "registration status"),),
    "industry": _INDUSTRY,
    "lang": _LANG,
}  # fmt: skip

INDUSTRIES = "industries"
"""The mapping of IPC codes to industries: read as the kinds are, but its rows are no records."""

FEEDBACK = "feedback"
"""What came back from firms and judges."""

GRADES = "grades"
"""Gradings of patents."""

_JUDGE = (("评价人", "评审人", "评级人", "专家", "操作人", "填报人", "judge", "evaluator", "reported by"),)
_NOTE = (("备注", "说明", "comment", "remark"),)

_FEEDBACK: Synonyms = {
    "key": (("反馈编号", "反馈id", "feedback id", "编号", "id"),),
    "event": (("事件", "反馈", "反馈类型", "反馈结果", "状态", "event type", "feedback", "status"),),
    "firm_id": (("统一社会信用代码", "信用代码", "企业编号", "企业代码", "credit code", "firm", "企业"),),
    "need_id": (("需求编号", "需求id", "需求"),),
    "new_need_id": (("新需求编号",),),
    "patent_id": (
        ("专利编号", "成果编号", "patent", "doc id", "document id", "专利"),
        ("公开号", "公开公告号", "公告号", "授权公告号", "专利号", "publication number"),
        ("申请号",),
    ),
    "query_id": (("查询编号", "查询id"),),
    "query_text": (("查询文本", "查询", "query"),),
    "level": (("相关级别", "相关性", "级别", "等级", "评级", "relevance"),),
    "run": (("推送批次", "批次", "推送", "push run"),),
    "ranking": (("快照", "索引快照", "snapshot"),),
    "rank": (("名次", "排名", "位次", "position"),),
    "score": (("匹配度", "得分", "分数"),),
    "reason": (("原因", "拒绝原因", "理由"),),
    "note": _NOTE,
    "by": _JUDGE,
    "at": (("时间", "反馈时间", "日期", "反馈日期", "评价时间", "time", "date", "timestamp"),),
    "need": (("新需求",),),
    "need_title": (("需求名称", "需求标题", "新需求名称"),),
    "need_text": (("需求描述", "需求内容", "技术需求", "新需求描述"),),
}  # fmt: skip

_GRADES: Synonyms = {
    **{name: PATENTS[name] for name in ("id", "grade", "maturity", "agreed")},
    "note": _NOTE,
    "by": _JUDGE,
}

SYNONYMS: dict[str, Synonyms] = {
    Kind.PATENTS: PATENTS,
    Kind.NEEDS: NEEDS,
    Kind.FIRMS: FIRMS,
    INDUSTRIES: {"ipc": PATENTS["ipc"], "industry": _INDUSTRY},
    FEEDBACK: _FEEDBACK,
    GRADES: _GRADES,
}
"""By kind, or `INDUSTRIES`, `FEEDBACK`, `GRADES`."""

REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    Kind.PATENTS: (("id",), ("title",)),
    Kind.NEEDS: (("title", "text"),),
    Kind.FIRMS: (("id",), ("name",)),
    INDUSTRIES: (("ipc",), ("industry",)),
    FEEDBACK: (("event", "level"),),
    GRADES: (("id",), ("grade", "maturity", "agreed")),
}
"""What a file must have columns for: of each group at least one field."""

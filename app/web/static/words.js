// Every word that the page shows, in both languages. A key that one language lacks is a mistake that a test finds.

export const WORDS = {
  zh: {
    pageName: "专利需求匹配 · patmatch",
    brand: "专利需求匹配",
    skip: "跳到结果",
    site: "站点",
    apiDocs: "接口文档",
    otherLanguage: "English",
    pageTitle: "为一条需求查找专利、需求或企业",
    target: "查找",
    patents: "专利",
    needs: "需求",
    firms: "企业",
    textLabel: "需求描述",
    textHint: "用企业自己的话描述要解决的技术问题，可粘贴完整的需求文本",
    characters: "{n} 字",
    examples: "示例",
    recordPatent: "以这件专利查询",
    recordNeed: "以这条需求查询",
    recordFirm: "以这家企业查询",
    recordClear: "改用文字查询",
    filters: "筛选条件",
    filtersClear: "清除筛选条件",
    filtersOn: "已用 {n} 项筛选条件",
    ipc: "IPC 分类号",
    holder: "权利人全称",
    ids: "专利编号",
    region: "地区",
    regionHint: "甘肃, 6201",
    industry: "行业代码（GB/T 4754）",
    status: "状态",
    minLevel: "最低相关级别",
    filed: "申请或登记日期",
    filedFrom: "起始日期",
    filedTo: "截止日期",
    holderType: "权利人类型",
    licence: "许可与转让方式",
    recordLanguage: "文本语言",
    explain: "显示匹配依据",
    debug: "显示原始余弦值",
    any: "不限",
    k: "返回条数",
    collapse: "折叠同族和同名同权利人",
    folded: { patents: "另有 {n} 件同类专利", needs: "另有 {n} 条同类需求", firms: "另有 {n} 家同名企业" },
    foldedBy: { family: "同族", title: "同名", holder: "同一权利人" },
    foldedMore: "以上为其中前 {n} 条。",
    submit: "匹配",
    working: "正在匹配…",
    results: "匹配结果",
    blank: "输入一条需求，查看最相近的专利、需求或企业。",
    blankMore: "可用中文、英文、日文、韩文、德文等任一语言提问，结果不限语言。",
    noSnapshot: "尚无查询结果",
    provenance: "索引快照 {id} · 编码模型 {encoder} · 建于 {built}",
    summary: "{n} 条{kind} · 用时 {ms} 毫秒",
    summaryNone: "没有找到{kind} · 用时 {ms} 毫秒",
    score: "匹配度",
    scoreHint: "估计概率：达到“较强相关”或以上的可能性",
    sharedTerms: "共同用词：{terms}",
    meanings: "词义相近：{pairs}",
    meaning: "{query} ≈ {record}",
    carrying: "依据原文：",
    signals: "判断依据：语义相近 {meaning}，覆盖所需用词 {coverage}%",
    signalsAcross: "判断依据：语义相近 {meaning}（另一种语言，只看语义）",
    cosine: "余弦 {value}",
    rank: "第 {n} 名",
    filedOn: "申请 {date}",
    postedOn: "提出 {date}",
    registeredOn: "登记 {date}",
    publishedOn: "公布 {date}",
    firmId: "企业 {id}",
    more: "展开全文",
    less: "收起",
    similar: { patents: "查找相似专利", needs: "查找相似需求", firms: "查找相似企业" },
    similarTo: "查找与“{title}”相似的记录",
    copy: "复制编号",
    copyOf: "复制编号 {id}",
    copied: "已复制 {id}",
    copyFailed: "浏览器不允许复制，请手动选择：{id}",
    untitled: "（无标题）",
    judging: {
      title: "评价人",
      name: "姓名或代号",
      token: "管理令牌（服务要求时）",
      of: "评价“{title}”的相关级别",
      saving: "正在保存…",
    },
    judged: "已保存：{level}",
    truncated: "文本有 {tokens} 个词元，超过模型的上限，末尾部分未参与匹配。请缩短文本或把要点放在前面。",
    windows: "文本较长（{tokens} 个词元），已分 {windows} 段全部读取。",
    shortfall: {
      index_exhausted: "请求 {requested} 条，返回 {returned} 条：索引中没有更多记录。",
      filter: "请求 {requested} 条，返回 {returned} 条：符合筛选条件的记录不足，可放宽条件。",
      min_level: "请求 {requested} 条，返回 {returned} 条：达到最低相关级别的记录不足。",
      folded: "请求 {requested} 条，返回 {returned} 条：其余记录已折叠在这些结果之下。",
      unknown_identifier: "库中没有这个编号的专利。请核对编号，或用文字描述需求。",
      other: "请求 {requested} 条，返回 {returned} 条。",
    },
    recognised: {
      title: "从文本中识别出以下内容，点选即只看与之相符的专利：",
      publication_number: "公开号 {text}",
      application_number: "申请号 {text}",
      holder: "权利人 {text}",
      ipc: "IPC {text}",
      absent: "{words}（库中没有）",
      only: "只看 {value}",
    },
    emptyText: "请先输入需求描述，再点“匹配”。",
    badCode: "无法识别：{value}",
    badDates: "起始日期晚于截止日期。",
    offline: "无法连接服务，请检查网络或稍后再试。",
    timeout: "服务在 {seconds} 秒内没有回答，请稍后再试。",
    badAnswer: "服务的回答无法读取（HTTP {status}）。",
    requestId: "请求编号 {id}",
    notReady: "服务尚未就绪，暂时无法匹配。",
    part: "{name}：{detail}",
    parts: {
      model: "编码模型",
      catalogue: "目录库",
      "index.patents": "专利索引",
      "index.needs": "需求索引",
      "index.firms": "企业索引",
    },
    readyAgain: "服务已就绪。",
    unreachable: "暂时无法连接服务，正在重试。",
    levels: { strong: "强相关", fairly_strong: "较强相关", weak: "弱相关", none: "无相关" },
    atLeast: { strong: "强相关", fairly_strong: "较强相关及以上", weak: "弱相关及以上" },
    statuses: { active: "有效", pending: "审查中", inactive: "失效", open: "征集中", closed: "已结束" },
    firmStatuses: { active: "存续", pending: "筹建", inactive: "注销或吊销" },
    holderTypes: {
      university: "高校",
      institute: "科研院所",
      hospital: "医院",
      firm: "企业",
      person: "个人",
      foreign: "国外",
    },
    licences: {
      transfer: "转让",
      licence: "许可",
      open_licence: "开放许可",
      pay_after_use: "先使用后付费",
      equity: "作价入股",
      pledge: "质押",
    },
    languages: { zh: "中文", en: "英文", ja: "日文", ko: "韩文", de: "德文", fr: "法文", ru: "俄文" },
  },
  en: {
    pageName: "Patent matching · patmatch",
    brand: "Patent matching",
    skip: "Skip to results",
    site: "Site",
    apiDocs: "API docs",
    otherLanguage: "中文",
    pageTitle: "Find patents, needs or firms for a need",
    target: "Find",
    patents: "Patents",
    needs: "Needs",
    firms: "Firms",
    textLabel: "Technology need",
    textHint: "Describe the technical problem in the firm's own words; a whole need can be pasted",
    characters: "Characters: {n}",
    examples: "Examples",
    recordPatent: "Matching this patent",
    recordNeed: "Matching this need",
    recordFirm: "Matching this firm",
    recordClear: "Use a text instead",
    filters: "Filters",
    filtersClear: "Clear filters",
    filtersOn: "Filters in use: {n}",
    ipc: "IPC codes",
    holder: "Holder, whole name",
    ids: "Patent ids",
    region: "Region",
    regionHint: "Gansu, 6201",
    industry: "Industry codes (GB/T 4754)",
    status: "Status",
    minLevel: "Lowest level",
    filed: "Filed or registered",
    filedFrom: "From date",
    filedTo: "To date",
    holderType: "Holder type",
    licence: "Offered as",
    recordLanguage: "Language of the text",
    explain: "Show why each matched",
    debug: "Show the raw cosine",
    any: "Any",
    k: "Results",
    collapse: "Fold families and twins of one title and holder",
    folded: { patents: "{n} more of the same", needs: "{n} more of the same", firms: "{n} more of this name" },
    foldedBy: { family: "family", title: "same title", holder: "same holder" },
    foldedMore: "These are the first {n} of them.",
    submit: "Match",
    working: "Matching…",
    results: "Matches",
    blank: "Enter a need to see the closest patents, needs or firms.",
    blankMore: "Ask in Chinese, English, Japanese, Korean, German or another language; answers come in any of them.",
    noSnapshot: "No query yet",
    provenance: "Index snapshot {id} · encoder {encoder} · built {built}",
    summary: "{kind}: {n} · {ms} ms",
    summaryNone: "{kind}: none found · {ms} ms",
    score: "Score",
    scoreHint: "Estimated probability of being at least fairly strong",
    sharedTerms: "Terms in common: {terms}",
    meanings: "Alike in meaning: {pairs}",
    meaning: "{query} ≈ {record}",
    carrying: "Passage: ",
    signals: "Judged by: meaning {meaning}, words covered {coverage} %",
    signalsAcross: "Judged by: meaning {meaning} (another language: meaning alone)",
    cosine: "cosine {value}",
    rank: "Rank {n}",
    filedOn: "filed {date}",
    postedOn: "posted {date}",
    registeredOn: "registered {date}",
    publishedOn: "published {date}",
    firmId: "firm {id}",
    more: "Show more",
    less: "Show less",
    similar: { patents: "Find similar patents", needs: "Find similar needs", firms: "Find similar firms" },
    similarTo: "Find records similar to “{title}”",
    copy: "Copy id",
    copyOf: "Copy id {id}",
    copied: "Copied {id}",
    copyFailed: "The browser does not allow copying; select it by hand: {id}",
    untitled: "(untitled)",
    judging: {
      title: "Judge",
      name: "Name or code",
      token: "Admin token (where the service asks for one)",
      of: "Judge how well “{title}” fits",
      saving: "Saving…",
    },
    judged: "Saved: {level}",
    truncated:
      "The text has {tokens} tokens, over the model's limit; its end had no influence. Shorten it, or put what matters first.",
    windows: "A long text ({tokens} tokens): all of it was read, in {windows} windows.",
    shortfall: {
      index_exhausted: "{returned} of {requested} returned: the index holds no more records.",
      filter: "{returned} of {requested} returned: too few records pass the filters; try wider ones.",
      min_level: "{returned} of {requested} returned: too few records reach the lowest level asked for.",
      folded: "{returned} of {requested} returned: the others are folded behind these.",
      unknown_identifier: "The bank has no patent of this number. Check it, or describe the need in words.",
      other: "{returned} of {requested} returned.",
    },
    recognised: {
      title: "Recognised in the text; choose one to see only what has it:",
      publication_number: "Publication {text}",
      application_number: "Application {text}",
      holder: "Holder {text}",
      ipc: "IPC {text}",
      absent: "{words} (not in the bank)",
      only: "Only {value}",
    },
    emptyText: "Describe a need first, then choose “Match”.",
    badCode: "Not understood: {value}",
    badDates: "The first date is later than the last.",
    offline: "The service cannot be reached. Check the network, or try again later.",
    timeout: "No answer within {seconds} seconds. Try again later.",
    badAnswer: "The service's answer cannot be read (HTTP {status}).",
    requestId: "Request id {id}",
    notReady: "The service is not ready to match yet.",
    part: "{name}: {detail}",
    parts: {
      model: "Model",
      catalogue: "Catalogue",
      "index.patents": "Patents index",
      "index.needs": "Needs index",
      "index.firms": "Firms index",
    },
    readyAgain: "The service is ready.",
    unreachable: "The service cannot be reached at the moment; trying again.",
    levels: { strong: "Strong", fairly_strong: "Fairly strong", weak: "Weak", none: "None" },
    atLeast: { strong: "Strong", fairly_strong: "Fairly strong or better", weak: "Weak or better" },
    statuses: { active: "Active", pending: "Pending", inactive: "Inactive", open: "Open", closed: "Closed" },
    firmStatuses: { active: "Active", pending: "Pending", inactive: "Inactive" },
    holderTypes: {
      university: "University",
      institute: "Institute",
      hospital: "Hospital",
      firm: "Firm",
      person: "Person",
      foreign: "Foreign",
    },
    licences: {
      transfer: "Transfer",
      licence: "Licence",
      open_licence: "Open licence",
      pay_after_use: "Pay after use",
      equity: "Equity",
      pledge: "Pledge",
    },
    languages: {
      zh: "Chinese",
      en: "English",
      ja: "Japanese",
      ko: "Korean",
      de: "German",
      fr: "French",
      ru: "Russian",
    },
  },
};

// Needs in the style of the bundled sample, in several languages: the language of the question does not matter.
export const EXAMPLES = [
  { lang: "zh", text: "高镍三元动力电池电解液的开发：45℃循环后产气明显、容量跳水，寻求提高正极界面稳定性的添加剂" },
  { lang: "zh", text: "马铃薯淀粉废水中蛋白回收及达标利用" },
  { lang: "zh", text: "汽车用 MEMS 压力传感器芯片温漂补偿与封装" },
  { lang: "en", text: "Nitrogen removal for small cold-climate sewage plants" },
  { lang: "ja", text: "軌道輪の焼入れ変形を低減する技術" },
];

const STORAGE_KEY = "patmatch.language";
let language = "zh";

/** The page's language: the address's `lang`, else the remembered one, else Chinese. */
export function chooseLanguage(search) {
  const asked = new URLSearchParams(search).get("lang");
  const wanted = asked ?? remembered();
  setLanguage(wanted?.toLowerCase().startsWith("en") ? "en" : "zh", { remember: asked !== null });
}

export function setLanguage(name, { remember }) {
  language = name;
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
  if (remember) {
    try {
      localStorage.setItem(STORAGE_KEY, name);
    } catch {
      // Storage may be forbidden by policy; the switch still works for this visit.
    }
  }
}

function remembered() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null; // as above
  }
}

export const currentLanguage = () => language;

/** The words of `key` ("levels.strong") with `{name}` filled from `values`. */
export function t(key, values = {}) {
  const words = key.split(".").reduce((part, name) => part?.[name], WORDS[language]);
  if (typeof words !== "string") throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The words of a code in a table ("holderTypes", "university"), or the code: sources have words of their own. */
export const wordOf = (table, code) => WORDS[language][table][code] ?? code;

/** Put the page's own words into every element that names a key. */
export function translatePage(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-placeholder]"))
    element.placeholder = t(element.dataset.tPlaceholder);
  for (const element of root.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  document.title = t("pageName");
}

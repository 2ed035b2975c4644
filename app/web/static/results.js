// What came back, as elements. Text goes in as text nodes only: titles and abstracts are other people's data.

import { currentLanguage, t, wordOf } from "./language.js";
import { regionName } from "./regions.js";

/** An element with properties, attributes and children; `null` and empty children are left out. */
export function element(tag, { attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

const BODIES = { patents: "abstract", needs: "text", firms: "business_scope" };
const SHORTFALLS = ["index_exhausted", "filter", "folded", "unknown_identifier"];
const FILED_WORDS = { patents: "filedOn", needs: "postedOn", firms: "registeredOn" };

/** The list items of matches, in rank order. `actions` has `similar(kind, id, title)`, `copy(id)` and
 * `judge(match, kind, title)`, which gives the element to judge a match with, or `null`. */
export function matchItems(matches, kind, actions) {
  return matches.map((match) => matchItem(match, kind, actions));
}

function matchItem(match, kind, actions) {
  const record = match.record ?? {};
  const title = match.title || record.title || record.name || t("untitled");
  // An unknown language inherits the page's: an empty one would leave the choice of Chinese glyphs to chance.
  const lang = record.lang ? { lang: record.lang } : {};
  const words = record[BODIES[kind]];
  const body = words ? element("p", { className: "passage clamped", ...lang }, words) : null;
  return element(
    "li",
    { className: "match", attributes: { "data-id": match.id } },
    element(
      "div",
      { className: "match-head" },
      element(
        "span",
        { className: "rank", attributes: { "aria-label": t("rank", { n: match.rank }) } },
        String(match.rank),
      ),
      element("h3", lang, title),
      verdict(match),
    ),
    holderLine(record),
    facts(record, match.id, kind),
    body,
    reason(match.why, lang),
    foldedBehind(match, kind, actions),
    actions.judge(match, kind, title),
    element(
      "p",
      { className: "match-actions" },
      body && toggleFor(body),
      action(t(`similar.${kind}`), t("similarTo", { title }), "similar", () => actions.similar(kind, match.id, title)),
      action(t("copy"), t("copyOf", { id: match.id }), "copy", () => actions.copy(match.id)),
    ),
  );
}

function action(words, label, name, onclick) {
  return element(
    "button",
    { type: "button", className: "plain", title: label, onclick, attributes: { "data-action": name } },
    words,
  );
}

function verdict({ score, level, debug }) {
  const bar = element("span", { className: "bar", attributes: { "aria-hidden": "true" } });
  bar.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.max(0, score)))}%`);
  const cosine =
    typeof debug?.cosine === "number"
      ? element("span", { className: "cosine quiet" }, t("cosine", { value: debug.cosine.toFixed(4) }))
      : null;
  return element(
    "p",
    { className: "verdict" },
    element("span", { className: `level level-${level}` }, wordOf("levels", level)),
    element(
      "span",
      { className: "score", title: t("scoreHint") },
      element("span", { className: "visually-hidden" }, `${t("score")} `),
      score.toFixed(3),
      bar,
    ),
    cosine,
  );
}

function reason(why, lang) {
  if (!why) return null;
  const separator = t("comma");
  const { terms = [], meanings = [], passage, signals, figures = [], excluded = [] } = why;
  const pairs = meanings.map(({ query, record }) => t("meaning", { query, record }));
  return element(
    "ul",
    { className: "why quiet" },
    terms.length ? element("li", {}, t("sharedTerms", { terms: terms.join(separator) })) : null,
    pairs.length ? element("li", {}, t("meanings", { pairs: pairs.join(separator) })) : null,
    figures.length ? element("li", {}, t("figures", { figures: figures.map(figureWords).join(t("clause")) })) : null,
    excluded.length ? element("li", {}, t("usesExcluded", { terms: excluded.join(separator) })) : null,
    passage ? element("li", {}, t("carrying"), element("q", lang, passage)) : null,
    signals ? element("li", {}, signalsLine(signals)) : null,
  );
}

/** What the record says of a figure of the question: met or not, with its own, or nothing. */
const figureWords = ({ query, record, state }) => t(`figureStates.${state}`, { query, record });

/** The records that this match stands for, closed until the reader opens them. */
function foldedBehind({ folded = [], folded_count: count = 0 }, kind, actions) {
  if (!count) return null;
  const items = folded.map(({ id, title, score, by }) =>
    element(
      "li",
      { attributes: { "data-id": id } },
      action(title || t("untitled"), t("similarTo", { title }), "similar-folded", () => actions.similar(kind, id, title)),
      element("span", { className: "quiet" }, t(`foldedBy.${by}`)),
      element("span", { className: "mono quiet record-code" }, id),
      element("span", { className: "quiet", title: t("scoreHint") }, score.toFixed(3)),
    ),
  );
  if (count > folded.length) items.push(element("li", { className: "quiet" }, t("foldedMore", { n: folded.length })));
  return element(
    "details",
    { className: "folded" },
    element("summary", {}, t(`folded.${kind}`, { n: count })),
    element("ul", {}, ...items),
  );
}

function signalsLine({ meaning, coverage, alone }) {
  const values = { meaning: meaning.toFixed(2), coverage: Math.round(coverage * 100) };
  // A record in another language cannot share words, and in a small bank they do not rank: nothing to say of them.
  return t(alone ? "signalsAcross" : coverage ? "signals" : "signalsMeaning", values);
}

function holderLine({ holders = [], holder_type: holderType }) {
  if (!holders.length && !holderType) return null;
  const separator = currentLanguage() === "zh" ? "、" : "; ";
  const names = element("span", { className: "holder-names" }, holders.join(separator));
  const type = holderType ? element("span", { className: "tag" }, wordOf("holderTypes", holderType)) : null;
  return element("p", { className: "holders" }, names, type);
}

function facts(record, id, kind) {
  const {
    ipc = [],
    region,
    province,
    city,
    status,
    licence = [],
    filed_on: filed,
    published_on: published,
    firm_id: firm,
  } = record;
  const place = [province, city].filter(Boolean).join(" ") || (region ? regionName(region, currentLanguage()) : "");
  const offered = licence.map((mode) => wordOf("licences", mode)).join(" / ");
  const parts = [
    element("span", { className: "mono record-code" }, id),
    ipc.length ? element("span", { className: "mono" }, ipc.join(" ")) : null,
    filed ? t(FILED_WORDS[kind], { date: filed }) : null,
    published ? t("publishedOn", { date: published }) : null,
    place || null,
    status ? wordOf(kind === "firms" ? "firmStatuses" : "statuses", status) : null,
    offered || null,
    firm ? t("firmId", { id: firm }) : null,
  ];
  return element("ul", { className: "facts" }, ...parts.filter(Boolean).map((part) => element("li", {}, part)));
}

function toggleFor(body) {
  const toggle = element(
    "button",
    { type: "button", className: "plain toggle", hidden: true, attributes: { "aria-expanded": "false" } },
    t("more"),
  );
  toggle.onclick = () => {
    const open = !body.classList.toggle("clamped");
    toggle.setAttribute("aria-expanded", String(open));
    toggle.textContent = t(open ? "less" : "more");
  };
  return toggle;
}

/** Offer "show more" only where the clamp hides something; call it again when the width changes. */
export function offerToggles(list) {
  // All is measured before anything is changed: a change between two measurements costs a layout each time.
  const whole = [...list.querySelectorAll(".passage")].map(
    (body) => body.classList.contains("clamped") && body.scrollHeight <= body.clientHeight + 1,
  );
  list.querySelectorAll(".toggle").forEach((toggle, place) => {
    toggle.hidden = whole[place];
  });
}

/** What the question names, each a button that keeps to it by `choose(filter)`; what the bank lacks is said. */
function recognisedNotice(recognised, choose) {
  const items = recognised.map(({ kind, text, value, found, filter }) => {
    const words = t(`recognised.${kind}`, { text });
    if (!filter) return element("li", {}, found ? words : t("recognised.absent", { words }));
    const chip = { type: "button", className: "chip", title: t("recognised.only", { value }), onclick: () => choose(filter) };
    return element("li", {}, element("button", chip, words));
  });
  return notice("info", element("p", {}, t("recognised.title")), element("ul", { className: "recognised" }, ...items));
}

/** What a reader must know about how the answer came about: what was looked up and may be kept to by
 * `choose(filter)`, what the text excludes, what was cut, and why there are fewer than asked for. */
export function resultNotices(result, choose) {
  const { recognised = [], excluded, truncated, windows, tokens, shortfall, requested, returned } = result;
  const notices = recognised.length ? [recognisedNotice(recognised, choose)] : [];
  if (excluded?.length) notices.push(notice("info", t("excluded", { terms: excluded.join(t("comma")) })));
  if (truncated) notices.push(notice("warn", t("truncated", { tokens })));
  else if (windows > 1) notices.push(notice("info", t("windows", { tokens, windows })));
  if (shortfall) {
    const known = SHORTFALLS.includes(shortfall) ? shortfall : "other";
    notices.push(notice("info", t(`shortfall.${known}`, { requested, returned })));
  }
  return notices;
}

export const notice = (tone, ...content) => element("div", { className: `notice notice-${tone}` }, ...content);

/** The sentence of a problem in the page's language: the service's own, else what the page can tell. */
export function problemSentence({ words, values, body, status }) {
  if (words) return t(words, values);
  const inChinese = currentLanguage() === "zh";
  return (inChinese ? body.detail_zh : null) || body.detail || body.title || t("badAnswer", { status });
}

/** Why the service cannot answer: the parts of it that are not ready, each with its own reason. */
export function readinessReasons(problem) {
  const { body } = problem;
  if (!body?.parts) return [element("p", {}, problemSentence(problem))];
  const failing = Object.entries(body.parts).filter(([, part]) => !part.ready);
  const items = failing.map(([name, part]) => {
    const detail = (currentLanguage() === "zh" ? part.detail_zh : null) || part.detail;
    return element("li", {}, t("part", { name: wordOf("parts", name), detail }));
  });
  return [element("ul", {}, ...items)];
}

/** A problem with its bad fields and the request's id, so that it can be reported to whoever runs the service. */
export function problemNotice(problem) {
  const { body } = problem;
  const inChinese = currentLanguage() === "zh";
  const fields = (body?.errors ?? []).map(({ field, message, message_zh: messageZh }) =>
    element("li", {}, element("code", {}, field ?? ""), " ", (inChinese ? messageZh : null) || message || ""),
  );
  return notice(
    "error",
    element("p", {}, problemSentence(problem)),
    fields.length ? element("ul", {}, ...fields) : null,
    body?.request_id ? element("p", { className: "quiet" }, t("requestId", { id: body.request_id })) : null,
  );
}

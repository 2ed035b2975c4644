// One question in its three shapes: what the form holds, what the address says, and what the service is sent.

import { LEVELS, LOWEST_SHOWN } from "./fitting.js";
import { parseIndustries, parseIpc, parseRegions } from "./regions.js";

export const KINDS = ["patents", "needs", "firms"];
export const RECORD_FIELDS = { patents: "patent_id", needs: "need_id", firms: "firm_id" };

// Which filters make sense for which target; a hidden one is not sent. The names are the form's and the address's.
const ALL = KINDS;
const FILTERS = {
  ipc: { targets: ["patents"], parse: parseIpc },
  holder: { targets: ["patents"], whole: true }, // a name may have a comma
  ids: { targets: ["patents"], list: true },
  must: { targets: ALL, list: true, beside: true }, // beside the filter, not in it
  must_not: { targets: ALL, list: true, beside: true },
  region: { targets: ALL, parse: parseRegions },
  industry: { targets: ["needs", "firms"], parse: parseIndustries },
  status: { targets: ALL },
  holder_type: { targets: ["patents"], list: true },
  licence: { targets: ["patents"], list: true },
  text_lang: { targets: ALL, list: true, sendAs: "lang" },
  filed_from: { targets: ALL, single: true },
  filed_to: { targets: ALL, single: true },
};
const OPTIONS = ["explain", "debug"];
export const STATUSES = {
  patents: ["active", "pending", "inactive"],
  needs: ["open", "closed"],
  firms: ["active", "pending", "inactive"],
};

const NOT_COLLAPSED = "0"; // What an address says where the reader switched folding off; else it says nothing.

const split = (words) => words.split(/\s*[,，、]\s*/).filter(Boolean);

// A longer question goes behind the "#": common proxies refuse request lines over 8 KB, and never see that.
const ADDRESS_QUERY_BYTES = 2000;

/** An empty question. `record` is {kind, id} when a record is what is asked with; `collapse` lists one of each family
 * and of each title and holder; `level` is the lowest that is shown. */
export const blankQuestion = () => ({
  target: "patents",
  k: 10,
  collapse: true,
  level: LOWEST_SHOWN,
  text: "",
  record: null,
  fields: {},
});

/** How many filters and options, of those that apply to the target, are in use. */
export function filtersInUse({ target, fields }) {
  const applying = Object.keys(FILTERS).filter((name) => FILTERS[name].targets.includes(target));
  return [...applying, ...OPTIONS].filter((name) => fields[name]).length;
}

export function readForm(form, record) {
  const data = new FormData(form);
  const fields = {};
  for (const name of [...Object.keys(FILTERS), ...OPTIONS]) {
    const value = data.getAll(name).join(",").trim();
    if (value) fields[name] = value;
  }
  return {
    target: data.get("target"),
    k: Number(data.get("k")),
    collapse: data.get("collapse") !== null,
    level: data.get("min_level"),
    text: data.get("q"),
    record,
    fields,
  };
}

/** The same question with a filter of the service's, lists by name, in place of what these fields say. */
export function withFilter(question, filter) {
  const said = Object.entries(filter).map(([name, values]) => [name, values.join(",")]);
  return { ...question, fields: { ...question.fields, ...Object.fromEntries(said) } };
}

export function writeForm(form, { target, k, collapse, level, text, fields }) {
  form.elements.target.value = target;
  if (![...form.elements.k.options].some((option) => Number(option.value) === k)) form.elements.k.add(new Option(k));
  form.elements.k.value = String(k);
  form.elements.collapse.checked = collapse;
  form.elements.min_level.value = level;
  form.elements.q.value = text;
  for (const name of [...Object.keys(FILTERS), ...OPTIONS]) {
    const chosen = (fields[name] ?? "").split(",");
    const controls = form.querySelectorAll(`[name="${name}"]`);
    for (const control of controls) {
      if (control.type === "checkbox") control.checked = chosen.includes(control.value);
      else control.value = fields[name] ?? "";
    }
  }
}

/** The part of an address after the path that asks this question again; the page's language is not part of it. */
export function toAddress({ target, k, collapse, level, text, record, fields }, language) {
  const search = new URLSearchParams();
  let hash = "";
  if (record) search.set(RECORD_FIELDS[record.kind], record.id);
  else if (encodeURIComponent(text).length <= ADDRESS_QUERY_BYTES) search.set("q", text);
  else hash = `#${new URLSearchParams({ q: text })}`;
  search.set("target", target);
  search.set("k", String(k));
  if (!collapse) search.set("collapse", NOT_COLLAPSED);
  if (level !== LOWEST_SHOWN) search.set("min_level", level);
  for (const [name, value] of Object.entries(fields)) search.set(name, value);
  if (language) search.set("lang", language);
  return `?${search}${hash}`;
}

/** The question that an address asks, or `null` when it asks none. */
export function fromAddress({ search, hash }) {
  const parameters = new URLSearchParams(search);
  const question = blankQuestion();
  if (KINDS.includes(parameters.get("target"))) question.target = parameters.get("target");
  if (/^[1-9]\d{0,8}$/.test(parameters.get("k") ?? "")) question.k = Number(parameters.get("k"));
  question.collapse = parameters.get("collapse") !== NOT_COLLAPSED;
  if (LEVELS.includes(parameters.get("min_level"))) question.level = parameters.get("min_level");
  for (const name of [...Object.keys(FILTERS), ...OPTIONS]) {
    if (parameters.get(name)) question.fields[name] = parameters.get(name);
  }
  question.text = parameters.get("q") ?? new URLSearchParams(hash.slice(1)).get("q") ?? "";
  const kind = KINDS.find((name) => parameters.get(RECORD_FIELDS[name]));
  if (kind) question.record = { kind, id: parameters.get(RECORD_FIELDS[kind]) };
  return question;
}

/**
 * What `POST /v1/match` is sent. The lowest level is not: what is below it has to be there for who wants to see it.
 * @returns {{request: object, mistakes: {field: string, words: string, values?: object}[]}}
 */
export function toRequest({ target, k, collapse, text, record, fields }) {
  const mistakes = [];
  if (!record && !text.trim()) mistakes.push({ field: "text", words: "emptyText" });
  const query = record ? { id: "q1", [RECORD_FIELDS[record.kind]]: record.id } : { id: "q1", text };
  const request = { queries: [query], target, k, collapse };
  const filter = {};
  for (const [name, { targets, parse, single, whole, beside, sendAs }] of Object.entries(FILTERS)) {
    if (!fields[name] || !targets.includes(target)) continue;
    if (parse) {
      const { codes, bad } = parse(fields[name]);
      if (bad.length) mistakes.push({ field: name, words: "badCode", values: { value: bad.join(", ") } });
      if (codes.length) filter[name] = codes;
    } else if (single) filter[sendAs ?? name] = fields[name];
    else (beside ? request : filter)[sendAs ?? name] = whole ? [fields[name]] : split(fields[name]);
  }
  // ISO dates compare as text.
  if (filter.filed_from && filter.filed_to && filter.filed_from > filter.filed_to)
    mistakes.push({ field: "filed", words: "badDates" });
  if (Object.keys(filter).length) request.filter = filter;
  if (fields.explain) request.explain = true;
  if (fields.debug) request.debug = true;
  return { request, mistakes };
}

// The evaluators' page: what the reader does, what is asked, what is shown.

import { copied } from "./clipboard.js";
import { fittingNotices, worthReading } from "./fitting.js";
import { judgeBox, rememberJudge } from "./judging.js";
import { chooseLanguage, currentLanguage, setLanguage, t, translatePage, wordOf } from "./language.js";
import {
  blankQuestion,
  filtersInUse,
  fromAddress,
  readForm,
  STATUSES,
  toAddress,
  toRequest,
  withFilter,
  writeForm,
} from "./query.js";
import { showReadiness, watchReadiness } from "./readiness.js";
import { PROVINCES } from "./regions.js";
import { element, matchItems, offerToggles, problemNotice, resultNotices } from "./results.js";
import * as service from "./service.js";
import { EXAMPLES, WORDS } from "./words.js";

const TOAST_MS = 2500;

const byId = (id) => document.getElementById(id);
const form = byId("search");
const text = byId("text");

let asking = null; // the AbortController of the question under way; a newer question replaces and aborts it
let record = null; // {kind, id, title} when a record is what is asked with
// {result, query, narrowed, level, opened, snapshot, kind, milliseconds} or {problem}: kept so that a language switch
// needs no request. `opened` is whether the reader wants to see the nearest where nothing fits.
let shown = null;
let provenance = null; // the snapshot that the last answer came from
let addressLanguage = null; // kept in the address only where the reader put it there

// --- asking ---------------------------------------------------------------------------------------------------------

async function ask({ remember = true } = {}) {
  const question = readForm(form, record);
  const { request, mistakes } = toRequest(question);
  showMistakes(mistakes);
  if (mistakes.length) return;
  if (remember) history.pushState(null, "", toAddress(question, addressLanguage));
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  setBusy(true);
  const outcome = await outcomeOf(request, question, controller);
  if (asking !== controller) return; // a newer question has taken over; its answer is the one to show
  asking = null;
  setBusy(false);
  shown = outcome;
  provenance = outcome.snapshot ?? provenance;
  showOutcome();
  if (remember) bringIntoView(byId("results"));
  if (outcome.problem?.status === 503) watchReadiness(askAgain);
}

/** What the service makes of one question: its result or its problem; neither when the question was abandoned. */
async function outcomeOf(request, { target: kind, level }, controller) {
  try {
    const { answer, milliseconds } = await service.match(request, controller);
    const result = answer.results?.[0];
    if (!result) throw new service.Problem({ words: "badAnswer", values: { status: 200 } });
    if (result.error) throw new service.Problem({ body: result.error });
    const { queries, filter, must, must_not: mustNot } = request;
    const narrowed = Boolean(filter || must || mustNot);
    const { snapshot } = answer;
    return { result, query: queries[0], narrowed, level, opened: false, snapshot, kind, milliseconds };
  } catch (failure) {
    if (failure instanceof service.Problem) return { problem: failure };
    if (controller.signal.aborted) return {};
    throw failure;
  }
}

/** On a narrow screen the answer lies below the question: go there unless its head can be seen. */
function bringIntoView(section) {
  const { top } = section.getBoundingClientRect();
  if (top > window.innerHeight * 0.8 || top < 0) section.scrollIntoView();
}

/** Who asked before the service was ready gets the answer now, without asking again. */
function askAgain() {
  if (shown?.problem?.status === 503) ask({ remember: false });
}

/** Forget the question under way, if any: what it answers no longer fits what the page shows. */
function forget() {
  asking?.abort();
  asking = null;
  shown = null;
  setBusy(false);
}

function askWithRecord(kind, id, title) {
  setRecord({ kind, id, title });
  form.elements.target.value = kind;
  showTarget();
  ask();
  byId("results").focus({ preventScroll: true });
}

/** Ask again for what has a thing that the question names: its filter goes into the form, where it can be taken out. */
function keepTo(filter) {
  writeForm(form, withFilter(readForm(form, record), filter));
  showFilterCount();
  byId("filters").open = true;
  ask();
}

// --- showing --------------------------------------------------------------------------------------------------------

function setBusy(busy) {
  byId("results").setAttribute("aria-busy", String(busy));
  byId("submit").classList.toggle("busy", busy);
  byId("submit").firstElementChild.textContent = t(busy ? "working" : "submit");
}

function showOutcome() {
  const list = byId("matches");
  byId("blank").hidden = shown !== null;
  list.hidden = false;
  if (shown?.result) {
    const { result, kind, level, milliseconds } = shown;
    const { listed, below } = worthReading(result, level);
    const count = result.nothing_fits ? 0 : listed.length;
    byId("summary").textContent = t(count ? "summary" : "summaryNone", { n: count, kind: t(kind), ms: milliseconds });
    const notices = [...resultNotices(result, keepTo), ...fittingNotices(shown, below, { open: openNearest, showAll })];
    byId("notices").replaceChildren(...notices);
    const judge = (match, target, title) => judgeBox(match, target, title, shown);
    list.replaceChildren(...matchItems(listed, kind, { similar: askWithRecord, copy, judge }));
    list.hidden = result.nothing_fits && !shown.opened;
    offerToggles(list);
  } else {
    byId("summary").textContent = "";
    byId("notices").replaceChildren(...(shown ? [problemNotice(shown.problem)] : []));
    list.replaceChildren();
  }
  showProvenance();
}

/** Open the nearest records where nothing fits, or close them again. */
function openNearest() {
  shown.opened = !shown.opened;
  showOutcome();
  byId("notices").querySelector("[aria-controls]").focus(); // the button is another one now
}

function showAll() {
  form.elements.min_level.value = "none";
  ask();
}

function showProvenance() {
  byId("provenance").textContent = provenance
    ? t("provenance", { id: provenance.id, encoder: provenance.encoder, built: provenance.built_at })
    : t("noSnapshot");
}

function showMistakes(mistakes) {
  for (const spot of form.querySelectorAll(".field-error")) {
    spot.hidden = true;
    spot.textContent = "";
  }
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  for (const { field, words, values } of mistakes) {
    const spot = byId(field === "text" ? "text-error" : `e-${field}`);
    spot.textContent = t(words, values);
    spot.hidden = false;
    const control = field === "text" ? text : form.elements[field === "filed" ? "filed_from" : field];
    control.setAttribute("aria-invalid", "true");
  }
  if (!mistakes.length) return;
  if (mistakes.some(({ field }) => field !== "text")) byId("filters").open = true;
  form.querySelector("[aria-invalid]").focus();
}

function showTarget() {
  const target = form.elements.target.value;
  for (const field of form.querySelectorAll("[data-only]"))
    field.hidden = !field.dataset.only.split(" ").includes(target);
  fillSelect(form.elements.status, STATUSES[target], (code) =>
    wordOf(target === "firms" ? "firmStatuses" : "statuses", code),
  );
  showFilterCount();
}

function fillSelect(select, codes, words) {
  const chosen = select.value;
  select.replaceChildren(new Option(t("any"), ""), ...codes.map((code) => new Option(words(code), code)));
  select.value = codes.includes(chosen) ? chosen : "";
}

function showFilterCount() {
  const count = filtersInUse(readForm(form, record));
  const badge = byId("filter-count");
  badge.hidden = count === 0;
  badge.textContent = String(count);
  badge.setAttribute("aria-label", t("filtersOn", { n: count }));
}

function showText() {
  byId("count").textContent = text.value ? t("characters", { n: [...text.value].length }) : "";
  byId("examples").hidden = text.value.trim() !== "";
}

function setRecord(next) {
  record = next;
  byId("text-query").hidden = next !== null;
  byId("record-query").hidden = next === null;
  showRecord();
}

function showRecord() {
  if (!record) return;
  byId("record-kind").textContent = t(
    { patents: "recordPatent", needs: "recordNeed", firms: "recordFirm" }[record.kind],
  );
  byId("record-title").textContent = record.title ?? "";
  byId("record-id").textContent = record.id;
}

/** The title of a record that an address names; the match itself reports a record that does not exist. */
async function fetchRecordTitle(wanted) {
  let title;
  try {
    const found = await service.record(wanted.kind, wanted.id, new AbortController());
    title = found.title || found.name;
  } catch (failure) {
    if (!(failure instanceof service.Problem)) throw failure;
    return;
  }
  if (record === wanted) setRecord({ ...wanted, title });
}

let toastTimer = 0;
function toast(words) {
  const spot = byId("toast");
  spot.textContent = words;
  spot.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    spot.hidden = true;
  }, TOAST_MS);
}

async function copy(id) {
  toast(t((await copied(id)) ? "copied" : "copyFailed", { id }));
}

// --- the page itself ------------------------------------------------------------------------------------------------

function showLanguage() {
  translatePage();
  const button = byId("language");
  button.textContent = t("otherLanguage");
  button.lang = currentLanguage() === "zh" ? "en" : "zh-CN";
  for (const [name, table] of [
    ["holder_type", "holderTypes"],
    ["licence", "licences"],
    ["text_lang", "languages"],
  ])
    fillChecks(name, table);
  const names = PROVINCES.map(([code, zh, en]) => new Option(code, currentLanguage() === "zh" ? zh : en));
  byId("provinces").replaceChildren(...names);
  showTarget();
  showText();
  showRecord();
  showReadiness();
  setBusy(asking !== null);
  showOutcome();
}

function fillChecks(name, table) {
  const box = form.querySelector(`[data-options="${name}"]`);
  const chosen = [...box.querySelectorAll("input:checked")].map((input) => input.value);
  const boxes = Object.keys(WORDS.zh[table]).map((code) =>
    element(
      "label",
      {},
      element("input", { type: "checkbox", name, value: code, checked: chosen.includes(code) }),
      element("span", {}, wordOf(table, code)),
    ),
  );
  box.replaceChildren(...boxes);
}

function fillExamples() {
  const items = EXAMPLES.map(({ lang, text: words }) => {
    const choose = () => {
      text.value = words;
      showText();
      ask();
    };
    return element("li", {}, element("button", { type: "button", className: "chip", lang, onclick: choose }, words));
  });
  byId("examples")
    .querySelector("ul")
    .replaceChildren(...items);
}

/** Show the question of the address, and ask it where there is one. */
function followAddress() {
  forget();
  const question = fromAddress(location);
  writeForm(form, question);
  setRecord(question.record);
  showTarget();
  writeForm(form, question); // again: the choices of status depend on the target
  showText();
  showFilterCount();
  if (filtersInUse(question)) byId("filters").open = true;
  showOutcome();
  if (record) fetchRecordTitle(record);
  if (record || question.text.trim()) ask({ remember: false });
}

function listen() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask();
    }
  });
  form.addEventListener("input", () => {
    showText();
    showFilterCount();
  });
  for (const radio of form.elements.target) {
    radio.addEventListener("change", () => {
      showTarget();
      if (record || (shown && text.value.trim())) ask();
    });
  }
  for (const control of [form.elements.collapse, form.elements.min_level]) {
    control.addEventListener("change", () => {
      if (shown) ask();
    });
  }
  byId("record-clear").addEventListener("click", () => {
    setRecord(null);
    text.focus();
  });
  byId("filters-clear").addEventListener("click", () => {
    writeForm(form, { ...readForm(form, record), fields: {} });
    showMistakes([]);
    showFilterCount();
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address's "#" part may hold a long question
    byId("results").focus();
  });
  byId("home").addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState(null, "", location.pathname);
    followAddress();
    text.focus();
  });
  byId("language").addEventListener("click", () => {
    setLanguage(currentLanguage() === "zh" ? "en" : "zh", { remember: true });
    if (addressLanguage) {
      addressLanguage = currentLanguage();
      const address = new URL(location);
      address.searchParams.set("lang", addressLanguage);
      history.replaceState(null, "", address);
    }
    showLanguage();
  });
  window.addEventListener("popstate", followAddress);
  let resized = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(resized);
    resized = requestAnimationFrame(() => offerToggles(byId("matches")));
  });
}

chooseLanguage(location.search);
addressLanguage = new URLSearchParams(location.search).get("lang") && currentLanguage();
fillExamples();
rememberJudge();
writeForm(form, blankQuestion());
showLanguage();
listen();
followAddress();
watchReadiness(askAgain);

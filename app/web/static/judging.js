// A judge's word on one match: four buttons, and what the service has kept of it.

import { t, wordOf } from "./language.js";
import { RECORD_FIELDS } from "./query.js";
import { element, problemSentence } from "./results.js";
import * as service from "./service.js";
import { WORDS } from "./words.js";

const NAME_KEY = "patmatch.judge"; // remembered on this machine
const TOKEN_KEY = "patmatch.token"; // for this window only

const saved = new Map(); // pair -> the level that the service has kept since the page was opened
const byId = (id) => document.getElementById(id);

/** What a judgement of this match is about, as the service takes it; `null` where no need meets a patent. */
export function judgedPair(query, kind, id) {
  if (kind !== "patents") return query.patent_id ? { patent_id: query.patent_id, [RECORD_FIELDS[kind]]: id } : null;
  if (query.text) return { query_text: query.text, patent_id: id };
  for (const field of ["need_id", "firm_id"]) if (query[field]) return { [field]: query[field], patent_id: id };
  return null;
}

/** The buttons of one match; `shown` is the answer that it is from, with the query and the snapshot. */
export function judgeBox(match, kind, title, shown) {
  const pair = judgedPair(shown.query, kind, match.id);
  if (!pair) return null;
  const key = JSON.stringify(pair);
  const state = element("span", { className: "judge-state", attributes: { role: "status" } });
  const buttons = Object.keys(WORDS.zh.levels).map((level) =>
    element(
      "button",
      { type: "button", className: "judge", attributes: { "data-level": level, "aria-pressed": "false" } },
      wordOf("levels", level),
    ),
  );
  const show = (level, words, failed) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.level === level));
    state.textContent = words;
    state.classList.toggle("judge-failed", failed);
  };
  const told = (level) => (level ? t("judged", { level: wordOf("levels", level) }) : "");
  for (const button of buttons) {
    button.onclick = async () => {
      const { level } = button.dataset;
      show(level, t("judging.saving"), false);
      const { rank, score } = match;
      const problem = await save({ event: "level", level, ...pair, rank, score, ranking: shown.snapshot?.id });
      if (!problem) saved.set(key, level);
      show(saved.get(key), problem ? problemSentence(problem) : told(level), problem !== null);
      if (problem?.status === 401) askForToken();
    };
  }
  show(saved.get(key), told(saved.get(key)), false);
  const label = t("judging.of", { title });
  return element("div", { className: "judges", attributes: { role: "group", "aria-label": label } }, ...buttons, state);
}

/** Send one judgement; `null` once it is on the service's disk, else the problem. */
async function save(judgement) {
  const by = byId("judge-name").value.trim();
  try {
    await service.feedback(by ? { ...judgement, by } : judgement, byId("judge-token").value, new AbortController());
    return null;
  } catch (failure) {
    if (failure instanceof service.Problem) return failure;
    throw failure;
  }
}

function askForToken() {
  byId("judging").open = true;
  byId("judge-token").focus();
}

/** Fill in what was remembered of the judge, and remember what is typed. */
export function rememberJudge() {
  for (const [id, key, storage] of [
    ["judge-name", NAME_KEY, "localStorage"],
    ["judge-token", TOKEN_KEY, "sessionStorage"],
  ]) {
    const input = byId(id);
    try {
      input.value = window[storage].getItem(key) ?? "";
    } catch {
      // Storage may be forbidden by policy; both are typed again at the next visit.
    }
    input.addEventListener("change", () => {
      try {
        window[storage].setItem(key, input.value);
      } catch {
        // as above
      }
    });
  }
}

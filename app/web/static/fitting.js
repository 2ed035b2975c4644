// How much of an answer is worth reading: what reaches the lowest level shown, and whether anything fits at all.

import { t, wordOf } from "./language.js";
import { element, notice } from "./results.js";

export const LEVELS = ["none", "weak", "fairly_strong", "strong"]; // from the least
export const LOWEST_SHOWN = "weak"; // What an address says nothing of: a list of unrelated records is no help.

/** The matches to list and how many are below the level. Where nothing fits all are listed, as the nearest there are,
 * and where the question names a number, holder or class that the bank has: what has it need not fit the rest. */
export function worthReading({ matches, nothing_fits: nothing, recognised = [] }, level) {
  const all = nothing || recognised.some(({ found }) => found);
  const listed = all ? matches : matches.filter((match) => LEVELS.indexOf(match.level) >= LEVELS.indexOf(level));
  return { listed, below: matches.length - listed.length };
}

/** What is said above the list: that nothing fits, with the button `open` shows the nearest by, or how many are below
 * the level, with the button `showAll` lists them by. */
export function fittingNotices({ result, query, narrowed, kind, level, opened }, below, { open, showAll }) {
  if (result.nothing_fits) return [nothingFits(result, sentenceOf(query, narrowed, kind), kind, opened, open)];
  if (!below) return [];
  const all = element("button", { type: "button", className: "chip", onclick: showAll }, t("below.show"));
  return [notice("info", element("p", {}, t("below.words", { n: below, level: wordOf("atLeast", level) }), " ", all))];
}

function nothingFits({ no_match_probability: probability, matches }, sentence, kind, opened, open) {
  const percent = Math.min(99, Math.round(100 * probability)); // it is an estimate, never a certainty
  const button = element(
    "button",
    {
      type: "button",
      className: "chip",
      onclick: open,
      attributes: { "aria-expanded": String(opened), "aria-controls": "matches" },
    },
    t(opened ? "nothingFits.close" : "nothingFits.open", { n: matches.length, kind: t(kind) }),
  );
  return element(
    "div",
    { className: "notice notice-warn nothing-fits" },
    element("p", {}, element("strong", {}, sentence), " ", t("nothingFits.probability", { percent })),
    matches.length ? element("p", {}, t("nothingFits.nearest"), " ", button) : null,
  );
}

/** A need that nothing fits is said so in these words; any other question in words that hold for all. */
function sentenceOf(query, narrowed, kind) {
  const isNeed = kind === "patents" && !query.patent_id && !query.firm_id;
  const which = `${isNeed ? "need" : "other"}${narrowed ? "Narrowed" : ""}`;
  return t(`nothingFits.${which}`, { kind: t(kind) });
}

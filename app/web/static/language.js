// Which language the page speaks, and how its words are put in.

import { WORDS } from "./words.js";

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

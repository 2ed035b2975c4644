// Whether the service can answer yet, asked again until it can.

import { t } from "./language.js";
import { element, readinessReasons } from "./results.js";
import * as service from "./service.js";

const POLL_MS = 5000; // A model loads in seconds; a reader who waits should not have to reload the page.
const READY_SHOWN_MS = 2500;

let problem = null;
let timer = 0;

/** Ask until the service is ready, and call `whenReady` if it was not before. */
export async function watchReadiness(whenReady) {
  clearTimeout(timer);
  const waited = problem !== null;
  problem = await service.notReady();
  showReadiness(waited && problem === null);
  if (!problem && waited) whenReady();
  if (problem) timer = setTimeout(() => watchReadiness(whenReady), POLL_MS);
}

/** Say what is known of it, in the page's language. */
export function showReadiness(justReady = false) {
  const spot = document.getElementById("readiness");
  spot.hidden = problem === null && !justReady;
  spot.className = `notice notice-${problem ? "warn" : "info"}`;
  if (problem) {
    const unreachable = problem.status === 0;
    spot.replaceChildren(
      element("p", {}, element("strong", {}, t(unreachable ? "unreachable" : "notReady"))),
      ...(unreachable ? [] : readinessReasons(problem)),
    );
  } else if (justReady) {
    spot.replaceChildren(t("readyAgain"));
    setTimeout(() => showReadiness(), READY_SHOWN_MS);
  }
}

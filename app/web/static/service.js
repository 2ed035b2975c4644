// Talking to the service. Every failure becomes a Problem that the page can show in its language.

// A short need takes milliseconds; one of 3,000 characters, on a busy machine, many seconds. Past this something is wrong.
const TIMEOUT_SECONDS = 60;

/** What went wrong, as the service (RFC 9457) or the browser says it. `words` is a key of the page's own words. */
export class Problem extends Error {
  constructor({ words = null, values = {}, body = null, status = 0 }) {
    super(words ?? body?.detail ?? `HTTP ${status}`);
    this.words = words;
    this.values = values;
    this.body = body;
    this.status = status;
  }
}

/**
 * Ask one query. Aborting `controller` rejects with the browser's AbortError: the answer is no longer wanted.
 * @returns {{answer: object, milliseconds: number}} the service's answer and how long it took from here.
 * @throws {Problem} for every other failure.
 */
export async function match(request, controller) {
  const started = performance.now();
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) };
  const answer = await fetchJson("v1/match", options, controller);
  return { answer, milliseconds: Math.round(performance.now() - started) };
}

/** One record by its kind ("patents") and id. */
export const record = (kind, id, controller) => fetchJson(`v1/${kind}/${encodeURIComponent(id)}`, {}, controller);

/**
 * Record one judgement; it is on the disk when this returns.
 * @throws {Problem} where the service did not take it.
 */
export function feedback(judgement, token, controller) {
  const headers = { "Content-Type": "application/json" };
  // A header is bytes: those of UTF-8, which is what the service compares.
  if (token) headers.Authorization = `Bearer ${String.fromCharCode(...new TextEncoder().encode(token))}`;
  return fetchJson("v1/feedback", { method: "POST", headers, body: JSON.stringify(judgement) }, controller);
}

/** `null` when the service can answer, else the Problem that says why it cannot. */
export async function notReady() {
  try {
    await fetchJson("readyz", { cache: "no-store" }, new AbortController());
    return null;
  } catch (problem) {
    if (problem instanceof Problem) return problem;
    throw problem;
  }
}

async function fetchJson(path, options, controller) {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, TIMEOUT_SECONDS * 1000);
  try {
    const response = await fetch(path, { ...options, signal: controller.signal });
    return parse(response, await response.text());
  } catch (failure) {
    if (failure instanceof Problem) throw failure;
    if (late) throw new Problem({ words: "timeout", values: { seconds: TIMEOUT_SECONDS } });
    if (controller.signal.aborted) throw failure;
    throw new Problem({ words: "offline" });
  } finally {
    clearTimeout(timer);
  }
}

function parse(response, text) {
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's HTML page, say: reported below with its status.
  }
  if (body === null || typeof body !== "object") {
    throw new Problem({ words: "badAnswer", values: { status: response.status }, status: response.status });
  }
  if (!response.ok) throw new Problem({ body, status: response.status });
  return body;
}

// What a person does about alerts, told to the API. Of two at once the second is told by it.

import { page, text } from "../page.js";

/** More than the board can hold of a group, and as many as one request takes. */
const AT_ONCE = 10_000;

/** The API said no: `message` is for the person, `isOutdated` says that the alert has to be read again. */
export class Refused extends Error {
  constructor(message, isOutdated) {
    super(message);
    this.isOutdated = isOutdated;
  }
}

export async function ask(method, url, { body, version } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": page.csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => null);
  if (answer === null) throw new Refused(text("failed"), false);
  if (answer.status === 401) window.location.assign(page.urls.login);
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.json();
}

async function refusal(answer) {
  const told = await answer.json().catch(() => ({}));
  const isOutdated = answer.status === 409 || answer.status === 412;
  if (isOutdated && told.code !== "already_registered") return new Refused(text("changed_meanwhile"), true);
  return new Refused(page.text[`refused_${told.code}`] ?? text("refused"), false);
}

function urlOf(alert, what = "") {
  return `${page.urls.alerts}/${encodeURIComponent(alert.id)}${what}`;
}

export function read(id) {
  return ask("GET", urlOf({ id }));
}

export function acknowledge(alert) {
  return ask("POST", urlOf(alert, "/acknowledge"), { body: {} });
}

/** Acknowledges all of them; each answer is what has become known: `{id, acknowledged_at_ms, version}`. */
export async function acknowledgeAll(alerts) {
  const answers = [];
  for (let start = 0; start < alerts.length; start += AT_ONCE) {
    const ids = alerts.slice(start, start + AT_ONCE).map((alert) => alert.id);
    answers.push(...(await ask("POST", `${page.urls.alerts}/acknowledge`, { body: { alert_ids: ids } })).alerts);
  }
  return answers;
}

export function assign(alert, assigneeId) {
  return ask("POST", urlOf(alert, "/assign"), { body: { assignee_id: assigneeId }, version: alert.version });
}

export function escalate(alert, reason) {
  return ask("POST", urlOf(alert, "/escalate"), { body: { reason }, version: alert.version });
}

export function resolve(alert, reason) {
  return ask("POST", urlOf(alert, "/resolve"), { body: { reason }, version: alert.version });
}

export async function comment(alert, words) {
  await ask("POST", urlOf(alert, "/comments"), { body: { text: words } });
  return read(alert.id);
}

/** Every comment, the oldest first. */
export async function comments(alert) {
  const found = [];
  let cursor = null;
  do {
    const more = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await ask("GET", `${urlOf(alert, "/comments")}?limit=500${more}`);
    found.push(...answer.items);
    cursor = answer.next_cursor;
  } while (cursor !== null);
  return found;
}

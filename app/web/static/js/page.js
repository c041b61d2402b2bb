// What the server says to this page: language, addresses and texts (see page_text.py).

const source = document.getElementById("page-data");

export const page = JSON.parse(source.textContent);

/** The text for `key`, with `{name}` replaced from `values`. A missing key is a bug and shows as such. */
export function text(key, values = {}) {
  const template = page.text[key];
  if (template === undefined) throw new Error(`no text for ${key}`);
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** The localised name of a finding code; the code itself for one that this page does not know. */
export function findingName(code) {
  return page.findings[code]?.name ?? code;
}

export function findingDescription(code) {
  return page.findings[code]?.description ?? "";
}

/** Picks the page's language from `{zh, en}`; an absent place is `null`. */
export function localised(names) {
  if (!names) return null;
  return names[page.language] || names.zh || names.en || null;
}

const shanghaiTime = new Intl.DateTimeFormat(page.locale, {
  timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const shanghaiDay = new Intl.DateTimeFormat(page.locale, {
  timeZone: "Asia/Shanghai", month: "short", day: "numeric",
});

/** A <time> element: Asia/Shanghai to read, UTC on hover. */
export function timeElement(timestampMs) {
  const when = new Date(timestampMs);
  const element = document.createElement("time");
  const sameDay = shanghaiDay.format(when) === shanghaiDay.format(new Date());
  element.textContent = sameDay ? shanghaiTime.format(when) : `${shanghaiDay.format(when)} ${shanghaiTime.format(when)}`;
  element.dateTime = when.toISOString();
  element.title = `${when.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return element;
}

/** A new element with a class and text; text is never read as HTML. */
export function element(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== undefined && content !== null) node.textContent = content;
  return node;
}

/** One of the page's own drawings (templates/_icons.html) as an <svg>. */
export function icon(name, className) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

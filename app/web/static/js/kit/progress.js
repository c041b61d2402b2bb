// Long work: asks an address for {state, done, total, text, next} until the work is done or has failed.
const PERIOD_MS = 700;
const PERIOD_LOST_MS = 4000;

export async function followProgress(element) {
  const [bar, text] = [element.querySelector("progress"), element.querySelector("[data-progress-text]")];
  for (;;) {
    const report = await ask(element.dataset.progress);
    if (report) show(element, bar, text, report);
    else text.textContent = element.dataset.lost;
    if (report && report.state !== "running") return;
    await new Promise((wake) => setTimeout(wake, report ? PERIOD_MS : PERIOD_LOST_MS));
  }
}

async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // no network: shown as lost, and asked again
  }
}

function show(element, bar, text, report) {
  if (report.total > 0) {
    bar.max = report.total;
    bar.value = report.done;
  }
  if (report.text && report.text !== text.textContent) text.textContent = report.text;
  element.classList.toggle("is-failed", report.state === "failed");
  if (report.state === "done" && report.next && isHere(report.next)) location.assign(report.next);
}

function isHere(address) {
  return new URL(address, location.href).origin === location.origin;
}

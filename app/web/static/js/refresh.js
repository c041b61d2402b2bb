// Keeps the parts of a page that are marked data-refreshed as the server shows them now, for as long as it is looked at.

const EVERY_MS = 2_000;

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(`answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-refreshed]")) {
    const newer = fresh.querySelector(`[data-refreshed="${part.dataset.refreshed}"]`);
    if (newer !== null && newer.innerHTML !== part.innerHTML) part.replaceChildren(...newer.childNodes);
  }
}

async function keep() {
  if (!document.hidden) {
    try {
      await refresh();
    } catch {
      // The next look may find the platform again; what is shown is what was known.
    }
  }
  setTimeout(keep, EVERY_MS);
}

setTimeout(keep, EVERY_MS);

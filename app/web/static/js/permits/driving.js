// Keeps the first tile of a permit's page at the number of its vehicles that are on the move.

const EVERY_MS = 5_000;
const UNKNOWN = "–";
const url = document.getElementById("driving-script").dataset.url;
const tile = document.querySelector(".tile-value");

async function look() {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const { driving, of } = await answer.json();
  tile.textContent = `${driving} / ${of}`;
}

// What cannot be asked is not known: an old number would look like a present one.
setInterval(() => { if (!document.hidden) look().catch(() => { tile.textContent = UNKNOWN; }); }, EVERY_MS);

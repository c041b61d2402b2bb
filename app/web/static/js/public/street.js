// On my street. The visitor's position is compared with the places here, in the browser; it is never sent.

const METRES_PER_DEGREE = 111_320;
const NEAR_M = 5_000;
const OFFERED = 4;
const LOOK_AGAIN_MS = 15_000;
/** What lies beneath the places: without its streets, the city plan is calm. From the bottom up. */
const BENEATH = ["land", "water", "green"];

/** Distance in metres from a point to a segment, in a plane around the point; for naming places only. */
function toSegment([ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, -(ax * dx + ay * dy) / length)) : 0;
  return Math.hypot(ax + t * dx, ay + t * dy);
}

function isInside(ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i], ring[j]];
    if (yi > 0 !== yj > 0 && ((xj - xi) * -yi) / (yj - yi) + xi > 0) inside = !inside;
  }
  return inside;
}

function paths({ type, coordinates }) {
  if (type === "LineString") return [coordinates];
  if (type === "MultiLineString" || type === "Polygon") return coordinates;
  return type === "MultiPolygon" ? coordinates.flat() : [];
}

function distance(place, lat, lng) {
  const scale = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180);
  const isArea = place.geometry.type.endsWith("Polygon");
  let nearest = Infinity;
  for (const path of paths(place.geometry)) {
    const plane = path.map(([x, y]) => [(x - lng) * scale, (y - lat) * METRES_PER_DEGREE]);
    if (isArea && isInside(plane)) return 0;
    for (let i = 1; i < plane.length; i++) nearest = Math.min(nearest, toSegment(plane[i - 1], plane[i]));
  }
  return Math.max(0, nearest - place.halfWidthM);
}

function say(box, text) {
  box.hidden = false;
  box.replaceChildren(Object.assign(document.createElement("p"), { textContent: text }));
}

function offer(box, places, lat, lng) {
  const found = places
    .map((place) => ({ place, metres: distance(place, lat, lng) }))
    .filter(({ metres }) => metres <= NEAR_M)
    .sort((a, b) => a.metres - b.metres)
    .slice(0, OFFERED);
  if (!found.length) return say(box, box.dataset.far);
  say(box, box.dataset.title);
  const list = document.createElement("ul");
  for (const { place, metres } of found) {
    const item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: place.url, textContent: place.name });
    item.append(link, ` ${metres < 1_000 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1_000).toFixed(1)} km`}`);
    list.append(item);
  }
  box.append(list);
}

async function features(url) {
  const answer = await fetch(url, { headers: { Accept: "application/geo+json" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return (await answer.json()).features;
}

/** A feature of the zones as the rest of this page takes it. */
function placeOf({ geometry, properties }, frame) {
  const { id, kind, names, half_width_m } = properties;
  const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  const url = frame.dataset.placeUrl?.replace("ZONE", encodeURIComponent(id));
  return { kind, geometry, url, name: names[language], halfWidthM: half_width_m ?? 0 };
}

function open(frame) {
  const map = L.map(frame, { attributionControl: false, zoomSnap: 0.5, scrollWheelZoom: false, keyboard: false, zoomControl: false });
  map.createPane("beneath").style.zIndex = "250";
  L.control.zoom({ zoomInTitle: frame.dataset.zoomIn, zoomOutTitle: frame.dataset.zoomOut }).addTo(map);
  map.setView([22.53, 113.896], 14);
  return map;
}

function drawCity(map, city) {
  for (const kind of BENEATH) {
    const members = { type: "FeatureCollection", features: city.filter(({ properties }) => properties.kind === kind) };
    L.geoJSON(members, { style: { className: `beneath beneath-${kind}` }, interactive: false, pane: "beneath" }).addTo(map);
  }
}

function drawPlaces(map, places) {
  const drawn = L.featureGroup().addTo(map);
  for (const place of places) {
    const isLine = place.geometry.type.endsWith("LineString");
    const className = `place place-${place.kind}${isLine ? " place-line" : ""}`;
    const shape = L.geoJSON(place.geometry, { style: { className } }).addTo(drawn);
    // A node, not a text: Leaflet would take a text for markup.
    shape.bindTooltip(() => Object.assign(document.createElement("span"), { textContent: place.name }), { sticky: true });
  }
  if (places.length) map.fitBounds(drawn.getBounds(), { padding: [18, 18], maxZoom: 15.5, animate: false });
}

function locate(places, near) {
  const box = document.querySelector("[data-locate]");
  if (!box || !near || !("geolocation" in navigator)) return;
  box.hidden = false;
  box.querySelector("[data-locate-button]").addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => offer(near, places, coords.latitude, coords.longitude),
      () => say(near, near.dataset.failed),
      { timeout: 15_000, maximumAge: 60_000 },
    );
  });
}

function filterWhileTyping(input) {
  const items = [...document.querySelectorAll(`${input.dataset.filter} li[data-text]`)];
  const nothing = document.querySelector("[data-nothing]");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const item of items) item.hidden = !item.dataset.text.toLowerCase().includes(wanted);
    for (const box of document.querySelectorAll(`${input.dataset.filter} .box`)) {
      box.hidden = !box.querySelector("li[data-text]:not([hidden])");
    }
    if (nothing) nothing.hidden = items.some((item) => !item.hidden);
  });
}

function keepUp(section) {
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(section.dataset.now, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { now } = await answer.json();
      section.querySelector("[data-road]").textContent = now.road;
      section.querySelector("[data-air]").textContent = now.air;
    } catch {
      // The next look may succeed; the numbers on the page say that they are late anyway.
    }
  };
  setInterval(look, LOOK_AGAIN_MS);
}

const frame = document.querySelector("[data-street-map]");
const near = document.querySelector("[data-near]");
async function show(frame) {
  const map = open(frame);
  const city = features(frame.dataset.city).then((found) => drawCity(map, found));
  const found = frame.dataset.place ? [JSON.parse(frame.dataset.place)] : await features(frame.dataset.zones);
  const places = found.map((feature) => placeOf(feature, frame));
  drawPlaces(map, places);
  if (near) map.on("click", ({ latlng }) => offer(near, places, latlng.lat, latlng.lng));
  locate(places, near);
  await city;
  frame.dataset.drawn = "whole";
}

if (frame) {
  show(frame).catch((error) => {
    console.error(error);
    frame.after(Object.assign(document.createElement("p"), { className: "message is-bad", role: "alert", textContent: frame.dataset.failed }));
  });
}
const search = document.querySelector("[data-filter]");
if (search) filterWhileTyping(search);
const now = document.querySelector("[data-now]");
if (now) keepUp(now);

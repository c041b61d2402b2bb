// Names of the test roads, written along them.

import { element, localised, page } from "./page.js";

const WHERE_ALONG = [[0.5, "is-first"], [0.16, "is-more"], [0.84, "is-more"]];

/** The point at `share` of the line's length, and the line's direction there in screen degrees. */
function along(line, share) {
  const stretch = Math.cos((line[0][1] * Math.PI) / 180);
  const lengths = line.slice(1).map(([lon, lat], i) => Math.hypot((lon - line[i][0]) * stretch, lat - line[i][1]));
  let left = share * lengths.reduce((sum, length) => sum + length, 0);
  let part = 0;
  while (part < lengths.length - 1 && left > lengths[part]) left -= lengths[part++];
  const [from, to] = [line[part], line[part + 1]];
  const way = lengths[part] === 0 ? 0 : left / lengths[part];
  const angle = (Math.atan2(from[1] - to[1], (to[0] - from[0]) * stretch) * 180) / Math.PI;
  return { lat: from[1] + way * (to[1] - from[1]), lon: from[0] + way * (to[0] - from[0]), angle };
}

/** Text is never upside down: a direction and its opposite read the same. */
function readable(angle) {
  if (angle > 90) return angle - 180;
  return angle <= -90 ? angle + 180 : angle;
}

/** Fetches the zones in force and adds the names of roads to the map; resolves to what is known of each zone. */
export async function nameRoads(map) {
  const answer = await fetch(page.urls.centrelines, { headers: { Accept: "application/geo+json" } });
  if (!answer.ok) throw new Error(`centre lines: ${answer.status}`);
  const { features } = await answer.json();
  for (const { geometry, properties } of features) {
    if (properties.kind !== "test_road" || geometry.type !== "LineString") continue;
    for (const [share, className] of WHERE_ALONG) {
      const { lat, lon, angle } = along(geometry.coordinates, share);
      const name = element("span", "", localised(properties.names));
      name.style.transform = `translate(-50%, -50%) rotate(${readable(angle).toFixed(1)}deg)`;
      const icon = L.divIcon({ className: `road-name ${className}`, html: name, iconSize: [0, 0] });
      L.marker([lat, lon], { icon, interactive: false, keyboard: false, pane: "city-labels" }).addTo(map);
    }
  }
  return features.map(({ properties }) => properties);
}

// The plain base map: areas, then roads twice (a wide casing under all of them, then the carriageway), then names.
// A classic script, as folium's own is: zones.js calls it while folium draws the map.

window.pilotageCity = (features, layer, language) => {
  const areas = ["land", "water", "green", "district"];
  const roads = ["road_minor", "road_major"];
  const ofKind = (kind) => features.filter(({ properties }) => properties.kind === kind);

  function add(kind, className) {
    const members = { type: "FeatureCollection", features: ofKind(kind) };
    L.geoJSON(members, { style: { className }, interactive: false, pane: "city" }).addTo(layer);
  }

  function name({ geometry, properties }) {
    const [lon, lat] = geometry.coordinates;
    const text = document.createElement("span");
    text.textContent = properties[`name_${language}`];
    const icon = L.divIcon({ html: text, iconSize: [0, 0], className: `city-label city-label-${properties.rank ?? "place"}` });
    L.marker([lat, lon], { icon, interactive: false, keyboard: false, pane: "city-labels" }).addTo(layer);
  }

  for (const kind of areas) add(kind, `city city-${kind}`);
  for (const part of ["casing", "fill"]) for (const kind of roads) add(kind, `city city-${kind} is-${part}`);
  ofKind("place").forEach(name);
};

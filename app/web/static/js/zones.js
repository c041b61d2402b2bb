// Called by folium's script while it draws the map. A classic script, as folium's own is. The zones and the city
// plan are asked for at once, and drawn when they are there; the browser keeps both from page to page.

window.pilotage = (() => {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const zones = features(data.urls.zones);
  const city = features(data.urls.city);

  async function features(url) {
    const answer = await fetch(url, { headers: { Accept: "application/geo+json" } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return (await answer.json()).features;
  }

  function line(parent, className, content) {
    const node = document.createElement("div");
    node.className = className;
    node.textContent = content;
    parent.append(node);
  }

  function band({ lower, upper, datum, unit }) {
    const from = lower ?? null;
    const to = upper ?? null;
    if (from === null && to === null) return "";
    const limits = from === null ? `≤ ${to}` : to === null ? `≥ ${from}` : `${from}–${to}`;
    return `${limits} ${unit ?? "m"} ${datum ?? ""}`;
  }

  function describe({ properties }) {
    const box = document.createElement("div");
    const names = properties.names ?? {};
    line(box, "zone-name", names[data.language] || names.zh || names.en || String(properties.id));
    line(box, "zone-kind", data.text[`zone_${properties.kind}`]);
    if (properties.band) line(box, "zone-fact", band(properties.band));
    if (Number.isFinite(properties.speed_limit_mps)) {
      line(box, "zone-fact", `≤ ${Math.round(properties.speed_limit_mps * 3.6)} km/h`);
    }
    return box;
  }

  /** The zoom as data-zoom: map.css scales the base map and the vehicles by it. */
  function followZoom(map) {
    const container = map.getContainer();
    const tell = () => { container.dataset.zoom = String(Math.floor(map.getZoom())); };
    map.on("zoomend", tell);
    tell();
  }

  /** The legend is written by the server and only moved into the map's corner. */
  function addLegend(map) {
    const legend = L.control({ position: "bottomleft" });
    legend.onAdd = () => {
      const node = document.getElementById("legend");
      node.hidden = false;
      node.open = !window.matchMedia("(max-width: 760px)").matches;
      L.DomEvent.disableClickPropagation(node);
      L.DomEvent.disableScrollPropagation(node);
      return node;
    };
    legend.addTo(map);
  }

  /** Leaflet's own buttons speak English; these speak the page's language. */
  function label(node, key) {
    node?.setAttribute("aria-label", data.text[key]);
    node?.setAttribute("title", data.text[key]);
  }

  function nameButtons(map) {
    const container = map.getContainer();
    label(container.querySelector(".leaflet-control-zoom-in"), "zoom_in");
    label(container.querySelector(".leaflet-control-zoom-out"), "zoom_out");
    label(container.querySelector(".leaflet-control-layers-toggle"), "layers");
    map.on("popupopen", ({ popup }) => label(popup.getElement().querySelector(".leaflet-popup-close-button"), "close"));
  }

  /** Colours are in map.css; only the hatching is named here, a fill of the page's own drawings. */
  function style({ properties }) {
    const hatched = properties.kind === "restricted" ? { fillColor: "url(#hatch-restricted)", fillOpacity: 1 } : {};
    return { className: `zone zone-${properties.kind}`, ...hatched };
  }

  /** Each kind goes to its layer, in the order of the layers: what matters most is drawn last. */
  function drawZones(found, layers) {
    for (const [kind, layer] of Object.entries(layers)) {
      layer.clearLayers();
      const members = found.filter(({ properties }) => properties.kind === kind);
      const onEachFeature = (feature, shape) =>
        shape.bindTooltip(() => describe(feature), { sticky: true, className: "zone-tooltip", opacity: 1 });
      L.geoJSON({ type: "FeatureCollection", features: members }, { style, onEachFeature, smoothFactor: 0.5, pane: "zones" }).addTo(layer);
    }
  }

  /** A map that lacks something must not look whole. */
  function sayIncomplete(map, error) {
    console.error(error);
    const notice = L.control({ position: "topleft" });
    notice.onAdd = () => {
      const node = document.createElement("p");
      node.className = "map-incomplete";
      node.setAttribute("role", "alert");
      node.textContent = data.text.map_incomplete;
      return node;
    };
    notice.addTo(map);
  }

  let furnished = null;

  return {
    /** Draws these zones in the place of those that the map shows; once it is furnished. */
    show(found) { return zones.then(() => drawZones(found, furnished), () => drawZones(found, furnished)); },
    /** The zones in force as GeoJSON features; rejected when they cannot be had. */
    zones,
    furnish(map, cityLayer, zoneLayers) {
      furnished = zoneLayers;
      const drawn = [
        city.then((found) => window.pilotageCity(found, cityLayer, data.language)),
        zones.then((found) => drawZones(found, zoneLayers)),
      ];
      Promise.all(drawn).then(() => { map.getContainer().dataset.drawn = "whole"; }, (error) => sayIncomplete(map, error));
      followZoom(map);
      addLegend(map);
      nameButtons(map);
      L.control.scale({ position: "bottomleft", imperial: false }).addTo(map);
    },
  };
})();

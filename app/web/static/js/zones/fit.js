// Shows bounds whole, at once; what is small is not blown up to the last zoom.

export function fit(map, bounds) {
  if (!bounds.isValid()) return;
  map.stop(); // folium's own fit may still be on its way
  map.fitBounds(bounds, { padding: [36, 36], maxZoom: 17, animate: false });
}

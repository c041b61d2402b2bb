// Shows bounds whole, at once, or else what is around; what is small is not blown up to the last zoom.

export function fit(map, bounds, around = null) {
  const seen = bounds.isValid() ? bounds : around;
  if (seen) map.fitBounds(seen, { padding: [36, 36], maxZoom: 17, animate: false });
}

/* Distances, directions and the rule, on embeddings of length 1: what frlib.geometry computes for the cosine metric. */

const dot = (p, q) => p.reduce((sum, value, k) => sum + value * q[k], 0);

/* A vector divided by its length; one of zeros stays. */
function unit(vector) {
  const length = Math.sqrt(dot(vector, vector));
  return Float64Array.from(vector, (value) => (length > 0 ? value / length : 0));
}

/* Rows of a flat list. */
function rowsOf(flat, dim) {
  return Array.from({ length: flat.length / dim }, (_, i) => flat.subarray(i * dim, (i + 1) * dim));
}

/* 1 - cos, from the difference, which is exact also for two that nearly coincide. */
function apart(p, q) {
  return p.reduce((sum, value, k) => sum + (value - q[k]) ** 2, 0) / 2;
}

/* Direction from one end of a step to the other: the ends have length 1; null if they coincide. */
function directionOf(minus, plus) {
  const field = unit(plus.map((value, k) => value - minus[k]));
  return dot(field, field) > 0.5 ? field : null;
}

/* People by distance, the nearest first: {person, distance} to the nearest of their images. */
function nearestPeople(point, points, who) {
  const least = new Map();
  points.forEach((other, i) => {
    const distance = apart(point, other);
    if (!(least.get(who[i]) <= distance)) least.set(who[i], distance);
  });
  return [...least].map(([person, distance]) => ({ person, distance })).sort((p, q) => p.distance - q.distance);
}

/* Where a point lies in the plane {center, axes}. */
function inPlane(point, { center, axes }) {
  const away = point.map((value, k) => value - center[k]);
  return axes.map((axis) => dot(away, axis));
}

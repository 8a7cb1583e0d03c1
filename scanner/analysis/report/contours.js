"use strict";
// Contours by marching squares, linear in the axes' own scale between grid points; points without a number are not
// crossed, and a cell with three corners is a triangle.

/**
 * Lines on which values over a grid reach a level.
 * `values[ix * ny + iy]`; u, v: the axes' values in their own scale. Returns [{u, v, closed}].
 */
function contourLines(values, u, v, level) {
  const ny = v.length;
  const points = new Map();
  const neighbours = new Map();
  const cross = (a, b) => {
    const [low, high] = a < b ? [a, b] : [b, a];
    const key = low * values.length + high;
    if (!points.has(key)) {
      const t = (level - values[low]) / (values[high] - values[low]);
      const between = (axis, i, j) => axis[i] + t * (axis[j] - axis[i]);
      points.set(key, [
        between(u, Math.floor(low / ny), Math.floor(high / ny)),
        between(v, low % ny, high % ny),
      ]);
      neighbours.set(key, []);
    }
    return key;
  };
  const join = (a, b) => {
    neighbours.get(a).push(b);
    neighbours.get(b).push(a);
  };
  for (let ix = 0; ix + 1 < u.length; ix++) {
    for (let iy = 0; iy + 1 < ny; iy++) {
      const node = ix * ny + iy;
      const corners = [node, node + ny, node + ny + 1, node + 1].filter((i) => !Number.isNaN(values[i]));
      if (corners.length > 2) crossCell(values, corners, level, cross, join);
    }
  }
  return walk(points, neighbours);
}

/** Join the crossings on the sides of a cell; at a saddle its mean decides which corners belong together. */
function crossCell(values, corners, level, cross, join) {
  const above = corners.map((i) => values[i] > level);
  const found = [];
  corners.forEach((corner, i) => {
    const next = (i + 1) % corners.length;
    if (above[i] !== above[next]) found.push(cross(corner, corners[next]));
  });
  if (found.length === 2) join(found[0], found[1]);
  if (found.length < 4) return;
  const mean = corners.reduce((sum, i) => sum + values[i], 0) / 4;
  const first = mean > level === above[0] ? 0 : 3; // whether the corners beside the first one are cut off, or the first
  join(found[first], found[(first + 1) % 4]);
  join(found[(first + 2) % 4], found[(first + 3) % 4]);
}

/** Lines through joined points: those with ends first, then the closed ones. */
function walk(points, neighbours) {
  const left = new Set(points.keys());
  const lines = [];
  const follow = (start) => {
    const keys = [];
    for (let key = start; key !== undefined; key = neighbours.get(key).find((next) => left.has(next))) {
      left.delete(key);
      keys.push(key);
    }
    const closed = keys.length > 2 && neighbours.get(start).length === 2;
    if (closed) keys.push(start);
    lines.push({ u: keys.map((key) => points.get(key)[0]), v: keys.map((key) => points.get(key)[1]), closed });
  };
  for (const [key, next] of neighbours) if (next.length === 1 && left.has(key)) follow(key);
  for (const key of points.keys()) if (left.has(key)) follow(key);
  return lines;
}

/** Values of an axis in its own scale, in which contours are straight between grid points. */
function scaled(axis, values) {
  return axis.log_interpolation ? values.map(Math.log10) : values;
}

function unscaled(axis, values) {
  return axis.log_interpolation ? values.map((value) => 10 ** value) : values;
}

/** All lines of a level as one curve {x, y} in the parameters' units, with a gap (null) between lines. */
function contour(surface, level) {
  const [x, y] = [surface.x, surface.y];
  const lines = contourLines(surface.delta, scaled(x.axis, x.values), scaled(y.axis, y.values), level);
  const curve = { x: [], y: [] };
  for (const line of lines) {
    if (curve.x.length) {
      curve.x.push(null);
      curve.y.push(null);
    }
    curve.x.push(...unscaled(x.axis, line.u));
    curve.y.push(...unscaled(y.axis, line.v));
  }
  return curve;
}

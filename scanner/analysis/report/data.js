"use strict";
// Decoding the page's numbers, and what a browser can do with them exactly: slices, and sums of experiments on them.

const DATA = JSON.parse(document.getElementById("data").textContent);
const KINDS = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array };
const decoded = new Map();

/** The typed array that a reference {id, dtype, shape} stands for; each is decoded once. */
function decode(ref) {
  if (!decoded.has(ref.id)) decoded.set(ref.id, unpack(document.getElementById(`array-${ref.id}`).textContent, ref.dtype));
  return decoded.get(ref.id);
}

async function unpack(text, dtype) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const Kind = KINDS[dtype];
  const width = Kind.BYTES_PER_ELEMENT;
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0, from = 0; plane < width; plane++) {
    for (let to = plane; to < bytes.length; to += width, from++) bytes[to] = planes[from];
  }
  return new Kind(bytes.buffer, 0, count);
}

/** The sample of a store that holds slices over two axes (or one, y = null). */
function sampleFor(store, x, y) {
  if (store.samples.length === 1) return store.samples[0];
  return store.samples[pairIndex(store, x, y)];
}

function pairIndex(store, x, y) {
  return store.pairs.findIndex(({ axes }) => axes.includes(x) && (y === null || axes.includes(y)));
}

function axisOf(store, name) {
  return store.axes.find((axis) => axis.name === name);
}

/** Values of an axis that are kept somewhere. */
function keptValues(store, name, kept) {
  const values = axisOf(store, name).values;
  return kept[name].map((index) => values[index]);
}

/**
 * An array over some axes of a sample, on a slice: number (ix, iy) is at ix * ny + iy, in float64.
 * `at` holds positions in what is kept of the axes; an axis that the array lacks does not matter to it.
 */
function gather(values, axes, kept, x, y, at, offset) {
  const strides = {};
  let stride = 1;
  for (const name of [...axes].reverse()) {
    strides[name] = stride;
    stride *= kept[name].length;
  }
  let start = 0;
  for (const name of axes) if (name !== x && name !== y) start += strides[name] * at[name];
  const nx = kept[x].length;
  const ny = y === null ? 1 : kept[y].length;
  const result = new Float64Array(nx * ny);
  for (let ix = 0; ix < nx; ix++) {
    for (let iy = 0; iy < ny; iy++) {
      result[ix * ny + iy] = values[start + ix * (strides[x] ?? 0) + iy * (strides[y] ?? 0)] + offset;
    }
  }
  return result;
}

async function sliceOf(entry, kept, x, y, at) {
  return gather(await decode(entry.chi2), entry.axes, kept, x, y, at, entry.offset);
}

/** Why experiments must not be summed here, or null; `sums` are those that were computed beforehand. */
function refusal(store, names) {
  const facts = store.experiments.filter(({ name }) => names.includes(name));
  for (let i = 0; i < facts.length; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [facts[j], facts[i]];
      const shared = a.data_sets.filter((set) => b.data_sets.includes(set));
      if (shared.length) return `${a.name} and ${b.name} share data (${shared.join(", ")}) and cannot be summed`;
      const combined = a.correlated[b.name] ?? b.correlated[a.name];
      if (combined) return `${a.name} and ${b.name} have a common covariance: use ${combined}, their combined fit`;
    }
  }
  if (!sharesNuisances(facts) || solvedSum(store, names)) return null;
  const offered = store.sums.filter(({ solved }) => solved).map(({ members }) => members.join(" + "));
  return (
    "these experiments share nuisance parameters, so that their sum is a joint fit: only sums that were computed " +
    `when this page was made can be shown (${offered.join("; ") || "none"}); name others with --group`
  );
}

function sharesNuisances(facts) {
  const all = facts.flatMap(({ nuisances }) => nuisances);
  return new Set(all).size < all.length;
}

function solvedSum(store, names) {
  const wanted = JSON.stringify([...names].sort());
  return store.sums.find(({ solved, members }) => solved && JSON.stringify([...members].sort()) === wanted);
}

/** Sum of −2 ln L of experiments on a slice: in float64, in order of name, as everywhere else. */
async function sliceSum(store, sample, names, x, y, at) {
  const solved = names.length > 1 ? solvedSum(store, names) : undefined;
  if (solved) return sliceOf(sample.sums[solved.label], sample.kept, x, y, at);
  let total = null;
  for (const { name } of store.experiments.filter((one) => names.includes(one.name))) {
    const part = await sliceOf(sample.experiments[name], sample.kept, x, y, at);
    if (total === null) total = part;
    else for (let i = 0; i < total.length; i++) total[i] += part[i];
  }
  return total;
}

/** Δχ² of a slice: its values minus their least, which sits at position `best` (-1 where there is no number). */
function relative(values) {
  let best = -1;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i]) && (best < 0 || values[i] < values[best])) best = i;
  }
  const minimum = best < 0 ? NaN : values[best];
  return { delta: values.map((value) => value - minimum), best, minimum };
}

/** The stored profile of a sum or an experiment over (x, y), turned as wanted. */
async function profileOf(store, label, x, y) {
  const pair = pairIndex(store, x, y);
  const stored = store.profiles.of_pair[pair][label];
  if (!stored) return null;
  const { kept } = store.profiles;
  const axes = store.pairs[pair].axes;
  const other = axes.find((name) => name !== x);
  const turn = async (ref) => gather(await decode(ref), axes, kept, x, other, {}, 0);
  const where = {};
  for (const [name, ref] of Object.entries(stored.best)) where[name] = await turn(ref);
  const found = { delta: await turn(stored.delta), where, minimum: stored.minimum, bestFit: stored.best_fit, kept };
  return y === null && other ? profileFurther(found, keptValues(store, other, kept), other) : found;
}

/** A profile over one axis of a two-dimensional one. */
function profileFurther(found, values, other) {
  const { index, delta } = lowestOfRows(found.delta, values.length);
  const where = { [other]: Float64Array.from(index, (i) => (i < 0 ? NaN : values[i % values.length])) };
  for (const [name, all] of Object.entries(found.where)) where[name] = Float64Array.from(index, (i) => (i < 0 ? NaN : all[i]));
  return { ...found, delta, where };
}

function lowestOfRows(values, width) {
  const index = [];
  for (let row = 0; row < values.length / width; row++) {
    let best = -1;
    for (let i = row * width; i < (row + 1) * width; i++) {
      if (!Number.isNaN(values[i]) && (best < 0 || values[i] < values[best])) best = i;
    }
    index.push(best);
  }
  return { index, delta: Float64Array.from(index, (i) => (i < 0 ? NaN : values[i])) };
}

/** −2 ln L and status of every experiment at a grid point {axis: index}; null where the page does not hold it. */
async function atPoint(store, sample, point) {
  const rows = [];
  for (const facts of store.experiments) {
    const entry = sample.experiments[facts.name];
    const at = Object.fromEntries(entry.axes.map((name) => [name, sample.kept[name].indexOf(point[name])]));
    const held = Object.values(at).every((position) => position >= 0);
    if (!held) {
      rows.push({ name: facts.name, chi2: null, status: null });
      continue;
    }
    const position = entry.axes.reduce((sum, name) => sum * sample.kept[name].length + at[name], 0);
    const [chi2, status] = [await decode(entry.chi2), await decode(entry.status)];
    rows.push({ name: facts.name, chi2: chi2[position] + entry.offset, status: DATA.statuses[status[position]] });
  }
  return rows;
}

"use strict";
// The page's state, its controls, and what they draw.

const $ = (id) => document.getElementById(id);
const state = { store: DATA.stores[0], x: null, y: null, wish: "profile", at: {}, summed: new Set(), own: new Set(), source: null, point: { x: 0, y: 0 } };
let shown = null; // the surface in the figure
let turn = 0; // the latest drawing; those before it give up

function wideAxes() {
  return state.store.axes.filter(({ values }) => values.length > 1);
}

/** Axes with several values that are not drawn. */
function otherAxes() {
  return wideAxes().filter(({ name }) => name !== state.x && name !== state.y);
}

/** Whether other axes can be profiled: stored, or by the page where there is one. */
function canProfile() {
  return otherAxes().length > 0 && (state.store.profiles !== undefined || otherAxes().length === 1);
}

/** How other axes are treated: as wished, where that can be. */
function mode() {
  return canProfile() ? state.wish : "slice";
}

/** Whether the figure shows a profile that was stored, and not what the page can sum itself. */
function isStored() {
  return mode() === "profile" && state.store.profiles !== undefined;
}

function levels() {
  const dof = document.querySelector("input[name=dof]:checked").value;
  const chosen = new Set([...document.querySelectorAll("#levels input:checked")].map(({ value }) => Number(value)));
  return DATA.levels.filter(({ cl }) => chosen.has(cl)).map((level) => ({ cl: level.cl, height: level[dof] }));
}

/** Position of an index in what a sample kept of an axis, or of the nearest. */
function nearest(kept, index) {
  return kept.reduce((best, value, i) => (Math.abs(value - index) < Math.abs(kept[best] - index) ? i : best), 0);
}

function positions(sample) {
  return Object.fromEntries(Object.entries(sample.kept).map(([name, kept]) => [name, nearest(kept, state.at[name])]));
}

/** Δχ² of a sum of experiments over the chosen axes, or null where there is no number. */
async function surfaceOf(names, label) {
  const { store, x, y } = state;
  if (isStored()) {
    const found = await profileOf(store, label, x, y);
    return found && surfaceFrom(found, found.kept, `profiled over ${otherAxes().map(({ name }) => name).join(", ")}`);
  }
  const sample = sampleFor(store, x, y);
  const at = positions(sample);
  const others = otherAxes();
  if (mode() === "profile") return profiledHere(sample, names, others[0].name, at);
  const { delta, best, minimum } = relative(await sliceSum(store, sample, names, x, y, at));
  if (best < 0) return null;
  const point = pointAt(sample.kept, best, at);
  const what = others.length ? "in this slice" : "on the grid";
  return surfaceFrom({ delta, where: {}, minimum, bestFit: point }, sample.kept, what);
}

/** A profile over one axis that the page can take itself, from the slice of two axes. */
async function profiledHere(sample, names, other, at) {
  const { delta, best, minimum } = relative(await sliceSum(state.store, sample, names, state.x, other, at));
  if (best < 0) return null;
  const values = keptValues(state.store, other, sample.kept);
  const xs = keptValues(state.store, state.x, sample.kept);
  const bestFit = { [state.x]: xs[Math.floor(best / values.length)], [other]: values[best % values.length] };
  return surfaceFrom({ ...profileFurther({ delta, where: {} }, values, other), minimum, bestFit }, sample.kept, `profiled over ${other}`);
}

/** Values of all axes at a position of a slice. */
function pointAt(kept, position, at) {
  const ny = state.y === null ? 1 : kept[state.y].length;
  const inside = { ...at, [state.x]: Math.floor(position / ny) };
  if (state.y !== null) inside[state.y] = position % ny;
  return Object.fromEntries(Object.keys(kept).map((name) => [name, keptValues(state.store, name, kept)[inside[name]]]));
}

function surfaceFrom(found, kept, what) {
  const side = (name) => ({ axis: axisOf(state.store, name), values: keptValues(state.store, name, kept), kept: kept[name] });
  const stars = isStored() ? "best fit" : otherAxes().length ? "minimum of this slice" : "best fit";
  return { ...found, what, bestName: stars, x: side(state.x), y: state.y === null ? null : side(state.y) };
}

async function ownSurfaces() {
  const height = DATA.levels.find(({ cl }) => cl === Number($("own-level").value));
  const found = [];
  for (const facts of state.store.experiments.filter(({ name }) => state.own.has(name))) {
    const surface = await surfaceOf([facts.name], facts.name);
    if (surface) found.push({ facts, surface, height: height[facts.limit_dof] });
  }
  return found;
}

function summedNames() {
  if (!isStored()) return [...state.summed].sort();
  const sum = state.store.sums.find(({ label }) => label === state.source);
  return sum ? sum.members : [state.source];
}

async function draw() {
  const mine = ++turn;
  const names = summedNames();
  const problem = names.length ? (isStored() ? null : refusal(state.store, names)) : "choose an experiment to sum";
  const sum = problem ? null : await surfaceOf(names, state.source);
  const own = await ownSurfaces();
  if (mine !== turn) return;
  shown = sum;
  if (sum) sum.name = names.length > 3 ? `the sum of ${names.length} experiments` : names.join(" + ");
  report(problem ?? (sum ? null : "no point that could be summed has a result here"));
  caption(sum, names);
  drawPointSliders();
  await drawFigure(own);
  await drawPoint();
}

async function drawFigure(own) {
  const [x, y] = [axisOf(state.store, state.x), state.y === null ? null : axisOf(state.store, state.y)];
  const pinned = shown && pinnedAt();
  const traces = (y ? traces2D : traces1D)(state.store, shown, levels(), own, pinned);
  await Plotly.react("figure", traces, layoutOf(x, y, levels(), own), CONFIG);
}

function pinnedAt() {
  const [ix, iy] = [nearest(shown.x.kept, state.point.x), shown.y ? nearest(shown.y.kept, state.point.y) : 0];
  return { ix, iy, x: shown.x.values[ix], y: shown.y?.values[iy] };
}

function report(problem) {
  $("problem").hidden = problem === null;
  $("problem").textContent = problem ?? "";
}

function caption(sum, names) {
  if (!sum) return void ($("caption").textContent = "");
  const fixed = mode() === "slice" ? otherAxes().map((axis) => `${axis.name} = ${quantity(axis, valueAt(axis))}`) : [];
  const where = state.store.axes.filter(({ name, values }) => values.length > 1 && name in sum.bestFit);
  const best = where.map((axis) => `${axis.name} = ${quantity(axis, sum.bestFit[axis.name])}`).join(", ");
  const at = fixed.length ? `at ${fixed.join(", ")}` : sum.what;
  $("caption").textContent = `Δχ² of ${sum.name}, ${at}. Its minimum, −2 ln L = ${chi2Text(sum.minimum)}, is at ${best}.`;
}

/** Value at which an axis is fixed, among those kept. */
function valueAt(axis) {
  const sample = sampleFor(state.store, state.x, state.y);
  return axis.values[sample.kept[axis.name][nearest(sample.kept[axis.name], state.at[axis.name])]];
}

/** The point of the grid {axis: index} that stands behind a point of the figure, and what there is to say of it. */
async function describe(ix, iy) {
  const { store } = state;
  const position = shown.y ? ix * shown.y.values.length + iy : ix;
  const point = Object.fromEntries(store.axes.map(({ name, values }) => [name, values.length > 1 ? null : 0]));
  point[state.x] = shown.x.kept[ix];
  if (shown.y) point[state.y] = shown.y.kept[iy];
  for (const axis of otherAxes()) {
    if (mode() === "slice") point[axis.name] = axis.values.indexOf(valueAt(axis));
    else if (shown.where[axis.name]) point[axis.name] = indexNear(axis, shown.where[axis.name][position]);
  }
  const rows = await atPoint(store, sampleFor(store, state.x, state.y), point);
  return { point, delta: shown.delta[position], rows, names: new Set(summedNames()) };
}

/** Index of the value of an axis nearest to one that went through float32; null for none. */
function indexNear(axis, value) {
  if (Number.isNaN(value)) return null;
  return axis.values.reduce((best, other, i) => (Math.abs(other - value) < Math.abs(axis.values[best] - value) ? i : best), 0);
}

function coordinates(point) {
  return state.store.axes.map((axis) => {
    const profiled = mode() === "profile" && axis.name !== state.x && axis.name !== state.y && axis.values.length > 1;
    const value = point[axis.name] === null ? "–" : quantity(axis, axis.values[point[axis.name]]);
    return { name: axis.name, value: value + (profiled ? " (profiled)" : "") };
  });
}

function tooltipText({ point, delta, rows, names }) {
  const lines = coordinates(point).map(({ name, value }) => `${name} = ${value}`);
  lines.push(Number.isNaN(delta) ? "no result" : `Δχ² = ${chi2Text(delta)}`);
  const first = rows.filter(({ name }) => names.has(name) || state.own.has(name)).sort((a, b) => names.has(b.name) - names.has(a.name));
  for (const row of first.slice(0, 8)) lines.push(`${row.name}: ${rowText(row)}`);
  if (first.length > 8) lines.push(`and ${first.length - 8} more: click to see all`);
  return lines.join("\n");
}

function rowText({ chi2, status }) {
  if (status === null) return "not in this page";
  return status === "ok" ? `−2 ln L = ${chi2Text(chi2)}` : status;
}

async function drawPoint() {
  if (!shown) return void $("readout").replaceChildren();
  const { ix, iy } = pinnedAt();
  const found = await describe(ix, iy);
  const facts = [...coordinates(found.point), { name: "Δχ²", value: Number.isNaN(found.delta) ? "no result" : chi2Text(found.delta) }];
  const list = element("dl", {}, ...facts.flatMap(({ name, value }) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
  const table = element("table", { id: "at-point" });
  const columns = [{ title: "experiment" }, { title: "−2 ln L", numeric: true }, { title: "above own min.", numeric: true }, { title: "status" }];
  const own = Object.fromEntries(state.store.fits.map(({ label, minimum }) => [label, minimum]));
  const rows = found.rows.map(({ name, chi2, status }) => [
    textCell(name), chi2Cell(chi2), chi2Cell(chi2 === null ? null : chi2 - own[name]), textCell(status ?? "not in this page"),
  ]);
  fillTable(table, columns, rows);
  [...table.tBodies[0].rows].forEach((row, i) => row.classList.toggle("summed", found.names.has(found.rows[i].name)));
  $("readout").replaceChildren(list, table);
  await showSpectrum(found.point);
}

/** The spectrum at the node nearest to a point, in indices relative to the axes' lengths. */
async function showSpectrum(point) {
  const name = $("spectrum-experiment").value;
  const spectrum = state.store.spectra[name];
  $("spectrum-section").hidden = !spectrum;
  if (!spectrum) return;
  $("spectrum").hidden = spectrum.problem !== undefined;
  if (spectrum.problem) return void ($("spectrum-note").textContent = `No spectra of ${name}: ${spectrum.problem}`);
  const best = nearestNode(spectrum, point);
  const [background, data, signals] = await Promise.all([spectrum.background, spectrum.data, spectrum.signal].map(decode));
  const bins = spectrum.labels.length;
  const signal = signals.slice(best * bins, (best + 1) * bins);
  await drawSpectrum("spectrum", { panels: spectrum.panels, labels: spectrum.labels, background: [...background], signal: [...signal], data: [...data] });
  const node = spectrum.axes.map((axis, i) => `${axis} = ${quantity(axisOf(state.store, axis), axisOf(state.store, axis).values[spectrum.nodes[best][i]])}`);
  const status = spectrum.status[best] === "ok" ? "" : `; no signal there: ${spectrum.status[best]}`;
  $("spectrum-note").textContent = `${name} at the nearest of ${spectrum.nodes.length} precomputed nodes: ${node.join(", ")}${status}`;
}

function nearestNode(spectrum, point) {
  const distance = (node) =>
    node.reduce((sum, index, i) => {
      const axis = spectrum.axes[i];
      const away = point[axis] === null ? 0 : (index - point[axis]) / axisOf(state.store, axis).values.length;
      return sum + away * away;
    }, 0);
  const distances = spectrum.nodes.map(distance);
  return distances.indexOf(Math.min(...distances));
}

// ---- controls

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text, defaultSelected: value === chosen })));
}

function chooseStore(index) {
  const store = DATA.stores[index];
  const sums = store.sums.map(({ label, members }) => [label, `${label} (${members.length})`]);
  const usable = [...sums, ...store.experiments.map(({ name }) => [name, name])].filter(([label]) => store.fits.some((fit) => fit.label === label));
  const first = store.fits[0];
  const pair = store.pairs[0].axes;
  const at = Object.fromEntries(store.axes.map(({ name, values }) => [name, values.indexOf(first.best_fit[name])]));
  const curves = store.experiments.filter(({ from_curve }) => from_curve);
  Object.assign(state, {
    store, x: pair[0], y: pair[1] ?? null, wish: "profile", at, summed: new Set(first.members),
    own: new Set((store.sums.length || store.experiments.length === 1 ? curves : store.experiments).map(({ name }) => name)), source: first.label,
  });
  state.point = bestPoint();
  options($("source"), usable, state.source);
  fillExperiments();
  fillStore();
  matchDof();
  chooseAxes();
}

/** The point that is shown first: the best fit. */
function bestPoint() {
  const index = (name) => axisOf(state.store, name).values.indexOf(state.store.fits[0].best_fit[name]);
  return { x: index(state.x), y: state.y === null ? 0 : index(state.y) };
}

function fillStore() {
  const { store } = state;
  fillFits(store);
  fillStatuses(store);
  fillReferences(store);
  fillProvenance(store);
  options($("limit-source"), [...new Set(store.limits.map(({ source }) => source))].map((label) => [label, label]), state.source);
  const named = Object.keys(store.spectra);
  options($("spectrum-experiment"), named.map((name) => [name, name]), named.find((name) => state.summed.has(name)));
  $("spectrum-section").hidden = named.length === 0;
}

/** Take as many degrees of freedom as there are axes in the figure; one may choose otherwise. */
function matchDof() {
  document.querySelector(`input[name=dof][value="${state.y === null ? 1 : 2}"]`).checked = true;
}

/** Offer axes, sliders for the others, and the limits on the upper one. */
function chooseAxes() {
  const entries = wideAxes().map((axis) => [axis.name, axisLabel(axis)]);
  options($("x"), entries, state.x);
  options($("y"), [...entries.filter(([name]) => name !== state.x), ["", "Δχ² alone (one axis)"]], state.y ?? "");
  const others = otherAxes();
  $("others").hidden = others.length === 0;
  for (const radio of document.querySelectorAll("input[name=mode]")) {
    radio.checked = radio.value === mode();
    radio.disabled = radio.value === "profile" && !canProfile();
  }
  $("sliders").replaceChildren(...(mode() === "slice" ? others.map(slider) : []));
  $("thinned").textContent = thinnedText();
  $("source-line").hidden = !isStored();
  for (const box of document.querySelectorAll("#experiments input.sum")) box.disabled = isStored();
  chooseLimits();
  return draw();
}

/** A slider over what is kept of an axis. */
function slider(axis) {
  const { kept } = sampleFor(state.store, state.x, state.y);
  return range(`at-${axis.name}`, axis, kept[axis.name], state.at[axis.name], (index) => {
    state.at[axis.name] = index;
    return draw();
  });
}

/** A labelled slider over kept indices of an axis. */
function range(id, axis, kept, index, changed) {
  const value = () => quantity(axis, axis.values[kept[input.value]]);
  const input = element("input", { type: "range", id, min: 0, max: kept.length - 1, step: 1 });
  input.value = nearest(kept, index);
  const output = element("output", { textContent: value() });
  output.htmlFor = id;
  input.setAttribute("aria-valuetext", value());
  input.oninput = () => {
    output.textContent = value();
    input.setAttribute("aria-valuetext", value());
    changed(kept[input.value]);
  };
  return element("div", { className: "slider" }, element("label", { htmlFor: id }, element("span", { textContent: axis.name }), output), input);
}

/** What was left out of the page so that it is small enough. */
function thinnedText() {
  const { kept } = isStored() ? state.store.profiles : sampleFor(state.store, state.x, state.y);
  const relevant = wideAxes().filter(({ name }) => !isStored() || name === state.x || name === state.y);
  const thinned = relevant.filter(({ name, values }) => kept[name].length < values.length);
  if (!thinned.length) return "";
  const parts = thinned.map(({ name, values }) => `${kept[name].length} of ${values.length} values of ${name}`);
  const what = isStored() ? "Profiles of the full grid, shown at" : "Slices were thinned evenly to";
  return `${what} ${parts.join(", ")}, so that the page is small enough.`;
}

function fillExperiments() {
  const { store } = state;
  const rows = store.experiments.map((facts) => {
    const box = (kind, set) => {
      const input = element("input", { type: "checkbox", className: kind, checked: set.has(facts.name), value: facts.name });
      input.setAttribute("aria-label", `${kind === "sum" ? "sum" : "own contour of"} ${facts.name}`);
      input.onchange = () => {
        if (input.checked) set.add(facts.name);
        else set.delete(facts.name);
        return draw();
      };
      return element("td", {}, input);
    };
    const swatch = element("span", { className: facts.from_curve ? "swatch curve" : "swatch" });
    swatch.style.borderColor = colourOf(store, facts.name);
    const name = element("td", { title: facts.title ?? "" }, swatch, facts.name);
    return element("tr", {}, box("sum", state.summed), box("own", state.own), name);
  });
  $("experiments").tBodies[0].replaceChildren(...rows);
}

function chooseLimits() {
  const seen = new Map(state.store.limits.map(({ parameter, along }) => [JSON.stringify([parameter, along]), along ? `${parameter} along ${along}` : parameter]));
  const wanted = JSON.stringify([state.y, state.x]);
  const alike = [...seen.keys()].find((key) => JSON.parse(key)[0] === state.x);
  options($("limit-axes"), [...seen], seen.has(wanted) ? wanted : alike);
  return drawLimits();
}

async function drawLimits() {
  const [parameter, along] = JSON.parse($("limit-axes").value);
  const source = $("limit-source").value;
  const limit = state.store.limits.find((one) => one.source === source && one.parameter === parameter && one.along === along);
  const csv = await fillLimits(state.store, limit);
  const link = $("limits-csv");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = `limits_${parameter}_${source}.csv`.replace(/[^\w.-]+/g, "_");
  const height = limit.threshold.toFixed(2);
  $("limits-note").textContent =
    `${percent(DATA.limit_level)} CL, Δχ² = ${height} (${limit.dof} dof) above the best fit, other axes profiled. The allowed values ` +
    "around the minimum end at “lower end” and “upper limit”; “excluded up to” is the upper side of a closed excluded region. “–”: an end of the axis comes first, or all is excluded.";
}

/** Sliders for the point, which the keyboard reaches. */
function drawPointSliders() {
  const held = $("point-sliders").contains(document.activeElement);
  if (held) return; // the slider that is being moved stays
  if (!shown) return void $("point-sliders").replaceChildren();
  const sides = [["x", shown.x], ["y", shown.y]].filter(([, side]) => side);
  const made = sides.map(([side, { axis, kept }]) =>
    range(`point-${side}`, axis, kept, state.point[side], (index) => pin({ ...state.point, [side]: index })),
  );
  $("point-sliders").replaceChildren(...made);
}

function pin(point) {
  state.point = point;
  return draw();
}

// ---- the mouse

function indices(data) {
  const point = data.points.find((one) => one.data.meta?.role === "surface");
  if (!point || !shown) return null;
  return shown.y ? { ix: point.pointIndex[1], iy: point.pointIndex[0] } : { ix: point.pointIndex, iy: 0 };
}

async function hover(data) {
  const at = indices(data);
  if (!at) return;
  const text = tooltipText(await describe(at.ix, at.iy));
  const tooltip = $("tooltip");
  tooltip.textContent = text;
  tooltip.hidden = false;
  const { clientX, clientY } = data.event;
  const { width, height } = tooltip.getBoundingClientRect();
  tooltip.style.left = `${Math.min(clientX + 16, window.innerWidth - width - 8)}px`;
  tooltip.style.top = `${clientY + 16 + height > window.innerHeight ? Math.max(8, clientY - height - 12) : clientY + 16}px`;
}

function click(data) {
  const at = indices(data);
  if (at) pin({ x: shown.x.kept[at.ix], y: shown.y?.kept[at.iy] ?? 0 });
}

async function start() {
  const titles = DATA.stores.map(({ title }) => title);
  const named = ({ title, provenance }) => (titles.filter((other) => other === title).length > 1 ? `${title} (${provenance.store})` : title);
  options($("store"), DATA.stores.map((store, i) => [i, named(store)]), 0);
  $("levels").replaceChildren(
    ...DATA.levels.map(({ cl }) => element("label", {}, element("input", { type: "checkbox", value: cl, defaultChecked: [0.6827, 0.9, 0.99].includes(cl) }), ` ${percent(cl)}`)),
  );
  options($("own-level"), DATA.levels.map(({ cl }) => [cl, `${percent(cl)} CL`]), 0.9);
  $("controls").onsubmit = () => false;
  $("store").onchange = () => chooseStore(Number($("store").value));
  $("x").onchange = () => chooseX($("x").value);
  $("y").onchange = () => {
    state.y = $("y").value || null;
    matchDof();
    state.point = bestPoint();
    return chooseAxes();
  };
  for (const input of document.querySelectorAll("#levels input, input[name=dof], #own-level")) input.onchange = draw;
  for (const radio of document.querySelectorAll("input[name=mode]")) {
    radio.onchange = () => {
      state.wish = radio.value;
      return chooseAxes();
    };
  }
  $("source").onchange = () => {
    state.source = $("source").value;
    return draw();
  };
  for (const id of ["limit-source", "limit-axes"]) $(id).onchange = drawLimits;
  $("spectrum-experiment").onchange = drawPoint;
  await Plotly.newPlot("figure", [], {}, CONFIG);
  $("figure").on("plotly_hover", hover);
  $("figure").on("plotly_unhover", () => ($("tooltip").hidden = true));
  $("figure").on("plotly_click", click);
  await chooseStore(0);
}

/** A new x axis; where it is the y axis, they change places. */
function chooseX(name) {
  if (name === state.y) state.y = state.x;
  state.x = name;
  state.point = bestPoint();
  return chooseAxes();
}

start().catch((error) => report(`This page failed to draw: ${error.message}. It needs a browser of 2023 or later.`));

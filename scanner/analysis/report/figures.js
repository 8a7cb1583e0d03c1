"use strict";
// The figures: Δχ² over one or two axes, and a spectrum.

const LINES = ["#d1495b", "#edae49", "#00798c", "#30638e", "#003d5b"];
const OWN = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
const FILL = [[0, "#4a8cc4"], [0.3, "#84b6de"], [0.6, "#bfdaf0"], [1, "#fafcff"]]; // light: dark lines lie on it
const MISSING = "#d9d9d9";
// plotly's own default offers to send the data to a server
const CONFIG = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["select2d", "lasso2d"] };
const FONT = { family: 'system-ui, "DejaVu Sans", sans-serif', size: 13, color: "#1b2733" };

/** Text for plotly, which takes some tags for markup. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function powers(unit) {
  return unit.replace(/\^(-?\d+)/g, (_, digits) => [...digits].map((d) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(d)]).join(""));
}

function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const rounded = Number(value.toPrecision(digits));
  const text = rounded !== 0 && Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded);
  return text.replaceAll("-", "−").replace("e+", "e");
}

/** A χ² to a thousandth, which is what it may mean. */
function chi2Text(value) {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(3).replace("-", "−");
}

function quantity(axis, value) {
  return axis.unit === "1" ? number(value) : `${number(value)} ${powers(axis.unit)}`;
}

function axisLabel(axis) {
  return axis.unit === "1" ? axis.name : `${axis.name} [${powers(axis.unit)}]`;
}

/** An axis' title in a figure; its markup was made, and escaped, when the page was. */
function axisTitle(axis) {
  return axis.unit === "1" ? axis.markup : `${axis.markup} [${plain(powers(axis.unit))}]`;
}

function percent(cl) {
  return `${Number((100 * cl).toPrecision(4))} %`;
}

function colourOf(store, name) {
  return OWN[store.experiments.findIndex((one) => one.name === name) % OWN.length];
}

/** Traces of the figure over two axes. `levels`: [{cl, height}]; `own`: [{facts, surface, height}]. */
function traces2D(store, sum, levels, own, pinned) {
  const traces = [];
  if (sum) traces.push(heatmap(sum, levels));
  if (sum && sum.delta.some(Number.isNaN)) traces.push(missingKey());
  for (const { facts, surface, height } of own) {
    traces.push({ ...contour(surface, height), ...ownLine(store, facts), meta: { role: "own", name: facts.name } });
  }
  if (sum) {
    levels.forEach(({ cl, height }, i) => {
      const line = { color: LINES[i % LINES.length], width: 3 };
      const name = `${percent(cl)} CL: Δχ² = ${height.toFixed(2)}`;
      traces.push({ ...contour(sum, height), type: "scatter", mode: "lines", line, name, hoverinfo: "skip", meta: { role: "sum", cl } });
    });
    traces.push(star(sum));
  }
  if (pinned) traces.push(cross(pinned));
  return traces;
}

function heatmap(sum, levels) {
  const [nx, ny] = [sum.x.values.length, sum.y.values.length];
  const z = Array.from({ length: ny }, (_, iy) => Float64Array.from({ length: nx }, (_, ix) => sum.delta[ix * ny + iy]));
  const colorbar = { title: { text: "Δχ²", side: "top" }, thickness: 14, x: 1.01, xanchor: "left", len: 0.42, y: 0, yanchor: "bottom" };
  const top = 3 * Math.max(4.61, ...levels.map(({ height }) => height)); // beyond it everything is excluded alike
  return {
    type: "heatmap", x: sum.x.values, y: sum.y.values, z, zmin: 0, zmax: top, colorscale: FILL, colorbar,
    hoverinfo: "none", hoverongaps: true, meta: { role: "surface" },
  };
}

function missingKey() {
  const marker = { symbol: "square", size: 11, color: MISSING, line: { color: "#888", width: 1 } };
  return { type: "scatter", mode: "markers", x: [null], y: [null], marker, name: "no result (see status)", meta: { role: "missing" } };
}

function ownLine(store, facts) {
  const line = { color: colourOf(store, facts.name), width: 1.5, dash: facts.from_curve ? "dash" : "solid" };
  return { type: "scatter", mode: "lines", line, name: plain(facts.name), hoverinfo: "skip" };
}

function star(sum) {
  const marker = { symbol: "star", size: 14, color: "#fff", line: { color: "#000", width: 1.2 } };
  const [x, y] = [sum.bestFit[sum.x.axis.name], sum.bestFit[sum.y.axis.name]];
  return { type: "scatter", mode: "markers", x: [x], y: [y], marker, name: sum.bestName, hoverinfo: "skip", cliponaxis: false, meta: { role: "best" } };
}

function cross({ x, y }) {
  const marker = { symbol: "cross-thin", size: 16, line: { color: "#000", width: 2 } };
  return { type: "scatter", mode: "markers", x: [x], y: [y], marker, name: "point", showlegend: false, hoverinfo: "skip", meta: { role: "point" } };
}

/** Traces of the figure over one axis. */
function traces1D(store, sum, levels, own, pinned) {
  const traces = own.map(({ facts, surface }) => ({
    x: surface.x.values, y: surface.delta, ...ownLine(store, facts), meta: { role: "own", name: facts.name },
  }));
  if (!sum) return traces;
  const { values } = sum.x;
  traces.push({
    type: "scatter", mode: values.length < 60 ? "lines+markers" : "lines", x: values, y: sum.delta, hoverinfo: "none",
    line: { color: "#08306b", width: 2.6 }, name: plain(sum.name), meta: { role: "surface" },
  });
  levels.forEach(({ cl, height }, i) => {
    const line = { color: LINES[i % LINES.length], width: 1.5, dash: "dot" };
    traces.push({
      type: "scatter", mode: "lines", x: [values[0], values.at(-1)], y: [height, height], line, hoverinfo: "skip",
      name: `${percent(cl)} CL: Δχ² = ${height.toFixed(2)}`, meta: { role: "sum", cl },
    });
  });
  if (pinned) traces.push(cross({ x: pinned.x, y: sum.delta[pinned.ix] }));
  return traces;
}

function layoutOf(x, y, levels, own) {
  const tallest = Math.max(4.61, ...levels.map(({ height }) => height), ...own.map(({ height }) => height));
  return {
    font: FONT, plot_bgcolor: y ? MISSING : "#fff", paper_bgcolor: "#fff", margin: { l: 70, r: 20, t: 34, b: 55 }, hovermode: y ? "closest" : "x",
    uirevision: `${x.name} ${y?.name}`,
    legend: { x: 1.01, xanchor: "left", y: 1, font: { size: 11.5 }, maxheight: y ? 0.52 : 1 },
    xaxis: drawn(x),
    yaxis: y ? drawn(y) : { title: { text: "Δχ²" }, range: [0, 2.5 * tallest], zeroline: false, gridcolor: "#e6e9ec" },
  };
}

function drawn(axis) {
  const scale = axis.log ? Math.log10 : (value) => value;
  const ends = [scale(axis.values[0]), scale(axis.values.at(-1))];
  const wide = axis.log && ends[1] - ends[0] > 2;
  return {
    title: { text: axisTitle(axis) }, type: axis.log ? "log" : "linear", range: ends, exponentformat: "power",
    ...(wide ? { dtick: Math.ceil((ends[1] - ends[0]) / 9) } : {}), ticks: "outside", showgrid: false, zeroline: false,
    minor: { ticks: "outside", ticklen: 3 }, showline: true, linecolor: "#55606c", mirror: true,
  };
}

/** Signal on background, with data and the square root of their number; samples side by side. */
function drawSpectrum(target, { panels, labels, background, signal, data }) {
  const names = [...new Set(panels)];
  const layout = {
    font: { ...FONT, size: 12 }, barmode: "relative", bargap: 0.08, margin: { l: 55, r: 10, t: 45, b: 80 },
    legend: { orientation: "h", y: 1.1, yanchor: "bottom", x: 0 }, annotations: [],
  };
  const traces = [];
  let start = 0;
  names.forEach((name, i) => {
    const bins = [...labels.keys()].filter((bin) => panels[bin] === name);
    const suffix = i ? String(i + 1) : "";
    const every = Math.ceil(bins.length / Math.max(2, (16 * bins.length) / labels.length)); // labels that have room
    const ticks = bins.filter((_, position) => position % every === 0);
    const room = 1 - 0.12 * (names.length - 1);
    const domain = [start, start + (room * bins.length) / labels.length];
    start = domain[1] + 0.12;
    traces.push(...spectrumTraces(bins, { labels, background, signal, data }, suffix));
    layout[`xaxis${suffix}`] = { domain, anchor: `y${suffix}`, tickangle: bins.length > 4 ? -60 : 0, tickfont: { size: 10 }, automargin: true, tickvals: ticks, ticktext: ticks.map((bin) => plain(labels[bin])) };
    layout[`yaxis${suffix}`] = { anchor: `x${suffix}`, rangemode: "tozero", exponentformat: "power", automargin: true, title: { text: i ? "" : "events per bin" } };
    layout.annotations.push({ text: plain(name), showarrow: false, xref: "paper", yref: "paper", x: domain[0], y: 1, xanchor: "left", yanchor: "bottom" });
  });
  return Plotly.react(target, traces, layout, { ...CONFIG, displayModeBar: false });
}

function spectrumTraces(bins, { labels, background, signal, data }, suffix) {
  const of = (values) => bins.map((bin) => values[bin]);
  const common = { x: bins, text: bins.map((bin) => plain(labels[bin])), textposition: "none", xaxis: `x${suffix}`, yaxis: `y${suffix}`, showlegend: suffix === "", hovertemplate: "%{text}: %{y:.5~g}" };
  const error = { type: "data", array: of(data).map(Math.sqrt), color: "#000", thickness: 1.2, width: 0 };
  const traces = [{ ...common, type: "bar", y: of(background), name: "background", marker: { color: "#c6d3dd" } }];
  if (signal.every((value) => !Number.isNaN(value))) traces.push({ ...common, type: "bar", y: of(signal), name: "signal", marker: { color: "#d1495b" } });
  const { textposition, ...points } = common; // of bars alone
  traces.push({ ...points, type: "scatter", mode: "markers", y: of(data), error_y: error, name: "data", marker: { color: "#000", size: 5 } });
  return traces;
}

"use strict";
// Tables, references and provenance. Everything from a store becomes text, never markup.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * Fill a table. `columns`: [{title, numeric}]; `rows`: arrays of {text, sort}; sortable by its heads where asked.
 */
function fillTable(table, columns, rows, { sortable = false } = {}) {
  const body = element("tbody");
  const fill = (sorted) => {
    body.replaceChildren(...sorted.map((row) => element("tr", {}, ...row.map((cell, i) => cellOf(cell, columns[i])))));
  };
  const heads = columns.map(({ title, numeric }, i) => {
    const head = element("th", { scope: "col", className: numeric ? "number" : "" });
    if (!sortable) head.textContent = title;
    else head.append(element("button", { type: "button", textContent: title, onclick: () => fill(sortBy(rows, i, head)) }));
    return head;
  });
  table.replaceChildren(element("thead", {}, element("tr", {}, ...heads)), body);
  fill(rows);
}

function cellOf(cell, column) {
  return element("td", { className: column.numeric ? "number" : "", textContent: cell.text });
}

/** Sort rows by a column, turning the order if they are sorted by it already; what has no value comes last. */
function sortBy(rows, column, head) {
  const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
  const empty = (cell) => cell.sort === null || Number.isNaN(cell.sort);
  return [...rows].sort(({ [column]: a }, { [column]: b }) => {
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    return turn * (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0);
  });
}

function textCell(text) {
  return { text, sort: text };
}

function numberCell(value, digits) {
  return { text: number(value, digits), sort: value ?? null };
}

function chi2Cell(value) {
  return { text: chi2Text(value), sort: value ?? null };
}

/** The table of limits on one parameter along another, and its CSV. */
async function fillLimits(store, limit) {
  const axis = axisOf(store, limit.parameter);
  const along = limit.along === null ? null : axisOf(store, limit.along);
  const columns = await Promise.all(["lower", "upper", "excluded_to"].map((name) => decode(limit[name])));
  const titles = ["lower end", "upper limit", "excluded up to"].map((title) => `${title}${axis.unit === "1" ? "" : ` [${powers(axis.unit)}]`}`);
  const heads = [along ? axisLabel(along) : "", ...titles].map((title) => ({ title, numeric: true }));
  const values = along ? along.values : [NaN];
  const rows = values.map((value, i) => [numberCell(value), ...columns.map((column) => numberCell(column[i]))]);
  fillTable(document.getElementById("limits"), heads, rows, { sortable: true });
  const names = [along ? `${along.name} [${along.unit}]` : "", ...["lower", "upper", "excluded_to"].map((n) => `${n} ${axis.name} [${axis.unit}]`)];
  const lines = values.map((value, i) => [value, ...columns.map((column) => column[i])]);
  return [names, ...lines].map((line) => line.map(csvField).join(",")).join("\r\n") + "\r\n";
}

function csvField(value) {
  if (Number.isNaN(value)) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function fillFits(store) {
  const fits = store.fits;
  const good = fits.some(({ gof }) => gof !== undefined);
  const columns = [{ title: "experiments" }, { title: "−2 ln L", numeric: true }, { title: "data", numeric: true }];
  if (good) columns.push(...["gof", "dof", "p-value"].map((title) => ({ title, numeric: true })));
  columns.push(...store.axes.map((axis) => ({ title: axisLabel(axis), numeric: true })), { title: "at an end of the axis" });
  const rows = fits.map((fit) => {
    const goodness = good ? [numberCell(fit.gof), numberCell(fit.dof), numberCell(fit.p_value, 3)] : [];
    const where = store.axes.map(({ name }) => numberCell(fit.best_fit[name]));
    return [textCell(fit.label), chi2Cell(fit.minimum), numberCell(fit.number_of_data), ...goodness, ...where, textCell(ends(store, fit).join(", "))];
  });
  fillTable(document.getElementById("fits"), columns, rows, { sortable: true });
  document.getElementById("fits-note").textContent =
    "The grid's best fit; −2 ln L up to each experiment's constant; an axis that an experiment does not depend on has its first value." +
    (good ? " gof is rᵀM⁻¹r of the prediction; its p-value takes one degree of freedom for each axis." : "");
}

/** Axes at whose ends a best fit lies: the true one may lie beyond. */
function ends(store, fit) {
  const used = new Set(store.experiments.filter(({ name }) => fit.members.includes(name)).flatMap(({ axes }) => axes));
  return store.axes
    .filter(({ name, values }) => used.has(name) && values.length > 1 && [values[0], values.at(-1)].includes(fit.best_fit[name]))
    .map(({ name }) => name);
}

function fillStatuses(store) {
  const names = Object.values(DATA.statuses).filter((status) => Object.values(store.statuses).some((counts) => counts[status]));
  const columns = [{ title: "experiment" }, ...names.map((title) => ({ title, numeric: true }))];
  const rows = Object.entries(store.statuses).map(([name, counts]) => [textCell(name), ...names.map((status) => countCell(counts[status] ?? 0))]);
  fillTable(document.getElementById("statuses"), columns, rows);
}

function countCell(count) {
  return { text: count.toLocaleString("en-GB"), sort: count };
}

/** A reference, its arXiv number a link. */
function reference(text) {
  const parts = text.split(/(arXiv:\s*(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?\/\d{7}))/);
  return element("li", {}, ...parts.map((part, i) => (i % 2 ? arxivLink(part) : part)));
}

function arxivLink(text) {
  const number = text.replace(/arXiv:\s*/, "");
  return element("a", { href: `https://arxiv.org/abs/${number}`, rel: "noopener noreferrer", target: "_blank", textContent: text });
}

function fillReferences(store) {
  const about = (title, facts, references) =>
    element("details", {}, element("summary", { textContent: title }), definitions(facts), element("ul", {}, ...(references ?? []).map(reference)));
  const { title, references, ...model } = store.model;
  const ofExperiments = store.experiments.map(({ name, title: about_, references: cited, ...facts }) => about(`${name}: ${about_ ?? ""}`, facts, cited));
  document.getElementById("references").replaceChildren(about(`model: ${title ?? ""}`, model, references), ...ofExperiments);
}

function fillProvenance(store) {
  const { scan_file: file, ...facts } = store.provenance;
  const scan = file && element("details", {}, element("summary", { textContent: "scan file" }), element("pre", { textContent: file }));
  document.getElementById("provenance").replaceChildren(definitions(facts), scan ?? "");
}

/** Names and values; lists of texts and small objects on lines of their own. */
function definitions(facts) {
  const shown = Object.entries(facts).filter(([, value]) => !(value === null || (typeof value === "object" && !Object.keys(value).length)));
  const entries = shown.flatMap(([key, value]) => [element("dt", { textContent: key.replaceAll("_", " ") }), element("dd", { textContent: written(value) })]);
  return element("dl", {}, ...entries);
}

function written(value) {
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === "object" ? written(entry).replaceAll("\n", ", ") : entry)).join("\n");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value).map(([key, entry]) => `${key}: ${typeof entry === "object" ? JSON.stringify(entry) : entry}`).join("\n");
}

// Elements, numbers, and the parts that every section shares. Text only ever enters the page as text.

let data, run, tally;
/** The numbers that everything is drawn from; a server may have newer ones. */
function take(numbers) {
  data = numbers;
  run = data.run;
  tally = run.tally;
}
take(JSON.parse(document.getElementById("run").textContent));

/** An element; attributes that are functions become listeners, children that are not nodes become text. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else if (key === "style") Object.assign(node.style, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = (n) => integer.format(n);

function threeDigits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
}

/** Three digits after any zeros: 0.00878, 0.123, 12.3. */
const significant = (value) => (value <= 0 || value >= 0.1 ? threeDigits(value) : value.toFixed(Math.min(12, 2 - Math.floor(Math.log10(value)))));

function bytes(n) {
  if (n < 1000) return `${n} B`;
  let value = n / 1000, unit = 0;
  const units = ["kB", "MB", "GB", "TB", "PB", "EB"];
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${threeDigits(value)}\u00a0${units[unit]}`;
}

const percent = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)}\u00a0%` : "–");
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
const seconds = (value) => (value >= 120 ? `${threeDigits(value / 60)} min` : `${threeDigits(value)} s`);
const files = (n) => `${count(n)} ${n === 1 ? "file" : "files"}`;
const documents = (n) => `${count(n)} ${n === 1 ? "document" : "documents"}`;

/** A number of a signal, short: 0.3, 50, 100k. */
function short(value) {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return String(+value.toPrecision(3));
}

/** Characters that hide or reorder text become visible; a reader judges what is there. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    return `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

const languageNames = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });

/** "German (deu)"; the code alone where the browser knows no name. */
function language(code) {
  let known = null;
  try {
    known = languageNames.of(code);
  } catch {
    // No language code.
  }
  return known && known !== code ? `${known} (${code})` : visible(code);
}

/** A list that shows its first `few`, and the rest on demand. `draw` makes the nodes of one item. */
function shortList(place, items, few, draw, what) {
  place.replaceChildren(...items.slice(0, few).map(draw));
  if (items.length <= few) return;
  const more = el("button", { type: "button", class: "quiet more", click: () => {
    more.replaceWith(...items.slice(few).map(draw));
  } }, `Show ${count(items.length - few)} more ${what}`);
  place.append(more);
}

/** Text of a document: as it stands, in its own direction. */
/** A text, of which the parts between the given places are marked. */
function prose(text, marks = []) {
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(visible(text.slice(at, start)), el("mark", {}, visible(text.slice(start, end))));
    at = end;
  }
  return el("div", { class: "prose", dir: "auto", tabindex: "0" }, ...parts, visible(text.slice(at)));
}

const sections = [];

/** A section with its heading; drawn after the first screen. */
function section(id, title, lead, draw) {
  const body = el("div", { class: "body" });
  const node = el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), lead ? el("p", { class: "lead" }, lead) : null, body);
  sections.push({ id, title, node, draw: () => draw(body), drawn: false });
  return node;
}

function drawOnce(entry) {
  if (entry.drawn) return;
  entry.drawn = true;
  try {
    entry.draw();
  } catch (error) {
    // One chapter that fails must not take the others with it.
    entry.node.append(el("p", { class: "warning" }, `This chapter could not be drawn (${error.message}); report.json holds its numbers.`));
  }
}

function csvText(head, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    // A leading =, +, - or @ of a text would be a formula in a spreadsheet.
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** The numbers behind a chart: a closed table and a CSV button. */
function numbers(name, head, rows) {
  const details = el("details", { class: "numbers" });
  const summary = el("summary", {}, "Numbers");
  const button = el("button", { type: "button", class: "quiet",
    click: () => download(`${name}.csv`, "text/csv", csvText(head, rows)) }, "CSV");
  button.setAttribute("aria-label", `Download the numbers of ${name} as CSV`);
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("table")) details.append(plainTable(head, rows));
  });
  return el("div", { class: "behind" }, details, button);
}

function plainTable(head, rows) {
  const cell = (value) => el("td", { class: typeof value === "number" ? "n" : null },
    typeof value === "number" ? (Number.isInteger(value) ? count(value) : String(+value.toPrecision(6))) : value === null ? "" : visible(String(value)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers" },
    el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

/** Buttons of which one is pressed. `choices`: [value, label]. */
function choice(label, choices, value, change) {
  const group = el("div", { class: "choice", role: "group", "aria-label": label });
  for (const [key, text] of choices) {
    group.append(el("button", { type: "button", "aria-pressed": String(key === value), click: (event) => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      change(key);
    } }, text));
  }
  return group;
}

/** The chosen theme; remembered where the browser lets a file do so. */
function theme(choice) {
  document.documentElement.style.colorScheme = choice;
  try {
    localStorage.setItem("corpus-theme", choice);
  } catch {
    // A page opened from a file may have no storage.
  }
  redrawCharts();
}

/** What stands on top of a page, in the theme that was chosen before. */
function pageTop(over, title) {
  try {
    const stored = localStorage.getItem("corpus-theme");
    if (stored === "dark" || stored === "light") document.documentElement.style.colorScheme = stored;
  } catch {
    // See `theme`.
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawCharts);
  return el("header", { class: "top" }, el("div", {}, el("p", { class: "over" }, over), el("h1", {}, title)),
    el("button", { type: "button", class: "quiet", click: () => theme(isDark() ? "light" : "dark") }, "Light or dark"));
}

/** A bar of one or more parts in 0..1 of the width. */
const bar = (...parts) => el("div", { class: "bar", "aria-hidden": "true" },
  parts.filter(([share]) => share > 0).map(([share, kind]) => el("i", { class: kind, style: { width: `${100 * share}%` } })));

const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark" ||
  (getComputedStyle(document.documentElement).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);

/** A colour of the style sheet, resolved for a canvas. */
function colour(name) {
  const probe = el("i", { style: { color: `var(--${name})`, display: "none" } });
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

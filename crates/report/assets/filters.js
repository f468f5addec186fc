// The table of every reason, the histograms of signals, the samples of what was dropped.

/** `≤ 100000` with its thousands apart. */
const limit = (bound) => bound.replace(/\d{5,}/g, (digits) => count(+digits));

/** Rows of the reason table, in recipe order. */
function reasonRows() {
  const time = Object.values(run.timing.stage_nanos).reduce((sum, nanos) => sum + nanos, 0);
  return run.reasons.map((reason, index) => {
    const check = tally.checks[index];
    const nanos = run.timing.stage_nanos[reason.stage];
    const rewrites = reason.is_line || reason.is_edit;
    const known = !run.is_early && !rewrites;
    return {
      reason, order: index, full: `${reason.stage}.${reason.reason}`,
      bound: reason.bound === "off" ? "check is off" : reason.signal ? `${reason.signal} ${limit(reason.bound)}` : reason.bound,
      first: rewrites ? null : check.first, alone: known ? check.alone : null, any: known ? check.any : null,
      lines: rewrites ? check.lines : null,
      time: nanos && time ? nanos / time : null,
    };
  });
}

const COLUMNS = [
  ["Reason", (row) => row.order, null],
  ["First, documents", (row) => row.first && row.first.documents, count],
  ["First, bytes", (row) => row.first && row.first.bytes, bytes],
  ["Alone, documents", (row) => row.alone && row.alone.documents, count],
  ["Alone, bytes", (row) => row.alone && row.alone.bytes, bytes],
  ["Any, documents", (row) => row.any && row.any.documents, count],
  ["Any, bytes", (row) => row.any && row.any.bytes, bytes],
  ["Lines, edits", (row) => row.lines, count],
  ["Time of stage", (row) => row.time, (share) => percent(share, 1)],
  ["Kept if", (row) => row.bound, null],
];
const isNumber = (column) => COLUMNS[column][2] !== null;

function reasonTable(body) {
  const rows = reasonRows();
  const fired = (row) => (row.lines || 0) > 0 || (row.first && row.first.documents > 0) || (row.any && row.any.documents > 0);
  let sorted = { column: 0, down: false }, hideIdle = rows.filter((row) => !fired(row)).length > 6;
  const tbody = el("tbody");
  const heads = COLUMNS.map(([title], index) => el("th", { scope: "col", class: isNumber(index) ? "n" : null },
    el("button", { type: "button", click: () => {
      sorted = { column: index, down: sorted.column === index ? !sorted.down : isNumber(index) };
      draw();
    } }, title)));
  const largest = Math.max(1, ...rows.map((row) => (row.first ? row.first.documents : 0)));
  const cells = (row) => COLUMNS.map(([, value, format], index) => {
    if (index === 0) {
      const link = row.first && row.first.documents > 0;
      return el("th", { scope: "row", title: row.reason.why },
        el("small", {}, row.reason.stage), link
          ? el("a", { href: "#samples", click: () => showSamples(row.full) }, row.reason.reason) : row.reason.reason);
    }
    const n = value(row);
    if (!isNumber(index)) return el("td", { class: "bound" }, n || "–");
    if (n === null) return el("td", { class: "n none" }, run.is_early && COLUMNS[index][0].startsWith("A") && row.lines === null ? "n/a" : "");
    return el("td", { class: n === 0 ? "n none" : "n" }, format(n),
      index === 1 ? bar([row.first.documents / largest, "dropped"]) : null);
  });
  const draw = () => {
    const [, value] = COLUMNS[sorted.column];
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return (x < y ? -1 : x > y ? 1 : a.order - b.order) * (sorted.down ? -1 : 1);
    };
    heads.forEach((head, index) => head.setAttribute("aria-sort",
      index === sorted.column ? (sorted.down ? "descending" : "ascending") : "none"));
    tbody.replaceChildren(...rows.filter((row) => !hideIdle || fired(row)).sort(order).map((row) => el("tr", {}, cells(row))));
  };
  const box = el("input", { type: "checkbox", change: (event) => { hideIdle = event.target.checked; draw(); } });
  box.checked = hideIdle;
  body.append(el("label", { class: "check" }, box, "hide reasons that never fired"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of reasons" },
      el("table", { class: "reasons" }, el("thead", {}, el("tr", {}, heads)), tbody)),
    numbers("reasons", ["reason", "first_documents", "first_bytes", "alone_documents", "alone_bytes", "any_documents", "any_bytes", "lines", "stage_time_share", "kept_if"],
      rows.map((row) => [row.full, ...COLUMNS.slice(1).map(([, value]) => value(row))])));
  draw();
}

/** Documents that fail two reasons, for the reasons that most documents fail together with others. */
function overlaps(body) {
  const pairs = Object.entries(tally.overlap || {}).flatMap(([a, others]) => Object.entries(others).map(([b, n]) => [+a, +b, n]));
  if (!pairs.length) {
    const others = tally.checks.some(({ any: all, alone }) => all.documents > alone.documents);
    body.append(el("p", {}, run.is_early ? "Measuring stopped at the first failure, so what else a document would have failed is not known."
      : others ? "An older version made this run, which did not count pairs of reasons." : "No document failed two checks."));
    return;
  }
  const any = (index) => tally.checks[index].any.documents;
  const both = new Map(pairs.flatMap(([a, b, n]) => [[`${a} ${b}`, n], [`${b} ${a}`, n]]));
  const together = new Map();
  for (const [a, b, n] of pairs) for (const each of [a, b]) together.set(each, (together.get(each) || 0) + n);
  const shown = [...together.keys()].sort((a, b) => together.get(b) - together.get(a)).slice(0, 14).sort((a, b) => a - b);
  const full = (index) => `${run.reasons[index].stage}.${run.reasons[index].reason}`;
  const cell = (row, column) => {
    if (row === column) return el("td", { class: "n own", title: `${documents(any(row))} fail ${full(row)}` }, short(any(row)));
    const n = both.get(`${row} ${column}`) || 0, share = n / Math.max(1, any(row));
    return el("td", { class: n ? "n" : "n none", title: `${documents(n)} fail ${full(row)} and ${full(column)}: ${percent(n, any(row))} of those that fail ${full(row)}`,
      style: { background: `color-mix(in srgb, var(--dropped) ${Math.round(100 * share)}%, var(--paper))` } }, n ? short(n) : "");
  };
  body.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Documents that fail both reasons" }, el("table", { class: "overlap" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "fails"), shown.map((index) => el("th", { scope: "col", title: full(index) }, el("span", {}, run.reasons[index].reason))))),
    el("tbody", {}, shown.map((row) => el("tr", {}, el("th", { scope: "row", title: full(row) }, run.reasons[row].reason), shown.map((column) => cell(row, column))))))),
  el("p", { class: "about" }, "Documents that fail both; the darker, the larger a share of those that fail the reason of the row. On the diagonal: all that fail it."),
  numbers("overlap", ["reason", "other_reason", "documents_failing_both", "documents_failing_reason", "documents_failing_other"],
    pairs.sort((a, b) => b[2] - a[2]).map(([a, b, n]) => [full(a), full(b), n, any(a), any(b)])));
}

function histograms(body) {
  const names = Object.keys(tally.signals);
  let isLog = false;
  const drawn = [];
  const grid = el("div", { class: "grid" });
  // In the order of the recipe's checks; what no check bounds comes last in its stage.
  const stages = new Map(run.stages.map((stage, index) => [stage.name, index]));
  const order = (full) => {
    const check = run.reasons.findIndex((reason) => `${reason.stage}.${reason.signal}` === full);
    return [stages.get(full.split(".")[0]) ?? 99, check < 0 ? 999 : check];
  };
  names.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
  body.append(el("div", { class: "row" }, choice("Axis of counts", [["linear", "linear"], ["log", "logarithmic"]], "linear", (kind) => {
    isLog = kind === "log";
    drawn.forEach((entry) => entry.draw());
  }), el("p", { class: "key" }, el("i", { class: "swatch kept" }), "within the bound ", el("i", { class: "swatch dropped" }), "beyond it ",
    el("i", { class: "swatch limit" }), "bound")), grid);
  const place = (node, full) => {
    const [stage, signal] = [full.slice(0, full.lastIndexOf(".")), full.slice(full.lastIndexOf(".") + 1)];
    const checks = run.reasons.filter((reason) => reason.stage === stage && reason.signal === signal && (reason.low !== null || reason.high !== null));
    const moved = checks.map((check) => movable(check));
    const bounds = () => ({
      low: moved.reduce((most, { low }) => (low === null ? most : Math.max(low, most ?? -Infinity)), null),
      high: moved.reduce((least, { high }) => (high === null ? least : Math.min(high, least ?? Infinity)), null),
    });
    const isOff = run.reasons.some((reason) => reason.stage === stage && reason.signal === signal && reason.bound === "off");
    const bound = checks.map((check) => `${check.reason}: kept if ${limit(check.bound)}`).join("; ") ||
      (isOff ? "its check is off in this recipe" : "no bound of its own");
    const { edges, about } = data.signals[full];
    const measured = tally.signals[full].counts.reduce((sum, n) => sum + n, 0);
    node.append(el("h3", {}, el("small", {}, `${stage}.`), signal), el("p", {}, bound));
    const entry = histogram(node, { histogram: tally.signals[full], height: 150, isLog: () => isLog, bounds,
      label: `Histogram of ${full} over ${documents(measured)}. ${about} ${bound}` });
    drawn.push(entry);
    node.append(...moved.flatMap(({ sliders }) => sliders), el("p", { class: "about" }, about));
    draggable(entry, tally.signals[full].scale, moved.flatMap(({ sliders }) => sliders.map((slider) => slider.querySelector("input"))));
    moved.forEach((one) => { one.changed = () => entry.draw(); });
    node.append(numbers(full, ["from", "below", "documents"],
      tally.signals[full].counts.map((n, bin) => [edges[bin], edges[bin + 1], n])));
  };
  const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    near.unobserve(entry.target);
    place(entry.target, entry.target.dataset.signal);
  }), { rootMargin: "300px" });
  for (const full of names) {
    const node = el("article", { class: "card signal" });
    node.dataset.signal = full;
    grid.append(node);
    near.observe(node);
  }
}

/** A check's bound as it is moved about: where it is, and what would change there, before duplicates are looked at. */
function movable(check) {
  const full = `${check.stage}.${check.reason}`, steps = data.steps[full];
  const one = { low: check.low, high: check.high, sliders: [], changed: () => {} };
  if (!steps || run.is_early) return one;
  const places = Object.entries(tally.moves[full].places).map(([place, counts]) => [+place, counts]);
  const keeps = (place, low, high) => (low === null || place >= 2 * steps.indexOf(low) + (check.bound.startsWith(">") ? 2 : 1)) &&
    (high === null || place <= 2 * steps.indexOf(high) + (check.bound.startsWith("<") ? 0 : 1));
  const told = () => {
    const sum = { gone: { documents: 0, bytes: 0 }, back: { documents: 0, bytes: 0 } };
    const add = (to, from) => { to.documents += from.documents; to.bytes += from.bytes; };
    for (const [place, { passes, fails_alone }] of places) {
      if (keeps(place, one.low, one.high)) add(sum.back, fails_alone);
      else add(sum.gone, passes);
    }
    const more = [[sum.gone, "more would go"], [sum.back, "more would stay"]].filter(([{ documents: n }]) => n > 0)
      .map(([n, what]) => `${documents(n.documents)} (${bytes(n.bytes)}) ${what}`);
    return more.join(", ") || (one.low === check.low && one.high === check.high ? "as in the recipe" : "nothing would change");
  };
  const outputs = [];
  for (const side of ["low", "high"].filter((each) => check[each] !== null)) {
    const output = el("output", {});
    const show = () => {
      const sign = side === "low" ? (check.bound.startsWith(">") ? ">" : "≥") : check.bound.startsWith("<") ? "<" : "≤";
      output.replaceChildren(el("b", {}, `${sign} ${one[side].toLocaleString("en-US", { maximumFractionDigits: 6 })}`), ` ${told()}`);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    const input = el("input", { type: "range", min: 0, max: steps.length - 1, step: 1, "aria-label": `${full}, ${side === "low" ? "least" : "most"} that is kept`,
      input: () => { one[side] = steps[+input.value]; outputs.forEach((each) => each()); one.changed(); },
      dblclick: () => { input.value = steps.indexOf(check[side]); input.dispatchEvent(new Event("input")); } });
    input.value = steps.indexOf(check[side]);
    Object.assign(input.dataset, { side, reason: full });
    outputs.push(show);
    one.sliders.push(el("label", { class: "move" }, el("span", {}, `${check.reason}: what if`), input, output));
    show();
  }
  return one;
}

/** Lets the lines of a chart be dragged: each moves the slider that stands for it, which snaps to its steps. */
function draggable(entry, scale, inputs) {
  if (!inputs.length) return;
  const at = (input) => binOf(scale, data.steps[input.dataset.reason][+input.value]);
  let held = null;
  const binAt = (event) => entry.plot.posToVal(event.clientX - entry.plot.over.getBoundingClientRect().left, "x");
  const near = (event) => {
    const away = (input) => Math.abs(entry.plot.valToPos(at(input), "x") - (event.clientX - entry.plot.over.getBoundingClientRect().left));
    const nearest = inputs.reduce((best, input) => (away(input) < away(best) ? input : best));
    return away(nearest) < 14 ? nearest : null;
  };
  entry.holder.addEventListener("pointerdown", (event) => {
    held = near(event);
    if (!held) return;
    entry.holder.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  entry.holder.addEventListener("pointermove", (event) => {
    if (!held) {
      entry.holder.style.cursor = near(event) ? "ew-resize" : "";
      return;
    }
    const steps = data.steps[held.dataset.reason], wanted = binAt(event);
    const away = (index) => Math.abs(binOf(scale, steps[index]) - wanted);
    const index = steps.reduce((best, _, each) => (away(each) < away(best) ? each : best), 0);
    if (index === +held.value) return;
    held.value = index;
    held.dispatchEvent(new Event("input"));
  });
  for (const kind of ["pointerup", "pointercancel"]) entry.holder.addEventListener(kind, () => { held = null; });
}

/** Shows the samples of a reason; set when that section is drawn. */
let showSamples = (full) => {
  drawOnce(sections.find((entry) => entry.id === "samples"));
  showSamples(full);
};

function samples(body) {
  const byReason = new Map();
  for (const sample of run.rejected_samples) byReason.set(sample.reason, [...(byReason.get(sample.reason) || []), sample]);
  const known = run.reasons.map((reason, index) => [`${reason.stage}.${reason.reason}`, tally.checks[index].first.documents, reason.why])
    .filter(([full]) => byReason.has(full));
  for (const full of byReason.keys()) if (!known.some(([other]) => other === full)) known.push([full, 0, ""]);
  if (!known.length) {
    showSamples = () => {};
    body.append(el("p", {}, tally.kept.documents < tally.input.documents ? "The texts of dropped documents were not kept in this run."
      : "No document was dropped."));
    return;
  }
  const list = el("div", { class: "cards" });
  const why = el("p", { class: "lead" });
  const select = el("select", { id: "reason", change: () => draw(select.value) },
    known.map(([full, n]) => el("option", { value: full }, n ? `${full} (${count(n)})` : full)));
  const draw = (full) => {
    why.textContent = (known.find(([other]) => other === full) || ["", 0, ""])[2];
    shortList(list, byReason.get(full), 4, (sample) => el("article", { class: "card" },
      el("header", {}, el("b", {}, visible(sample.id)), sample.language ? el("span", { class: "tag" }, language(sample.language)) : null,
        sample.signal && sample.value !== null ? el("span", { class: "tag dropped" }, `${sample.signal} = ${short(sample.value)}`,
          sample.bound ? `, kept if ${limit(sample.bound)}` : "") : null),
      sample.url ? el("p", { class: "url" }, visible(sample.url)) : null, prose(sample.text, sample.marks)), "of this reason");
  };
  showSamples = (full) => {
    if (!byReason.has(full)) return;
    select.value = full;
    draw(full);
  };
  body.append(el("label", { class: "pick", for: "reason" }, "Dropped for ", select), why, list);
  const start = known.reduce((best, one) => (one[1] > best[1] ? one : best));
  select.value = start[0];
  draw(start[0]);
}

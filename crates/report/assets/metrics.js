// What models show beyond bits per byte, and what was predicted of a larger one.

const DIRECTION = { higher: "higher is better", lower: "lower is better", neither: "" };
const which = (name) => visible(name.slice(name.indexOf(".") + 1).replaceAll("_", " "));
const digits = (value) => value.toFixed(Math.abs(value) >= 100 ? 0 : 3);
const between = (interval) => (interval ? `${digits(interval[0])} … ${digits(interval[1])}` : "");
const scrolled = (label, table) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);

function metrics(body, t) {
  if (!t.metrics?.length) return;
  const families = new Map();
  for (const metric of t.metrics) {
    const family = metric.name.split(".")[0];
    if (!families.has(family)) families.set(family, []);
    families.get(family).push(metric);
  }
  body.append(el("h3", {}, "What else the models show"));
  for (const [family, list] of families) {
    body.append(el("p", { class: "about" }, [visible(list[0].about), DIRECTION[list[0].better]].filter(Boolean).join("; "), "."),
      ...(family === "canaries" && list.length > 1 ? byCopies(t, list) : []), scrolled(family, metricTable(t, list)));
  }
  metricDifferences(body, t);
}

/** One line per arm over the number of copies; the numbers are in the table below. */
function byCopies(t, list) {
  const values = list.flatMap((metric) => metric.arms.map((one) => one.value));
  const [low, high] = [Math.min(0, ...values), Math.max(0.1, ...values)];
  const x = (index) => `${6 + (88 * index) / (list.length - 1)}%`;
  const y = (value) => 160 - (150 * (value - low)) / (high - low);
  const colour = (index) => ARM_COLOURS[index % ARM_COLOURS.length];
  const node = svg("svg", { class: "interval", height: 184, "aria-hidden": "true" }, svg("line", { x1: "2%", x2: "98%", y1: y(0), y2: y(0), class: "zero" }));
  list.forEach((metric, index) => {
    const label = svg("text", { x: x(index), y: 180, "text-anchor": "middle", fill: "currentColor", "font-size": 12 });
    label.textContent = `${which(metric.name)} ×`;
    node.append(label);
  });
  t.arms.forEach((arm, place) => {
    const at = list.map((metric) => metric.arms.find((one) => one.arm === arm.name)?.value);
    at.forEach((value, index) => {
      if (value === undefined) return;
      const style = `stroke: var(--${colour(place)}); fill: var(--${colour(place)}); stroke-width: 2`;
      if (index && at[index - 1] !== undefined) node.append(svg("line", { x1: x(index - 1), x2: x(index), y1: y(at[index - 1]), y2: y(value), style }));
      node.append(svg("circle", { cx: x(index), cy: y(value), r: 3, style }));
    });
  });
  return [el("div", { class: "legend arms" }, t.arms.map((arm, index) => el("span", {}, el("i", { class: `swatch ${colour(index)}` }), name(arm.name)))), node];
}

function metricTable(t, list) {
  const cell = (one) => el("td", { class: "n" }, one ? digits(one.value) : "", one?.interval ? el("small", {}, ` ${between(one.interval)}`) : null);
  const rows = t.arms.map((arm) => el("tr", {}, el("th", { scope: "row" }, name(arm.name)), list.map((metric) => cell(metric.arms.find((one) => one.arm === arm.name)))));
  if (list.some((metric) => metric.heldout !== null)) {
    rows.push(el("tr", {}, el("th", { scope: "row" }, "held-out text"), list.map((metric) => el("td", { class: "n" }, metric.heldout === null ? "" : digits(metric.heldout)))));
  }
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "arm"), list.map((metric) => el("th", { scope: "col", class: "n" }, which(metric.name))))), el("tbody", {}, rows));
}

/** Differences of two arms whose interval misses 0; all of them as numbers. */
function metricDifferences(body, t) {
  const pair = (one) => `${one.arm} − ${one.against}`;
  const pairs = [...new Set(t.metrics.flatMap((metric) => metric.differences.map(pair)))];
  if (!pairs.length) return;
  const holder = el("div");
  const draw = (chosen) => {
    const of = t.metrics.flatMap((metric) => metric.differences.filter((one) => pair(one) === chosen).map((one) => [metric, one]));
    const found = of.filter(([, one]) => one.found !== "nothing");
    const word = (metric, one) => (metric.better === "neither" ? one.found : metric.better === one.found ? "better" : "worse");
    holder.replaceChildren(el("p", { class: "about" }, `${found.length} of ${of.length} intervals miss 0; one in twenty would by chance.`),
      found.length ? scrolled("Differences", el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "metric"), ["difference", "95 %", ""].map((title) => el("th", { scope: "col", class: "n" }, title)))),
        el("tbody", {}, found.map(([metric, one]) => el("tr", {}, el("th", { scope: "row" }, visible(metric.name.replaceAll("_", " "))),
          [signed(one.difference), between(one.interval), word(metric, one)].map((text) => el("td", { class: "n" }, text))))))) : "");
  };
  body.append(el("div", { class: "row" }, el("h3", {}, "Where arms differ"), choice("Arms", pairs.map((one) => [one, one]), pairs[0], draw)), holder,
    numbers("metrics", ["metric", "arm", "value", "low", "high"], t.metrics.flatMap((metric) => metric.arms.map((one) => [metric.name, one.arm, one.value, ...(one.interval ?? [null, null])]))));
  draw(pairs[0]);
}

/** A law through a ladder of small models: what it foretold, what was measured, what it advises. */
function forecast(body) {
  const f = run.forecast;
  if (!f) return;
  const time = (at) => new Date(1000 * at).toLocaleString();
  body.append(el("h3", {}, "Predicted before it was trained"), el("p", { class: "about" },
    `Bits per byte on held-out ${visible(f.heldout)} text, arm ${visible(f.arm)}, ${count(f.seeds)} ${f.seeds === 1 ? "seed" : "seeds"}. Written ${time(f.foretold.written)}, first step of a predicted model ${time(f.scored.first_step)}. ` +
    `Without its largest size the ladder's law was ${(100 * f.foretold.left_out_size).toFixed(1)} % wrong about that, without its largest number of tokens ${(100 * f.foretold.left_out_tokens).toFixed(1)} %; seeds differ by ${(100 * f.foretold.noise).toFixed(1)} %.`));
  const all = f.foretold.models.flatMap((model) => model.interval_95).concat(f.scored.models.map((model) => model.bits_per_byte));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (value) => `${4 + (92 * (value - low)) / Math.max(high - low, 1e-9)}%`;
  const plot = (told, found) => svg("svg", { class: "interval", height: 26, "aria-hidden": "true" },
    svg("line", { x1: x(told.interval_95[0]), x2: x(told.interval_95[1]), y1: 13, y2: 13, class: "range no_difference_seen" }),
    svg("rect", { x: x(told.interval_80[0]), width: `${parseFloat(x(told.interval_80[1])) - parseFloat(x(told.interval_80[0]))}%`, y: 8, height: 10, class: "mde" }),
    svg("circle", { cx: x(told.bits_per_byte), cy: 13, r: 4.5, fill: "none", stroke: "currentColor" }),
    svg("circle", { cx: x(found.bits_per_byte), cy: 13, r: 4, class: `dot ${found.inside_95 ? "better" : "worse"}` }));
  body.append(el("div", { class: "forest" }, f.foretold.models.map((told, index) => {
    const found = f.scored.models[index];
    return el("div", { class: "step" }, el("span", { class: "name" }, `${short(told.parameters)} parameters`, el("small", {}, ` ${short(told.tokens)} tokens`)), plot(told, found),
      el("span", { class: "n" }, digits(told.bits_per_byte), el("small", {}, between(told.interval_95))),
      el("span", { class: "n" }, `${digits(found.bits_per_byte)} measured`, el("small", {}, `${found.error_percent >= 0 ? "+" : "−"}${Math.abs(found.error_percent).toFixed(1)} %`)));
  })), el("p", { class: "about" }, `Ring: predicted, with its 80 % (grey) and 95 % (line) interval; dot: measured. For the same FLOPs ${visible(f.scored.predicted_better)} was to be better, and ${visible(f.scored.measured_better)} is.`),
  numbers("ladder", ["model", "parameters", "tokens", "bits_per_byte"], f.ladder.map((model) => [model.name, model.parameters, model.tokens, model.bits_per_byte])));
  advice(body, f);
}

function advice(body, f) {
  if (!f.advice.length) return;
  body.append(el("h3", {}, "What to train on this corpus"), el("p", { class: "about" },
    `${short(f.unique_tokens)} unique clean tokens; this machine computes ${(f.flops_per_second / 1e9).toFixed(1)} GFLOP/s. Repeated tokens are discounted as Muennighoff et al. 2023 found them. * More than four times what was measured: a guess by the law.`),
  scrolled("Advice", el("table", {}, el("thead", {}, el("tr", {}, ["hours here", "parameters", "80 %", "epochs", "bits per byte, 80 %", ""].map((title) => el("th", { scope: "col", class: "n" }, title)))),
    el("tbody", {}, f.advice.map((one) => el("tr", {}, [threeDigits(one.hours_here), short(one.parameters), `${short(one.parameters_between[0])} … ${short(one.parameters_between[1])}`,
      one.epochs.toFixed(2), between(one.bits_per_byte_between), one.is_far ? "*" : ""].map((text) => el("td", { class: "n" }, text))))))));
}

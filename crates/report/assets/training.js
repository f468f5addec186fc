// What cleaning did to a model: learning curves, differences, generated text.

const ARM_COLOURS = ["arm1", "arm2", "arm3", "arm4", "arm5", "arm6"];
const METRICS = [
  ["bpb_heldout_kept", "held-out, kept", "bits per byte on held-out pages that the recipe keeps"],
  ["bpb_heldout_raw", "held-out, as it came", "bits per byte on held-out pages as they came"],
  ["loss", "training loss", "training loss, nats per token"],
];

function training(body) {
  const { training: t } = run;
  if (!t) {
    body.append(el("p", {}, "Not trained yet. ", el("code", {}, "corpus train out/"), " trains one small model per arm and adds this chapter."));
    forecast(body);
    return;
  }
  body.append(el("p", { class: "lead" }, `${t.arms.length} arms, ${count(t.seeds)} ${t.seeds === 1 ? "seed" : "seeds"} each, preset ${t.preset}: ` +
    `${t.parameters ? `${short(t.parameters)} parameters, ` : ""}${short(t.tokens)} tokens per run on ${t.device}; same start, same schedule, same number of tokens. Fewer bits per byte are better.`));
  if (t.note) body.append(el("p", { class: "lead" }, t.note));
  if (t.ablation) takenApart(body, t);
  else forest(body, t);
  curves(body, t);
  armTable(body, t);
  metrics(body, t);
  forecast(body);
  rewinds(body, t);
  generated(body, t);
}

/** Runs that went back before a spike of the loss, and the documents that they read there. */
function rewinds(body, t) {
  if (!t.rewinds?.length) return;
  const number = (value) => (value === null ? "not a number" : value.toFixed(2));
  body.append(el("h3", {}, "Loss spikes"), el("p", { class: "about" }, "Steps far out of line: the run went back and left out the batches read since then."),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Loss spikes" }, el("table", {},
      el("thead", {}, el("tr", {}, ["arm", "why", "documents read there"].map((title) => el("th", { scope: "col" }, title)),
        ["seed", "from step", "to step", "batches left out", "loss", "gradient norm"].map((title) => el("th", { scope: "col", class: "n" }, title)))),
      el("tbody", {}, t.rewinds.map((one) => el("tr", {}, el("th", { scope: "row" }, name(one.arm)), el("td", { class: "words" }, one.why),
        el("td", {}, el("details", {}, el("summary", {}, count(one.documents.length)), el("ul", {}, one.documents.map((document) => el("li", {}, visible(document)))))),
        [count(one.seed), count(one.step), count(one.to_step), count(one.batches), number(one.loss), number(one.gradient_norm)].map((text) => el("td", { class: "n" }, text))))))));
}

/** Mean, lowest and highest over the seeds of each arm at each number of tokens. */
function armLines(t, metric) {
  const xs = [...new Set(t.curves.flatMap((curve) => curve.points.filter((point) => point[metric] !== null).map((point) => point.tokens)))].sort((a, b) => a - b);
  const at = new Map(xs.map((tokens, index) => [tokens, index]));
  const arms = t.arms.map((arm, index) => {
    const values = xs.map(() => []);
    for (const curve of t.curves.filter((one) => one.arm === arm.name)) {
      for (const point of curve.points) if (point[metric] !== null) values[at.get(point.tokens)].push(point[metric]);
    }
    const over = (fold) => values.map((seeds) => (seeds.length ? fold(seeds) : null));
    return { name: arm.name, colour: ARM_COLOURS[index % ARM_COLOURS.length],
      mean: over((seeds) => seeds.reduce((a, b) => a + b, 0) / seeds.length), low: over((seeds) => Math.min(...seeds)), high: over((seeds) => Math.max(...seeds)) };
  });
  return { xs, arms };
}

function curves(body, t) {
  const metrics = METRICS.filter(([key]) => t.curves.some((curve) => curve.points.some((point) => point[key] !== null)));
  if (!metrics.length) return;
  let metric = metrics[0][0];
  // Of many arms the first screen shows those of a plain training.
  const isMain = (arm) => !t.ablation || ["raw", "language_only", "random_drop", "all"].includes(arm.name);
  const hidden = new Set(t.arms.filter((arm) => !isMain(arm)).map((arm) => arm.name));
  const holder = el("div");
  const place = el("div", { class: "curves" });
  const below = el("div");
  const legend = el("div", { class: "legend arms", role: "group", "aria-label": "Arms shown" }, t.arms.map((arm, index) =>
    el("button", { type: "button", "aria-pressed": String(isMain(arm)), title: arm.about, click: (event) => {
      if (!hidden.delete(arm.name)) hidden.add(arm.name);
      event.currentTarget.setAttribute("aria-pressed", String(!hidden.has(arm.name)));
      entry.draw();
    } }, el("i", { class: `swatch ${ARM_COLOURS[index % ARM_COLOURS.length]}` }), name(arm.name))));
  const table = () => {
    const { xs, arms } = armLines(t, metric);
    below.replaceChildren(el("p", { class: "about" }, `${METRICS.find(([key]) => key === metric)[2]}; line: mean of the seeds, band: lowest to highest seed.`),
      numbers(`curves-${metric}`, ["tokens", ...arms.flatMap((arm) => [`${arm.name} mean`, `${arm.name} lowest`, `${arm.name} highest`])],
        xs.map((tokens, index) => [tokens, ...arms.flatMap((arm) => [arm.mean[index], arm.low[index], arm.high[index]])])));
  };
  body.append(el("div", { class: "row" }, el("h3", {}, "Learning curves"),
    choice("Measure", metrics.map(([key, label]) => [key, label]), metric, (key) => { metric = key; table(); entry.draw(); })), holder);
  holder.append(legend, place, below);
  const entry = chart(place, 320, "Learning curves: one line per arm with a band over the seeds; the numbers are in the table below", (node, width, height) => {
    const { xs, arms } = armLines(t, metric);
    return curvesPlot(node, width, height, arms, xs, (arm) => !hidden.has(arm));
  });
  table();
}

const VERDICTS = { better: "better", worse: "worse", no_difference_seen: "no difference seen", not_resolved: "not resolved" };

/** Groups of differences, each with a title or null, on one scale. */
function forestPlot(groups, label) {
  const rows = groups.flatMap(([, group]) => group);
  const reach = 1.12 * Math.max(0.01, ...rows.flatMap((row) => [Math.abs(row.delta), Math.abs(row.low ?? 0), Math.abs(row.high ?? 0), row.mde ?? 0]));
  const x = (value) => 50 + (50 * value) / reach;
  const plot = (row) => {
    const line = (x1, y1, x2, y2, kind) => svg("line", { x1: `${x1}%`, y1, x2: `${x2}%`, y2, class: kind });
    const node = svg("svg", { class: "interval", height: 26, "aria-hidden": "true" });
    if (row.mde !== null) node.append(svg("rect", { x: `${x(-row.mde)}%`, width: `${x(row.mde) - x(-row.mde)}%`, y: 0, height: 26, class: "mde" }));
    node.append(line(50, 0, 50, 26, "zero"));
    if (row.low !== null && row.high !== null) node.append(line(x(row.low), 13, x(row.high), 13, `range ${row.verdict}`));
    node.append(svg("circle", { cx: `${x(row.delta)}%`, cy: 13, r: 4.5, class: `dot ${row.verdict}` }));
    return node;
  };
  const ticks = [-1, -0.5, 0, 0.5, 1].map((share) => share * reach / 1.12);
  const step = (row) => el("div", { class: "step" },
    el("span", { class: "name" }, `${name(row.a)} − ${name(row.b)}`, el("small", {}, ` ${label(row)}`)), plot(row),
    el("span", { class: "n" }, signed(row.delta), el("small", {}, row.low === null || row.high === null ? "no interval" : `${signed(row.low)} … ${signed(row.high)}`)),
    el("span", { class: `n verdict ${row.verdict}` }, VERDICTS[row.verdict]));
  return el("div", { class: "forest" },
    groups.flatMap(([title, group]) => [title ? el("h4", {}, title) : null, ...group.map(step)]),
    el("div", { class: "step scale", "aria-hidden": "true" }, el("span", { class: "name" }),
      el("span", { class: "ticks" }, ticks.map((tick) => el("i", { style: { left: `${x(tick)}%` } }, tick === 0 ? "0" : signed(tick)))), el("span"), el("span")));
}

/** Differences with their intervals, and in grey what was too small to be detected. */
function forest(body, t) {
  if (!t.differences.length) return;
  const rows = t.differences;
  body.append(el("h3", {}, "Differences in bits per byte"), forestPlot([[null, rows]], (row) => row.held_out),
    el("p", { class: "about" }, "Dot: mean over the seeds; line: 95 % interval; grey: smaller than the smallest effect that this run could detect. Left of zero, the first arm is better."),
    numbers("differences", ["a", "b", "held_out", "delta", "low", "high", "smallest_detectable", "verdict"],
      rows.map((row) => [row.a, row.b, row.held_out, row.delta, row.low, row.high, row.mde, VERDICTS[row.verdict]])));
}

function armTable(body, t) {
  const sets = [...new Set(t.arms.flatMap((arm) => Object.keys(arm.bits_per_byte)))].sort();
  // What no arm has a count of was not recorded.
  const sizes = [["documents", "documents"], ["tokens", "unique tokens"]].filter(([key]) => t.arms.some((arm) => arm[key] > 0));
  const gains = new Map((t.ablation?.gains ?? []).map((gain) => [gain.arm, gain.words]));
  const worth = gains.size ? ["worth raw tokens"] : [];
  body.append(el("h3", {}, "Arms"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Arms" }, el("table", {},
    el("thead", {}, el("tr", {}, ["arm", "trained on"].map((title) => el("th", { scope: "col" }, title)),
      [...sizes.map(([, title]) => title), ...sets.map((key) => `bits per byte, ${key}`), ...worth].map((title) => el("th", { scope: "col", class: "n" }, title)))),
    el("tbody", {}, t.arms.map((arm) => el("tr", {}, el("th", { scope: "row" }, name(arm.name)), el("td", { class: "words" }, arm.about),
      sizes.map(([key]) => el("td", { class: "n" }, count(arm[key]))),
      sets.map((key) => el("td", { class: "n" }, key in arm.bits_per_byte ? arm.bits_per_byte[key].toFixed(3) : "")),
      worth.map(() => el("td", { class: "n" }, gains.get(arm.name) ?? ""))))))));
  if (t.ablation) {
    body.append(numbers("arms", ["arm", "trained_on", "documents", "unique_tokens", ...sets.map((key) => `bits_per_byte_${key}`), "worth_raw_tokens"],
      t.arms.map((arm) => [arm.name, arm.about, arm.documents, arm.tokens, ...sets.map((key) => arm.bits_per_byte[key] ?? null), gains.get(arm.name) ?? ""])));
  }
}

function generated(body, t) {
  if (!t.samples.length) return;
  const holder = el("div", { class: "grid narrow" });
  const draw = (index) => {
    const { prompt, texts } = t.samples[index];
    const order = t.arms.map((arm) => arm.name).filter((arm) => arm in texts);
    holder.replaceChildren(...order.map((arm) => el("article", { class: "card" }, el("header", {}, el("b", {}, name(arm))),
      el("div", { class: "prose", dir: "auto", tabindex: "0" }, el("b", {}, visible(prompt)), visible(texts[arm])))));
  };
  const select = el("select", { id: "prompt", change: () => draw(+select.value) }, t.samples.map(({ prompt }, index) => el("option", { value: index }, visible(prompt).slice(0, 60))));
  body.append(el("h3", {}, "What the models write"), el("label", { class: "pick", for: "prompt" }, "Prompt ", select), holder);
  draw(0);
}

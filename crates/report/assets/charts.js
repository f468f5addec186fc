// uPlot charts: histograms with bounds, two lengths over each other, curves with bands.

const charts = [];

/** Keeps a chart as wide as its place and redraws it when the theme changes. */
function chart(place, height, label, build) {
  const holder = el("div", { class: "chart", role: "img", "aria-label": label, style: { height: `${height}px` } });
  place.append(holder);
  const entry = { plot: null, holder, width: 0, draw() {
    const width = Math.floor(holder.clientWidth);
    if (width < 40) return;
    if (entry.plot) entry.plot.destroy();
    entry.width = width;
    entry.plot = build(holder, width, height);
  } };
  charts.push(entry);
  new ResizeObserver(() => { if (Math.floor(holder.clientWidth) !== entry.width) entry.draw(); }).observe(holder);
  return entry;
}

/** Charts that were replaced by newer ones are forgotten. */
function redrawCharts() {
  charts.splice(0, charts.length, ...charts.filter(({ holder }) => holder.isConnected));
  charts.forEach((entry) => entry.draw());
}
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

function axis(extra) {
  return { stroke: colour("soft"), font: FONT, grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, gap: 6, ...extra };
}

/** Where the labels of a bin axis stand: [bin position, text]. */
function binTicks(scale, first, last, room) {
  const ticks = [];
  if (scale === "log") {
    for (let power = 1; power < 1e13; power *= 10) ticks.push([4 * Math.log2(power + 1), short(power)]);
    if (first === 0) ticks.unshift([0, "0"]);
  } else if (scale === "signed") {
    ticks.push([binOf(scale, 0), "0"]);
    for (let power = 0.1; power < 1e8; power *= 10) {
      for (const value of [1, 2, 3, 5].map((digit) => digit * power)) {
        ticks.push([binOf(scale, value), short(value)], [binOf(scale, -value), short(-value)]);
      }
    }
    ticks.sort((a, b) => a[0] - b[0]);
  } else {
    const unit = scale === "fraction" ? 50 : 2;
    const span = (last - first) / unit;
    const step = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find((size) => span / size <= Math.max(3, room / 60)) || 10;
    for (let value = Math.ceil(first / unit / step) * step; value * unit <= last + 1e-9; value += step) {
      ticks.push([value * unit, String(+value.toFixed(2))]);
    }
  }
  const inside = ticks.filter(([at]) => at >= first && at <= last);
  const every = Math.ceil(inside.length / Math.max(3, room / 44));
  return inside.filter((_, index) => index % every === 0);
}

/** A value in bins, as `Histogram::add` of the crate `document` has it. */
function binOf(scale, value) {
  if (scale === "signed") return 120 + Math.sign(value) * 4 * Math.log2(1 + 64 * Math.abs(value));
  return scale === "fraction" ? value * 50 : scale === "log" ? 4 * Math.log2(value + 1) : value * 2;
}

/** First and last bin worth showing, with the bounds in view. */
function binRange(scale, counts, bounds) {
  let last = counts.length - 1, first = 0;
  while (last > 0 && counts[last] === 0) last--;
  while (first < last && counts[first] === 0) first++;
  const at = bounds.map((value) => binOf(scale, value)).filter((bin) => bin <= counts.length);
  // On a scale without end, far bounds (100,000 words) would squeeze the data: a third more is given to them.
  const span = scale === "log" || scale === "signed" ? Math.max(6, last + 1 - first) : Infinity;
  for (const bin of at) {
    if (bin >= last + 1 && bin < last + 1 + span / 3) last = Math.min(counts.length - 1, Math.ceil(bin) + 1);
    if (bin <= first && bin > first - span / 3) first = Math.max(0, Math.floor(bin) - 2);
  }
  if (scale !== "log" && first < 6) first = 0;
  return [first, Math.max(last + 1, first + 6)];
}

function barsPlot(holder, width, height, options) {
  const { scale, first, last, series, isLog, limits, own } = options;
  const xs = Array.from({ length: last - first }, (_, index) => first + index);
  const top = Math.max(1, ...series.flatMap((one) => one.counts.slice(first, last)));
  const value = (n) => (isLog ? (n > 0 ? n : null) : n);
  const ticks = binTicks(scale, first, last, width - 50);
  const drawLimits = (plot) => {
    const context = plot.ctx, ratio = devicePixelRatio;
    context.save();
    context.strokeStyle = context.fillStyle = colour("ink");
    context.lineWidth = 1.5 * ratio;
    context.setLineDash([4 * ratio, 3 * ratio]);
    for (const limit of limits || []) {
      // A flag that must be 0 is bounded between 0 and 1.
      const bin = scale === "linear" && limit === 0 ? 1 : binOf(scale, limit);
      if (bin < first || bin > last) continue;
      const x = Math.round(plot.valToPos(bin, "x", true));
      context.beginPath();
      context.moveTo(x, plot.bbox.top - 3 * ratio);
      context.lineTo(x, plot.bbox.top + plot.bbox.height);
      context.stroke();
    }
    if (own !== undefined) {
      // Where one document stands.
      const x = Math.round(plot.valToPos(Math.min(last, Math.max(first, binOf(scale, own))), "x", true)), top = plot.bbox.top;
      context.setLineDash([]);
      context.strokeStyle = context.fillStyle = colour("own");
      context.lineWidth = 2 * ratio;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, top + plot.bbox.height);
      context.stroke();
      context.beginPath();
      context.moveTo(x - 5 * ratio, top - 6 * ratio);
      context.lineTo(x + 5 * ratio, top - 6 * ratio);
      context.lineTo(x, top + 2 * ratio);
      context.fill();
    }
    context.restore();
  };
  return new uPlot({
    width, height, cursor: { show: false }, legend: { show: false }, padding: [10, 14, 0, 0],
    scales: {
      x: { time: false, range: () => [first, last] },
      y: isLog ? { distr: 3, range: () => [0.7, top * 1.4] } : { range: () => [0, top * 1.06] },
    },
    axes: [
      axis({ grid: { show: false }, size: 26, splits: () => ticks.map(([at]) => at), values: () => ticks.map(([, text]) => text) }),
      axis({ size: 44, values: (_, splits) => splits.map((n) => (n === null || (isLog && n < 1) ? "" : short(n))),
        ...(isLog ? { splits: () => [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].filter((n) => n <= top * 1.4),
          filter: (_, splits) => splits } : { space: 28 }) }),
    ],
    series: [{}, ...series.map((one) => ({
      stroke: one.stroke ? colour(one.stroke) : undefined, width: one.stroke ? 1.5 : 0, fill: colour(one.fill),
      points: { show: false },
      paths: one.stroke ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.bars({ size: [1, Infinity], align: 1, gap: 1 }),
    }))],
    hooks: { draw: [drawLimits] },
  }, [xs, ...series.map((one) => one.counts.slice(first, last).map(value))], holder);
}

/** A signal's histogram; what lies beyond a bound has the colour of what is dropped. */
function histogram(place, options) {
  const { histogram: { scale, counts }, bounds, label, height, own } = options;
  const given = ({ low, high }) => [low, high].filter((limit) => limit !== null);
  const [first, last] = binRange(scale, counts, [...given(bounds()), ...(own === undefined ? [] : [own])]);
  const split = ({ low, high }, out) => {
    const lowBin = low === null ? -Infinity : binOf(scale, low);
    const highBin = high === null ? Infinity : binOf(scale, high);
    const isOut = (bin) => bin + 1 <= lowBin + 1e-9 || bin > highBin + 1e-9 || (bin + 0.5 > highBin && scale !== "linear");
    return counts.map((n, bin) => (isOut(bin) === out ? n : 0));
  };
  return chart(place, height, label, (holder, width) => barsPlot(holder, width, height, {
    scale, first, last, limits: given(bounds()), isLog: options.isLog(), own,
    series: [{ counts: split(bounds(), false), fill: "kept" }, { counts: split(bounds(), true), fill: "dropped" }],
  }));
}

/** Mean of the seeds as a line and their range as a band, one colour per arm. */
function curvesPlot(holder, width, height, arms, xs, shown) {
  const table = [xs], series = [{ label: "tokens", value: (_, n) => (n === null ? "–" : short(n)) }], bands = [];
  for (const arm of arms) {
    const ink = colour(arm.colour);
    const at = table.length;
    table.push(arm.mean, arm.high, arm.low);
    series.push(
      { label: arm.name, stroke: ink, width: 2, spanGaps: true, show: shown(arm.name), points: { show: xs.length < 3 },
        value: (_, n) => (n === null || n === undefined ? "–" : n.toFixed(3)) },
      { label: `${arm.name}, highest`, stroke: "transparent", width: 0, spanGaps: true, show: shown(arm.name), points: { show: false } },
      { label: `${arm.name}, lowest`, stroke: "transparent", width: 0, spanGaps: true, show: shown(arm.name), points: { show: false } });
    bands.push({ series: [at + 1, at + 2], fill: ink.replace("rgb(", "rgba(").replace(")", ", 0.2)") });
  }
  return new uPlot({
    width, height, padding: [10, 12, 0, 0], bands, series, legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: false } },
    axes: [
      axis({ size: 42, label: "tokens seen", labelSize: 16, labelGap: 0, space: 70, labelFont: FONT, grid: { show: false }, values: (_, splits) => splits.map(short) }),
      axis({ size: 48, values: (_, splits) => splits.map((n) => +n.toFixed(3)) }),
    ],
  }, table, holder);
}

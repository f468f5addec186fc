// The first screen (came in, kept, gone, effect on the model) and the funnel.

/** Stages that dropped or cut something, with what they did. */
function losses() {
  return run.stages.map((stage, index) => ({ stage, ...tally.stages[index] }))
    .filter((row) => row.reached && row.stage.kind !== "tokenize" && row.stage.kind !== "pack");
}

const cutBytes = () => Math.max(0, tally.kept_input_bytes - tally.kept.bytes);

/** Value and notes of a difference for the first screen. */
function headline({ a, b, held_out, delta, low, high, mde, verdict }) {
  const outcome = { better: "better", worse: "worse", no_difference_seen: "no difference seen", not_resolved: "not resolved" }[verdict];
  const interval = low !== null && high !== null ? `95 % interval ${signed(low)} to ${signed(high)}` : "one seed, no interval";
  const limit = verdict === "no_difference_seen" && mde !== null ? `; it could have seen ${mde.toFixed(3)}` : "";
  return [signed(delta), `bits per byte, ${name(a)} against ${name(b)}: ${outcome}`, `${interval}${limit}; on ${set(held_out)}`];
}

const name = (arm) => arm.replaceAll("_", " ");
const set = (heldOut) => ({ raw: "held-out pages as they came", kept: "held-out pages that were kept" })[heldOut] || heldOut;

function tile(title, value, ...notes) {
  return el("div", { class: "tile" }, el("h2", {}, title), el("p", { class: "big" }, value), notes.filter(Boolean).map((note) => el("p", {}, note)));
}

function tiles() {
  const { input, kept } = tally;
  const out = [
    tile("Came in", bytes(input.bytes), `${documents(input.documents)} in ${files(run.inputs.files)}`,
      run.inputs.quarantined.length ? `${count(run.inputs.quarantined.length)} quarantined` : null),
    tile("Kept", percent(kept.bytes, input.bytes), `${bytes(kept.bytes)} of text`,
      `${documents(kept.documents)} (${percent(kept.documents, input.documents)})`),
  ];
  if (run.tokens) {
    const { n_tokens, sequences, sequence_length } = run.tokens;
    out.push(tile("Packed", `${short(n_tokens)} tokens`, `${count(sequences)} sequences of ${count(sequence_length)}`,
      `${threeDigits(run.tokens.bytes_per_token)} bytes per token`));
  }
  const difference = run.training && run.training.differences[0];
  if (difference) {
    out.push(tile("Did to the model", ...headline(difference)));
  } else {
    out.push(tile("Did to the model", "–", run.training ? "Training has no comparison yet." : "Not trained yet: corpus train"));
  }
  return el("div", { class: "tiles" }, out);
}

/** Everything that came in, as one bar: kept, cut, and dropped by stage, the largest first. */
function whereItWent(body) {
  const draw = (unit) => {
    const whole = tally.input[unit];
    const parts = losses().map(({ stage, dropped }) => [stage.name, dropped[unit], stage.about]);
    if (unit === "bytes") parts.push(["text cut from kept pages", cutBytes(), "Lines and passages that line rules removed."]);
    parts.sort((a, b) => b[1] - a[1]);
    const shown = parts.filter(([, n]) => n > 0);
    const all = [["kept", tally.kept[unit], "What is left."], ...shown];
    const text = (n) => (unit === "bytes" ? bytes(n) : documents(n));
    const tone = (index) => (index === 0 ? "kept" : `gone${Math.min(index, 5)}`);
    const label = `Of ${text(whole)}: ` + all.map(([part, n]) => `${part} ${percent(n, whole)}`).join(", ");
    holder.replaceChildren(
      el("div", { class: "whole", role: "img", "aria-label": label },
        all.map(([part, n], index) => el("i", { class: tone(index), title: `${part}: ${percent(n, whole)}`, style: { flexGrow: n } }))),
      el("ul", { class: "legend" }, all.map(([part, n, about], index) => el("li", { title: about },
        el("i", { class: `swatch ${tone(index)}` }), el("span", {}, part), el("b", {}, percent(n, whole)), el("small", {}, text(n))))),
      numbers(`where-it-went-${unit}`, ["part", unit, "share"], all.map(([part, n]) => [part, n, whole ? n / whole : 0])));
  };
  const holder = el("div");
  body.append(el("div", { class: "row" }, el("h3", {}, "Where the text went"),
    choice("Count by", [["bytes", "bytes"], ["documents", "documents"]], "bytes", draw)), holder);
  draw("bytes");
}

function topReasons() {
  const ranked = run.reasons.map((reason, index) => ({ full: `${reason.stage}.${reason.reason}`, why: reason.why, first: tally.checks[index].first }))
    .filter((row) => row.first.documents > 0).sort((a, b) => b.first.documents - a.first.documents).slice(0, 3);
  if (!ranked.length) return null;
  const gone = tally.input.documents - tally.kept.documents;
  return el("p", { class: "lead" }, "Of the dropped documents, ", ranked.flatMap((row, index) => [
    index === 0 ? "" : index === ranked.length - 1 ? " and " : ", ",
    `${percent(row.first.documents, gone)} ${index === 0 ? "went first for " : "for "}`,
    el("a", { href: "#samples", title: row.why, click: () => showSamples(row.full) }, row.full)]), ".");
}

function overview(body) {
  for (const warning of run.warnings) body.append(el("p", { class: "warning", role: "note" }, visible(warning)));
  body.append(tiles());
  whereItWent(body);
  body.append(topReasons() || "");
}

function funnel(body) {
  const rows = losses();
  const holder = el("div", { class: "funnel" });
  const draw = (unit) => {
    const whole = tally.input[unit] || 1;
    const text = (n) => (unit === "bytes" ? bytes(n) : count(n));
    const line = (stage, reached, gone) => el("div", { class: "step", title: stage.about },
      el("span", { class: "name" }, stage.name),
      bar([Math.max(0, reached - gone) / whole, "kept"], [gone / whole, "dropped"]),
      el("span", { class: "n" }, gone > 0 ? `−${text(gone)}` : "0"),
      el("span", { class: "n soft" }, gone > 0 ? percent(gone, reached) : ""));
    holder.replaceChildren(
      ...rows.map(({ stage, reached, dropped, cut_bytes }) =>
        line(stage, reached[unit], dropped[unit] + (unit === "bytes" ? cut_bytes : 0))),
      el("div", { class: "step end" }, el("span", { class: "name" }, "kept"), bar([tally.kept[unit] / whole, "kept"]),
        el("span", { class: "n" }, text(tally.kept[unit])), el("span", { class: "n soft" }, percent(tally.kept[unit], whole))));
    holder.setAttribute("aria-label", `Funnel by ${unit}: ` + rows.map(({ stage, dropped }) => `${stage.name} drops ${text(dropped[unit])}`).join(", "));
    holder.setAttribute("role", "img");
  };
  body.append(choice("Count by", [["documents", "documents"], ["bytes", "bytes"]], "documents", draw), holder,
    numbers("funnel", ["stage", "reached documents", "reached bytes", "dropped documents", "dropped bytes", "cut bytes"],
      rows.map(({ stage, reached, dropped, cut_bytes }) => [stage.name, reached.documents, reached.bytes, dropped.documents, dropped.bytes, cut_bytes])));
  draw("documents");
}

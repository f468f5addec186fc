// A recipe taken apart: what each part is worth, alone and left out, and whether the controls let it be believed.

const GROUPS = [
  ["The whole recipe", (arm) => arm === "all"],
  ["Each part alone", (arm) => arm === "language_only" || arm.startsWith("only:")],
  ["Each part left out: right of zero, the recipe is better with it", (arm) => arm.startsWith("all-")],
  ["Controls: their answers are known before", () => true],
];
const EXPECTED = { silence: "should not differ", better: "must be better", worse: "must be worse", dose: "another dose of shuffled words", leak: "trains on the held-out pages, too: no gain", repeat: "at a third of the learning rate" };

function takenApart(body, t) {
  const { ablation: a } = t;
  body.append(el("p", { class: "lead" }, el("b", {}, a.headline)));
  if (a.runs_done < a.runs) body.append(el("p", { class: "warning" }, `${count(a.runs_done)} of ${count(a.runs)} runs are finished; the same command goes on.`));
  const outcome = ({ asks, is_met }) => (is_met === null ? "not known yet" : asks === "dose" ? (is_met ? "seen" : "not seen") : is_met ? "as it must" : "not as it must");
  if (a.controls.length) {
    body.append(el("ul", { class: "files" }, a.controls.map((control) => el("li", {}, el("code", {}, `${name(control.a)} − ${name(control.b)}`),
      el("span", {}, `${EXPECTED[control.asks] ?? ""}: ${outcome(control)}`)))));
  }
  const sets = [...new Set([a.held_out, ...t.differences.map((row) => row.held_out)])].filter(Boolean);
  const holder = el("div");
  const draw = (key) => {
    const rows = t.differences.filter((row) => row.held_out === key);
    const group = (row) => GROUPS.findIndex(([, holds]) => holds(row.a));
    const groups = GROUPS.map(([title], index) => [title, rows.filter((row) => group(row) === index)]).filter(([, found]) => found.length);
    const gains = new Map(key === a.held_out ? a.gains.map((gain) => [gain.arm, gain]) : []);
    const worth = (row) => EXPECTED[row.asks] ?? (gains.has(row.a) && !row.a.startsWith("all-") ? `worth ${gains.get(row.a).words}` : "");
    const label = (row) => [row.extended ? "extended" : "", worth(row)].filter(Boolean).join("; ");
    holder.replaceChildren(forestPlot(groups, label),
      el("p", { class: "about" }, `On ${set(key)}. Dot: mean over the seeds; line: 95 % interval from seeds and documents; grey: smaller than the smallest effect that ` +
        "this experiment could detect. Better and worse allow for the number of questions (Holm). Worth: tokens of raw text that give as good a model, as a multiple of the arm's own." +
        (rows.some((row) => row.extended) ? " Extended: the planned seeds left it open and it got more; looked at twice, it has an interval of 97.5 % and a doubled p." : "")),
      numbers(`ablation-${key}`, ["a", "b", "asks", "held_out", "delta", "low", "high", "smallest_detectable", "p_adjusted", "extended", "verdict", "worth", "worth_low", "worth_high"],
        rows.map((row) => [row.a, row.b, row.asks, row.held_out, row.delta, row.low, row.high, row.mde, row.p_adjusted ?? null, row.extended ? 1 : 0, VERDICTS[row.verdict],
          gains.get(row.a)?.times ?? null, gains.get(row.a)?.low ?? null, gains.get(row.a)?.high ?? null])));
  };
  body.append(el("div", { class: "row" }, el("h3", {}, "Differences in bits per byte"),
    sets.length > 1 ? choice("Held-out", sets.map((key) => [key, key]), sets[0], draw) : null), holder);
  if (sets.length) draw(sets[0]);
}

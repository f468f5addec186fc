// The run at work: how far it is, every second, and the report's chapters with newer numbers.

const PHASES = {
  repeats: "looks for repeated parts", sweep: "reads, judges and signs", resolve: "finds duplicates",
  pack: "tokenises and writes, and counts anew with what is known of duplicates", sequences: "packs sequences", upload: "sends the output",
};
const WORDS = {
  nothing: "No run has begun in this folder.", running: "A run is at work.", training: "Models are being trained.",
  stopped: "The run was stopped before its end: the same command goes on.", finished: "",
};
const SECOND = 1000;
/** Seconds between two drawings of the chapters. */
const RENEWED = 10;

/** Called by the report when its top is drawn. */
function served(header) {
  const panel = el("section", { class: "live", id: "live", "aria-label": "The run at work", hidden: true });
  const status = el("h2", { role: "status" });
  const body = el("div");
  panel.append(status, body);
  header.after(links("/"), panel);
  let state = null, beats = 0;
  const look = async () => {
    try {
      const now = await asked("/live.json");
      // The page of a run that is finished, or begun, is another.
      if (state !== null && state !== now.state && [state, now.state].some((each) => each === "finished" || each === "nothing")) {
        location.reload();
        return;
      }
      state = now.state;
      panel.hidden = state === "finished";
      const words = WORDS[state] + (now.live && PHASES[now.live.phase] ? ` It ${state === "running" ? "" : "was in the phase that "}${PHASES[now.live.phase]}.` : "");
      if (status.textContent !== words) status.textContent = words;
      body.replaceChildren(...(now.live ? progressOf(now.live, state) : []), ...(now.training ? trainingOf(now.training) : []));
      beats += 1;
      if ((state === "running" || state === "training") && beats % RENEWED === 0) renew(await asked("/run.json"));
    } catch (error) {
      panel.hidden = false;
      body.replaceChildren(trouble(error));
    }
    setTimeout(look, state === "finished" || state === "stopped" ? 3 * SECOND : SECOND);
  };
  look();
}

function progressOf(live, state) {
  const share = live.total_bytes ? live.done_bytes / live.total_bytes : 0;
  const facts = [["Phase", live.phase || "begins"], ["Done", `${bytes(live.done_bytes)} of ${bytes(live.total_bytes)}`],
    ["Rate", live.bytes_per_second === null ? "–" : `${bytes(Math.round(live.bytes_per_second))}/s`],
    ["Time left", state !== "running" || live.seconds_left === null ? "–" : seconds(live.seconds_left)],
    ["Documents", count(live.documents)], ["Text", bytes(live.text_bytes)],
    ["Kept", `${count(live.kept_documents)} (${percent(live.kept_documents, live.documents)})`],
    ["Memory", live.memory_bytes === null ? "–" : bytes(live.memory_bytes)], ["Quarantined", files(live.quarantined.length)]];
  const reasons = [...live.reasons].sort((a, b) => b.documents - a.documents);
  const most = reasons.length ? reasons[0].documents : 1;
  return [
    el("progress", { max: 1, value: share, "aria-label": "Share of the phase that is done" }),
    el("dl", { class: "facts" }, facts.map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", { "data-fact": key }, value)))),
    reasons.length ? el("table", { "aria-label": "Dropped so far, by first reason" }, el("tbody", {}, reasons.slice(0, 8).map((row) => el("tr", {},
      el("th", { scope: "row" }, visible(row.reason)), el("td", { class: "wide" }, bar([row.documents / most, "dropped"])),
      el("td", { class: "n" }, count(row.documents)))))) : el("p", {}),
    live.quarantined.length ? el("ul", { class: "files" }, live.quarantined.slice(0, 10).map(({ path, why }) =>
      el("li", {}, el("code", {}, visible(path)), el("span", {}, visible(why))))) : el("p", {}),
  ];
}

function trainingOf(training) {
  const number = (loss) => (loss === null ? "–" : loss.toFixed(3));
  return [el("p", { class: "about" }, training.note), el("table", { "aria-label": "Runs of the training" },
    el("thead", {}, el("tr", {}, ["arm", "", "seed", "loss"].map((title, index) => el("th", { scope: "col", class: index > 1 ? "n" : null }, title)))),
    el("tbody", {}, training.runs.map((one) => el("tr", {}, el("th", { scope: "row" }, name(one.arm)),
      el("td", { class: "wide" }, bar([training.tokens ? Math.min(1, one.tokens / training.tokens) : 0, "kept"])),
      el("td", { class: "n" }, count(one.seed)), el("td", { class: "n" }, number(one.loss))))))];
}

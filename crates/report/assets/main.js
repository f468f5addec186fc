// The page: header, sections in reading order, theme, provenance.

function provenance(body) {
  const facts = [["Version", `corpus ${run.corpus_version}`], ["Recipe", run.recipe_name], ["Recipe hash", run.recipe_hash],
    ["Words split by", run.splitter], ["Checks", run.is_early ? "up to a document's first failure" : "all, on every document of a wanted language"],
    ["Input", `${files(run.inputs.files)}, ${bytes(run.inputs.bytes)} as stored`]];
  if (run.tokens) {
    const { vocab, fill_rate, heldout_documents, control_documents, excluded_documents } = run.tokens;
    facts.push(["Tokenizer", `${count(vocab)} ids`], ["Places filled", percent(fill_rate, 1)], ["Held-out documents", count(heldout_documents)],
      ["Control documents", count(control_documents)], ["Left out of training", `${count(excluded_documents)}, too like a held-out one`]);
  }
  body.append(el("dl", { class: "facts" }, facts.map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, visible(value))))),
    el("h3", {}, "Method"), ...data.method.split("\n\n").map((paragraph) => el("p", { class: "method" }, visible(paragraph))));
  const notes = (title, list) => {
    if (!list.length) return;
    body.append(el("h3", {}, `${title} (${count(list.length)})`), el("ul", { class: "files" },
      list.slice(0, 200).map(({ path, why }) => el("li", {}, el("code", {}, visible(path)), el("span", {}, visible(why)))),
      list.length > 200 ? el("li", {}, `and ${count(list.length - 200)} more, in manifest.json`) : null));
  };
  notes("Quarantined files", run.inputs.quarantined);
  notes("Skipped files", run.inputs.skipped);
  body.append(el("h3", {}, "Recipe, written out"), el("pre", { tabindex: "0" }, visible(run.recipe_toml)),
    el("p", { class: "behind" },
      el("button", { type: "button", class: "quiet", click: () => download(`${run.recipe_name.replace(/[^\w-]+/g, "_")}.toml`, "application/toml", run.recipe_toml) }, "Recipe as TOML"),
      el("button", { type: "button", class: "quiet", click: () => download("report.json", "application/json", JSON.stringify(run)) }, "Everything as JSON")));
}

const first = el("section", { id: "overview", "aria-label": "Overview" });

/** Newer numbers: every chapter that was drawn is drawn again, but one in which somebody is at work. */
function renew(numbers) {
  take(numbers);
  const isInUse = (node) => node.contains(document.activeElement) || node.querySelector("details[open]");
  if (!isInUse(first)) {
    first.replaceChildren();
    overview(first);
  }
  for (const entry of sections.filter(({ drawn, node }) => drawn && !isInUse(node))) {
    const body = entry.node.querySelector(".body"), height = body.offsetHeight;
    // The page keeps its height meanwhile, so that nothing moves under the reader.
    body.style.minHeight = `${height}px`;
    body.replaceChildren();
    entry.drawn = false;
    drawOnce(entry);
    setTimeout(() => { body.style.minHeight = ""; }, 500);
  }
}

function start() {
  document.title = `${visible(run.recipe_name)} – corpus report`;
  const chapters = [
    section("funnel", "Funnel", "What reached each stage and what the stage took out, in the order of the recipe.", funnel),
    section("reasons", "Reasons", run.is_early ? "First: the check that a document failed. Measuring stopped there, so what else it would have failed is not known."
      : "First: it was the first reason. Alone: no other check of the filters would have dropped the document. Any: it was among the reasons. Lines: removed, from whatever was measured.", reasonTable),
    section("overlap", "Overlap", "Reasons that come together: a check whose documents fail others, too, can go without much change.", overlaps),
    section("signals", "Signals", "What was measured, over all documents that the stage measured, with the bounds of the recipe.", histograms),
    section("samples", "Dropped documents", null, samples),
    section("languages", "Languages", null, (body) => groups(body, "language", tally.languages, language)),
    section("lengths", "Lengths", null, lengths),
    section("sources", "Sources", null, (body) => groups(body, "source", tally.sources, (name) => (name ? visible(name) : el("i", { class: "soft" }, "none named")))),
    section("duplicates", "Near-duplicates", "The largest clusters: the document that was kept beside others of its cluster.", clusters),
    section("time", "Throughput", null, throughput),
    section("provenance", "Provenance", null, provenance),
  ];
  const model = section("model", "The model", null, training);
  // What cleaning did to a model is the first question, once there is an answer.
  const [entry] = sections.splice(-1);
  if (run.training) {
    sections.unshift(entry);
    chapters.unshift(model);
  } else {
    sections.splice(-1, 0, entry);
    chapters.splice(-1, 0, model);
  }
  const nav = el("nav", { "aria-label": "Chapters" }, sections.map(({ id, title }) => el("a", { href: `#${id}` }, title)));
  const header = pageTop("corpus report", visible(run.recipe_name));
  document.getElementById("page").append(header, first, nav, ...chapters);
  // A server adds what a file cannot know.
  if (typeof served === "function") served(header);
  overview(first);
  // One chapter after the other, so that the first screen is there at once.
  const next = () => {
    const chapter = sections.find(({ drawn }) => !drawn);
    if (!chapter) return;
    drawOnce(chapter);
    setTimeout(next);
  };
  setTimeout(next);
  // A printed page, and a jump to a chapter, need what is above it drawn.
  addEventListener("beforeprint", () => sections.forEach(drawOnce));
  const jump = () => {
    const target = sections.findIndex(({ id }) => `#${id}` === location.hash);
    if (target < 0) return;
    sections.slice(0, target + 1).forEach(drawOnce);
    sections[target].node.scrollIntoView();
    // Cards of signals grow when they come into view.
    setTimeout(() => sections[target].node.scrollIntoView(), 120);
  };
  addEventListener("hashchange", jump);
  addEventListener("load", jump);
}

start();

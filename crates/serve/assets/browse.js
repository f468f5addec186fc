// The ledger: documents looked for by what is known of them, and one of them with its text and where it stands.

const PLAIN = ["bytes", "kept_bytes", "tokens", "language_score", "similarity"];
const columns = () => [...PLAIN, ...Object.keys(tally.signals)];

const options = (list, chosen) => list.map(([value, label]) => el("option", { value, selected: value === chosen }, label));
const field = (label, control) => el("label", {}, label, control);

function browsePage() {
  const given = new URLSearchParams(location.search);
  const value = (name) => given.get(name) || "";
  const counted = run.reasons.map((reason, index) => [`${reason.stage}.${reason.reason}`, reason, tally.checks[index]]).filter(([, reason]) => !reason.is_line && !reason.is_edit);
  const reasons = counted.map(([full, , check]) => [full, `${full} (${count(check.first.documents)} first, ${count(check.any.documents)} in all)`]);
  const languages = Object.entries(tally.languages).sort((a, b) => b[1].input.documents - a[1].input.documents);
  const named = (name, control) => { control.name = name; return control; };
  const ranges = el("div", { class: "wide" });
  const addRange = (text) => {
    const [high, low, ...column] = text.split(":").reverse();
    const row = el("div", { class: "range" },
      el("select", { "aria-label": "Column" }, options([["", "any value of …"], ...columns().map((each) => [each, each])], column.reverse().join(":"))),
      el("input", { type: "number", step: "any", placeholder: "from", "aria-label": "From", value: low || "" }),
      el("input", { type: "number", step: "any", placeholder: "to", "aria-label": "To", value: high || "" }),
      el("button", { type: "button", class: "quiet", "aria-label": "Remove this range", click: () => row.remove() }, "×"));
    ranges.append(row);
  };
  const given_ranges = given.getAll("range");
  (given_ranges.length ? given_ranges : ["::"]).forEach(addRange);
  const sort = value("sort");
  const form = el("form", { class: "fields", submit: (event) => { event.preventDefault(); look(0); } },
    field("In id or address", named("q", el("input", { type: "search", value: value("q") }))),
    field("Domain, with subdomains", named("domain", el("input", { type: "text", value: value("domain") }))),
    field("First reason", named("reason", el("select", {}, options([["", "any"], ...reasons], value("reason"))))),
    field("Among its reasons", named("any", el("select", {}, options([["", "any"], ...reasons], value("any"))))),
    field("Language", named("language", el("select", {}, options([["", "any"], ...languages.filter(([code]) => code !== "unknown").map(([code, group]) => [code, `${language(code)}, ${count(group.input.documents)}`])], value("language"))))),
    field("Verdict", named("kept", el("select", {}, options([["", "kept or dropped"], ["yes", "kept"], ["no", "dropped"]], value("kept"))))),
    field("Order", named("sort", el("select", {}, options([["", "as in the input"], ...columns().flatMap((each) => [[`-${each}`, `${each}, largest first`], [each, `${each}, smallest first`]])], sort)))),
    ranges,
    el("div", { class: "actions wide" }, el("button", { type: "submit", class: "main" }, "Look"),
      el("button", { type: "button", class: "quiet", click: () => addRange("::") }, "One more range"),
      el("button", { type: "button", class: "quiet", click: () => { location.search = ""; } }, "Everything")));
  const found = el("div", { class: "results", "aria-live": "polite" }), place = el("div", { class: "document" });
  const wanted = (page) => {
    const all = new URLSearchParams();
    for (const [name, text] of new FormData(form)) if (text) all.append(name, text);
    for (const row of ranges.children) {
      const [column, low, high] = [...row.children].map((control) => control.value);
      if (column && (low || high)) all.append("range", `${column}:${low}:${high}`);
    }
    if (page) all.set("page", page);
    return all;
  };
  let last = 0;
  const look = async (page) => {
    const all = wanted(page), mine = ++last;
    history.replaceState(null, "", `?${all}`);
    found.setAttribute("aria-busy", "true");
    try {
      const list = await asked(`/documents.json?${all}`);
      if (mine === last) found.replaceChildren(...table(list, page, look, place));
    } catch (error) {
      if (mine === last) found.replaceChildren(trouble(error));
    }
    found.removeAttribute("aria-busy");
  };
  servedPage("/documents", "Documents", form, found, place);
  look(+value("page"));
}

/** A page of what was found. */
function table(list, page, look, place) {
  if (!list.count) return [el("p", { class: "lead" }, "No document is like that.")];
  const first = page * list.rows_per_page, last = first + list.rows.length;
  const heads = ["document", "language", "size", "verdict", ...list.columns];
  const body = el("tbody", {}, list.rows.map((row) => {
    const open = el("button", { type: "button", click: () => {
      for (const other of body.children) other.setAttribute("aria-selected", String(other.contains(open)));
      show(place, row);
    } }, visible(row.id || "(no id)"));
    return el("tr", {}, el("th", { scope: "row" }, open, row.url ? el("small", {}, visible(row.url)) : null),
      el("td", {}, row.language || ""), el("td", { class: "n" }, bytes(row.bytes)),
      el("td", {}, row.kept ? el("span", { class: "tag kept" }, "kept") : el("span", { class: "tag dropped" }, visible(row.reason || "dropped"))),
      list.columns.map((column) => el("td", { class: "n" }, row.values[column] === null ? "" : short(row.values[column]))));
  }));
  const turn = (to, label, isThere) => el("button", { type: "button", class: "quiet", disabled: !isThere, click: () => look(to) }, label);
  return [
    el("p", { class: "lead", role: "status" }, `${documents(list.count)}, ${count(first + 1)} to ${count(last)} shown; ${list.seconds.toFixed(2)} s`),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Documents found" }, el("table", { class: "found" },
      el("thead", {}, el("tr", {}, heads.map((title, index) => el("th", { scope: "col", class: index === 2 || index > 3 ? "n" : null }, title)))), body)),
    el("div", { class: "behind" }, turn(page - 1, "Earlier", page > 0), turn(page + 1, "Later", last < list.count),
      el("button", { type: "button", class: "quiet", click: () => download("documents.csv", "text/csv", csvText(
        ["id", "url", "shard", "row", "language", "bytes", "kept", "reason", ...list.columns],
        list.rows.map((row) => [row.id, row.url, row.shard, row.row, row.language, row.bytes, row.kept, row.reason, ...list.columns.map((column) => row.values[column])]))) }, "These as CSV")),
  ];
}

/** One document: why, where in its text, where among all, and its twin. */
async function show(place, { shard, row }) {
  let it;
  try {
    it = await asked(`/document.json?shard=${shard}&row=${row}`);
  } catch (error) {
    place.replaceChildren(trouble(error));
    return;
  }
  const failed = it.reasons.map(({ reason, value, bound }) => el("li", {}, el("b", { class: "failed" }, reason),
    value === null ? "" : `: ${short(value)}, kept would be ${limit(bound)}`));
  const texts = it.seen.map((seen) => el("div", {}, seen.before ? el("p", { class: "about" }, `What was left of it before ${seen.before}:`) : null, markedText(seen.pieces)));
  const twin = it.duplicate_of === null ? null : el("div", { class: "card" }, el("header", {}, el("b", {}, visible(it.duplicate_of)),
    el("span", { class: "tag kept" }, "kept instead"), it.similarity === null ? null : el("span", { class: "tag" }, `similarity ${it.similarity.toFixed(2)}`)),
  it.duplicate_of_text === null ? el("p", {}, "Its text is not in clean/.") : marked(it.duplicate_of_text, it.text || ""));
  const size = `${bytes(it.bytes)}${it.language ? `, ${it.language}` : ""}`;
  place.replaceChildren(el("h2", { tabindex: "-1" }, visible(it.id)),
    el("p", { class: "lead" }, it.url ? `${visible(it.url)} – ` : "", `${size}, shard ${shard}, row ${row} `, el("span", { class: `tag ${it.kept ? "kept" : "dropped"}` }, it.kept ? "kept" : "dropped")),
    el("ul", { class: "why" }, failed), it.evaluation_item ? el("p", {}, `Holds a piece of ${it.evaluation_item}`) : "",
    el("div", { class: twin ? "pair" : "" }, el("div", { class: "card" }, texts.length ? texts : el("p", {}, it.no_text)), twin), standing(it));
  place.querySelector("h2").focus();
}

/** The document's values among those of all documents. */
function standing(it) {
  const charts = el("div", { class: "grid" });
  const draw = ({ signal, value, bounds }) => {
    const node = el("article", { class: "card signal" }, el("h3", {}, signal), el("p", {}, `${short(value)} here; ${bounds.length ? `kept if ${bounds.map(limit).join(", ")}` : "no bound of its own"}`));
    charts.append(node);
    const cut = signal.lastIndexOf("."), [stage, own] = [signal.slice(0, cut), signal.slice(cut + 1)];
    const checks = run.reasons.filter((reason) => reason.stage === stage && reason.signal === own);
    const side = (key, fold) => checks.map((check) => check[key]).filter((bound) => bound !== null).reduce((a, b) => (a === null ? b : fold(a, b)), null);
    histogram(node, { histogram: tally.signals[signal], height: 130, isLog: () => false, own: value, bounds: () => ({ low: side("low", Math.max), high: side("high", Math.min) }),
      label: `Histogram of ${signal} over all documents; this one has ${short(value)}. ${data.signals[signal].about}` });
  };
  const known = it.signals.filter(({ signal }) => tally.signals[signal]);
  const failing = known.filter(({ failed }) => failed);
  const rest = known.filter(({ failed }) => !failed);
  failing.forEach(draw);
  const more = el("button", { type: "button", class: "quiet", click: () => { more.remove(); rest.forEach(draw); } }, `Where it stands in ${count(rest.length)} more`);
  return el("div", {}, el("h3", {}, "Where it stands among all documents"), el("p", { class: "key" }, el("i", { class: "swatch own" }), "this document ",
    el("i", { class: "swatch limit" }), "bound"), charts, rest.length ? more : "",
  numbers(`values-${it.shard}-${it.row}`, ["signal", "value", "kept_if"], it.signals.map(({ signal, value, bounds }) => [signal, value, bounds.join(", ")])));
}

browsePage();

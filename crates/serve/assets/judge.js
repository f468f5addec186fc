// Which recipe would keep your page? Every published recipe's verdict, side by side, with what it marks.

function judgePage() {
  const text = el("textarea", { id: "text", "aria-label": "Text or HTML of a page", placeholder: "Paste a text, or the HTML of a page" });
  const file = el("input", { type: "file", id: "file", "aria-label": "A file instead" });
  const found = el("div", { "aria-live": "polite" });
  const button = el("button", { type: "submit", class: "main" }, "Judge it");
  const form = el("form", { submit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const body = file.files.length ? file.files[0] : text.value;
      const page = await asked("/judge", { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } });
      found.replaceChildren(...verdicts(page));
    } catch (error) {
      found.replaceChildren(trouble(error));
    }
    button.disabled = false;
  } }, text, el("div", { class: "actions" }, button, file, el("button", { type: "button", class: "quiet", click: () => {
    form.reset();
    found.replaceChildren();
  } }, "Clear")));
  servedPage("/judge", "Which recipe would keep your page?",
    el("p", { class: "lead" }, "Nothing leaves this machine, and nothing is stored. Duplicates are not judged: a page alone has no twin."), form, found);
}

function verdicts(page) {
  const rows = page.recipes.map((one) => [one.recipe, one.kept ? "kept" : "dropped", one.failed.length ? one.failed[0].reason : "", one.failed.length, one.kept_bytes]);
  const check = ({ reason, value, bound, why }) => el("li", { title: why }, el("b", {}, reason),
    value === null ? "" : `: ${short(value)}, kept would be ${limit(bound)}`, el("small", {}, why));
  return [
    el("p", { class: "lead" }, `${visible(page.id)}: ${bytes(page.bytes)}${page.more ? "; only the first document of what was given" : ""}. ` +
      `${page.recipes.filter((one) => one.kept).length} of ${page.recipes.length} recipes keep it.`),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Verdicts" }, el("table", { class: "verdicts" },
      el("thead", {}, el("tr", {}, ["recipe", "verdict", "first reason", "failed checks", "text kept"].map((title, index) => el("th", { scope: "col", class: index > 2 ? "n" : null }, title)))),
      el("tbody", {}, rows.map(([recipe, verdict, reason, n, size]) => el("tr", {}, el("th", { scope: "row" }, el("a", { href: `#recipe-${recipe}` }, recipe)),
        el("td", {}, el("span", { class: `tag ${verdict}` }, verdict)), el("td", {}, reason), el("td", { class: "n" }, count(n)),
        el("td", { class: "n" }, verdict === "kept" ? bytes(size) : "")))))),
    numbers("verdicts", ["recipe", "verdict", "first_reason", "failed_checks", "kept_bytes"], rows),
    el("div", { class: "grid recipes" }, page.recipes.map((one) => el("article", { class: "card", id: `recipe-${one.recipe}` },
      el("header", {}, el("b", {}, one.recipe), el("span", { class: `tag ${one.kept ? "kept" : "dropped"}` }, one.kept ? "keeps it" : "drops it"),
        one.language ? el("span", { class: "tag" }, language(one.language)) : null),
      whyList(one.failed.map(check)),
      one.seen.map((seen) => el("div", {}, seen.before ? el("p", { class: "about" }, `What was left of it before ${seen.before}:`) : null, markedText(seen.pieces))),
      one.rewritten === null ? null : el("details", {}, el("summary", {}, `What it would keep of the text (${bytes(one.kept_bytes)})`), prose(one.rewritten))))),
  ];
}

/** The first few reasons, and the rest on demand. */
function whyList(items) {
  const list = el("ul", { class: "why" });
  shortList(list, items, 5, (item) => item, "reasons");
  return list;
}

judgePage();

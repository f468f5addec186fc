// What the pages of a server have beyond the report: links to each other, questions to the server, marked texts.

const PAGES = [["/", "Report"], ["/documents", "Documents"], ["/judge", "Which recipe would keep your page?"]];

const links = (current) => el("nav", { class: "pages", "aria-label": "Pages" },
  PAGES.map(([href, title]) => el("a", { href, "aria-current": href === current ? "page" : null }, title)));

/** What the server says to a question; an error has its words. */
async function asked(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  const value = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) throw new Error(value.error || answer.statusText);
  return value;
}

const trouble = (error) => el("p", { class: "warning", role: "alert" },
  error instanceof TypeError ? "The server does not answer: is `corpus serve` still running?" : error.message);

/** A text whose pieces are marked; what for can be chosen. */
function markedText(pieces) {
  const reasons = new Map();
  for (const { marks } of pieces) for (const reason of marks) reasons.set(reason, (reasons.get(reason) || 0) + 1);
  const text = el("div", { class: "prose", dir: "auto", tabindex: "0" });
  const draw = (chosen) => text.replaceChildren(...pieces.map((piece) => {
    const marks = piece.marks.filter((reason) => chosen === "" || reason === chosen);
    return marks.length ? el("mark", { title: marks.join(", ") }, visible(piece.text)) : visible(piece.text);
  }));
  draw("");
  if (!reasons.size) return el("div", {}, text);
  const names = [...reasons].map(([reason, n]) => [reason, `${reason} (${count(n)})`]);
  return el("div", {}, el("p", { class: "about" }, "Marked for:"),
    choice("Marked for", names.length > 1 ? [["", "all"], ...names] : names, names.length > 1 ? "" : names[0][0], draw), text);
}

/** A page of its own: top, links, and what it holds. */
function servedPage(path, title, ...parts) {
  document.title = `${title} – corpus`;
  document.getElementById("page").append(pageTop(`corpus serve: ${visible(run.recipe_name || "no run yet")}`, title), links(path), ...parts);
}

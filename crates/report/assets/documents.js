// Languages, sources, lengths, clusters of duplicates, and where the time went.

/** Groups of documents before and after, as bars over one scale. */
function groups(body, what, table, named) {
  const rows = Object.entries(table).map(([key, group]) => [key, group.input, group.kept])
    .sort((a, b) => b[1].bytes - a[1].bytes);
  if (!rows.length) {
    body.append(el("p", {}, `No ${what} was recorded.`));
    return;
  }
  const most = Math.max(1, rows[0][1].bytes);
  let shown = 15;
  const tbody = el("tbody");
  const more = el("button", { type: "button", class: "quiet", click: () => { shown = rows.length; draw(); } }, `Show all ${rows.length}`);
  const draw = () => {
    tbody.replaceChildren(...rows.slice(0, shown).map(([key, input, kept]) => el("tr", {},
      el("th", { scope: "row" }, named(key)),
      el("td", { class: "wide" }, bar([Math.min(1, kept.bytes / most), "kept"], [Math.max(0, input.bytes - kept.bytes) / most, "dropped"])),
      el("td", { class: "n" }, bytes(input.bytes)), el("td", { class: kept.bytes ? "n" : "n none" }, bytes(kept.bytes)),
      el("td", { class: kept.bytes ? "n" : "n none" }, percent(kept.bytes, input.bytes)),
      el("td", { class: "n" }, count(input.documents)), el("td", { class: kept.documents ? "n" : "n none" }, count(kept.documents)))));
    more.hidden = rows.length <= shown;
  };
  body.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Table of ${what}` },
    el("table", {}, el("thead", {}, el("tr", {},
      [what, "", "text in", "text kept", "share kept", "documents in", "documents kept"].map((title, index) => el("th", { scope: "col", class: index > 1 ? "n" : null }, title)))), tbody)),
  more, numbers(what, [what, "input_documents", "input_bytes", "kept_documents", "kept_bytes"],
    rows.map(([key, input, kept]) => [key, input.documents, input.bytes, kept.documents, kept.bytes])));
  draw();
}

function lengths(body) {
  const [input, kept] = [tally.input_lengths, tally.kept_lengths];
  if (!input || !kept) {
    body.append(el("p", {}, "Lengths were not recorded."));
    return;
  }
  let isLog = false;
  const both = input.counts.map((n, bin) => n + kept.counts[bin]);
  const [first, last] = binRange(input.scale, both, []);
  body.append(el("div", { class: "row" }, choice("Axis of counts", [["linear", "linear"], ["log", "logarithmic"]], "linear", (kind) => {
    isLog = kind === "log";
    entry.draw();
  }), el("p", { class: "key" }, el("i", { class: "swatch dropped" }), "input ", el("i", { class: "swatch kept" }), "kept")));
  const entry = chart(body, 220, "Histogram of bytes per document, input and kept", (holder, width, height) => barsPlot(holder, width, height, {
    scale: input.scale, first, last, isLog,
    series: [{ counts: input.counts, fill: "dropped" }, { counts: kept.counts, fill: "kept" }],
  }));
  body.append(el("p", { class: "about" }, "Bytes of text per document; each bin is a quarter of a power of two."),
    numbers("lengths", ["from_bytes", "below_bytes", "input_documents", "kept_documents"],
      input.counts.map((n, bin) => [data.length_edges[bin], data.length_edges[bin + 1], n, kept.counts[bin]])));
}

/** Words of `text` that a longest common subsequence with `other` leaves out are marked. */
function marked(text, other) {
  const [a, b] = [text, other].map((whole) => visible(whole).split(/(\s+)/).slice(0, 900));
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const out = el("div", { class: "prose", dir: "auto", tabindex: "0" });
  for (let i = 0, j = 0; i < a.length; i++) {
    while (j < b.length && a[i] !== b[j] && longest[i * width + j + 1] > longest[(i + 1) * width + j]) j++;
    const same = j < b.length && a[i] === b[j];
    out.append(same || !a[i].trim() ? a[i] : el("mark", {}, a[i]));
    if (same) j++;
  }
  return out;
}

function clusters(body) {
  if (!run.clusters.length) {
    body.append(el("p", {}, "No clusters of near-duplicates were found."));
  } else {
    const holder = el("div", { class: "pair" });
    const how = (members) => {
      const found = members.map(({ similarity }) => similarity).filter((similarity) => similarity !== null);
      return found.length ? `, ${Math.min(...found) >= 0.9995 ? "the same text" : `similarity from ${Math.min(...found).toFixed(2)}`}` : "";
    };
    const draw = (index) => {
      const { size, kept, members } = run.clusters[index];
      let member = 0;
      const other = el("div", { class: "card" });
      const show = () => {
        const { id, text, similarity, dropped } = members[member];
        other.replaceChildren(el("header", {}, el("b", {}, visible(id)),
          el("span", { class: dropped ? "tag dropped" : "tag" }, `${dropped ? "dropped" : "kept, too unlike"}${similarity === null ? "" : `, similarity ${similarity.toFixed(2)}`}`),
          members.length > 1 ? el("button", { type: "button", class: "quiet", click: () => { member = (member + 1) % members.length; show(); } },
            `next (${member + 1} of ${members.length}${members.length < size - 1 ? " shown" : ""})`) : null), marked(text, kept.text));
      };
      holder.replaceChildren(el("div", { class: "card" }, el("header", {}, el("b", {}, visible(kept.id)), el("span", { class: "tag kept" }, "kept")), prose(kept.text)));
      if (members.length) {
        holder.append(other);
        show();
      }
    };
    const select = el("select", { id: "cluster", change: () => draw(+select.value) },
      run.clusters.map(({ size, kept, members }, index) => el("option", { value: index }, `${count(size)} documents${how(members)}: ${visible(kept.id)}`)));
    body.append(el("label", { class: "pick", for: "cluster" }, "Cluster ", select), holder,
      el("p", { class: "about" }, "Marked: words of the excerpt that the kept document's excerpt does not have in that place."));
    draw(0);
  }
  if (run.cluster_sizes.length) {
    const all = run.cluster_sizes.reduce((sum, { size, clusters }) => sum + (size - 1) * clusters, 0);
    const n = run.cluster_sizes.reduce((sum, { clusters }) => sum + clusters, 0);
    body.append(el("p", { class: "about" }, `${count(n)} ${n === 1 ? "cluster" : "clusters"} in all; ${documents(all)} dropped in them. ` +
      `The ${count(run.clusters.length)} largest can be read here.`), numbers("cluster-sizes", ["documents in the cluster", "clusters"], run.cluster_sizes.map(({ size, clusters }) => [size, clusters])));
  }
}

function throughput(body) {
  const { timing } = run;
  const nanos = Object.entries(timing.stage_nanos).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const all = nanos.reduce((sum, [, n]) => sum + n, 0);
  const measured = new Map(Object.entries(data.measured).filter(([, size]) => size > 0));
  const facts = [["Wall time", seconds(timing.wall_seconds)], ["Threads", count(timing.threads)],
    ["Text read", timing.wall_seconds > 0 ? `${significant(tally.input.bytes / timing.wall_seconds / 1e9)} GB/s` : "–"],
    ["Peak memory", run.peak_memory_bytes === null ? "–" : bytes(run.peak_memory_bytes)]];
  body.append(el("dl", { class: "facts" }, facts.map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, value)))));
  const most = nanos.length ? nanos[0][1] : 1;
  const rate = (key, n) => (measured.get(key) && n ? measured.get(key) / n : null);
  body.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Time by stage" }, el("table", {},
    el("thead", {}, el("tr", {}, ["stage or step", "", "time of threads", "share", "GB/s of one thread"].map((title, index) => el("th", { scope: "col", class: index > 1 ? "n" : null }, title)))),
    el("tbody", {}, nanos.map(([key, n]) => el("tr", {}, el("th", { scope: "row" }, key), el("td", { class: "wide" }, bar([n / most, "kept"])),
      el("td", { class: "n" }, seconds(n / 1e9)), el("td", { class: "n" }, percent(n, all)),
      el("td", { class: "n" }, rate(key, n) === null ? "" : significant(rate(key, n)))))))),
  numbers("time", ["stage_or_step", "nanoseconds", "bytes", "gb_per_second_and_thread"],
    nanos.map(([key, n]) => [key, n, measured.get(key) ?? null, rate(key, n)])),
  el("p", { class: "about" }, "Time of the first pass over the text, summed over threads, and the text that the stage measured in it."));
  if (timing.phases.length) {
    const about = { sweep: "read, judge, sign", resolve: "find duplicates", pack: "tokenise, write the files", rest: "pack sequences, tokenizer, start and end" };
    const rest = timing.wall_seconds - timing.phases.reduce((sum, { seconds: wall }) => sum + wall, 0);
    const rows = rest > 0 ? [...timing.phases, { name: "rest", seconds: rest, bytes: 0 }] : timing.phases;
    const heads = ["phase", "", "wall time", "share", "GB/s"];
    body.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Time by phase" }, el("table", {},
      el("thead", {}, el("tr", {}, heads.map((title, index) => el("th", { scope: "col", class: index > 1 ? "n" : null }, title)))),
      el("tbody", {}, rows.map(({ name: phase, seconds: wall, bytes: size }) => el("tr", {}, el("th", { scope: "row" }, phase),
        el("td", { class: "soft wide" }, about[phase] || ""), el("td", { class: "n" }, seconds(wall)), el("td", { class: "n" }, percent(wall, timing.wall_seconds)),
        el("td", { class: "n" }, size && wall > 0 ? significant(size / wall / 1e9) : "")))))));
  }
}

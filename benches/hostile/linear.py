#!/usr/bin/env python3
"""Whether the time of every filter is linear in a text that is one pattern again and again.

    python benches/hostile/linear.py target/release/corpus [MB] [filter ...]

Cleans one document of so many MB (15 unless told: from there on no processor's caches hold it) and one of four times that, and
compares the processor time of both less that of a run on nothing. Prints a row for each pattern: the worst ratio of all
filters, and which one has it. Filters that leave the text alone share a run; one that edits it has a run of its own. More than
4.6 is measured twice more, the least time of three counts, and what is left above it is marked.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MOST = 4.6
PATTERNS = [".", "a", "\n", "a ", "\n.", "- ", "!?", "…", "http://", "&amp;", "a@", "1.", "{;", "e\u0301", "\u0301\u0316", "\u200b",
            "Ã©", "word. ", "Word word\n", "字", "http://a.b/?c=d "]
# Those that need a model, a list, a column or another input; addresses are tried below.
LEFT_OUT = {"fasttext_language", "quality_model", "url_blocklist", "eval_overlap", "c4_badwords", "dclm_url", "column"}
# They replace the text, or take out of it, so that the next one would see less.
EDITING = {"c4_quality", "c4_paragraph", "dclm_lines", "dclm_text", "dolma_c4", "redpajama2_lines", "symbol_lines", "mask_pii",
           "repair", "sentence_dedup", "paragraph_dedup"}


def seconds(corpus, folder, recipe, line):
    """Processor time of a run over one line of JSON."""
    raw, out, toml = folder / "raw.jsonl", folder / "out", folder / "recipe.toml"
    raw.write_bytes(line)
    toml.write_text(recipe)
    command = [corpus, "clean", "-q", "--threads", "1", "--max-document", "256MiB", "--rejected", "none", "--no-signatures",
               "--fresh", "--recipe", str(toml), str(raw), str(out)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{recipe}\n{errors}")
    subprocess.run(["rm", "-rf", str(out)], check=True)
    # That of the system, which clears pages, differs from run to run by more than the filters take.
    return usage.ru_utime


def line(pattern, size, field="text"):
    text = pattern * (size // len(pattern.encode()))
    record = {"url": "http://example.org/", "text": "a", field: text}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def main():
    corpus = os.path.abspath(sys.argv[1])
    size = int(float(sys.argv[2]) * 1e6) if len(sys.argv) > 2 else 15_000_000
    wanted = sys.argv[3:]
    found = subprocess.run([corpus, "filters", "--format", "json"], check=True, capture_output=True).stdout
    names = [one["name"] for one in json.loads(found) if one["name"] not in LEFT_OUT]
    runs = [[name for name in names if name not in EDITING], ["exact_dedup", "minhash"]] + [[name] for name in names if name in EDITING]
    if wanted:
        runs = [[name] for name in wanted]
    print(f"| pattern | {size / 1e6:g} MB | {4 * size / 1e6:g} MB | ratio | worst of |\n| --- | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        recipes = {", ".join(run): f"pipeline = {json.dumps(run)}\n" for run in runs}
        base = {name: min(seconds(corpus, folder, recipe, b'{"text":"a"}\n') for _ in range(3)) for name, recipe in recipes.items()}

        def row(shown, at, four):
            worst = max((four[name] / max(at[name], 0.02), name) for name in at)
            ratio, name = worst
            mark = " (!)" if ratio > MOST else ""
            short = name if len(name) < 40 else name[:36] + " …"
            print(f"| `{shown}` | {at[name]:.2f} s | {four[name]:.2f} s | {ratio:.1f}{mark} | {short} |", flush=True)

        def measured(recipe, base, pattern, field="text"):
            """Less than 20 ms is not told from nothing."""
            at, four = [], []
            while len(at) < 3 and (not at or min(four) > MOST * max(min(at), 0.02)):
                for times, n in ((at, size), (four, 4 * size)):
                    times.append(max(seconds(corpus, folder, recipe, line(pattern, n, field)) - base, 0.001))
            return min(at), min(four)

        for pattern in PATTERNS:
            times = {name: measured(recipe, base[name], pattern) for name, recipe in recipes.items()}
            at, four = ({name: one[index] for name, one in times.items()} for index in (0, 1))
            row(json.dumps(pattern)[1:-1], at, four)
        # Addresses: one that is a pattern again and again.
        (folder / "list.txt").write_text("b.example.org\nexample.org/a\nword\n")
        recipe = "".join(['pipeline = ["url_blocklist", "url_dedup", "dclm_url"]\n[url_blocklist]\n'] + [
            f'{key} = ["list.txt"]\n' for key in ("hosts", "allow", "domains", "urls", "banned_words", "soft_banned_words",
                                                  "banned_subwords")])
        for pattern in ["a.", "a/", "?a=b&", "@", "%20", "//", "。"]:
            at, four = measured(recipe, 0, pattern, "url")
            row("url: " + pattern, {"addresses": at}, {"addresses": four})


main()

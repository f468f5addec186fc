#!/usr/bin/env python3
"""Writes what a run measured into the READMEs, between the marks `<!-- NAME -->` and `<!-- /NAME -->`.

    python benches/table.py benches/runs/2026-11-30-epyc-2core

Of a run's folder: `stages.txt` is what `cargo bench --bench stages` prints, `parts.txt` and `scaling.txt` what
`peers/parts.py` and `scaling.py` print.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS = {"GB/s": 1000, "MB/s": 1, "kB/s": 0.001, "TB/s": 1e6}

# What a row says, the benches whose times it adds, and what the row should reach in MB/s.
STAGES = [
    ("parse JSONL from a mapped file", ["parse"], 1200),
    ("words: spaCy's, identical", ["words: spacy"], None),
    ("words: UAX-29", ["words: uax29"], None),
    ("language, whatlang's answers, whole text", ["filter: language"], 200),
    ("gopher_repetition", ["filter: gopher_repetition"], None),
    ("gopher_quality", ["filter: gopher_quality"], None),
    ("c4_quality", ["filter: c4_quality"], None),
    ("fineweb_quality", ["filter: fineweb_quality"], None),
    ("Gopher, C4 and FineWeb, every check on every document", ["chain: all signals, spacy", "-normalize_and_shingle"], 80),
    ("the same, the first failure ends it", ["chain: early, spacy", "-normalize_and_shingle"], 150),
    ("the same by words between white space", ["chain: early, whitespace", "-normalize_and_shingle"], None),
    ("bad_words (en)", ["filter: bad_words"], 400),
    ("dclm_text, _quality, _repetition, _lines", [f"filter: dclm_{name}" for name in ["text", "quality", "repetition", "lines"]], None),
    ("redpajama2: 28 signals", ["filter: redpajama2"], None),
    ("dolma_gopher", ["filter: dolma_gopher"], None),
    ("dolma_c4", ["filter: dolma_c4"], None),
    ("sentence_dedup: what is looked for", ["filter: sentence_dedup"], None),
    ("paragraph_dedup: what is looked for", ["filter: paragraph_dedup"], None),
    ("substring_dedup: what is looked for", ["filter: substring_dedup"], None),
    ("repair / mask_pii", ["filter: repair", "filter: mask_pii"], None),
    ("normalise and shingle", ["normalize_and_shingle"], None),
    ("MinHash 14 × 8 of shingles", ["signature_14x8"], None),
    ("signatures: the two above", ["normalize_and_shingle", "signature_14x8"], 250),
    ("BPE, 32,768 ids, empty cache", ["bpe: cold"], 150),
    ("BPE, what the same texts left in the cache", ["bpe: warm"], 300),
    ("pack and Parquet, bytes of ids", ["pack"], 400),
    ("a crawl of 100 MB of records, gzip, to text", ["pages_to_text"], None),
    ("whole `clean`, one thread", ["clean: pages.jsonl, 1 thread(s)"], 40),
    ("whole `clean`, two threads", ["clean: pages.jsonl, 2 thread(s)"], None),
    ("the same from one stream of zstd, two threads", ["clean: pages.jsonl.zst, 2 thread(s)"], None),
    ("the same from one stream of gzip, two threads", ["clean: pages.jsonl.gz, 2 thread(s)"], None),
    ("English pages alone, one thread", ["clean: english.jsonl, 1 thread(s)"], 25),
    ("English pages alone, two threads", ["clean: english.jsonl, 2 thread(s)"], None),
    ("whole `clean`, all of it control sample, one thread", ["clean: pages.jsonl, 1 thread(s), all control"], None),
    ("the same, two threads", ["clean: pages.jsonl, 2 thread(s), all control"], None),
]


def medians(text):
    """MB/s of each bench, by name: of one with arguments, `bench: argument`."""
    found, group, waiting = {}, "", None
    for line in text.splitlines():
        name = re.match(r"([│ ]*)[├╰]─ (.+?)(?:\s+[\d.]+ (?:ns|µs|ms|s)\s|\s{2,}|$)", line)
        rates = re.findall(r"([\d.]+) ([TGMk]B/s)", line)
        if name:
            group = group if name[1] else name[2]
            waiting = f"{group}: {name[2]}" if name[1] else name[2]
        elif waiting and len(rates) >= 3:
            # Fastest, slowest, median.
            value, unit = rates[2]
            found[waiting], waiting = float(value) * UNITS[unit], None
    return found


def stages(text):
    rates = medians(text)
    lines = ["| stage, one core | MB/s | target |", "| --- | ---: | ---: |"]
    for what, benches, target in STAGES:
        signs = [(-1 if bench.startswith("-") else 1, bench.removeprefix("-")) for bench in benches]
        if all(bench in rates for _, bench in signs):
            rate = 1 / sum(sign / rates[bench] for sign, bench in signs)
            rate = f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
            lines.append(f"| {what} | {rate} | {f'{target:,}' if target else ''} |")
    return "\n".join(lines)


def replace(path, name, text):
    page = path.read_text()
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    if marks[0] in page:
        before, rest = page.split(marks[0])
        path.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{rest.split(marks[1])[1]}")


def main():
    run = Path(sys.argv[1])
    tables = {"stages": stages((run / "stages.txt").read_text())}
    for name in ["parts", "scaling"]:
        if (run / f"{name}.txt").exists():
            lines = (run / f"{name}.txt").read_text().splitlines()
            tables[name] = "\n".join(line for line in lines if line.startswith("|"))
    for path in [ROOT / "README.md", ROOT / "benches/README.md"]:
        for name, text in tables.items():
            replace(path, name, text)


if __name__ == "__main__":
    main()

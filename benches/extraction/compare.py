"""Token F1 and speed of extractors on the pages of $CORPUS_TEST_DATA whose main text people cut, in one run.

    pip install trafilatura lxml_html_clean resiliparse zstandard
    CORPUS_TEST_DATA=/path/to/data python compare.py > table.md

Everything runs on one core; times are processor time of extraction alone, HTML bytes in, text out. Ours is built with
`cargo build --release -p extract --example extract_archives`.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import time

import trafilatura
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

from measure import LANGUAGES, archives, load_truth, pages, scores, shingles, table, tokens

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = os.environ["CORPUS_TEST_DATA"] + "/data"


def resiliparse(html):
    tree = HTMLTree.parse_from_bytes(html, detect_encoding(html))
    return extract_plain_text(tree, main_content=True)


PEERS = {
    "trafilatura": trafilatura.extract,
    "trafilatura, precision": lambda html: trafilatura.extract(html, favor_precision=True),
    "trafilatura, recall": lambda html: trafilatura.extract(html, favor_recall=True),
    "resiliparse, main": resiliparse,
}


def run_peer(extract, html):
    """Texts, pages and megabytes a second."""
    texts, start = {}, time.process_time()
    for record, page in html.items():
        try:
            texts[record] = extract(page) or ""
        except Exception as error:  # A page that it cannot read is a page without text.
            texts[record] = ""
            print(f"{record}: {error!r}", flush=True)
    seconds = time.process_time() - start
    return texts, len(html) / seconds, sum(map(len, html.values())) / seconds / 1e6


def run_ours(mode):
    example = ROOT / "target/release/examples/extract_archives"
    done = subprocess.run([example, mode, *archives(DATA)], capture_output=True, check=True)
    spent = json.loads(done.stderr)
    rows = map(json.loads, done.stdout.splitlines())
    return (
        {row["id"]: row["text"] for row in rows},
        spent["pages"] / spent["seconds"],
        spent["bytes"] / spent["seconds"] / 1e6,
    )


def main():
    truth = load_truth(DATA)
    html = {record: page for record, page in pages(DATA) if record in truth}
    results = {f"corpus, {mode}": run_ours(mode) for mode in ["precision", "balanced", "recall", "all-text"]}
    results |= {name: run_peer(extract, html) for name, extract in PEERS.items()}
    truth = {record: truth[record] for record in html}

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ["trafilatura", "resiliparse"])
    print(f"{len(html):,} pages, {sum(map(len, html.values())) / 1e6:.1f} MB of HTML; {versions}.\n")
    print("| | precision | recall | F1 | 4-gram F1 | pages/s | MB/s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    grams = lambda text, row: scores(shingles(tokens(text)), shingles(tokens(row["main_content"])))
    tables = {name: table(texts, truth) for name, (texts, _, _) in results.items()}
    for name, (texts, per_second, megabytes) in results.items():
        precision, recall, f1, _ = tables[name][None, None]
        gram = table(texts, truth, grams)[None, None][2]
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.4f} | {gram:.4f} | {per_second:,.0f} | {megabytes:.1f} |")

    for part in ["tuning", "held out", None]:
        counts = tables["trafilatura"]
        columns = ["all", *LANGUAGES]
        keys = [(part, None), *((part, language) for language in LANGUAGES)]
        print(f"\n{(part or 'both halves').capitalize()}: token F1.\n")
        print("| | " + " | ".join(f"{name} ({counts[key][3]})" for name, key in zip(columns, keys)) + " |")
        print("| --- |" + " ---: |" * len(columns))
        for name in results:
            print(f"| {name} | " + " | ".join(f"{tables[name][key][2]:.4f}" for key in keys) + " |")


main()

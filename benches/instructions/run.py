#!/usr/bin/env python3
"""Instructions that the hot kernels take for each byte of text, against `baseline.tsv`.

    python benches/instructions/run.py            # fails, with its name, where a kernel takes over 5 % more
    python benches/instructions/run.py --write    # after a change that is meant: makes today's counts the baseline

Counts instructions in valgrind, which neither a loaded machine nor the clock changes, of `benches/stages.rs` on the pages of
`corpus demo`: once with one pass over the text and once with three, whose difference holds no start-up. Needs valgrind,
and does nothing where there is none.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BASELINE = HERE / "baseline.tsv"
PAGES = ROOT / "crates/cli/demo/raw/pages.jsonl"
ALLOWED = 1.05
KERNELS = ["parse", "words/spacy", "scan/fused", "filter/language", "filter/c4_quality", "filter/bad_words",
           "filter/mask_pii", "normalize_and_shingle", "signature_14x8", "bpe/cold"]


def build():
    """The bench program, without the symbols that valgrind would read."""
    command = ["cargo", "bench", "--locked", "--workspace", "--bench", "stages", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    messages = (json.loads(line) for line in lines if line.startswith("{"))
    program = next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "stages")
    stripped = Path(tempfile.mkdtemp()) / "stages"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    return stripped


def instructions(program, kernel, passes):
    name = "^stages::" + kernel.replace("/", "::") + "$"
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--bench", name,
               "--sample-count", "1", "--sample-size", str(passes)]
    environment = {**os.environ, "CORPUS_BENCH_INPUT": str(PAGES)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not collected or kernel.split("/")[-1] not in run.stdout:
        sys.exit(f"{kernel}: cannot be counted\n{run.stdout}\n{run.stderr}")
    return int(collected[1]), int(re.search(r"documents, (\d+) bytes", run.stderr)[1])


def per_byte(program, kernel):
    (one, size), (three, _) = (instructions(program, kernel, passes) for passes in (1, 3))
    return (three - one) / 2 / size


def main():
    if not shutil.which("valgrind"):
        print("instruction counts: skipped, there is no valgrind")
        return
    program = build()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(KERNELS, pool.map(lambda kernel: per_byte(program, kernel), KERNELS)))
    shutil.rmtree(program.parent)
    if "--write" in sys.argv[1:]:
        BASELINE.write_text("kernel\tinstructions per byte\n" + "".join(f"{k}\t{n:.2f}\n" for k, n in counts.items()))
    before = dict(line.split("\t") for line in BASELINE.read_text().splitlines()[1:])
    if set(before) != set(counts):
        sys.exit(f"{BASELINE} names other kernels; run with --write")
    slower = [kernel for kernel, n in counts.items() if n > ALLOWED * float(before[kernel])]
    for kernel, n in counts.items():
        print(f"{kernel:<24}{n:9.2f} instructions per byte, baseline {before[kernel]}")
    if slower:
        sys.exit(f"more than {ALLOWED - 1:.0%} more instructions: {', '.join(slower)}")


if __name__ == "__main__":
    main()

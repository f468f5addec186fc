"""The trainer of `corpus` beside eager PyTorch: same model, same ids, same documents, by turns, on a quiet machine.

    pip install torch
    cargo bench --locked --workspace --bench train --no-run
    python benches/peers/trainers.py        # from the root of the repository; under 5 minutes on two cores

Prints the median over the rounds of the tokens per second of all runs together.
"""

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = ["cargo", "bench", "--quiet", "--locked", "--workspace", "--bench", "train", "--"]
TORCH = [sys.executable, str(HERE / "torch_trainer.py")]

# What is measured: the processes that run at once, and what the row says.
ROWS = [
    ("one run, two threads", "corpus f32, document mask", [CORPUS + ["--runs", "1", "--threads", "2"]]),
    ("one run, two threads", "torch f32, causal only", [TORCH + ["--threads", "2"]]),
    ("one run, two threads", "torch f32, document mask", [TORCH + ["--threads", "2", "--documents"]]),
    ("one run, two threads", "torch bf16, causal only", [TORCH + ["--threads", "2", "--bf16"]]),
    ("two runs, one thread each", "corpus f32, document mask", [CORPUS + ["--runs", "2", "--threads", "1"]]),
    ("two runs, one thread each", "torch f32, causal only", 2 * [TORCH + ["--threads", "1"]]),
    ("two runs, one thread each", "torch f32, document mask", 2 * [TORCH + ["--threads", "1", "--documents"]]),
]


def tokens_per_second(commands, steps):
    started = [subprocess.Popen(command + ["--steps", str(steps)], stdout=subprocess.PIPE, text=True) for command in commands]
    said = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"failed: {commands}")
    return sum(float(re.search(r"([\d.]+) tokens/s", text)[1]) for text in said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    measured = [[] for _ in ROWS]
    for _ in range(arguments.rounds):
        for row, rates in zip(ROWS, measured):
            rates.append(tokens_per_second(row[2], arguments.steps))
    print("| runs | trainer | tokens/s | lowest | highest | corpus ÷ it |\n| --- | --- | ---: | ---: | ---: | ---: |")
    ours = None
    for (runs, name, _), rates in zip(ROWS, measured):
        rate = statistics.median(rates)
        ours = rate if name.startswith("corpus") else ours
        print(f"| {runs} | {name} | {rate:,.0f} | {min(rates):,.0f} | {max(rates):,.0f} | {ours / rate:.2f} |")


if __name__ == "__main__":
    main()

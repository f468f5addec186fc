"""`corpus classifier train` beside fastText's own trainer: the same examples, the same held-out ones, one thread each.

    pip install fasttext-wheel
    python benches/peers/fasttext_trainer.py target/release/corpus good.jsonl bad.jsonl

Both take the rate 0.5, 5 epochs, bigrams and 2,000,000 rows for them. Prints AUC, and CPU seconds of a whole command with
reading and writing, medians of three runs.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

SETTINGS = dict(lr=0.5, epoch=5, wordNgrams=2, bucket=2_000_000, minCount=1, thread=1, verbose=0)


def auc(scores):
    """The share of pairs in the right order; equal ones count by half."""
    scores.sort()
    good = sum(is_good for _, is_good in scores)
    ranks, start = 0.0, 0
    while start < len(scores):
        end = start
        while end < len(scores) and scores[end][0] == scores[start][0]:
            end += 1
        ranks += sum(is_good for _, is_good in scores[start:end]) * (start + end + 1) / 2
        start = end
    return (ranks - good * (good + 1) / 2) / (good * (len(scores) - good))


def fasttext_child(folder, dim):
    import fasttext

    model = fasttext.train_supervised(f"{folder}/train.txt", dim=dim, **SETTINGS)
    model.save_model(f"{folder}/peer.bin")


def scored(path, folder):
    """A model file's AUC on the held-out examples, by the fastText package."""
    import fasttext

    core = fasttext.FastText._FastText(path).f
    scores = []
    for line in open(f"{folder}/held-out.txt", encoding="utf-8"):
        label, text = line.rstrip("\n").split(" ", 1)
        found = {name: probability for probability, name in core.predict(text + "\n", -1, 0.0, "strict")}
        scores.append((found.get("__label__hq", 0.0), label == "__label__hq"))
    return auc(scores)


def seconds(command):
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={"RAYON_NUM_THREADS": "1"})
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def main(corpus, good, bad):
    with tempfile.TemporaryDirectory() as folder:
        ours = [corpus, "classifier", "train", good, bad, "-o", f"{folder}/ours.bin", "--quiet"]
        split = subprocess.run(
            ours + ["--write-examples", folder, "--format", "json"], check=True, capture_output=True, text=True
        )
        said = json.loads(split.stdout)
        print(f"{said['trained_on']} examples of each kind, {said['held_out']} of each held out")
        print(f"corpus says AUC {said['auc']:.5f} ({said['auc_95'][0]:.5f} to {said['auc_95'][1]:.5f})")
        rows = [("corpus", ours, "ours.bin")]
        for dim in (10, 100):
            rows.append((f"fastText, {dim} columns", [sys.executable, __file__, "child", folder, str(dim)], "peer.bin"))
        for name, command, model in rows:
            median = statistics.median(seconds(command) for _ in range(3))
            path = f"{folder}/{model}"
            megabytes = os.path.getsize(path) / 1e6
            print(f"{name}: AUC {scored(path, folder):.5f}, {median:.2f} s, {megabytes:.1f} MB", flush=True)


if sys.argv[1] == "child":
    fasttext_child(sys.argv[2], int(sys.argv[3]))
else:
    main(*sys.argv[1:])

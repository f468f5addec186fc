"""Fits the weights of crates/extract/weights.rs to the tuning half of the pages.

    cargo run --release -p extract --example block_features -- pages.warc.gz … > blocks.jsonl
    python fit.py blocks.jsonl $CORPUS_TEST_DATA/data > ../../crates/extract/weights.rs

Two logistic regressions. The first sees what is measured of a block; the second sees that and what the first said of
the blocks around it (crates/extract/context.rs; `context` here is the same in numpy). The second is fitted on scores of a
first that did not see the page's host. Needs numpy, scikit-learn, zstandard.
"""

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from measure import half, host, language, load_truth, tokens

# The benchmark's newer pages look more like today's: fewer, but each counts more.
MIXED_WEIGHT = 2.5


def label(words, grams, lines):
    """How much of a block people kept."""
    if len(words) < 3:
        return float(bool(words) and " ".join(words) in lines)
    covered = np.zeros(len(words), bool)
    for at in range(len(words) - 2):
        if tuple(words[at : at + 3]) in grams:
            covered[at : at + 3] = True
    return covered.mean()


def load(path, data):
    truth, loaded, names = load_truth(data), [], []
    for line in open(path, encoding="utf8"):
        row = json.loads(line)
        page = truth.get(row["id"])
        if page is None or half(page) != "tuning":
            continue
        names = row["names"]
        cut = tokens(page["main_content"])
        grams = {tuple(cut[at : at + 3]) for at in range(len(cut) - 2)}
        lines = {" ".join(tokens(line)) for line in page["main_content"].split("\n")}
        words = [tokens(text) for text, _, _ in row["blocks"]]
        size = np.array([len(block) for block in words], float)
        emphasis = MIXED_WEIGHT if language(page) == "mixed" else 1.0
        loaded.append(
            {
                "host": host(page),
                "x": np.array([features for _, features, _ in row["blocks"]], np.float32),
                "path": [path for _, _, path in row["blocks"]],
                "y": np.array([label(block, grams, lines) for block in words]),
                "weight": emphasis * size / max(1.0, size.sum()) ** 0.5,
            }
        )
    return names, loaded


def context(page, chance):
    count = len(chance)
    letters = np.exp(page["x"][:, 0]).astype(float)
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    bounded = np.clip(np.log(chance / (1 - chance)), -4, 4)
    weight, gain, expected = (
        np.r_[0, np.cumsum(values)] for values in (letters, letters * bounded, letters * chance)
    )
    ranges = {}
    for at, path in enumerate(page["path"]):
        for node in path:
            first, _ = ranges.get(node, (at, 0))
            ranges[node] = (first, at + 1)
    inside = lambda span: gain[span[1]] - gain[span[0]]
    best = max(ranges.values(), key=inside) if ranges else (0, count)
    best_sum, total, start, run = 0.0, 0.0, 0, (0, 0)
    for at in range(count):
        if total <= 0:
            total, start = 0.0, at
        total += letters[at] * bounded[at]
        if total > best_sum:
            best_sum, run = total, (start, at + 1)

    def mean(start, end):
        start, end = max(0, start), min(count, end)
        size = weight[end] - weight[start] if start < end else 0
        return (expected[end] - expected[start]) / size if size > 0 else 0.0

    rows = np.zeros((count, 16))
    for at in range(count):
        row = rows[at]
        row[0] = bounded[at]
        row[1] = bounded[at - 1] if at else -4
        row[2] = bounded[at + 1] if at + 1 < count else -4
        row[3:7] = mean(at - 3, at), mean(at + 1, at + 4), mean(at - 8, at), mean(at + 1, at + 9)
        levels, last = [], None
        for node in page["path"][at]:
            span = ranges[node]
            if span == last or span == (at, at + 1):
                continue
            last = span
            others = max(1e-9, weight[span[1]] - weight[span[0]] - letters[at])
            levels.append((expected[span[1]] - expected[span[0]] - letters[at] * chance[at]) / others)
            if len(levels) == 3:
                break
        row[7:10] = levels + [mean(0, count)] * (3 - len(levels))
        row[10] = best[0] <= at < best[1]
        row[11] = run[0] <= at < run[1]
        row[12] = np.log1p(weight[run[0]] - weight[at]) if at < run[0] else 0
        row[13] = np.log1p(weight[at] - weight[run[1]]) if at >= run[1] else 0
        row[14], row[15] = row[0] * row[10], row[0] * row[11]
    return rows


def fit(pages, rows):
    x = np.concatenate(rows)
    y = np.concatenate([page["y"] for page in pages])
    weight = np.concatenate([page["weight"] for page in pages])
    scaler = StandardScaler().fit(x)
    # A block half kept is half of each.
    twice, answers = np.concatenate([x, x]), np.r_[np.ones(len(y)), np.zeros(len(y))]
    weights = np.r_[weight * y, weight * (1 - y)]
    used = weights > 0
    model = LogisticRegression(C=0.3, max_iter=400)
    model.fit(scaler.transform(twice[used]), answers[used], sample_weight=weights[used] / weights[used].mean())
    slopes = model.coef_[0] / scaler.scale_
    return model.intercept_[0] - (slopes * scaler.mean_).sum(), slopes


def apply(model, x):
    return 1 / (1 + np.exp(-(model[0] + x @ model[1])))


def write(name, what, model, names):
    print(f"\n/// {what}")
    print(f"pub(crate) const {name}_BIAS: f32 = {model[0]:.4};")
    print("#[rustfmt::skip]")
    print(f"pub(crate) const {name}: [f32; {len(names)}] = [")
    for value, feature in zip(model[1], names):
        number = f"{value:.4}"
        print(f"    {number if '.' in number or 'e' in number else number + '.0'}, // {feature}")
    print("];")


def main():
    names, pages = load(sys.argv[1], sys.argv[2])
    first = fit(pages, [page["x"] for page in pages])
    rows = [None] * len(pages)
    groups = [page["host"] for page in pages]
    for seen, unseen in GroupKFold(4).split(pages, groups=groups):
        model = fit([pages[at] for at in seen], [pages[at]["x"] for at in seen])
        for at in unseen:
            rows[at] = np.c_[context(pages[at], apply(model, pages[at]["x"])), pages[at]["x"]]
    second = fit(pages, rows)
    around = "score previous_score next_score three_before three_behind eight_before eight_behind container"
    around += " second_container third_container in_best_container in_best_run log_before_run log_behind_run"
    around += " score_in_container score_in_run"
    print("//! What the measurements of a block weigh. Generated by benches/extraction/fit.py from the tuning half of its pages.")
    print("#![allow(clippy::excessive_precision)]")
    write("FIRST", "What is measured of a block, towards its first score.", first, names)
    write("SECOND", "What first scores say around a block, then the same again, towards its last.", second, around.split() + names)


main()

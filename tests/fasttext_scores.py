"""What the fastText package answers: `fasttext_scores.py MODEL LINES.json` prints the probabilities of `hq` as JSON."""

import json
import sys

import fasttext

# `predict` of the package does not work with numpy 2; this is what it calls.
core = fasttext.FastText._FastText(sys.argv[1]).f
with open(sys.argv[2], encoding="utf-8") as file:
    lines = json.load(file)
scores = []
for line in lines:
    predictions = core.predict(line + "\n", -1, 0.0, "strict")
    scores.append(next((probability for probability, label in predictions if label == "__label__hq"), 0.0))
print(json.dumps(scores))

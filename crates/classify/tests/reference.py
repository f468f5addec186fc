"""Trains models with the fastText package and writes what they predict: `reference.py FOLDER`.

In FOLDER: `train.txt`, and `lines.json`, a list of lines. For each model `<name>.bin` or `.ftz`, and `<name>.out` with
`count` and count times `label, probability` for each line, all little-endian 32-bit numbers.
"""

import json
import struct
import sys
from pathlib import Path

import fasttext

# name, training arguments, quantisation arguments.
MODELS = [
    ("softmax", dict(dim=10), None),
    ("softmax_words", dict(dim=12, wordNgrams=2, minCount=3), None),
    ("softmax_words_3", dict(dim=16, wordNgrams=3), None),
    ("softmax_letters", dict(dim=16, minn=2, maxn=5), None),
    ("softmax_all", dict(dim=17, minn=1, maxn=3, wordNgrams=3), None),
    ("hs", dict(dim=16, loss="hs"), None),
    ("hs_letters", dict(dim=16, loss="hs", minn=2, maxn=4), None),
    ("hs_all", dict(dim=11, loss="hs", minn=2, maxn=5, wordNgrams=2), None),
    ("ova", dict(dim=10, loss="ova", minn=2, maxn=3), None),
    ("ns", dict(dim=10, loss="ns"), None),
    ("quantised", dict(dim=16, minn=2, maxn=5), dict()),
    ("quantised_norms", dict(dim=15, minn=2, maxn=4, loss="hs"), dict(qnorm=True)),
    ("quantised_words", dict(dim=16, wordNgrams=2), dict(cutoff=3000, qnorm=True)),
    ("quantised_cut", dict(dim=16, minn=2, maxn=4, loss="hs"), dict(cutoff=4000, retrain=True, qnorm=True)),
    ("quantised_retrained", dict(dim=10, minn=2, maxn=4, wordNgrams=2), dict(cutoff=5000, retrain=True, dsub=4)),
    ("quantised_output", dict(dim=16, minn=2, maxn=4, labels=300), dict(qout=True, qnorm=True, cutoff=4000)),
    ("quantised_output_tree", dict(dim=16, loss="hs", labels=300), dict(qout=True)),
]


def main(folder):
    train = folder / "train.txt"
    lines = json.loads((folder / "lines.json").read_text("utf-8"))
    for name, arguments, quantisation in MODELS:
        arguments = dict(arguments)
        # Many labels: a quantised output needs at least 256 rows.
        text = train if arguments.pop("labels", None) is None else folder / "train_many.txt"
        model = fasttext.train_supervised(
            str(text), epoch=2, lr=0.3, thread=1, bucket=20000, verbose=0, **arguments
        )
        ending = ".bin"
        if quantisation is not None:
            # The package's own wrapper leaves no way to say which text; its core takes all arguments by place.
            options = dict(qout=False, cutoff=0, retrain=False, epoch=1, lr=0.1, thread=1, verbose=0, dsub=2, qnorm=False)
            options.update(quantisation)
            model.quantize(input=str(text), **options)
            ending = ".ftz"
        path = folder / (name + ending)
        model.save_model(str(path))
        # What is predicted from the file: quantisation leaves traces in the model that made it.
        core = fasttext.FastText._FastText(str(path)).f
        numbers = {label: number for number, label in enumerate(core.getLabels("strict")[0])}
        with open(folder / (name + ".out"), "wb") as out:
            for line in lines:
                # `predict` of the package does not work with numpy 2; this is what it calls.
                predictions = core.predict(line + "\n", -1, 0.0, "strict")
                out.write(struct.pack("<I", len(predictions)))
                for probability, label in predictions:
                    out.write(struct.pack("<If", numbers[label], probability))
        print("made", name, path.stat().st_size, flush=True)


main(Path(sys.argv[1]))

"""Filters, signatures and tokens: the parts of `corpus` and of other tools on the same documents, one thread each.

    pip install zstandard numpy tokenizers rensa datasketch "datatrove[processing]" spacy
    python benches/peers/parts.py target/release/corpus pages.jsonl.zst [--nth 16] [--runs 3]   # from the root, machine quiet

Prints MB/s of text, medians of all runs: of other tools by processor time and without what they load first, of `corpus`
as `cargo bench --bench stages` has them on these documents.
"""

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from table import medians

VALUES, WORDS = 112, 5
BENCHES = "chain|normalize_and_shingle|signature_14x8|bpe"

# The chain's bench makes the keys of the samples, too, which the reference has not.
KEYS = "-normalize_and_shingle"

# What is done, by which benches of `corpus`, and the peer that does the same.
ROWS = [
    ("Gopher, C4, FineWeb until one fails, spaCy's words", ["chain: early, spacy", KEYS], "chain: early, spacy"),
    ("the same, every filter on every document", ["chain: all signals, spacy", KEYS], "chain: all, spacy"),
    ("until one fails, words by white space", ["chain: early, whitespace", KEYS], "chain: early, whitespace"),
    ("every filter, words by white space", ["chain: all signals, whitespace", KEYS], "chain: all, whitespace"),
    ("signatures 14 × 8 of a text", ["normalize_and_shingle", "signature_14x8"], "signatures: datatrove"),
    ("signatures of a text", ["normalize_and_shingle", "signature_14x8"], "signatures: rensa"),
    ("signatures of shingles that are there", ["signature_14x8"], "signatures of shingles: rensa"),
    ("signatures of shingles that are there", ["signature_14x8"], "signatures of shingles: datasketch"),
    ("tokens, 32,768 ids", ["bpe: cold"], "tokens: tokenizers"),
    ("tokens of texts met before", ["bpe: warm"], "tokens again: tokenizers"),
]
WHOLE = ("filters until one fails, signatures, tokens", ROWS[0], ROWS[4], ROWS[8])


def corpus_seconds(raw, size):
    """Median seconds of each bench for so many bytes of text, by name: of one with arguments, `bench: argument`."""
    command = ["cargo", "bench", "--quiet", "--locked", "--workspace", "--bench", "stages", "--", BENCHES]
    environment = {**os.environ, "CORPUS_BENCH_INPUT": str(raw)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return {name: size / rate / 1e6 for name, rate in medians(said).items()}


def filters_of_datatrove():
    from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    return [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]


class Whitespace:
    """For the same calls as datatrove's other splitters; sentences stay spaCy's."""

    def __init__(self, others):
        self.sent_tokenize, self.span_tokenize = others.sent_tokenize, others.span_tokenize

    def word_tokenize(self, text):
        return text.split()


def peers(texts, tokenizer_json, work):
    """What is timed, by name: a function that does it once."""
    from datasketch import MinHash
    from datatrove.data import Document
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.utils import word_tokenizers
    from rensa import RMinHash
    from tokenizers import Tokenizer

    filters = filters_of_datatrove()
    load = word_tokenizers.load_word_tokenizer
    splitters = {"spacy": load("en"), "whitespace": Whitespace(load("en"))}
    splitters["spacy"].word_tokenize("A short text.")

    def chain(splitter, every):
        def run():
            word_tokenizers.load_word_tokenizer = lambda language: splitters[splitter]
            for text in texts:
                document = Document(text=text, id="0")
                passed = (one.filter(Document(text=text, id="0") if every else document) is True for one in filters)
                sum(passed) if every else all(passed)
            word_tokenizers.load_word_tokenizer = load
        return run

    signer = MinhashDedupSignature(output_folder=str(work))

    def signatures():
        for text in texts:
            shingles = signer.get_shingles(text)
            if len(shingles):
                signer.get_signature(shingles)

    def shingles(text):
        words = re.findall(r"\w+", text.lower())
        return list({" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)})

    def rensa(of):
        for tokens in of:
            RMinHash(num_perm=VALUES, seed=1).update(tokens)

    def datasketch(of):
        for tokens in of:
            MinHash(num_perm=VALUES, seed=1).update_batch(tokens)

    of_texts = [shingles(text) for text in texts]
    of_bytes = [[token.encode() for token in tokens] for tokens in of_texts]

    def fresh():
        return Tokenizer.from_file(str(tokenizer_json))

    filled = fresh()
    filled.encode_batch_fast(texts)
    return {
        **{f"chain: {'all' if every else 'early'}, {name}": chain(name, every) for name in splitters for every in [False, True]},
        "signatures: datatrove": signatures,
        "signatures: rensa": lambda: rensa(shingles(text) for text in texts),
        "signatures of shingles: rensa": lambda: rensa(of_texts),
        "signatures of shingles: datasketch": lambda: datasketch(of_bytes),
        "tokens: tokenizers": (fresh, lambda tokenizer: tokenizer.encode_batch_fast(texts)),
        "tokens again: tokenizers": lambda: filled.encode_batch_fast(texts),
    }


def seconds(timed):
    loaded = ()
    if isinstance(timed, tuple):
        load, timed = timed
        loaded = (load(),)
    start = time.process_time()
    timed(*loaded)
    return time.process_time() - start


def spent(ours, bench):
    return -ours[bench[1:]] if bench.startswith("-") else ours[bench]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("pages")
    parser.add_argument("--nth", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with open(arguments.pages, "rb") as file:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
            texts = [json.loads(line)["text"] for number, line in enumerate(lines) if number % arguments.nth == 0]
        texts = [text for text in texts if text.strip()]
        size = sum(len(text.encode()) for text in texts)
        raw = work / "raw.jsonl"
        raw.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        subprocess.run([arguments.corpus, "clean", "-q", raw, work / "out"], check=True, stdout=subprocess.DEVNULL)
        ours = corpus_seconds(raw, size)
        functions = peers(texts, work / "out/tokenizer.json", work / "signatures")
        theirs = {name: [] for name in functions}
        for _ in range(arguments.runs):
            for name, timed in functions.items():
                theirs[name].append(seconds(timed))
    theirs = {name: statistics.median(all) for name, all in theirs.items()}
    print(f"{len(texts)} documents, {size / 1e6:.1f} MB of text; {arguments.runs} runs\n")
    print("| what | peer | its MB/s | corpus MB/s | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for what, benches, peer in ROWS:
        mine = sum(spent(ours, bench) for bench in benches)
        print(f"| {what} | {re.split(': ', peer)[1] if 'chain' not in peer else 'datatrove'} | {size / theirs[peer] / 1e6:.2f} "
              f"| {size / mine / 1e6:.1f} | {theirs[peer] / mine:.1f} |")
    what, *rows = WHOLE
    mine = sum(spent(ours, bench) for _, benches, _ in rows for bench in benches)
    their = sum(theirs[peer] for _, _, peer in rows)
    print(f"| {what} | datatrove, tokenizers | {size / their / 1e6:.2f} | {size / mine / 1e6:.1f} | {their / mine:.1f} |")


if __name__ == "__main__":
    main()

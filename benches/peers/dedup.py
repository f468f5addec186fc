"""Duplicates: `corpus clean` and other tools on the same documents, by turns, one thread each. Prints CPU seconds, memory and outcome.

    pip install --no-deps datasketch rensa dolma && pip install numpy scipy zstandard
    pip install datatrove[processing] spacy        # sentences; may be another environment: --datatrove-python
    pip install text-dedup "datasets<3"            # optional
    python dedup.py target/release/corpus pages.jsonl.zst [--nth 5] [--runs 3] [--datatrove-python python]

CPU is user and system time of the process and its threads, without the import of Python modules. Every run reads the
documents as JSONL and writes what it decides; `corpus` writes its whole output, too: texts, ledger, report.
"""

import argparse
import gzip
import importlib.util
import io
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BANDS, ROWS, WORDS = 14, 8, 5

RECIPES = {
    "exact": ["exact_dedup"],
    "urls": ["url_dedup", "[url_dedup]\nnormalize = false"],
    "paragraphs": ["paragraph_dedup", '[paragraph_dedup]\nform = "exact"'],
    "sentences": ["sentence_dedup"],
    "near": ["minhash", '[minhash]\nverify = "none"\nkeep = "first"'],
    "near, verified": ["minhash", '[minhash]\nkeep = "first"'],
}
PEERS = {
    "exact": ["dolma_exact"],
    "urls": ["dolma_urls"],
    "paragraphs": ["dolma_paragraphs"],
    "sentences": ["datatrove_sentences"],
    "near": ["rensa", "datasketch", "text_dedup"],
    "near, verified": [],
}


def documents(work):
    with open(work / "raw.jsonl") as file:
        return [json.loads(line) for line in file]


def started(work):
    """Imports are done."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    (work / "imports").write_text(str(usage.ru_utime + usage.ru_stime))


def dolma(work, dedupe):
    # The Rust part alone: the package's Python part imports what deduplication does not need.
    package = Path(importlib.util.find_spec("dolma").submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("dolma", next(package.glob("dolma.*.so")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started(work)
    for folder in ["attributes", "scratch"]:
        shutil.rmtree(work / "dolma" / folder, ignore_errors=True)
    (work / "dolma/bloom").unlink(missing_ok=True)
    defaults = {"skip_empty": True, "min_length": 0, "min_words": 0, "num_partitions": 1, "partition_index": 0,
                "file_partition": False, "document_dir": "documents"}
    config = {
        "documents": [str(work / "dolma/documents/*.gz")],
        "work_dir": {"input": str(work / "dolma/scratch/in"), "output": str(work / "dolma/scratch/out")},
        "dedupe": {"name": "found", **defaults, **dedupe},
        "bloom_filter": {"file": str(work / "dolma/bloom"), "size_in_bytes": 0, "read_only": False,
                         "estimated_doc_count": 2_000_000, "desired_false_positive_rate": 1e-6},
        "processes": 1, "is_s3_volume": False, "compression": {"input": None, "output": None},
    }
    module.deduper_entrypoint(json.dumps(config))
    n = 0
    for path in (work / "dolma/attributes").rglob("*.gz"):
        with gzip.open(path, "rt") as file:
            n += sum(len(spans) for line in file for spans in json.loads(line)["attributes"].values())
    return n


def dolma_exact(work):
    return dolma(work, {"documents": {"attribute_name": "found", "key": "$.text"}})


def dolma_urls(work):
    return dolma(work, {"documents": {"attribute_name": "found", "key": "$.metadata.url"}})


def dolma_paragraphs(work):
    return dolma(work, {"paragraphs": {"attribute_name": "found", "by_ngram": None, "paragraph_separator": "\n"}})


def shingles(text):
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


def kept_by_clusters(n, pairs):
    parent = list(range(n))

    def root(a):
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        return a

    for a, b in pairs:
        a, b = root(a), root(b)
        parent[max(a, b)] = min(a, b)
    return n - sum(root(a) == a for a in range(n))


def near_duplicates(work, lsh, minhash_of):
    """Documents that share a band with an earlier one, joined into clusters; `minhash_of` takes the shingles of a text."""
    started(work)
    pairs, texts = [], [document["text"] for document in documents(work)]
    for number, text in enumerate(texts):
        tokens = shingles(text)
        if tokens:
            minhash = minhash_of(tokens)
            pairs += [(number, other) for other in lsh.query(minhash)]
            lsh.insert(number, minhash)
    return kept_by_clusters(len(texts), pairs)


def rensa(work):
    from rensa import RMinHash, RMinHashLSH

    def minhash_of(tokens):
        minhash = RMinHash(num_perm=BANDS * ROWS, seed=1)
        minhash.update(list(tokens))
        return minhash

    return near_duplicates(work, RMinHashLSH(threshold=0.7, num_perm=BANDS * ROWS, num_bands=BANDS), minhash_of)


def datasketch(work):
    from datasketch import MinHash, MinHashLSH

    def minhash_of(tokens):
        minhash = MinHash(num_perm=BANDS * ROWS, seed=1)
        minhash.update_batch([token.encode() for token in tokens])
        return minhash

    return near_duplicates(work, MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS)), minhash_of)


def text_dedup(work):
    import datasets
    from text_dedup import minhash

    started(work)
    out = work / "text-dedup"
    shutil.rmtree(out, ignore_errors=True)
    sys.argv = ["minhash", "--path", "json", "--data_files", str(work / "raw.jsonl"), "--split", "train", "--output", str(out),
                "--cache_dir", str(work / "cache"), "--column", "text", "--batch_size", "10000", "--num_perm", str(BANDS * ROWS),
                "--b", str(BANDS), "--r", str(ROWS), "--ngram", str(WORDS), "--min_length", "0", "--num_proc", "1",
                "--hash_func", "xxh3", "--hash_bits", "32"]
    minhash.main(standalone_mode=False)
    return len(documents(work)) - len(datasets.load_from_disk(str(out)))


def datatrove_sentences(work):
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig, SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    started(work)
    base = work / "datatrove"
    shutil.rmtree(base, ignore_errors=True)
    config = SentDedupConfig(n_sentences=3)

    def read():
        return JsonlReader(str(work), glob_pattern="raw.jsonl")

    def folder(name):
        return str(base / name)

    for number, steps in enumerate([
        [read(), SentenceDedupSignature(folder("signatures"), config=config, finder_workers=1)],
        [SentenceFindDedups(folder("signatures"), folder("found"), config=config)],
        [read(), SentenceDedupFilter(folder("found"), config=config), JsonlWriter(folder("kept"), compression=None)],
    ]):
        LocalPipelineExecutor(steps, logging_dir=folder(f"logs-{number}")).run()
    kept = sum(sum(1 for _ in open(path)) for path in Path(folder("kept")).rglob("*.jsonl"))
    return len(documents(work)) - kept


def corpus(binary, work, name):
    """The command, and what tells the outcome."""
    stage, *keys = RECIPES[name]
    (work / "recipe.toml").write_text(f'name = "peers"\npipeline = ["{stage}"]\n' + "\n".join(keys) + "\n")
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [binary, "clean", work / "raw.jsonl", out, "--recipe", work / "recipe.toml", "--threads", "1", "--quiet",
               "--no-signatures", "--rejected", "none"]

    def outcome():
        run = json.loads((out / "report.json").read_text())
        lines = sum(check["lines"] for check in run["tally"]["checks"])
        return lines if name == "paragraphs" else run["tally"]["input"]["documents"] - run["tally"]["kept"]["documents"]

    return command, outcome


def measured(command, environment):
    """CPU seconds and peak memory in bytes of a process."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(errors.decode()[-600:])
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10


def main():
    if sys.argv[1] == "--peer":
        work = Path(sys.argv[3])
        (work / "outcome").write_text(str(globals()[sys.argv[2]](work)))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("documents")
    parser.add_argument("--nth", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", help="a comparison, or a peer")
    parser.add_argument("--datatrove-python", default=sys.executable)
    options = parser.parse_args()

    import zstandard

    work = Path(tempfile.mkdtemp())
    lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(open(options.documents, "rb")), "utf-8")
    sample = [json.loads(line) for number, line in enumerate(lines) if number % options.nth == 0]
    (work / "dolma/documents").mkdir(parents=True)
    with open(work / "raw.jsonl", "w") as raw, gzip.open(work / "dolma/documents/0.jsonl.gz", "wt", 1) as for_dolma:
        for page in sample:
            page = {"id": page["id"], "text": page["text"], "url": page.get("url") or ""}
            print(json.dumps(page), file=raw)
            print(json.dumps({**page, "source": "pages", "metadata": {"url": page["url"]}}), file=for_dolma)
    size = sum(len(page["text"].encode()) for page in sample)
    print(f"{len(sample)} documents, {size / 1e6:.1f} MB of text; CPU seconds of each run by turns, then the medians")
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    for name in RECIPES:
        times, memory, outcomes = {}, {}, {}
        peers = [peer for peer in PEERS[name] if options.only in (None, name, peer)]
        if not peers and options.only not in (None, name):
            continue
        for _ in range(options.runs):
            for tool in ["corpus", *peers]:
                try:
                    if tool == "corpus":
                        command, outcome = corpus(options.corpus, work, name)
                        seconds, peak = measured(command, environment)
                        outcomes[tool] = outcome()
                    else:
                        python = options.datatrove_python if tool.startswith("datatrove") else sys.executable
                        seconds, peak = measured([python, __file__, "--peer", tool, work], environment)
                        seconds -= float((work / "imports").read_text())
                        outcomes[tool] = int((work / "outcome").read_text())
                except RuntimeError as error:
                    print(f"{name}, {tool}: did not run: {error}")
                    continue
                times.setdefault(tool, []).append(seconds)
                memory.setdefault(tool, []).append(peak)
        for tool, seconds in times.items():
            median = statistics.median(seconds)
            ratio = median / statistics.median(times["corpus"])
            each = " ".join(f"{second:.2f}" for second in seconds)
            print(f"{name:15} {tool:20} {each:24} median {median:7.2f} s {size / median / 1e6:7.2f} MB/s, {ratio:6.1f} times corpus, "
                  f"peak {max(memory[tool]) / 1e6:5.0f} MB, found {outcomes[tool]}", flush=True)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()

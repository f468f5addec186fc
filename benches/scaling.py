"""Time and memory of `corpus clean` as the input grows, and as threads do.

    pip install zstandard
    python benches/scaling.py target/release/corpus pages.jsonl.zst [--gigabytes 0.1 1 10] [--threads 1 2]

The input is made of the given documents again and again: in each copy every third word stands in another place, so that no
two copies have five words in a row in common. Needs disk under TMPDIR for the largest input and some of what comes out.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import zstandard

SHARD_BYTES = 256_000_000


def perturbed(text, copy):
    words = text.split(" ")
    moved = words[copy % 3 :: 3]
    by = 1 + copy % max(len(moved) - 1, 1)
    words[copy % 3 :: 3] = moved[by:] + moved[:by]
    return " ".join(words)


def write(folder, documents, size):
    """So many bytes of text in shards; returns how many they are."""
    folder.mkdir()
    text_bytes, shard_bytes, copy, shard = 0, SHARD_BYTES, 0, None
    while text_bytes < size:
        for document in documents:
            if shard_bytes >= SHARD_BYTES:
                shard_bytes, shard = 0, open(folder / f"{len(list(folder.iterdir())):05}.jsonl", "w", encoding="utf-8")
            text = perturbed(document["text"], copy) if copy else document["text"]
            line = json.dumps({"text": text, "url": f"{document.get('url', '')}#{copy}"}, ensure_ascii=False)
            shard.write(line + "\n")
            text_bytes += len(text.encode())
            shard_bytes += len(line)
            if text_bytes >= size:
                break
        copy += 1
    shard.close()
    return text_bytes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=os.path.abspath)
    parser.add_argument("pages")
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.1, 1, 10])
    parser.add_argument("--threads", nargs="+", default=["1", "2"])
    arguments = parser.parse_args()
    with open(arguments.pages, "rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        documents = [json.loads(line) for line in lines]
    print("| text, GB | threads | seconds | processor seconds | MB/s | core-hours per TB | peak memory, MiB | kept |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for gigabytes in arguments.gigabytes:
        with tempfile.TemporaryDirectory() as folder:
            raw, out = Path(folder) / "raw", Path(folder) / "out"
            size = write(raw, documents, gigabytes * 1e9)
            for threads in arguments.threads:
                start = time.monotonic()
                command = [arguments.corpus, "clean", "-q", "--threads", threads, raw, out]
                child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
                _, status, usage = os.wait4(child.pid, 0)
                seconds = time.monotonic() - start
                if status != 0:
                    raise SystemExit(f"corpus clean ended with {os.waitstatus_to_exitcode(status)}")
                tally = json.loads((out / "report.json").read_text())["tally"]
                spent = usage.ru_utime + usage.ru_stime
                print(f"| {size / 1e9:.1f} | {threads} | {seconds:.1f} | {spent:.1f} | {size / seconds / 1e6:.1f} "
                      f"| {spent / size * 1e12 / 3600:,.0f} | {usage.ru_maxrss >> 10} "
                      f"| {tally['kept']['documents'] / tally['input']['documents']:.1%} |", flush=True)
                shutil.rmtree(out)


if __name__ == "__main__":
    main()

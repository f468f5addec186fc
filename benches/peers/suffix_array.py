"""Exact substrings by a suffix array of the same texts: which bytes go, how fast, and that `substring_dedup` cuts the same.

    pip install pydivsufsort numpy zstandard
    python suffix_array.py pages.jsonl.zst first out/ledger

No package of a registry removes exact substrings (text-dedup starts Google's program from a clone of its repository), so
this is the nearest: divsufsort and Kasai's longest common prefixes, then what Lee et al. 2022 cut, in numpy. The ledger is
that of `pipeline = ["substring_dedup"]` with `too_few_words = "off"` and the same `keep`.
"""

import io
import json
import resource
import sys
import time
from pathlib import Path

import numpy
import zstandard
from pydivsufsort import divsufsort, kasai

path, keep = sys.argv[1:3]
MIN_LENGTH = 200
lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(open(path, "rb")), "utf-8")
texts = [json.loads(line)["text"].encode() for line in lines]
# No text holds the byte between them.
joined = numpy.frombuffer(b"\xff".join(texts) + b"\xff", numpy.uint8).copy()
ends = numpy.flatnonzero(joined == 0xFF)
n = len(joined)

start = time.process_time()
order = divsufsort(joined)
sorted_seconds = time.process_time() - start
shared = kasai(joined, order)
common_seconds = time.process_time() - start
# Neighbours that share so many bytes, of one text, are in one group: a window of the same bytes. Kasai's n-th is of n and n + 1.
room = numpy.diff(numpy.concatenate([[-1], ends])) - 1
place = numpy.arange(n)
inside = place + MIN_LENGTH <= numpy.repeat(ends, room + 1)
joins = numpy.concatenate([[False], shared[: n - 1] >= MIN_LENGTH])
joins &= inside[order]
first = numpy.flatnonzero(~joins)
sizes = numpy.diff(numpy.concatenate([first, [n]]))
if keep == "first":
    earliest = numpy.repeat(numpy.minimum.reduceat(order, first), sizes)
    goes = order - earliest >= MIN_LENGTH
else:
    goes = numpy.repeat(sizes, sizes) > 1
windows = order[goes & inside[order]]
edges = numpy.zeros(n + 1, numpy.int64)
numpy.add.at(edges, windows, 1)
numpy.add.at(edges, windows + MIN_LENGTH, -1)
gone = numpy.cumsum(edges)[:n] > 0
begins = numpy.flatnonzero(gone & ~numpy.concatenate([[False], gone[:-1]]))
stops = numpy.flatnonzero(gone & ~numpy.concatenate([gone[1:], [False]])) + 1
# Characters go whole or not at all.
follows = (joined & 0xC0) == 0x80
for _ in range(3):
    begins, stops = begins + follows[begins], stops - follows[stops]
lengths = numpy.maximum(stops - begins, 0)
total = time.process_time() - start
size = n - len(texts)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{size / 1e6:.1f} MB, {len(texts)} texts; {lengths.sum()} bytes go")
print(f"divsufsort {size / sorted_seconds / 1e6:.2f} MB/s; with common prefixes {size / common_seconds / 1e6:.2f} MB/s;")
print(f"all {size / total / 1e6:.2f} MB/s of CPU time, one thread; peak {peak:.0f} MiB")

if len(sys.argv) > 3:
    import pyarrow.parquet

    expected = numpy.zeros(len(texts), numpy.int64)
    numpy.add.at(expected, numpy.searchsorted(ends, begins), lengths)
    files = sorted(Path(sys.argv[3]).glob("*.parquet"))
    column = "substring_dedup.repeated_bytes"
    found = [row[column] or 0 for file in files for row in pyarrow.parquet.read_table(file, columns=[column]).to_pylist()]
    differ = [at for at in range(len(texts)) if expected[at] != found[at]]
    print(f"{len(differ)} of {len(texts)} texts differ in how many bytes go: {differ[:5]}")

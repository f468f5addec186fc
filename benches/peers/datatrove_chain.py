"""datatrove on the same documents: Gopher + C4 + FineWeb filters, then MinHash signatures. Prints MB/s of text.

    pip install datatrove[processing] spacy
    python datatrove_chain.py pages.jsonl.zst EVERY_NTH
"""

import io
import json
import sys
import time

import zstandard
from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

path, nth = sys.argv[1], int(sys.argv[2])
lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(open(path, "rb")), "utf-8")
texts = [json.loads(line)["text"] for i, line in enumerate(lines) if i % nth == 0]
texts = [text for text in texts if text.strip()]
size = sum(len(text.encode()) for text in texts)
filters = [
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
]
# Loading of the tokenizer is not counted.
GopherQualityFilter().filter(Document(text="A short text.", id="0"))

for name, wanted in [("gopher_repetition", filters[:1]), ("chain, first failure ends it", filters)]:
    start = time.process_time()
    kept = 0
    for text in texts:
        document = Document(text=text, id="0")
        kept += all(f.filter(document) is True for f in wanted)
    seconds = time.process_time() - start
    print(f"{name}: {size / seconds / 1e6:.2f} MB/s, {kept} of {len(texts)} kept")

signer = MinhashDedupSignature(output_folder="/tmp/datatrove-signatures")
start = time.process_time()
for text in texts:
    shingles = signer.get_shingles(text)
    if len(shingles):
        signer.get_signature(shingles)
print(f"signatures: {size / (time.process_time() - start) / 1e6:.2f} MB/s")

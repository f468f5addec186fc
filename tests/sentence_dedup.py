"""`sentence_dedup` against datatrove's SentenceDedup on the same pages: prints how many documents differ.

    pip install datatrove==0.10.0 spacy==3.8.18 orjson pyarrow zstandard xxhash
    python tests/sentence_dedup.py target/release/corpus pages.jsonl.zst
"""

import glob
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as parquet
import zstandard
from datatrove.data import Document
from datatrove.pipeline.dedup.sentence_dedup import (
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
    SentenceFindDedups,
)


def reference(texts, folder):
    """Text by id of what datatrove keeps; all in one task, so that its order is the input's."""

    def documents():
        return (Document(text=text, id=id) for id, text in texts.items())

    config = SentDedupConfig()
    signatures, found = str(folder / "signatures"), str(folder / "found")
    SentenceDedupSignature(output_folder=signatures, config=config).run(documents())
    SentenceFindDedups(data_folder=signatures, output_folder=found, config=config).run()
    return {document.id: document.text for document in SentenceDedupFilter(data_folder=found, config=config).run(documents())}


def ours(corpus, pages, folder):
    recipe = folder / "sentences.toml"
    recipe.write_text('pipeline = ["sentence_dedup"]\n')
    out = folder / "out"
    subprocess.run(
        [corpus, "clean", pages, out, "--recipe", recipe, "--rejected", "none", "--no-signatures", "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    tables = [parquet.read_table(path, columns=["id", "text"]) for path in sorted(glob.glob(f"{out}/clean/*.parquet"))]
    return {row["id"]: row["text"] for table in tables for row in table.to_pylist()}


corpus, pages = sys.argv[1], sys.argv[2]
lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(open(pages, "rb")), "utf-8")
texts = {}
for row, line in enumerate(lines):
    page = json.loads(line)
    if page.get("text"):
        texts[str(page.get("id", row))] = page["text"]
with tempfile.TemporaryDirectory() as folder:
    theirs = reference(texts, Path(folder))
    mine = ours(corpus, pages, Path(folder))
different = [id for id in texts if theirs.get(id) != mine.get(id)]
changed = sum(theirs.get(id) != text for id, text in texts.items())
print(f"{len(texts)} documents, {len(theirs)} kept, {changed} changed or dropped, {len(different)} different")
for id in different[:5]:
    print(id, json.dumps(theirs.get(id), ensure_ascii=False)[:300], json.dumps(mine.get(id), ensure_ascii=False)[:300], sep="\n  ")
sys.exit(bool(different))

"""Reads what `corpus export --tokens` wrote: `token_readers.py FORMAT FOLDER` prints the documents of both splits as JSON.

With the trainer's own reader where its package is installed (megatron-core, datatrove with torch, ai2-olmo-core), else, and
for what has no package (llm.c, nanoGPT, nanochat), as its source says: the checks of llm.c's dataloader.h, nanoGPT's
memory-mapped 16-bit ids, nanochat's row groups with the last file to validate on.
"""

import glob
import json
import os
import sys

import numpy

FORMAT, FOLDER = sys.argv[1], sys.argv[2]
CARD = json.load(open(f"{FOLDER}/export.json"))
END = CARD["end_of_text"]
DTYPE = numpy.dtype(CARD["dtype"])
# A window that no document length divides.
WINDOW = 61


def by_ends(stream, ends):
    """Documents that end behind their end-of-text token at these places."""
    documents, start = [], 0
    for end in ends:
        assert stream[end - 1] == END, "a document ends with end of text"
        documents.append([int(token) for token in stream[start : end - 1]])
        start = end
    assert start == len(stream), "nothing follows the last document"
    return documents


def ends_of(stream):
    return [int(place) + 1 for place in numpy.flatnonzero(stream == END)]


def megatron(split):
    prefix = f"{FOLDER}/{split}"
    try:
        from megatron.core.datasets.indexed_dataset import IndexedDataset
    except ImportError:
        head = numpy.fromfile(prefix + ".idx", numpy.uint8)
        assert head[:9].tobytes() == b"MMIDIDX\0\0" and head[17] == {"uint16": 8, "int32": 4}[DTYPE.name]
        count = int(head[18:26].view("<u8")[0])
        lengths = head[34 : 34 + 4 * count].view("<i4")
        return "the layout", by_ends(numpy.fromfile(prefix + ".bin", DTYPE), numpy.cumsum(lengths))
    data = IndexedDataset(prefix)
    assert list(data.document_indices) == list(range(len(data) + 1))
    sequences = [data[number] for number in range(len(data))]
    assert all(sequence.dtype == DTYPE and sequence[-1] == END for sequence in sequences)
    return "megatron-core", [[int(token) for token in sequence[:-1]] for sequence in sequences]


def datatrove(split):
    documents, reader = [], "the layout"
    for path in sorted(glob.glob(f"{FOLDER}/{split}/*.ds")):
        stream = numpy.fromfile(path, DTYPE)
        ends = [int(end) for end in numpy.fromfile(path + ".index", "<u8")]
        name, count, _ = open(path + ".metadata").read().split("\n")
        assert name == f"tokenizer.json|{DTYPE.itemsize}" and int(count) == len(stream)
        documents += by_ends(stream, ends)
    try:
        from datatrove.utils.dataset import DatatroveFolderDataset
    except ImportError:
        return reader, documents
    data = DatatroveFolderDataset(
        f"{FOLDER}/{split}", WINDOW - 1, filename_pattern="*.ds", token_size=DTYPE.itemsize, return_positions=True
    )
    # One file: its windows one after the other are the stream, and positions begin anew where documents do.
    windows = [data[number] for number in range(len(data))]
    read = numpy.concatenate([window["input_ids"].numpy() for window in windows])
    assert (read == stream[: len(read)]).all() and len(stream) - len(read) < WINDOW
    starts = {0, *ends}
    for number, window in enumerate(windows):
        for place, position in enumerate(window["positions"].tolist()):
            assert (position == 0) == (place == 0 or number * WINDOW + place in starts)
    return "datatrove", documents


def olmo(split):
    path = f"{FOLDER}/{split}.npy"
    stream = numpy.memmap(path, DTYPE, "r")
    documents = by_ends(stream, ends_of(stream))
    try:
        from olmo_core.data.numpy_dataset import NumpyFSLDataset
        from olmo_core.data.utils import iter_document_indices
    except ImportError:
        return "the layout", documents
    found = list(iter_document_indices(path, eos_token_id=END, dtype=DTYPE.type))
    assert [end - start - 1 for start, end in found] == [len(document) for document in documents]
    data = NumpyFSLDataset(
        path, sequence_length=WINDOW, pad_token_id=END, eos_token_id=END, vocab_size=CARD["vocab_size"], dtype=DTYPE.type
    )
    data.prepare()
    read = numpy.concatenate([data[number]["input_ids"].numpy() for number in range(len(data))])
    assert (read == stream[: len(read)]).all() and len(stream) - len(read) < WINDOW
    return "ai2-olmo-core", documents


def llm_c(split):
    streams = []
    for path in sorted(glob.glob(f"{FOLDER}/{split}_*.bin")):
        header = numpy.fromfile(path, "<i4", 256)
        magic = {"uint16": (20240520, 1), "uint32": (20240801, 7)}[DTYPE.name]
        assert (header[0], header[1]) == magic and header[2] > 0 and (header[3:] == 0).all()
        assert os.path.getsize(path) == 256 * 4 + int(header[2]) * DTYPE.itemsize
        streams.append(numpy.fromfile(path, DTYPE, offset=1024))
    stream = numpy.concatenate(streams)
    assert stream[0] == END, "every document begins with end of text"
    starts = [int(place) for place in numpy.flatnonzero(stream == END)] + [len(stream)]
    return "the layout", [[int(token) for token in stream[a + 1 : b]] for a, b in zip(starts, starts[1:])]


def nanogpt(split):
    stream = numpy.memmap(f"{FOLDER}/{split}.bin", numpy.uint16, "r")
    return "the layout", by_ends(stream, ends_of(stream))


def nanochat(split):
    import pyarrow.parquet

    paths = sorted(path for path in os.listdir(FOLDER) if path.endswith(".parquet"))
    texts = []
    for path in paths[:-1] if split == "train" else paths[-1:]:
        file = pyarrow.parquet.ParquetFile(f"{FOLDER}/{path}")
        for group in range(file.num_row_groups):
            texts += file.read_row_group(group).column("text").to_pylist()
    return "pyarrow", texts


read = {"megatron": megatron, "datatrove": datatrove, "olmo": olmo, "llm.c": llm_c, "nanogpt": nanogpt, "nanochat": nanochat}
splits = {split: read[FORMAT](split) for split in ("train", "val")}
print(json.dumps({"reader": splits["train"][0], **{split: documents for split, (_, documents) in splits.items()}}))

"""Reads an output folder as a user would; the counts must agree with report.json."""

import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.dataset
from datasets import load_dataset

out = Path(sys.argv[1])
run = json.loads((out / "report.json").read_text())
documents = run["tally"]["input"]["documents"]
kept = run["tally"]["kept"]["documents"]
sequences = run["tokens"]["sequences"]

default = load_dataset(str(out))
assert default["train"].num_rows == kept, default
columns = "text id url date dump file_path language language_score token_count metadata".split()
assert default["train"].column_names == columns, default["train"].column_names
ledger = load_dataset(str(out), "ledger")
assert sum(split.num_rows for split in ledger.values()) == documents, ledger
tokens = load_dataset(str(out), "tokens")
assert tokens["train"].num_rows == sequences, tokens
assert len(tokens["train"][0]["input_ids"]) == run["tokens"]["sequence_length"]
rejected = load_dataset(str(out), "rejected")
assert sum(split.num_rows for split in rejected.values()) > 0

assert pyarrow.dataset.dataset(out / "clean").count_rows() == kept
count = duckdb.sql(f"select count(*), sum(length(text)) from '{out}/clean/*.parquet'").fetchall()[0]
assert count[0] == kept and count[1] > 0, count
reasons = duckdb.sql(f"select reason, count(*) n from '{out}/ledger/*.parquet' where not kept group by 1").fetchall()
assert sum(n for _, n in reasons) == documents - kept, reasons
frame = polars.scan_parquet(out / "ledger/*.parquet").filter(polars.col("kept")).collect()
assert frame.height == kept
print("all readers agree")

"""Loads an exported model as anyone would, without remote code, and compares ids and logits with those of `corpus`.

    python check_exported.py FOLDER    # with exported/, cases.json and logits.f32
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(f"{folder}/exported")
model, loading = AutoModelForCausalLM.from_pretrained(f"{folder}/exported", output_loading_info=True)
assert type(model).__name__ == "Qwen3ForCausalLM" and model.dtype == torch.float32, type(model)
for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
    assert not loading[problem], loading
assert len(tokenizer) == model.config.vocab_size, len(tokenizer)
expected = torch.from_numpy(numpy.fromfile(f"{folder}/logits.f32", dtype=numpy.float32)).view(-1, len(tokenizer))
found = []
for case in json.load(open(f"{folder}/cases.json")):
    ids = tokenizer(tokenizer.bos_token + case["text"])["input_ids"]
    assert ids[: len(case["ids"])] == case["ids"], (case, ids)
    assert tokenizer.decode(ids, skip_special_tokens=True) == case["text"], case
    with torch.no_grad():
        found.append(model(torch.tensor([case["ids"]])).logits[0])
found = torch.cat(found)
print(json.dumps({"largest_difference": (found - expected).abs().max().item(),
                  "deviation": expected.std().item(), "tokens": len(found)}))

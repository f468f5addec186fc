"""Clock and processor speed of eager PyTorch on the model that `corpus train --preset quick` trains.

The same shapes (3 blocks, d 96, 3 heads, SwiGLU 256, 4,096 ids, T 256), batch (8 sequences), AdamW and clipping;
causal attention by scaled_dot_product_attention; with --documents a token also sees its own document alone, by a
block-diagonal mask made in every step, as `corpus` always has it. The ids are those of `benches/train.rs`.

    pip install torch
    python torch_trainer.py --threads 2 [--bf16] [--documents]
"""

import argparse
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, LENGTH, BATCH = 3, 96, 3, 256, 4096, 256, 8


def rotate(x, cosine, sine):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda rows, columns: nn.Linear(rows, columns, bias=False)
        self.norm, self.mlp_norm = nn.RMSNorm(WIDTH, eps=1e-6), nn.RMSNorm(WIDTH, eps=1e-6)
        self.query_norm, self.key_norm = nn.RMSNorm(WIDTH // HEADS, eps=1e-6), nn.RMSNorm(WIDTH // HEADS, eps=1e-6)
        self.query, self.key, self.value, self.out = (linear(WIDTH, WIDTH) for _ in range(4))
        self.gate, self.up, self.down = linear(WIDTH, INNER), linear(WIDTH, INNER), linear(INNER, WIDTH)

    def forward(self, x, cosine, sine, mask):
        batch = x.shape[0]
        heads = lambda y: y.view(batch, LENGTH, HEADS, WIDTH // HEADS)
        h = self.norm(x)
        query = rotate(self.query_norm(heads(self.query(h))), cosine, sine).transpose(1, 2)
        key = rotate(self.key_norm(heads(self.key(h))), cosine, sine).transpose(1, 2)
        value = heads(self.value(h)).transpose(1, 2)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=mask is None)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, LENGTH, WIDTH))
        h = self.mlp_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(LENGTH), 10_000.0 ** (-torch.arange(half) / half))
        self.register_buffer("cosine", angles.cos()[None, :, None, :])
        self.register_buffer("sine", angles.sin()[None, :, None, :])

    def forward(self, ids, mask=None):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine, mask)
        return F.linear(self.norm(x), self.embedding.weight)


def token_ids():
    """Numbers without meaning; about every 160th begins a document."""
    x, ids = 1, []
    for _ in range(BATCH * LENGTH + 1):
        x = (x * 1_103_515_245 + 12_345) % 2**31
        value = x >> 8
        ids.append(0 if value % 160 == 0 else 1 + value % (VOCABULARY - 1))
    ids = torch.tensor(ids)
    return ids[:-1].view(BATCH, LENGTH), ids[1:].view(BATCH, LENGTH)


def document_mask(ids):
    document = (ids == 0).cumsum(1)
    return (document[:, None, :, None] == document[:, None, None, :]).tril()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--documents", action="store_true", help="a token sees its own document alone")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    ids, targets = token_ids()
    seconds, processor = [], []
    for _ in range(arguments.steps):
        start, start_processor = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
            logits = model(ids, document_mask(ids) if arguments.documents else None)
            loss = F.cross_entropy(logits.float().view(-1, VOCABULARY), targets.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    # The first steps allocate; the median does not mind a neighbour.
    rate, processor_rate = (BATCH * LENGTH / statistics.median(times[5:]) for times in (seconds, processor))
    assert math.isfinite(loss.item())
    print(f"torch {torch.__version__} {'bf16' if arguments.bf16 else 'f32'}, "
          f"{'document mask' if arguments.documents else 'causal only'}, {arguments.threads} threads: "
          f"{rate:.0f} tokens/s, {processor_rate:.0f} tokens per CPU-second")


if __name__ == "__main__":
    main()

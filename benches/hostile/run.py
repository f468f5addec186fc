#!/usr/bin/env python3
"""What hostile input costs: processor time and peak memory of `corpus clean`, at one size and at four times that.

    python benches/hostile/run.py target/release/corpus [case ...]

Prints the table of benches/hostile/README.md. Needs Python 3 alone, and 10 GB of disk under TMPDIR for the largest cases.
Time that grows much more than fourfold, or memory above --memory plus 256 MiB, is marked.
"""

import gzip
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

MEMORY = 512 << 20
PROMISED = MEMORY + (256 << 20)
MB = 1_000_000
REPAIR = 'pipeline = ["repair", "language", "gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality", ' \
    '"bad_words", "mask_pii", "exact_dedup", "minhash", "tokenize", "pack"]\n'
# Nothing is dropped for its language before it is measured.
MEASURED = 'pipeline = ["gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality", "exact_dedup", "minhash", ' \
    '"tokenize", "pack"]\n'


def record(text):
    return json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n"


def repeated(path, head, body, times, tail=b""):
    with open(path, "wb") as file:
        file.write(head)
        block = body * max(1, MB // len(body))
        whole, rest = divmod(times, max(1, MB // len(body)))
        for _ in range(whole):
            file.write(block)
        file.write(body * rest + tail)


def text_of(unit, size):
    """A record whose text is a unit repeated to so many bytes."""
    body = json.dumps(unit, ensure_ascii=False)[1:-1].encode()
    return lambda path: repeated(path, b'{"text":"', body, size // len(unit.encode()), b'"}\n')


COMMON = ("the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were "
          "her all she there would their we him been has when who will more no if out so said what up its about into than them can "
          "only other new some could time these two may then do first any my now such like our over man me even most made after also "
          "did many before must through back years where much your way well down should because each just those people how too little "
          "state good very make world still own see men work long get here between both life being under never day same another know").split()


def sentences(size, seed=0):
    """English words, in sentences that hardly come again."""
    chance = random.Random(seed)
    parts, left = [], size
    while left > 0:
        sentence = " ".join(chance.choices(COMMON, k=chance.randint(4, 20))).capitalize() + chance.choice([". ", ".\n", "? "])
        parts.append(sentence)
        left -= len(sentence)
    return "".join(parts)


def before_pages(path, size):
    """A sixth of it is one document, the rest are pages."""
    with open(path, "wb") as file:
        file.write(record(sentences(size // 6)))
        for seed in range(size // 6 * 5 // 6_000):
            file.write(record(sentences(6_000, seed)))


def words_of(length, size):
    """Words of so many random letters."""
    chance = random.Random(0)
    letters = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=size // (length + 1) * length))
    return record(" ".join(letters[at:at + length] for at in range(0, len(letters), length)))


def written(make):
    return lambda path, size: Path(path).write_bytes(make(size))


def packed(path, size):
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b'{"text":"')
        for _ in range(size // MB):
            file.write(b"a" * MB)
        file.write(b'"}\n')


def laughs(path, size):
    """Entities of entities: HTML has none of its own, so nothing may grow."""
    head = "<!DOCTYPE html [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '&a{n - 1};&a{n - 1};'>" for n in range(1, 40))
    repeated(path, (head + "]><html><body><p>").encode(), b"&a39;&amp;&#x26;&notanentity", size // 28, b"</p>")


# Name, file, what is in it, size, how it is made for a size, flags.
CASES = [
    ("a text without a space", "a.jsonl", 16 * MB, lambda p, n: text_of("x", n)(p), []),
    ("random letters without a space", "a.jsonl", 4 * MB,
     lambda p, n: Path(p).write_bytes(record(os.urandom(n // 2).hex())), []),
    ("a text of line feeds", "a.jsonl", 5 * MB, lambda p, n: text_of("\n", n)(p), []),
    ("a file of line feeds", "a.jsonl", 5 * MB, lambda p, n: repeated(p, record("a"), b"\n", n), []),
    ("words of one letter", "a.jsonl", 16 * MB, lambda p, n: text_of("a ", n)(p), []),
    ("words of one letter, whatever the language", "a.jsonl", 16 * MB, lambda p, n: text_of("a ", n)(p), ["measured"]),
    ("random words of one letter, the same", "a.jsonl", 16 * MB, written(lambda n: words_of(1, n)), ["measured"]),
    ("random words of five letters, the same", "a.jsonl", 16 * MB, written(lambda n: words_of(5, n)), ["measured"]),
    ("one sentence again and again, the same", "a.jsonl", 16 * MB, lambda p, n: text_of("The cat sat. ", n)(p), ["measured"]),
    ("lines of five letters, the same", "a.jsonl", 14 * MB,
     written(lambda n: words_of(5, n).replace(b'": "', b'":"').replace(b" ", b"\\n")), ["measured"]),
    ("English in one document", "a.jsonl", 15 * MB, written(lambda n: record(sentences(n))), []),
    ("English in four documents", "a.jsonl", 60 * MB,
     written(lambda n: b"".join(record(sentences(n // 4, seed)) for seed in range(4))), []),
    ("the same on eight threads", "a.jsonl", 60 * MB,
     written(lambda n: b"".join(record(sentences(n // 4, seed)) for seed in range(4))), ["threads"]),
    ("documents of 4 MB on eight threads", "a.jsonl", 60 * MB,
     written(lambda n: record(sentences(4 * MB)) * (n // (4 * MB))), ["threads"]),
    ("English in one document before pages, the same", "a.jsonl", 90 * MB, before_pages, ["threads"]),
    ("lines of one mark", "a.jsonl", 10 * MB, lambda p, n: text_of(".\n", n)(p), []),
    ("one word again and again", "a.jsonl", 8 * MB, lambda p, n: text_of("spam ", n)(p), []),
    ("full stops", "a.jsonl", 8 * MB, lambda p, n: text_of(".", n)(p), []),
    ("zero-width spaces", "a.jsonl", 9 * MB, lambda p, n: text_of("\u200b", n)(p), ["repair"]),
    ("marks on one letter", "a.jsonl", 8 * MB, lambda p, n: text_of("\u0301", n)(p), ["repair"]),
    ("marks out of order", "a.jsonl", 16 * MB, lambda p, n: text_of("\u0301\u0316", n)(p), ["repair"]),
    ("mojibake of mojibake", "a.jsonl", 8 * MB, lambda p, n: text_of("Ãƒ\u0192Ã‚Â©", n)(p), ["repair"]),
    ("at signs and digits", "a.jsonl", 8 * MB, lambda p, n: text_of("a@1.1.1.1.", n)(p), ["repair"]),
    ("documents of one letter", "a.jsonl", 13 * MB, lambda p, n: repeated(p, b"", record("a"), n // 13), []),
    ("deep HTML", "a.html", 8 * MB, lambda p, n: repeated(p, b"<html><body>", b"<div>", n // 5, b"text"), []),
    ("HTML tables in tables", "a.html", 8 * MB, lambda p, n: repeated(p, b"<html>", b"<table><tr><td>", n // 15), []),
    ("an attribute without an end", "a.html", 8 * MB, lambda p, n: repeated(p, b"<html><a x='", b"y=\"<b ", n // 7), []),
    ("entities of entities", "a.html", 8 * MB, laughs, []),
    ("comments that open only", "a.html", 8 * MB, lambda p, n: repeated(p, b"<html>", b"<!--", n // 4), []),
    ("a gzip bomb", "a.jsonl.gz", 500 * MB, packed, []),
    ("a JSON line of 500 MB, 2 GB", "a.jsonl", 500 * MB, lambda p, n: text_of("word ", n)(p), []),
]


def run(corpus, folder, make, name, size, flags):
    path, out, recipe = folder / name, folder / "out", folder / "recipe.toml"
    # Made in a process of its own: what this one ever took would count as the peak of those that it starts.
    maker = multiprocessing.get_context("fork").Process(target=make, args=(str(path), size))
    maker.start()
    maker.join()
    recipe.write_text(MEASURED if "measured" in flags else REPAIR)
    threads = "8" if "threads" in flags else "1"
    command = [corpus, "clean", "-q", "--memory", f"{MEMORY >> 20}MiB", "--threads", threads, str(path), str(out)]
    if flags and flags != ["threads"]:
        command += ["--recipe", str(recipe)]
    # More threads than the machine has are none, unless this says so.
    environment = os.environ | {"RAYON_NUM_THREADS": threads}
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    errors = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    seconds, code = usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)
    outcome = f"exit {code}"
    if (out / "ledger").is_dir():
        report = json.loads((out / "report.json").read_text())
        checks = zip(report["reasons"], report["tally"]["checks"])
        dropped = [f"{reason['stage']}.{reason['reason']}" for reason, check in checks if check["first"]["documents"]]
        quarantined = json.loads((out / "manifest.json").read_text())["quarantined"]
        outcome = "quarantined" if quarantined else ", ".join(dropped) or "kept"
    elif code not in (0, 1):
        outcome += ": " + errors.strip().splitlines()[-1][:80]
    for left in (path, out):
        subprocess.run(["rm", "-rf", str(left)], check=True)
    return seconds, usage.ru_maxrss << 10, outcome


def main():
    corpus, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    print("| input | size | seconds | peak memory | 4 × the size | seconds | ratio | peak memory | outcome |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for case, name, size, make, flags in CASES:
        if wanted and not any(word in case for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            (a, peak, _), (b, peak_4, outcome) = (run(corpus, Path(folder), make, name, n, flags) for n in (size, 4 * size))
        ratio = f"{b / a:.1f}" + (" (!)" if b > 8 * a and b > 2 else "")
        peaks = [f"{one >> 20} MiB" + (" (!)" if one > PROMISED else "") for one in (peak, peak_4)]
        print(f"| {case} | {size // MB} MB | {a:.2f} | {peaks[0]} | {4 * size // MB} MB | {b:.2f} | {ratio} | {peaks[1]} "
              f"| {outcome} |", flush=True)


main()

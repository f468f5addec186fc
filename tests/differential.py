#!/usr/bin/env python3
"""Differential test: `corpus` against datatrove in process, text by text. Run by hand; see tests/README.md.

    python tests/differential.py --corpus target/release/corpus --count 1000000 --work /tmp/differential
    python tests/differential.py --corpus target/release/corpus --documents mixed_sources.jsonl.zst --work /tmp/mixed
    python tests/differential.py --corpus target/release/corpus --urls web_pages.jsonl.zst --lists url_words

Needs a Python with datatrove (0.10), spaCy (3.8), pyarrow and numpy, on CPython 3.11 (Unicode 14). Texts are generated
(tests/adversarial.py) or read, in chunks; a chunk that is in the work folder's results.jsonl is not done again, so a
stopped run goes on, and --from/--count divide the work among runs. Compared are decisions, reasons, numbers of words
and the other measured values bit by bit, rewritten texts, and MinHash signatures.
"""

import argparse
import bisect
import collections
import functools
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import adversarial

os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
warnings.filterwarnings("ignore")

WORDS = '[words]\nsplitter = "{splitter}"\n'
TABLES = ["gopher_repetition", "gopher_quality", "c4_paragraph", "fineweb_quality"]
# Name of a run of `corpus` -> recipe.
RECIPES = {
    "tables": f"pipeline = {json.dumps(TABLES)}\n" + WORDS,
    "c4_quality": 'pipeline = ["c4_quality"]\n[c4_quality]\nterminal_punctuation = true\n' + WORDS,
    "c4_quality_no_punct": 'pipeline = ["c4_quality"]\n' + WORDS,
    "c4_quality_sentences": 'pipeline = ["c4_quality"]\n[c4_quality]\nsplit_paragraph = false\n' + WORDS,
    "fineweb_chain": 'pipeline = ["gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality"]\n' + WORDS,
    "c4_badwords": 'pipeline = ["c4_badwords"]\n' + WORDS,
    "symbol_lines": 'pipeline = ["symbol_lines"]\n' + WORDS,
    "mask_pii": 'pipeline = ["mask_pii"]\n' + WORDS,
    "minhash": 'pipeline = ["minhash"]\n[minhash]\nmin_similarity = 1.0\nkeep = "first"\n' + WORDS,
}
# The reference's reason -> the check, where the names differ by more than what follows below.
REASONS = {
    "dup_para_frac": "duplicate_paragraphs", "dup_para_char_frac": "duplicate_paragraph_chars",
    "dup_line_frac": "duplicate_lines", "dup_line_char_frac": "duplicate_line_chars",
    **{f"top_{n}_gram": f"frequent_{n}_gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"duplicate_{n}_grams" for n in range(5, 11)},
    "gopher_short_doc": "too_few_words", "gopher_long_doc": "too_many_words",
    "gopher_below_avg_threshold": "odd_word_length", "gopher_above_avg_threshold": "odd_word_length",
    "gopher_too_many_hashes": "too_many_hashes", "gopher_too_many_ellipsis": "too_many_ellipses",
    "gopher_too_many_bullets": "too_many_bullets", "gopher_too_many_end_ellipsis": "too_many_ellipsis_lines",
    "gopher_below_alpha_threshold": "too_few_alphabetic_words", "gopher_enough_stop_words": "too_few_stop_words",
    "< 3 paragraphs": "too_few_paragraphs", "empty": "no_lines", "line_punct_ratio": "too_few_punctuated_lines",
    "short_line_ratio": "too_many_short_lines", "char_dup_ratio": "duplicate_line_characters",
    "list_ratio": "too_many_newlines", "document_removed_with_badwords": "bad_word",
    "domain": "blocked_domain", "subdomain": "blocked_host", "url": "blocked_url", "hard_blacklisted": "banned_word",
    "soft_blacklisted": "soft_words", "blacklisted_subword": "banned_subword",
}
# For us a blank text is none and goes no further.
BLANK = "blank, not judged"
EMAILS = ("email@example.com", "firstname.lastname@example.org")
IP_ADDRESSES = ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168")


class Reference:
    """datatrove's filters with their defaults, each alone on the original text."""

    def __init__(self, badwords):
        from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
        from datatrove.pipeline.filters import (C4ParagraphFilter, C4QualityFilter, FineWebQualityFilter,
                                                GopherQualityFilter, GopherRepetitionFilter)
        from datatrove.pipeline.formatters import PIIFormatter, SymbolLinesFormatter
        # The same function with a larger memory: the filters share texts, C4's variants share lines.
        from datatrove.utils import text
        text.split_into_parts = functools.lru_cache(4096)(text.split_into_parts.__wrapped__)
        no_punct = C4QualityFilter(filter_no_terminal_punct=False)
        self.filters = {
            "gopher_repetition": GopherRepetitionFilter(), "gopher_quality": GopherQualityFilter(),
            "c4_paragraph": C4ParagraphFilter(), "fineweb_quality": FineWebQualityFilter(),
            "c4_quality": C4QualityFilter(), "c4_quality_no_punct": no_punct,
            "c4_quality_sentences": C4QualityFilter(split_paragraph=False, filter_no_terminal_punct=False),
        }
        self.chain = [("gopher_repetition", self.filters["gopher_repetition"]), ("gopher_quality", self.filters["gopher_quality"]),
                      ("c4_quality", no_punct), ("fineweb_quality", self.filters["fineweb_quality"])]
        self.formatters = {"symbol_lines": SymbolLinesFormatter(), "mask_pii": PIIFormatter()}
        self.minhash = MinhashDedupSignature("/tmp/unused")
        self.badwords = badwords

    def decide(self, name, text):
        """`keep` and the text, or the check's name and None."""
        from datatrove.data import Document
        document = Document(text=text, id="0")
        try:
            result = self.filters[name].filter(document)
        except ZeroDivisionError:
            return "ZeroDivisionError", None
        return ("keep", document.text) if result is True else (REASONS.get(result[1], result[1]), None)

    def through_chain(self, text):
        from datatrove.data import Document
        document = Document(text=text, id="0")
        for name, one in self.chain:
            result = one.filter(document)
            if result is not True:
                return f"{name}.{REASONS.get(result[1], result[1])}", None
        return "keep", document.text

    def sketch(self, text):
        shingles = self.minhash.get_shingles(text)
        if shingles.size == 0:
            return None
        return bytes(value & 0xFF for part in self.minhash.get_signature(shingles) for value in part)

    def values(self, text):
        """What our ledger measures, by the reference's own helpers, without stopping at a failed rule."""
        from datatrove.pipeline.filters import gopher_repetition_filter as repetition
        from datatrove.utils.text import PUNCTUATION_SET, split_into_words
        gopher, fineweb = self.filters["gopher_repetition"], self.filters["fineweb_quality"]
        words = split_into_words(text)
        n, size, out = len(words), len(text), {}
        for part, name in [(gopher.paragraph_exp.split(text.strip()), "paragraph"), (gopher._line_splitter.split(text), "line")]:
            copies, chars = repetition.find_duplicates(part)
            out[f"gopher_repetition.duplicate_{name}s"] = copies / len(part)
            out[f"gopher_repetition.duplicate_{name}_chars"] = chars / size
        for k in (2, 3, 4):
            grams = repetition.get_n_grams(words, k)
            out[f"gopher_repetition.top_{k}_gram"] = repetition.find_top_duplicate(grams) / size if grams else 0.0
        for k in range(5, 11):
            out[f"gopher_repetition.duplicate_{k}_grams"] = repetition.find_all_duplicate(words, k) / size
        real = [len(w) for w in words if any(c not in PUNCTUATION_SET for c in w)]
        share = lambda count, of: count / of if of else 0.0
        lines = text.splitlines()
        out["gopher_quality.words"] = len(real)
        out["gopher_quality.mean_word_length"] = share(sum(real), len(real))
        out["gopher_quality.hashes_per_word"] = share(text.count("#"), n)
        out["gopher_quality.ellipses_per_word"] = share(text.count("...") + text.count("…"), n)
        out["gopher_quality.bullet_lines"] = share(sum(s.lstrip().startswith(("•", "-")) for s in lines), len(lines))
        out["gopher_quality.ellipsis_lines"] = share(sum(s.rstrip().endswith(("...", "…")) for s in lines), len(lines))
        out["gopher_quality.alphabetic_words"] = share(sum(any(map(str.isalpha, w)) for w in words), n)
        out["gopher_quality.stop_words"] = len(self.filters["gopher_quality"].stop_words.intersection(words))
        lines = [line for line in text.split("\n") if line.strip() != ""]
        out["fineweb_quality.non_blank_lines"] = len(lines)
        out["fineweb_quality.punctuated_lines"] = share(sum(line.endswith(fineweb.stop_chars) for line in lines), len(lines))
        out["fineweb_quality.short_lines"] = share(sum(len(line) <= 30 for line in lines), len(lines))
        chars = len(text.replace("\n", ""))
        out["fineweb_quality.duplicate_non_blank_line_chars"] = share(repetition.find_duplicates(lines)[1], chars)
        out["fineweb_quality.newlines_per_word"] = share(text.count("\n"), n)
        return out

    def views(self, text):
        """Everything compared, by name; the names are those of `ours`."""
        out = {name: self.decide(name, text)[0] for name in TABLES}
        for name, value in self.values(text).items():
            out[name] = float(value)
        for name in ("c4_quality", "c4_quality_no_punct", "c4_quality_sentences"):
            out[name], out[f"{name} text"] = self.decide(name, text)
        out["fineweb_chain"], out["fineweb_chain text"] = self.through_chain(text)
        if self.badwords:
            out["c4_badwords"] = "bad_word" if self.badwords.search(text.lower()) else "keep"
        out["symbol_lines text"] = self.formatters["symbol_lines"].format(text)
        out["mask_pii text"] = unmasked(self.formatters["mask_pii"].format(text))
        out["minhash sketch"] = self.sketch(text)
        return out


def unmasked(text):
    """Which replacement was chosen is ours and theirs alone."""
    for values, mark in ((EMAILS, "<E>"), (IP_ADDRESSES, "<I>")):
        for value in values:
            text = text.replace(value, mark)
    return text


def first_of(stage, reasons):
    """The reasons stand in the filter's order, which is the reference's."""
    return next((reason.split(".")[1] for reason in reasons if reason.startswith(f"{stage}.")), "keep")


class Corpus:
    def __init__(self, binary, splitter):
        self.binary, self.splitter = binary, splitter
        # Without spaCy's words there are no sentences of its own.
        self.recipes = {name: recipe for name, recipe in RECIPES.items() if splitter == "spacy" or "split_" not in recipe}

    def run(self, recipe, rows, folder):
        """The ledger's rows by id, and the kept texts and sketches."""
        import pyarrow.parquet as parquet
        folder = Path(folder)
        raw, out, path = folder / "raw.jsonl", folder / "out", folder / "recipe.toml"
        with open(raw, "w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        path.write_text(recipe.replace("{splitter}", self.splitter))
        shutil.rmtree(out, ignore_errors=True)
        command = [self.binary, "clean", raw, out, "--recipe", path, "--signals", "all", "--rejected", "none", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.args}: {done.returncode}\n{done.stderr}")
        table = lambda name: itertools.chain.from_iterable(
            parquet.read_table(file).to_pylist() for file in sorted((out / name).glob("*.parquet")))
        ledger = {row["id"]: row for row in table("ledger")}
        clean = {row["id"]: row["text"] for row in table("clean")}
        kept = [row["id"] for row in ledger.values() if row["kept"]]
        sketches = dict(zip(kept, (row["sketch"] for row in table("signatures"))))
        return ledger, clean, sketches

    def views(self, texts, only=None):
        """As `Reference.views`, for texts by id; what a run does not say (a duplicate's sketch) is absent. `only` the
        run that says one of them is enough to look at that."""
        rows = [{"id": id, "text": text} for id, text in texts.items()]
        out = {id: {} for id in texts}
        with tempfile.TemporaryDirectory() as folder:
            for name, recipe in self.recipes.items():
                if only and name != ("tables" if only.split(".")[0] in TABLES else only.split(" ")[0]):
                    continue
                ledger, clean, sketches = self.run(recipe, rows, folder)
                for id, row in ledger.items():
                    view = out[id]
                    if (row["reason"] or "").startswith("input."):
                        view[BLANK] = row["reason"]
                    elif name == "tables":
                        view.update({stage: first_of(stage, row["reasons"]) for stage in TABLES})
                        view.update({key: value for key, value in row.items() if "." in key})
                    elif name == "minhash":
                        if id in sketches:
                            view["minhash sketch"] = sketches[id]
                    elif name == "fineweb_chain":
                        view[name] = row["reason"] or "keep"
                        view[f"{name} text"] = clean.get(id)
                    else:
                        view[name] = (row["reason"] or "keep").rsplit(".", 1)[-1]
                        view[f"{name} text"] = clean.get(id)
                        if name == "mask_pii":
                            view[f"{name} text"] = unmasked(clean[id])
        return out


def differing(theirs, ours):
    return [name for name in theirs if name in ours and theirs[name] != ours[name]]


def minimised(text, name, reference, corpus):
    """A shorter text that still differs in `name`: without a part, for parts of every size."""
    best, size = text, max(1, len(text) // 2)
    while True:
        starts = range(0, len(best), max(1, size))
        candidates = {str(i): best[:at] + best[at + size:] for i, at in enumerate(starts)}
        candidates = {id: one for id, one in list(candidates.items())[:300] if one}
        found = None
        if candidates:
            ours = corpus.views(candidates, name)
            same = lambda one, view: name not in differing(reference.views(one), view)
            found = next((one for id, one in candidates.items() if not same(one, ours[id])), None)
        if found is not None:
            best = found
        elif size == 1:
            return best
        size = max(1, min(size, len(best)) // (1 if found else 2))


def documents(path):
    """The rows of a JSONL file, compressed or not."""
    import zstandard
    with open(path, "rb") as file:
        raw = zstandard.ZstdDecompressor().stream_reader(file) if path.endswith(".zst") else file
        for line in io.TextIOWrapper(raw, encoding="utf-8", newline="\n"):
            yield json.loads(line)


def texts_of(args):
    """Numbered texts; those of a file from `--from` on."""
    last = args.first + args.count
    if args.documents:
        rows = itertools.islice(documents(args.documents), args.first, last)
        yield from ((number, row["text"]) for number, row in enumerate(rows, args.first))
    else:
        yield from ((number, adversarial.text(args.seed, number)) for number in range(args.first, last))


def compare_chunk(chunk, reference, corpus):
    """Counts per view, and the numbers of the first differing texts."""
    texts = {str(number): text for number, text in chunk if text}
    ours = corpus.views(texts)
    counts, reasons, first = collections.Counter(), collections.Counter(), {}
    for id, text in texts.items():
        theirs = {BLANK: "input.empty"} if not text.strip() else reference.views(text)
        for name in theirs:
            if name in ours[id]:
                counts[name] += 1
                if isinstance(theirs[name], str) and not name.endswith(" text"):
                    reasons[f"{name}: {theirs[name]}"] += 1
        if BLANK in ours[id] and text.strip():
            counts[f"{BLANK} differs"] += 1
        for name in differing(theirs, ours[id]):
            counts[f"{name} differs"] += 1
            if len(first.setdefault(name, [])) < 20:
                first[name].append([int(id), repr(theirs[name])[:200], repr(ours[id][name])[:200]])
    return {"texts": len(texts), "bytes": sum(len(t.encode()) for t in texts.values()), "counts": counts,
            "reasons": reasons, "first": first}


def print_totals(results):
    total, reasons, first = collections.Counter(), collections.Counter(), {}
    for one in results:
        total.update(one["counts"])
        reasons.update(one.get("reasons", {}))
        for name, some in one["first"].items():
            first.setdefault(name, []).extend(some)
    print(f"{sum(one['texts'] for one in results):,} texts, {sum(one['bytes'] for one in results):,} bytes")
    print(f"{'compared':48} {'texts':>10} {'identical':>10} {'different':>10}")
    for name in sorted(key for key in total if not key.endswith(" differs")):
        other = total[f"{name} differs"]
        print(f"{name:48} {total[name]:10,} {total[name] - other:10,} {other:10,}")
    print("\nthe reference's decisions")
    for name, count in sorted(reasons.items()):
        print(f"{name:60} {count:10,}")
    return first


def compare_texts(args):
    reference, corpus = Reference(badwords_pattern(args.badwords)), Corpus(args.corpus, args.splitter)
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    log = work / "results.jsonl"
    key = [args.documents or f"seed {args.seed}", args.splitter]
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = [one for one in done if one["key"] == key]
    # Whatever the chunks were: a range that is done ends before the next one begins.
    starts, ends = zip(*sorted(one["range"] for one in done)) if done else ((), ())

    def is_done(text):
        place = bisect.bisect_right(starts, text[0]) - 1
        return place >= 0 and text[0] <= ends[place]

    source, results = itertools.filterfalse(is_done, texts_of(args)), []
    while chunk := list(itertools.islice(source, args.chunk)):
        result = {"key": key, "range": [chunk[0][0], chunk[-1][0]], **compare_chunk(chunk, reference, corpus)}
        with open(log, "a") as file:
            file.write(json.dumps(result) + "\n")
        results.append(result)
        different = sum(count for name, count in result["counts"].items() if name.endswith(" differs"))
        print(f"{chunk[0][0]:,}–{chunk[-1][0]:,}: {different} differences", file=sys.stderr, flush=True)
    first = print_totals(done + results)
    for name, some in first.items():
        print(f"\n{name}: text, theirs, ours")
        for number, theirs, ours in some[: args.show]:
            text = next(texts_of(argparse.Namespace(**{**vars(args), "first": number, "count": 1})))[1]
            short = minimised(text, name, reference, corpus) if args.minimise else text[:200]
            view = corpus.views({"0": short}, name)["0"].get(name)
            print(f"  {number}: {ascii(short)}\n    theirs {reference.views(short).get(name)!r}\n    ours   {view!r}")
    return 1 if first else 0


def badwords_pattern(path):
    """C4BadWordsFilter's pattern, of a list that is at hand."""
    if path is None:
        return None
    import re
    words = {line.strip() for line in open(path, encoding="utf-8")}
    return re.compile(r"(?:\W|^)({})(?:\W|$)".format("|".join(map(re.escape, words))))


def compare_urls(args):
    """The URL filter: all addresses of a file, and as many again put together from their parts and the lists' words."""
    import random
    from datatrove.data import Document
    from datatrove.pipeline.filters import URLFilter
    rng, lists = random.Random(args.seed), Path(args.lists).absolute()
    names = ("banned_words", "soft_banned_words", "banned_subwords")
    words = {name: [line for line in (lists / f"{name}.txt").read_text().splitlines() if line] for name in names}
    urls = sorted({row["url"] for row in documents(args.urls) if row.get("url")})
    hosts = sorted({url.split("//")[-1].split("/")[0] for url in urls})
    domains = set(rng.sample(hosts, len(hosts) // 20)) | {"example.com", "blogspot.com", "foo.blogspot.com", "co.uk"}
    parts = hosts + [w for name in names for w in words[name]] + adversarial.ADDRESSES + adversarial.OTHER_SCRIPTS + adversarial.EDGES
    glue = ["/", "/", "-", ".", "_", "?", "", "//", "%20", "@", ":", "#", "=", "。"]
    for _ in range(args.count):
        some = [rng.choice(parts) for _ in range(rng.randint(1, 4))]
        some = [part.upper() if rng.random() < 0.1 else part.replace(" ", rng.choice(["", "-", " "])) for part in some]
        urls.append(rng.choice(["http://", "https://", "", "//"]) + "".join(part + rng.choice(glue) for part in some))
    listed = set(rng.sample(urls, 500))
    listed = {url for url in listed if url == url.strip() and len(url.splitlines()) == 1 and not url.startswith("#")}
    theirs = URLFilter(use_integrated_lists=False, extra_domains=domains, extra_urls=listed, **{n: words[n] for n in names})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "domains").write_text("\n".join(sorted(domains)), encoding="utf-8")
        (Path(folder) / "urls").write_text("\n".join(sorted(listed)), encoding="utf-8")
        keys = [f'{name} = ["{lists}/{name}.txt"]' for name in names]
        recipe = 'pipeline = ["url_blocklist"]\n[url_blocklist]\ndomains = ["domains"]\nurls = ["urls"]\n' + "\n".join(keys) + "\n"
        rows = [{"id": str(i), "text": "x", "url": url} for i, url in enumerate(urls)]
        ledger, _, _ = Corpus(args.corpus, args.splitter).run(recipe, rows, folder)
    counts, different = collections.Counter(), 0
    for i, url in enumerate(urls):
        result = theirs.filter(Document(text="x", id="0", metadata={"url": url}))
        wanted = "keep" if result is True else REASONS[result[1]]
        found = first_of("url_blocklist", ledger[str(i)]["reasons"])
        counts[wanted] += 1
        if found != wanted:
            different += 1
            if different <= args.show:
                print(f"  {ascii(url)}: theirs {wanted}, ours {found}; {theirs.tldextractor(url)}")
    print(f"{len(urls):,} addresses, {different} different; the reference's reasons: {dict(counts)}")
    return 1 if different else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="the binary")
    parser.add_argument("--documents", help="a JSONL file with `text`, instead of generated texts")
    parser.add_argument("--urls", help="a JSONL file with `url`: compare the URL filter only")
    parser.add_argument("--lists", help="folder of banned_words.txt, soft_banned_words.txt, banned_subwords.txt")
    parser.add_argument("--badwords", help="LDNOOBW's English list: compare c4_badwords too")
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first text")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--chunk", type=int, default=10_000, help="texts per run of corpus; a multiple divides --from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--splitter", default="spacy")
    parser.add_argument("--work", default="differential", help="folder of results.jsonl")
    parser.add_argument("--show", type=int, default=5, help="differing texts to print, per comparison")
    parser.add_argument("--minimise", action="store_true", help="shorten what is printed")
    args = parser.parse_args()
    sys.exit(compare_urls(args) if args.urls else compare_texts(args))


if __name__ == "__main__":
    main()

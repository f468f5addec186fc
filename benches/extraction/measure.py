"""Token F1 against text that people cut, and the halves that pages are split into."""

import gzip
import hashlib
import json
import re
import uuid
from collections import Counter, defaultdict
from urllib.parse import urlsplit

import zstandard

WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
TOKEN = re.compile(rf"[{WIDE}]|[^\W{WIDE}]+")
SECOND_LEVEL = {"co", "com", "org", "net", "gov", "edu", "ac", "in", "or"}
LANGUAGES = ["el", "en", "pl", "ru", "zh", "mixed"]


def tokens(text):
    """Runs of `\\w`, lower-cased; CJK letters one by one."""
    return TOKEN.findall(text.lower())


def scores(found, truth):
    """Precision, recall and F1 of two bags."""
    found, truth = Counter(found), Counter(truth)
    common = sum((found & truth).values())
    if common == 0:
        return (1.0, 1.0, 1.0) if not found and not truth else (0.0, 0.0, 0.0)
    precision, recall = common / sum(found.values()), common / sum(truth.values())
    return precision, recall, 2 * precision * recall / (precision + recall)


def shingles(words):
    return [tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))]


def load_truth(data):
    """Record id -> what people cut."""
    truth = {}
    with zstandard.open(f"{data}/truth/web_pages.main_content.jsonl.zst", "rt", encoding="utf8") as lines:
        for line in lines:
            row = json.loads(line)
            truth["urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, row["id"]))] = row
    return truth


def archives(data):
    return [f"{data}/crawl/web_pages.warc.gz", f"{data}/crawl/news_pages.warc.gz"]


def pages(data):
    """Record id and HTML of every response."""
    for path in archives(data):
        with gzip.open(path) as file:
            archive = file.read()
        at = 0
        while at < len(archive):
            end = archive.index(b"\r\n\r\n", at)
            lines = archive[at:end].split(b"\r\n")[1:]
            header = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            length = int(header[b"content-length"])
            body = archive[end + 4 : end + 4 + length]
            at = end + 4 + length + 4
            yield header[b"warc-record-id"].strip(b"<>").decode(), body.partition(b"\r\n\r\n")[2]


def language(row):
    """By script and letters of the truth. `mixed` is the article extraction benchmark: newer pages, mostly English."""
    if row["id"].startswith("article_extraction_benchmark"):
        return "mixed"
    text = row["main_content"]
    for name, letters, least in [
        ("el", "\u0370-\u03ff", 20),
        ("ru", "\u0400-\u04ff", 20),
        ("zh", "\u4e00-\u9fff", 20),
        ("pl", "ąćęłńśźżĄĆĘŁŃŚŹŻ", 3),
    ]:
        if len(re.findall(f"[{letters}]", text)) > least:
            return name
    return "en"


def host(row):
    """The registered domain, near enough. Pages of one site share their markup, so halves are split by it."""
    name = urlsplit(row["url"]).hostname
    if not name:
        found = re.search(r"daniel/\d+_([^_]+)_", row["id"])
        name = found.group(1) if found else row["id"]
    parts = name.split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and parts[-2] in SECOND_LEVEL else parts[-2:])


def half(row):
    """`tuning`: weights were fitted to these. `held out`: nobody looked at them."""
    return "tuning" if hashlib.sha1(host(row).encode()).digest()[0] % 2 == 0 else "held out"


def table(texts, truth, score=lambda text, row: scores(tokens(text), tokens(row["main_content"]))):
    """(half or None, language or None) -> mean precision, recall, F1 and the number of pages."""
    groups = defaultdict(list)
    for record, row in truth.items():
        if record not in texts:
            continue
        found = score(texts[record] or "", row)
        for key in [(None, None), (None, language(row)), (half(row), None), (half(row), language(row))]:
            groups[key].append(found)
    return {key: (*(sum(column) / len(rows) for column in zip(*rows)), len(rows)) for key, rows in groups.items()}

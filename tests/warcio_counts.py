"""Counts the records of every WARC and ARC file below a folder with warcio: one line of JSON a file."""

import json
import logging
import sys
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator

ENDINGS = (".warc", ".arc", ".wet", ".wat", ".warc.gz", ".arc.gz", ".wet.gz", ".wat.gz")


def counts(path):
    """Records by type, and the error that ended the file."""
    types, error = {}, None
    with open(path, "rb") as stream:
        try:
            for record in ArchiveIterator(stream, arc2warc=False):
                types[record.rec_type] = types.get(record.rec_type, 0) + 1
                record.content_stream().read()
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}".splitlines()[0]
    return types, error


def main():
    logging.disable(logging.CRITICAL)
    root = Path(sys.argv[1])
    for path in sorted(root.rglob("*")):
        if path.name.endswith(ENDINGS) and path.is_file():
            types, error = counts(path)
            print(json.dumps({"path": str(path.relative_to(root)), "records": types, "error": error}))


if __name__ == "__main__":
    main()

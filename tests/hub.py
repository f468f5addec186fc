"""A small Hugging Face hub, for tests/hub.rs: a repository of data sets with commits, and a storage of large files.

It answers as `huggingface_hub` 1 and 2 expect it: tests/hub_client.py drives it with the real client. The storage lies at
another host than the hub, and refuses whoever brings a token there.
"""

import base64
import hashlib
import json
import os
import threading
import urllib.parse

TOKEN, READER = "hf_test", "hf_reader"
PAGE = 2
# Files over the first go to the storage in parts of the second.
LARGEST_WHOLE, PART = 96 << 10, 64 << 10
LARGEST_REGULAR = 10 << 20
LFS = "application/vnd.git-lfs+json"


class Refused(Exception):
    def __init__(self, status, why="", code=""):
        super().__init__(why)
        self.status, self.why, self.code = status, why, code


class Entry:
    """A file of a commit."""

    def __init__(self, size, sha256=None, body=None):
        self.size, self.sha256, self.body = size, sha256, body
        content = body if sha256 is None else b"pointer " + sha256.encode()
        self.oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def listed(self, path):
        entry = {"type": "file", "path": path, "size": self.size, "oid": self.oid}
        if self.sha256:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 130}
        return entry


class Repository:
    """`main` grows by commits; the tag `v1` is the first of them."""

    def __init__(self, folder):
        self.lock = threading.Lock()
        self.storage, self.parts = {}, {}
        # What was put into the storage, whole, in order.
        self.stored = []
        files = {}
        root = os.path.join(folder, "hub")
        for place, _, names in os.walk(root):
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    body = file.read()
                sha256 = hashlib.sha256(body).hexdigest()
                self.storage[sha256] = body
                files[os.path.relpath(path, root)] = Entry(len(body), sha256)
        self.commits = [("0" * 39 + "1", "initial commit", files)]

    def files(self, revision):
        names = {"main": -1, "v1": 0, **{sha: n for n, (sha, _, _) in enumerate(self.commits)}}
        if revision not in names:
            raise Refused(404, "Invalid rev id: " + revision, "RevisionNotFound")
        sha, _, files = self.commits[names[revision]]
        return sha, files

    def commit(self, lines):
        header, *changes = [json.loads(line) for line in lines.splitlines()]
        with self.lock:
            sha, files = self.files("main")
            if header["value"].get("parentCommit", sha) != sha:
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            files = dict(files)
            for change in changes:
                value = change["value"]
                if change["key"] == "file":
                    body = base64.b64decode(value["content"], validate=True)
                    files[value["path"]] = Entry(len(body), body=body)
                elif change["key"] == "lfsFile":
                    if value["algo"] != "sha256" or len(self.storage.get(value["oid"], b"")) != value["size"]:
                        raise Refused(400, "LFS pointer points to a file that does not exist: " + value["path"])
                    files[value["path"]] = Entry(value["size"], value["oid"])
                elif change["key"] == "deletedFile":
                    if files.pop(value["path"], None) is None:
                        raise Refused(404, "A file with this name doesn't exist: " + value["path"], "EntryNotFound")
                else:
                    raise Refused(400, change["key"])
            sha = hashlib.sha1((sha + repr(sorted(files)) + str(len(self.commits))).encode()).hexdigest()
            self.commits.append((sha, header["value"]["summary"], files))
            return sha

    def store(self, oid, body):
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "another content")
        with self.lock:
            self.storage[oid] = body
            self.stored.append(oid)


class Hub:
    """For a request handler that can `answer`; `repository` is org/name."""

    repository = None

    def hub(self):
        """False: the request is not for it."""
        address = urllib.parse.urlsplit(self.path)
        self.parts = [urllib.parse.unquote(part) for part in address.path.strip("/").split("/")]
        self.query = urllib.parse.parse_qs(address.query)
        if self.parts[0] not in ("api", "datasets", "storage", "told"):
            return False
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            {"told": self.told, "storage": self.to_storage}.get(self.parts[0], self.to_hub)(body)
        except Refused as refused:
            headers = [("X-Error-Code", refused.code)] if refused.code else []
            self.answer(refused.status, json.dumps({"error": refused.why}).encode(), headers)
        return True

    def told(self, _):
        """For the tests: the history of the repository, and what was stored."""
        history = [{"summary": summary, "paths": sorted(files)} for _, summary, files in self.repository.commits]
        self.json({"history": history, "stored": self.repository.stored})

    def to_hub(self, body):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in (TOKEN, READER):
            raise Refused(401, "Invalid username or password.")
        parts = self.parts
        if parts == ["api", "validate-yaml"]:
            return self.json({"errors": [], "warnings": []})
        api = parts[0] == "api"
        kind, owner, name = parts[1:4] if api else parts[:3]
        if (kind, owner, name.removesuffix(".git")) != ("datasets", "org", "name"):
            raise Refused(404, "Repository not found", "RepoNotFound")
        what, *rest = (parts[4:] if api else parts[3:]) or ["revision", "main"]
        writes = what in ("preupload", "commit") or (what == "info" and self.command == "POST")
        if writes and token != TOKEN:
            raise Refused(403, "Forbidden: you must use a write token to upload to a repository.")
        methods = {"revision": self.revision, "refs": self.refs, "tree": self.tree, "resolve": self.resolve}
        posts = {"paths-info": self.paths_info, "preupload": self.preupload, "commit": self.take, "info": self.lfs}
        found = (posts if self.command == "POST" else methods).get(what)
        if found is None:
            raise Refused(404, what)
        found(rest, body)

    def revision(self, rest, _):
        sha, files = self.repository.files(rest[0])
        siblings = [{"rfilename": path} for path in files]
        self.json({"_id": "1", "id": "org/name", "sha": sha, "private": False, "disabled": False, "gated": False,
                   "downloads": 0, "likes": 0, "tags": [], "siblings": siblings})

    def refs(self, *_):
        def ref(kind, name):
            return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": self.repository.files(name)[0]}
        self.json({"branches": [ref("heads", "main")], "tags": [ref("tags", "v1")], "converts": []})

    def tree(self, rest, _):
        _, files = self.repository.files(rest[0])
        below = "".join(part + "/" for part in rest[1:])
        folders = {path[:at] for path in files for at, mark in enumerate(path) if mark == "/"}
        listed = [entry.listed(path) for path, entry in files.items()]
        listed += [{"type": "directory", "path": path, "size": 0, "oid": "tree"} for path in folders]
        listed = sorted((entry for entry in listed if entry["path"].startswith(below)), key=lambda entry: entry["path"])
        if below and not listed:
            raise Refused(404, below, "EntryNotFound")
        start, headers = int(self.query.get("cursor", ["0"])[0]), []
        page = PAGE if len(listed) < 100 else 1000
        if start + page < len(listed):
            place = self.path.split("?")[0]
            link = f'<http://{self.headers["Host"]}{place}?recursive=true&cursor={start + page}>; rel="next"'
            headers = [("Link", link)]
        self.json(listed[start : start + page], headers)

    def paths_info(self, rest, body):
        if self.headers["Content-Type"] == "application/json":
            paths = json.loads(body)["paths"]
        else:
            paths = urllib.parse.parse_qs(body.decode())["paths"]
        if len(paths) > 1000:
            raise Refused(413, "too many parameters")
        _, files = self.repository.files(rest[0])
        self.json([files[path].listed(path) for path in paths if path in files])

    def resolve(self, rest, _):
        sha, files = self.repository.files(rest[0])
        entry = files.get("/".join(rest[1:]))
        if entry is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        headers = [("X-Repo-Commit", sha), ("ETag", f'"{entry.sha256 or entry.oid}"')]
        if entry.sha256 is None:
            return self.part_of(entry.body, headers)
        headers += [("X-Linked-Etag", f'"{entry.sha256}"'), ("X-Linked-Size", str(entry.size))]
        self.answer(302, headers=[*headers, ("Location", self.elsewhere(f"get/{entry.sha256}"))])

    def preupload(self, rest, body):
        _, files = self.repository.files(rest[0])
        modes = []
        asked = json.loads(body)["files"]
        if len(asked) > 256:
            raise Refused(400, "too many files")
        for file in asked:
            is_large = file["path"].endswith(".parquet") or file["size"] > LARGEST_REGULAR
            if base64.b64decode(file["sample"], validate=True) == b"" and file["size"] > 0:
                raise Refused(400, "no sample")
            there = files.get(file["path"])
            modes.append({"path": file["path"], "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False,
                          "oid": there and (there.sha256 or there.oid)})
        self.json({"files": modes[::-1]})

    def take(self, rest, body):
        if self.headers["Content-Type"] != "application/x-ndjson" or rest != ["main"]:
            raise Refused(400, "no commit to a branch")
        sha = self.repository.commit(body)
        self.json({"success": True, "commitOid": sha, "hookOutput": "",
                   "commitUrl": f'http://{self.headers["Host"]}/datasets/org/name/commit/{sha}'})

    def lfs(self, rest, body):
        asked = json.loads(body)
        if rest == ["lfs", "objects", "verify"]:
            there = len(self.repository.storage.get(asked["oid"], b"")) == asked["size"]
            return self.json({}) if there else self.answer(404)
        if rest != ["lfs", "objects", "batch"] or self.headers["Content-Type"] != LFS or asked["ref"]["name"] != "main":
            raise Refused(400, "no LFS batch")
        self.json({"transfer": "basic", "objects": [self.object(one["oid"], one["size"]) for one in asked["objects"]]})

    def object(self, oid, size):
        told = {"oid": oid, "size": size, "authenticated": True}
        if oid in self.repository.storage:
            return told
        verify = {"href": f'http://{self.headers["Host"]}/datasets/org/name.git/info/lfs/objects/verify'}
        if size <= LARGEST_WHOLE:
            return {**told, "actions": {"upload": {"href": self.elsewhere(f"put/{oid}")}, "verify": verify}}
        header = {"chunk_size": str(PART)}
        for number in range(1, -(-size // PART) + 1):
            header[str(number)] = self.elsewhere(f"part/{oid}/{number}")
        href = self.elsewhere(f"complete/{oid}")
        return {**told, "actions": {"upload": {"href": href, "header": header}, "verify": verify}}

    def elsewhere(self, path):
        return f'http://{self.headers["Host"].replace("127.0.0.1", "localhost")}/storage/{path}?signature=x'

    def to_storage(self, body):
        _, what, oid, *rest = self.parts
        if "Authorization" in self.headers or self.query.get("signature") != ["x"]:
            raise Refused(400, "Only one auth mechanism allowed")
        if self.command == "PUT" and "Content-Length" not in self.headers:
            raise Refused(411, "a length is needed")
        if what == "get":
            return self.part_of(self.repository.storage[oid], [])
        if what == "put":
            self.repository.store(oid, body)
            return self.answer(200)
        if what == "part":
            self.repository.parts[oid, int(rest[0])] = body
            return self.answer(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])
        asked = json.loads(body)
        pieces = []
        for number, part in enumerate(asked["parts"], 1):
            piece = self.repository.parts.pop((oid, number))
            if part != {"partNumber": number, "etag": f'"{hashlib.md5(piece).hexdigest()}"'} or asked["oid"] != oid:
                raise Refused(400, "InvalidPart")
            pieces.append(piece)
        self.repository.store(oid, b"".join(pieces))
        self.json({})

    def part_of(self, body, headers):
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            return self.answer(200, body, [*headers, ("Accept-Ranges", "bytes")])
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = int(first), min(int(last or len(body)), len(body) - 1)
        if first >= len(body):
            raise Refused(416)
        headers = [*headers, ("Content-Range", f"bytes {first}-{last}/{len(body)}")]
        self.answer(206, body[first : last + 1], headers)

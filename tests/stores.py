"""Servers for tests on this machine: S3 by moto, web servers with and without TLS, the hub of hub.py.

Usage: stores.py FOLDER. Prints one JSON object of addresses, and ends when its standard input does. The web servers
give the files of FOLDER/web: /plain/ with ranges and ETags, /whole/ without ranges, /moved/ by a redirect,
/asked/ only to GET. The hub has the repository datasets/org/name with the files of FOLDER/hub.
"""

import datetime
import http.server
import ipaddress
import json
import logging
import os
import socketserver
import ssl
import sys
import threading
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

from hub import Hub, Repository


class Handler(Hub, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = ""

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value, headers=()):
        self.answer(200, json.dumps(value).encode(), [("Content-Type", "application/json"), *headers])

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.hub():
            return
        address = urllib.parse.urlsplit(self.path)
        parts = urllib.parse.unquote(address.path).strip("/").split("/")
        kind, name = parts[0], "/".join(parts[1:])
        if kind == "moved":
            return self.answer(302, headers=[("Location", "/plain/" + urllib.parse.quote(name))])
        if kind == "asked" and (self.command == "HEAD" or address.query != "signature=a%2Fb"):
            return self.answer(403)
        self.file(os.path.join(self.folder, "web", name), gives_ranges=kind != "whole")

    def do_POST(self):
        if not self.hub():
            self.answer(405)

    def do_PUT(self):
        self.do_POST()

    def file(self, path, gives_ranges=True):
        if not os.path.isfile(path):
            return self.answer(404)
        found = os.stat(path)
        headers = []
        if gives_ranges:
            e_tag = f'"{found.st_size}-{found.st_mtime_ns}"'
            headers = [("ETag", e_tag), ("Accept-Ranges", "bytes")]
            if self.headers.get("If-Match", e_tag) != e_tag:
                return self.answer(412)
        wanted = self.headers.get("Range", "")
        with open(path, "rb") as file:
            if not (gives_ranges and wanted.startswith("bytes=")):
                return self.answer(200, file.read(), headers)
            first, last = wanted[len("bytes=") :].split("-")
            first, last = int(first), min(int(last), found.st_size - 1)
            if first >= found.st_size:
                return self.answer(416)
            headers.append(("Content-Range", f"bytes {first}-{last}/{found.st_size}"))
            file.seek(first)
            self.answer(206, file.read(last + 1 - first), headers)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client may go away."""


def certificate(folder):
    """A certificate of this machine for an hour, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corpus tests")])
    now = datetime.datetime.now(datetime.timezone.utc)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = os.path.join(folder, "certificate.pem")
    with open(pem, "wb") as file:
        file.write(built.public_bytes(serialization.Encoding.PEM))
    both = os.path.join(folder, "key.pem")
    with open(both, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.write(built.public_bytes(serialization.Encoding.PEM))
    return pem, both


def serve(folder, context=None):
    handler = type("Serving", (Handler,), {"folder": folder, "repository": Repository(folder)})
    server = Server(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    folder = sys.argv[1]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    pem, both = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    found = {
        "s3": "http://127.0.0.1:%d" % moto.get_host_and_port()[1],
        "http": "http://127.0.0.1:%d" % serve(folder),
        "https": "https://127.0.0.1:%d" % serve(folder, context),
        "certificate": pem,
    }
    print(json.dumps(found), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()

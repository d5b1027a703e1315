"""An HTTP/1.1 service that answers with the body it was sent. usage: echo.py PORT [ADDRESS]

GET and HEAD: `hello` and a newline, or with `?bytes=N` that many bytes; `/headers`: the request's fields as JSON.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        wanted = parse_qs(url.query).get("bytes")
        if url.path == "/headers":
            self.answer(json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())
        else:
            self.answer(b"x" * int(wanted[0]) if wanted else b"hello\n")

    do_HEAD = do_GET

    def do_POST(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self.answer(b"".join(self.chunks()))
        else:
            self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_PUT = do_POST

    def chunks(self):
        while size := int(self.rfile.readline().strip(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
ThreadingHTTPServer((address, int(sys.argv[1])), Echo).serve_forever()

"""Opens connections to a proxy, one request on each, and holds them idle until standard input closes.

usage: hold.py PORT HOST PATH COUNT [CA]      with CA over TLS; the suite and the group come from OPENSSL_CONF (certs.py)

One line of JSON, {"held": N, "failed": N}, goes to standard output when all are open.
"""
import json
import resource
import socket
import ssl
import sys

TIMEOUT_SECONDS = 5
BODY = b"x" * 1024


def opened(port, host, path, context):
    """A connection that has had one whole 200 answer."""
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
    if context:
        connection = context.wrap_socket(connection, server_hostname=host)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(BODY):
        piece = connection.recv(16384)
        if not piece:
            raise ConnectionError("closed before the answer was whole")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"not a 200 answer: {answer[:40]}")
    return connection


def main():
    port, host, path, count, *ca = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.create_default_context(cafile=ca[0]) if ca else None
    held, failed = [], 0
    for _ in range(int(count)):
        try:
            held.append(opened(int(port), host, path, context))
        except OSError:
            failed += 1
    print(json.dumps({"held": len(held), "failed": failed}), flush=True)
    sys.stdin.read()


main()

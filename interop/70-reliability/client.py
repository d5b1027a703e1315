"""Clients of a gateway.

client.py load PORT HOST STOP CLIENTS [FROM]   asks on keep-alive connections until the file STOP exists, and prints counts as one line of JSON;
                                               from the loopback address FROM, where one is given
client.py hold PORT HOST STOP COUNT            opens COUNT connections with one request each, and holds them until STOP exists
"""
import asyncio
import json
import os
import resource
import sys
import time

MODE, PORT, HOST, STOP, COUNT = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
FROM = (sys.argv[6], 0) if len(sys.argv) > 6 else None
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
# A client decides at some point that it has waited long enough.
TIMEOUT = 10


async def ask(reader, writer):
    writer.write(REQUEST)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split()[1]), "connection: close" in head


async def load():
    counts = {"requests": 0, "failed": 0, "connections": 0, "told_to_go": 0, "errors": {}}
    took = []

    async def client():
        while not os.path.exists(STOP):
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", PORT, local_addr=FROM), TIMEOUT)
                counts["connections"] += 1
                closes = False
                for _ in range(200):
                    began = time.perf_counter()
                    status, closes = await asyncio.wait_for(ask(reader, writer), TIMEOUT)
                    took.append(time.perf_counter() - began)
                    counts["requests"] += 1
                    if status != 200:
                        counts["failed"] += 1
                        counts["errors"][str(status)] = counts["errors"].get(str(status), 0) + 1
                    if closes or os.path.exists(STOP):
                        break
                    await asyncio.sleep(0.001)
                counts["told_to_go"] += closes
                writer.close()
            except Exception as error:
                counts["requests"] += 1
                counts["failed"] += 1
                kind = type(error).__name__
                counts["errors"][kind] = counts["errors"].get(kind, 0) + 1

    await asyncio.gather(*(client() for _ in range(COUNT)))
    took.sort()
    counts["p99_ms"] = round(took[len(took) * 99 // 100] * 1000) if took else None
    print(json.dumps(counts))


async def hold():
    held, refused = [], 0

    async def one():
        nonlocal refused
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", PORT), TIMEOUT)
            held.append(writer)
            await asyncio.wait_for(ask(reader, writer), TIMEOUT)
        except Exception:
            refused += 1

    for _ in range(COUNT // 100):
        await asyncio.gather(*(one() for _ in range(100)))
    print(json.dumps({"tried": COUNT, "answered": COUNT - refused, "refused": refused}), flush=True)
    while not os.path.exists(STOP):
        await asyncio.sleep(0.1)


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
asyncio.run(load() if MODE == "load" else hold())

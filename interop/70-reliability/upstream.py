"""A service that answers every request with its own port, and counts them: `upstream.py PORT`. `GET /count` tells how many there were."""
import asyncio
import sys

PORT = int(sys.argv[1])
count = 0


async def serve(reader, writer):
    global count
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = f"{count}" if head.startswith("GET /count ") else f"{PORT}"
            count += not head.startswith("GET /count ")
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=1024)
    await server.serve_forever()


asyncio.run(main())

"""ws:// through an HTTP CONNECT proxy, seen between client and proxy. Proxy 127.0.0.1:13128, server 127.0.0.1:18088."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

PROXY, PORT = 13128, 18088
clients = {}


async def relay(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def proxy(reader, writer):
    """A small proxy: CONNECT only."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b" ", 2)
    if method != b"CONNECT":
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return writer.close()
    host, port = target.decode().rsplit(":", 1)
    up_reader, up_writer = await asyncio.open_connection(host, int(port))
    # The server knows the proxy's port, the capture the client's.
    clients[up_writer.get_extra_info("sockname")[1]] = writer.get_extra_info("peername")[1]
    writer.write(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: small\r\n\r\n")
    await asyncio.gather(relay(reader, up_writer), relay(up_reader, writer))


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main(log):
    server = await asyncio.start_server(proxy, "127.0.0.1", PROXY)
    async with serve(echo, "127.0.0.1", PORT, ping_interval=None, create_connection=tap.server(log)):
        async with connect(f"ws://127.0.0.1:{PORT}/through", proxy=f"http://127.0.0.1:{PROXY}", ping_interval=None,
                           create_connection=tap.client(log)) as ws:
            for message in ("through the proxy", "穿过代理", bytes(range(64))):
                await ws.send(message)
                await ws.recv()
            await ws.close(1000, "through")
    server.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PROXY}") as capture:
    asyncio.run(main(log))
log.rows = [(at, clients.get(port, port), *rest) for at, port, *rest in log.rows]
lib.finish("connect-tunnel", capture, log, comment="ws:// through an HTTP CONNECT proxy, client side of the proxy", made_with=(
    f"Python websockets {websockets.__version__} (client and server), proxy by hand on asyncio, {lib.python_version()}"))

"""Upgrades that real servers refuse. websockets on 127.0.0.1:18086, aiohttp on 18186, Node ws on 18286."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import aiohttp  # noqa: E402
import lib  # noqa: E402
import websockets  # noqa: E402
from aiohttp import web  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
NODE = """
const { createRequire } = require("node:module");
const { WebSocketServer } = createRequire(process.env.NODE_MODULES + "/")("ws");
const options = { host: "127.0.0.1", port: 18286, verifyClient: (info, done) => done(false, 401, "Unauthorized") };
new WebSocketServer(options).on("listening", () => console.log("ready"));
process.stdin.on("data", () => {}).on("end", () => process.exit(0));
"""


async def by_hand(port, *lines):
    """One request as given; reads the answer to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if size:
        await reader.readexactly(int(size[0].split(b":")[1]))
    writer.close()
    await writer.wait_closed()
    return head


async def refused(url, **options):
    """A real client that is not let in."""
    try:
        async with connect(url, proxy=None, **options):
            raise SystemExit(f"{url} let us in")
    except (websockets.exceptions.InvalidHandshake, websockets.exceptions.InvalidMessage) as e:
        print(" ", url, e)


async def moved(_):
    raise web.HTTPMovedPermanently("/elsewhere")


async def missing(_):
    raise web.HTTPNotFound(text="no socket here\n")


async def main():
    app = web.Application()
    app.router.add_get("/old", moved)
    app.router.add_get("/elsewhere", missing)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 18186).start()
    node = subprocess.Popen(["node", "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            env={**os.environ, "NODE_MODULES": str(lib.kit() / "node_modules")})
    node.stdout.readline()
    async with serve(lambda ws: None, "127.0.0.1", 18086, origins=["http://good.example"], ping_interval=None):
        await refused("ws://127.0.0.1:18086/", origin="http://evil.example")
        await by_hand(18086, "GET /chat HTTP/1.1", "Host: 127.0.0.1:18086", "Accept: text/html")
        await by_hand(18086, "GET /chat HTTP/1.1", "Host: 127.0.0.1:18086", "Upgrade: websocket", "Connection: Upgrade", KEY,
                      "Sec-WebSocket-Version: 8")
        await by_hand(18086, "GET /chat HTTP/1.1", "Host: 127.0.0.1:18086", "Upgrade: websocket", "Connection: Upgrade",
                      "Sec-WebSocket-Version: 13")
        await refused("ws://127.0.0.1:18186/nowhere")
        await refused("ws://127.0.0.1:18186/old")
        await refused("ws://127.0.0.1:18286/private")
        await by_hand(18286, "GET / HTTP/1.1", "Host: 127.0.0.1:18286", "Upgrade: websocket", "Connection: Upgrade", KEY,
                      "Sec-WebSocket-Version: 7")
    node.stdin.close()
    node.wait(10)
    await runner.cleanup()


lib.private_network()
with lib.Tcpdump("tcp port 18086 or tcp port 18186 or tcp port 18286") as capture:
    asyncio.run(main())
ws = lib.version_of(["node", "-p", f"require('{lib.kit()}/node_modules/ws/package.json').version"])
lib.finish("refused", capture, lib.Log(), comment="upgrades that were refused", made_with=(
    f"Python websockets {websockets.__version__}, aiohttp {aiohttp.__version__}, "
    f"Node {lib.version_of(['node', '--version'])} ws {ws} (servers); websockets and plain TCP sockets (clients)"))

"""Twelve small connections at the same time, packets interleaved. Python websockets on 127.0.0.1:18102."""

import asyncio
import json
import random

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

PORT = 18102
chance = random.Random(12)


async def room(ws):
    async for message in ws:
        await ws.send(json.dumps({"room": ws.request.path, "echo": message}))


async def visit(i, log):
    await asyncio.sleep(i * 0.002)
    async with connect(f"ws://127.0.0.1:{PORT}/room/{i + 1}", ping_interval=None, proxy=None,
                       compression="deflate" if i % 2 else None, create_connection=tap.client(log)) as ws:
        for n in range(1 + i % 4):
            await asyncio.sleep(chance.random() * 0.03)
            await ws.send(f"visitor {i + 1}, message {n + 1}")
            await ws.recv()
        await asyncio.sleep(chance.random() * 0.03)
        await ws.close(1000 if i % 3 else 1001, f"visitor {i + 1} leaves")


async def main(log):
    async with serve(room, "127.0.0.1", PORT, ping_interval=None, create_connection=tap.server(log)):
        await asyncio.gather(*(visit(i, log) for i in range(12)))


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    asyncio.run(main(log))
lib.finish("many-connections", capture, log, comment="twelve connections at once",
           made_with=f"Python websockets {websockets.__version__} (clients and server)")

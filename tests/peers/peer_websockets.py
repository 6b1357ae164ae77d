"""A planned conversation, both ends Python `websockets`. See README.md for the plan and the rows."""

import asyncio
import sys

import plan as planned

sys.path.insert(0, str(planned.MAKE))
import lib  # noqa: E402
import tap  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.extensions.permessage_deflate import (  # noqa: E402
    ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory)

NAMES = ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits")


def deflate(plan, factory):
    """The extension of one side, or None."""
    if plan.get("deflate") is None:
        return None
    return [factory(**{k: v for k, v in plan["deflate"].items() if k in NAMES})]


async def speak(ws, steps):
    """Sends the steps of one side; returns the waiters of its pings."""
    pongs = []
    for step in steps:
        await asyncio.sleep(step.get("pause", 0))
        if step["op"] == "ping":
            pongs.append(await ws.ping(bytes.fromhex(step["hex"])))
        elif parts := planned.parts(step):
            await ws.send(parts)
        else:
            await ws.send(planned.payload(step))
    return pongs


async def converse(ws, plan, side, heard):
    """Says this side's part, hears the other's, closes if it is this side's turn.

    `heard` counts the messages and pings of the other side that have arrived.
    """
    other = "server" if side == "client" else "client"
    speaking = asyncio.create_task(speak(ws, plan[side]))
    if plan["close"]["by"] == side:
        data = sum(step["op"] != "ping" for step in plan[other])
        for _ in range(data):
            await ws.recv()
        for pong in await speaking:
            await pong
        while heard() < len(plan[other]):
            await asyncio.sleep(0.002)
        await ws.close(plan["close"]["code"], plan["close"]["reason"])
    else:
        try:
            while True:
                await ws.recv()
        except ConnectionClosed:
            pass
        await speaking


def heard(log, side):
    """Counts what `side` received from the other that the plan asked the other to send."""
    def count():
        letter = "s2c" if side == "client" else "c2s"
        return sum(1 for r in log.rows if not r[2] and r[3]["dir"] == letter and r[3]["op"] in ("text", "binary", "ping"))
    return count


async def main(plan, log, report):
    options = {"ping_interval": None, "max_size": None, "compression": None}

    async def handle(ws):
        await converse(ws, plan, "server", heard(log, "server"))

    async with serve(handle, plan["host"], plan["port"], subprotocols=plan.get("subprotocols") or None,
                     extensions=deflate(plan, ServerPerMessageDeflateFactory), create_connection=tap.server(log), **options):
        report()
        async with connect(planned.url(plan), subprotocols=plan.get("subprotocols") or None, proxy=None,
                           extensions=deflate(plan, ClientPerMessageDeflateFactory), create_connection=tap.client(log),
                           **options) as ws:
            await converse(ws, plan, "client", heard(log, "client"))


if __name__ == "__main__":
    rows = lib.Log()
    asyncio.run(main(planned.load(), rows, lambda: None))
    planned.print_rows(rows)

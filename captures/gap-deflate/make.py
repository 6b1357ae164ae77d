"""A packet is missing from the capture while permessage-deflate keeps its window. 127.0.0.1:18090.

The peers saw every packet. After the capture one data packet of the client is left out
of the file, as when the capturing machine was too slow. A decoder that goes on as if
nothing had happened resolves the back-references of the later messages against the
wrong history and prints "alice BUY" where "bobby SELL" was sent.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import pcapng  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

PORT = 18090
ALICE = '{"user":"alice","action":"BUY-","amount":"100"}'
BOBBY = '{"user":"bobby","action":"SELL","amount":"999"}'
DROP = 1  # the second message of the client


async def orders(ws):
    async for message in ws:
        await ws.send("ok " + str(len(message)))


async def main(log):
    async with serve(orders, "127.0.0.1", PORT, ping_interval=None, create_connection=tap.server(log)):
        async with connect(f"ws://127.0.0.1:{PORT}/orders", ping_interval=None, create_connection=tap.client(log)) as ws:
            for message in (ALICE, BOBBY, BOBBY, BOBBY):
                await ws.send(message)
                await ws.recv()
                await asyncio.sleep(0.02)
            await ws.close(1000, "market closed")


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    asyncio.run(main(log))
data = [i for i, p in enumerate(capture.packets)
        if (t := pcapng.tcp_of(p)).dst[1] == PORT and t.payload and not t.payload.startswith(b"GET ")]
lost = data[DROP]
packets = [p for i, p in enumerate(capture.packets) if i != lost]


def annotate(rows):
    """Says which messages of the client the file cannot give back."""
    orders = [r for r in rows if r["op"] == "text" and r["dir"] == "c2s"]
    orders[DROP]["missing"] = "all"
    for row in orders[DROP + 1:]:
        row["missing"] = "history"


lib.finish("gap-deflate", capture, log, packets=packets, annotate=annotate,
           made_with=f"Python websockets {websockets.__version__} (client and server); packet {lost + 1} left out afterwards",
           comment="one packet is missing; permessage-deflate with context takeover")

"""Packets are missing from the capture, without compression. 127.0.0.1:18091, segments of at most 1448 bytes.

The peers saw everything; after the capture one data packet of the server is left out of
each of three connections, as when the capturing machine was too slow.

/inside  the lost packet lies in the middle of a 12 000-byte message: the frame header is
         there, so where the next frame starts is known
/whole   the lost packet holds exactly one message: the next packet starts with a header
/header  messages run across packets without a pause, the lost packet holds frame headers:
         framing is lost until it can be found again (the last messages have a packet each)
"""

import asyncio
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import pcapng  # noqa: E402
import raw  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

PORT = 18091
BIG = "".join(f"line {i:04} of the big message\n" for i in range(400))[:12000]
PATHS = ("/inside", "/whole", "/header")


async def feed(ws):
    await ws.recv()
    if ws.request.path == "/inside":
        await ws.send("before")
        await ws.send(BIG)
        await ws.send("after: framing goes on")
    if ws.request.path == "/whole":
        for i in range(6):
            await ws.send(f"message {i}, a packet of its own")
            await asyncio.sleep(0.003)
    if ws.request.path == "/header":
        sock = ws.transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for i in range(16):
            await ws.send(f'{{"tick":{i},"text":"' + "." * (300 + 137 * i % 700) + '"}')
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        for i in range(16, 22):
            await asyncio.sleep(0.003)
            await ws.send(f'{{"tick":{i},"text":"a packet of its own"}}')
    await ws.close(1000, "end of feed")


async def main(log):
    async with serve(feed, "127.0.0.1", PORT, compression=None, ping_interval=None, create_connection=tap.server(log)):
        for path in PATHS:
            async with connect(f"ws://127.0.0.1:{PORT}{path}", compression=None, ping_interval=None,
                               create_connection=tap.client(log)) as ws:
                await ws.send("start")
                async for _ in ws:
                    pass


lib.private_network(mtu=1500)
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    asyncio.run(main(log))
lost, ranges = [], []
for port, place in zip(lib.client_ports(capture.packets), (4, 3, 3)):
    frames = [i for i, p in enumerate(capture.packets)
              if (t := pcapng.tcp_of(p)).dst[1] == port and t.payload and not t.payload.startswith(b"HTTP/")]
    lost.append(frames[place])
    start = pcapng.tcp_of(capture.packets[frames[0]]).seq
    gone = pcapng.tcp_of(capture.packets[frames[place]])
    ranges.append((gone.seq - start & 0xFFFFFFFF, (gone.seq - start & 0xFFFFFFFF) + len(gone.payload)))
packets = [p for i, p in enumerate(capture.packets) if i not in lost]
numbers = ", ".join(str(i + 1) for i in lost)


def annotate(rows):
    """Says of which messages of the server a part, or all, is not in the file."""
    for conn, (left, right) in enumerate(ranges, 1):
        at = 0
        for row in (r for r in rows if r["conn"] == conn and r["dir"] == "s2c" and r["op"] == "text"):
            end = at + len(raw.frame(raw.TEXT, row["text"].encode()))
            if at < right and left < end:
                row["missing"] = "all" if left <= at and end <= right else "part"
            at = end


lib.finish("gap-plain", capture, log, packets=packets, annotate=annotate,
           made_with=f"Python websockets {websockets.__version__} (client and server); packets {numbers} left out afterwards",
           comment="three packets are missing, no compression")

"""Compressed messages in several frames, a ping between the fragments, an empty last fragment. 127.0.0.1:18083."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402
from websockets.frames import Frame, Opcode  # noqa: E402

PORT = 18083


async def parts(ws):
    """Sends a message in pieces, with a ping in the middle."""
    yield "one compressed message, "
    yield "three pieces, "
    await (await ws.ping(b"between"))
    yield "and then nothing more"


async def answer(ws):
    async for message in ws:
        if message == "bye":
            await ws.close(1000, "bye")
            return
        # One byte of the compressed message per frame, an empty frame at the end:
        # legal, and what some servers do when they flush their compressor often.
        await ws.send(piece for piece in ("w", "o", "rd ", "by ", "word"))
        await ws.send("and one whole message, same compressor")


async def main(log):
    async with serve(answer, "127.0.0.1", PORT, ping_interval=None, create_connection=tap.server(log)):
        async with connect(f"ws://127.0.0.1:{PORT}/", ping_interval=None, create_connection=tap.client(log)) as ws:
            await ws.send(parts(ws))
            await ws.recv(), await ws.recv()
            await ws.send([b"\x00\x01\x02", b"", b"\x03"])
            await ws.recv(), await ws.recv()
            # Last fragment with an empty payload, really zero bytes on the wire: RFC 7692 says an
            # empty fragment is legal anywhere. Built from the library's own compressor.
            deflate = ws.protocol.extensions[0].encode(Frame(Opcode.TEXT, b"tail: the last fragment is empty"))
            data = bytes(deflate.data)
            for frame in (raw.masked(raw.TEXT, data[:7], fin=0, rsv=4), raw.masked(raw.CONT, data[7:], fin=0),
                          raw.masked(raw.CONT)):
                ws.protocol.writes.append(frame)
            log.add("client", "client", "text", "tail: the last fragment is empty", frames=3,
                    port=ws.transport.get_extra_info("sockname")[1])
            ws.send_data()
            await ws.recv(), await ws.recv()
            await ws.send("bye")
            await ws.wait_closed()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    asyncio.run(main(log))
lib.finish("fragmented-deflate", capture, log, made_with=f"Python websockets {websockets.__version__} (client and server)",
           comment="permessage-deflate messages in several frames")

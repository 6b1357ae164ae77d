"""Chat with permessage-deflate, both ends Python websockets, on 127.0.0.1:18080."""

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

PORT = 18080
chance = random.Random(6455)


async def chat(ws):
    n = 0
    async for message in ws:
        n += 1
        if message == "bye":
            await ws.close(1000, "完成 done")
        elif isinstance(message, bytes):
            await ws.send(chance.randbytes(len(message)))
        else:
            await ws.send(json.dumps({"type": "echo", "n": n, "text": message, "中文": "你好"}, ensure_ascii=False)
                          .replace("\x1b", "\\u001b"))


async def main(log):
    async with serve(chat, "127.0.0.1", PORT, subprotocols=["chat.v1"], ping_interval=0.3,
                     create_connection=tap.server(log)):
        async with connect(f"ws://127.0.0.1:{PORT}/chat?room=1", subprotocols=["chat.v1"], origin="http://example.test",
                           ping_interval=None, create_connection=tap.client(log)) as ws:
            await ws.send("Hello")
            await ws.recv()
            await ws.send("\x1b[31mred\x1b[0m 中文 😀 escape")
            await ws.recv()
            await ws.send(chance.randbytes(300))
            await ws.recv()
            await ws.send(["frag-1 ", "frag-2 ", "frag-3"])
            await ws.recv()
            await asyncio.sleep(1)
            await ws.send("x" * 70000)
            await ws.recv()
            await ws.send("bye")
            await ws.wait_closed()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    asyncio.run(main(log))
lib.finish("chat-deflate", capture, log, made_with=f"Python websockets {websockets.__version__} (client and server)",
           comment="chat over WebSocket with permessage-deflate and subprotocol chat.v1")

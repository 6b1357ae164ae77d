"""The same five chat lines fetched by HTTP polling and pushed over WebSocket. aiohttp on 127.0.0.1:18103."""

import asyncio

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import aiohttp  # noqa: E402
from aiohttp import ClientSession, web  # noqa: E402

PORT = 18103
LINES = ["hello", "anyone here?", "yes, me", "你好", "bye"]
GAP, POLL = 0.25, 0.1
said = []
news = asyncio.Condition()


async def poll(request):
    since = int(request.query["since"])
    return web.json_response({"next": len(said), "lines": said[since:]})


async def push(request):
    ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=False)
    await ws.prepare(request)
    port = request.transport.get_extra_info("peername")[1]
    seen = 0
    while seen < len(LINES):
        async with news:
            await news.wait_for(lambda: len(said) > seen)
        for line in said[seen:]:
            log.add("server", "server", "text", line, port=port)
            await ws.send_str(line)
        seen = len(said)
    message = await ws.receive()
    log.add("server", "client", "close", port=port, code=message.data, reason=message.extra)
    log.add("server", "server", "close", port=port, code=message.data, reason=message.extra)
    await ws.close(code=message.data, message=message.extra.encode())
    return ws


async def by_polling(session):
    got, polls = [], 0
    while len(got) < len(LINES):
        async with session.get(f"http://127.0.0.1:{PORT}/poll?since={len(got)}") as response:
            got += (await response.json())["lines"]
            polls += 1
        await asyncio.sleep(POLL)
    return polls


async def by_websocket(session):
    async with session.ws_connect(f"ws://127.0.0.1:{PORT}/push", autoping=False, autoclose=False) as ws:
        port = ws.get_extra_info("sockname")[1]
        for _ in LINES:
            log.add("client", "server", "text", (await ws.receive()).data, port=port)
        log.add("client", "client", "close", port=port, code=1000, reason="read it all")
        await ws.close(code=1000, message=b"read it all")
        log.add("client", "server", "close", port=port, code=ws.close_code, reason="read it all")


async def main():
    app = web.Application()
    app.add_routes([web.get("/poll", poll), web.get("/push", push)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    async with ClientSession() as one, ClientSession() as two:
        readers = [asyncio.create_task(by_polling(one)), asyncio.create_task(by_websocket(two))]
        for line in LINES:
            await asyncio.sleep(GAP)
            said.append(line)
            async with news:
                news.notify_all()
        polls, _ = await asyncio.gather(*readers)
    await runner.cleanup()
    return polls


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    polls = asyncio.run(main())
lib.finish("polling-vs-websocket", capture, log, comment="the same chat by HTTP polling and over WebSocket",
           made_with=f"aiohttp {aiohttp.__version__} (clients and server), {lib.python_version()}")
print(f"  {polls} polls for {len(LINES)} lines")

"""A planned conversation, both ends `aiohttp`. See README.md for the plan and the rows."""

import asyncio
import sys

import plan as planned
from aiohttp import ClientSession, WSMsgType, web

sys.path.insert(0, str(planned.MAKE))
import lib  # noqa: E402

NAMES = {WSMsgType.TEXT: "text", WSMsgType.BINARY: "binary", WSMsgType.PING: "ping", WSMsgType.PONG: "pong"}


async def converse(ws, plan, side, log, port):
    """Says this side's part, hears the other's, closes if it is this side's turn."""
    other = "server" if side == "client" else "client"
    expected = len(plan[other]) + sum(step["op"] == "ping" for step in plan[side])

    async def speak():
        for step in plan[side]:
            await asyncio.sleep(step.get("pause", 0))
            data = planned.payload(step)
            log.add(side, side, step["op"], data, port=port)
            await {"text": ws.send_str, "binary": ws.send_bytes, "ping": ws.ping}[step["op"]](data)

    speaking = asyncio.create_task(speak())
    mine = plan["close"]["by"] == side
    while True:
        if mine and expected == 0:
            await speaking
            log.add(side, side, "close", port=port, code=plan["close"]["code"], reason=plan["close"]["reason"])
            # close() waits for the answer and keeps it from us; its code is all that is told.
            await ws.close(code=plan["close"]["code"], message=plan["close"]["reason"].encode())
            log.add(side, other, "close", port=port, code=ws.close_code, reason=plan["close"]["reason"])
            return
        message = await ws.receive()
        if message.type in NAMES:
            log.add(side, other, NAMES[message.type], message.data, port=port)
            expected -= 1
            if message.type is WSMsgType.PING:
                log.add(side, side, "pong", message.data, port=port)
                await ws.pong(message.data)
        elif message.type is WSMsgType.CLOSE:
            await speaking
            code, reason = message.data, message.extra or ""
            log.add(side, other, "close", port=port, code=code, reason=reason)
            log.add(side, side, "close", port=port, code=code, reason=reason)
            await ws.close(code=code, message=reason.encode())
            return
        else:
            raise SystemExit(f"{side}: {message}")


async def main(plan, log, report):
    options = {"autoping": False, "autoclose": False, "max_msg_size": 0, "protocols": plan.get("subprotocols") or ()}
    bits = (plan.get("deflate") or {}).get("server_max_window_bits", 15) if plan.get("deflate") is not None else 0

    async def handle(request):
        ws = web.WebSocketResponse(compress=bool(bits), **options)
        await ws.prepare(request)
        await converse(ws, plan, "server", log, request.transport.get_extra_info("peername")[1])
        return ws

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, plan["host"], plan["port"]).start()
    report()
    async with ClientSession() as session:
        async with session.ws_connect(planned.url(plan), compress=bits, **options) as ws:
            await converse(ws, plan, "client", log, ws.get_extra_info("sockname")[1])
    await runner.cleanup()


if __name__ == "__main__":
    rows = lib.Log()
    asyncio.run(main(planned.load(), rows, lambda: None))
    rows.arrival_order()
    planned.print_rows(rows)

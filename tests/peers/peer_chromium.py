"""A planned conversation: a page in headless Chromium and a Python `websockets` server. See README.md.

The page comes from an HTTP server of its own (port of the plan + 1), which also takes the page's log.
What the browser sends by itself (Pong, the answering Close) no page can see: for these the rows
say what the server received.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile

import plan as planned

sys.path.insert(0, str(planned.MAKE))
import lib  # noqa: E402
import peer_websockets as base  # noqa: E402
import tap  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory  # noqa: E402

PAGE = """<!doctype html><meta charset="utf-8"><title>peer</title><script>
const plan = %s;
const rows = [];
const at = () => (performance.timeOrigin + performance.now()) / 1000;
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (b) => parseInt(b, 16));
const log = (sender, op, more) => rows.push({ side: "client", sender, op, at: at(), port: 0, ...more });
const ws = new WebSocket(plan.url, plan.subprotocols ?? []);
ws.binaryType = "arraybuffer";
let expected = plan.server.filter((step) => step.op !== "ping").length;
let spoken = false;
const maybeClose = () => {
  if (plan.close.by !== "client" || !spoken || expected > 0) return;
  log("client", "close", plan.close.code ? { code: plan.close.code, reason: plan.close.reason } : {});
  if (plan.close.code) ws.close(plan.close.code, plan.close.reason);
  else ws.close();
};
ws.onopen = async () => {
  for (const step of plan.client) {
    if (step.pause) await new Promise((resolve) => setTimeout(resolve, step.pause * 1000));
    const text = step.op === "text";
    log("client", step.op, text ? { text: step.text } : { hex: step.hex });
    ws.send(text ? step.text : bytes(step.hex));
  }
  spoken = true;
  maybeClose();
};
ws.onmessage = ({ data }) => {
  if (typeof data === "string") log("server", "text", { text: data });
  else log("server", "binary", { hex: hex(new Uint8Array(data)) });
  expected -= 1;
  maybeClose();
};
ws.onclose = ({ code, reason }) => {
  log("server", "close", code === 1005 ? {} : { code, reason });
  fetch("/log", { method: "POST", body: JSON.stringify(rows) });
};
</script>"""


async def main(plan, log, report):
    page = PAGE % json.dumps({**plan, "url": planned.url(plan)}).replace("<", "\\u003c")
    done = asyncio.get_running_loop().create_future()

    async def http(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = b""
        if head.startswith("POST /log"):
            length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            body = await reader.readexactly(length)
        text = page.encode() if head.startswith("GET / ") else b""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()
        writer.close()
        if body and not done.done():
            done.set_result(json.loads(body))

    async def handle(ws):
        await base.converse(ws, plan, "server", base.heard(log, "server"))

    profile = tempfile.mkdtemp(prefix="wslens-chromium-")
    async with serve(handle, plan["host"], plan["port"], subprotocols=plan.get("subprotocols") or None, ping_interval=None,
                     max_size=None, compression=None, extensions=base.deflate(plan, ServerPerMessageDeflateFactory),
                     create_connection=tap.server(log)):
        web = await asyncio.start_server(http, plan["host"], plan["port"] + 1)
        report()
        browser = await asyncio.create_subprocess_exec(
            os.environ["CHROMIUM"], "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
            "--disable-extensions", "--disable-default-apps", f"--user-data-dir={profile}", "--remote-debugging-port=0",
            f"http://{plan['host']}:{plan['port'] + 1}/",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        try:
            rows = await asyncio.wait_for(done, 60)
        finally:
            if browser.returncode is None:
                browser.terminate()
            await browser.wait()
            web.close()
            shutil.rmtree(profile, ignore_errors=True)
    complete(log, rows, plan)


def complete(log, rows, plan):
    """Adds the page's rows; then those of the browser itself, taken from what the server saw."""
    port = log.rows[0][1]
    arrived = [(at, row) for at, _, sent, row, _ in log.rows if row["dir"] == "c2s" and not sent]
    pings = [(at, row) for at, _, sent, row, _ in log.rows if row["dir"] == "s2c" and sent and row["op"] == "ping"]
    # The order on the wire is the order of arrival: page and server read different clocks.
    times = iter([at for at, row in arrived if row["op"] in ("text", "binary")])
    for row in rows:
        if row["sender"] == "client" and row["op"] in ("text", "binary"):
            row["at"] = next(times, row["at"])
        if row["sender"] == "client" and row["op"] == "close":
            row["at"] = arrived[-1][0]
        log.load({**row, "port": port})
    for at, row in arrived:
        if row["op"] == "pong" or row["op"] == "close" and plan["close"]["by"] == "server":
            log.load({**row, "side": "client", "sender": "client", "port": port, "at": at})
    for at, row in pings:
        log.load({**row, "side": "client", "sender": "server", "port": port, "at": at})


if __name__ == "__main__":
    collected = lib.Log()
    asyncio.run(main(planned.load(), collected, lambda: None))
    planned.print_rows(collected)

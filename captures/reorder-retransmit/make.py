"""Real TCP over a bad line: delay, reordering, loss, duplicates. Server 10.77.0.2:18089, client 10.77.0.1.

Client and server live in network namespaces of their own; the only way between them is
this script, which hands every Ethernet packet on as the dice say. So the kernels really
retransmit. tcpdump listens on the client's side of the bad line: what the client sends is
seen before it may be lost (its repeats are repeats of what the capture already has), what
the server sends is seen after (late, twice, out of order, or only the repeat).
"""

import asyncio
import ctypes
import heapq
import json
import os
import random
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import tap  # noqa: E402
import websockets  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402

PORT = 18089
HOSTS = {"client": "10.77.0.1", "server": "10.77.0.2"}
dice = random.Random(18089)


def words(n, seed):
    return " ".join(random.Random(seed).choice(["alpha", "beta", "gamma", "delta", "你好", "мир"]) for _ in range(n))


async def chat(ws, name, count, done):
    """Sends bursts while the other does the same."""
    async def speak():
        for i in range(count):
            await ws.send(f"{name} {i}: " + words(30 + 37 * i % 400, i))
            if i % 4 == 3:
                await asyncio.sleep(0.02)

    speaking = asyncio.create_task(speak())
    for _ in range(count):
        await ws.recv()
    await speaking
    done()


async def server(log):
    closed = asyncio.get_running_loop().create_future()

    async def handle(ws):
        await chat(ws, "server", 16, lambda: None)
        await ws.wait_closed()
        closed.set_result(None)

    async with serve(handle, HOSTS["server"], PORT, compression=None, ping_interval=None, create_connection=tap.server(log)):
        print("ready", flush=True)
        await closed


async def client(log):
    async with connect(f"ws://{HOSTS['server']}:{PORT}/bad-line", compression=None, ping_interval=None, proxy=None,
                       open_timeout=30, close_timeout=30, create_connection=tap.client(log)) as ws:
        await chat(ws, "client", 16, lambda: None)
        await ws.close(1000, "line was bad")


def role(name):
    """The child: a namespace of its own, an end of the line, one peer."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):
        raise SystemExit("this capture needs network namespaces")
    print("unshared", flush=True)
    sys.stdin.readline()  # the parent has moved our end of the line here
    for command in (f"ip addr add {HOSTS[name]}/24 dev {name}", f"ip link set {name} up", "ip link set lo up"):
        subprocess.run(command.split(), check=True)
    lib.offload_off(name)
    print("up", flush=True)
    sys.stdin.readline()
    log = lib.Log()
    asyncio.run(client(log) if name == "client" else server(log))
    print("done", flush=True)
    sys.stdin.readline()  # the line is needed until the last ACK
    for row in log.dump():
        print(json.dumps(row))


def say(child, expect):
    """Waits for a word, then lets the child go on."""
    word = child.stdout.readline().strip()
    if word != expect:
        raise SystemExit(f"{word!r} instead of {expect!r}")


def line(children):
    """Hands packets on until both children are done, and a little longer."""
    sides = []
    for name in HOSTS:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((f"{name}-line", 0))
        s.setblocking(False)
        sides.append(s)
    queue, seen, fate, n = [], 0, {"lost": 0, "twice": 0, "late": 0}, 0
    busy, end = list(children), None
    while end is None or time.monotonic() < end:
        wait = max(0, queue[0][0] - time.monotonic()) if queue else 0.05
        ready, _, _ = select.select([*sides, *(c.stdout for c in busy)], [], [], min(wait, 0.05))
        for child in [c for c in busy if c.stdout in ready]:
            say(child, "done")
            busy.remove(child)
            end = None if busy else time.monotonic() + 0.5
        for s in [s for s in ready if s in sides]:
            try:
                data, (_, _, kind, _, _) = s.recvfrom(65536)
            except BlockingIOError:
                continue
            if kind == 4:  # our own, on its way out
                continue
            other = sides[1 - sides.index(s)]
            due = time.monotonic() + 0.004
            payload = len(data) > 200
            seen += payload
            roll = dice.random() if payload and seen > 4 else 1
            if roll < 0.10:
                fate["lost"] += 1
                continue
            if roll < 0.25:
                fate["late"] += 1
                due += 0.006
            n += 1
            heapq.heappush(queue, (due, n, other, data))
            if 0.25 < roll < 0.40:
                fate["twice"] += 1
                n += 1
                heapq.heappush(queue, (due + 0.001, n, other, data))
        while queue and queue[0][0] <= time.monotonic():
            _, _, other, data = heapq.heappop(queue)
            other.send(data)
    print(" ", fate)


def main():
    lib.private_network()
    children = {}
    for name in HOSTS:
        subprocess.run(f"ip link add {name} type veth peer name {name}-line".split(), check=True)
        subprocess.run(f"sysctl -q -w net.ipv6.conf.{name}-line.disable_ipv6=1".split(), check=False)
        subprocess.run(f"ip link set {name}-line up".split(), check=True)
        child = subprocess.Popen([sys.executable, __file__, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        say(child, "unshared")
        subprocess.run(["ip", "link", "set", name, "netns", str(child.pid)], check=True)
        child.stdin.write("\n")
        child.stdin.flush()
        say(child, "up")
        children[name] = child
    with lib.Tcpdump(f"tcp port {PORT}", interface="client-line") as capture:
        children["server"].stdin.write("\n")
        children["server"].stdin.flush()
        say(children["server"], "ready")
        children["client"].stdin.write("\n")
        children["client"].stdin.flush()
        line(list(children.values()))
    log = lib.Log()
    for child in children.values():
        for row in child.communicate("\n")[0].splitlines():
            log.load(json.loads(row))
    lib.finish("reorder-retransmit", capture, log, interfaces=("client-line",), made_with=(
        f"Python websockets {websockets.__version__} (client and server) in two network namespaces, "
        "the bad line between them by this script"), comment="a bad line: loss, reordering, duplicates")


if len(sys.argv) > 1:
    role(sys.argv[1])
else:
    os.environ["PYTHONUNBUFFERED"] = "1"
    main()

"""WebSockets inside HTTP/2 without TLS: hypercorn and Node as servers, h2 and Node as clients. 127.0.0.1:18104, 18105.

1. Prior knowledge, h2 to hypercorn: a plain GET and three WebSockets at once, one of them refused, one reset.
2. `Upgrade: h2c`, h2 to hypercorn: the connection begins as HTTP/1.1.
3. Prior knowledge, Node to Node: small flow-control windows, so that a large message stalls.

hypercorn and Node do not tell which control frames they sent: here what arrived at the client counts.
"""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
import h2.settings  # noqa: E402
import hypercorn.asyncio  # noqa: E402
import hypercorn.config  # noqa: E402
from wsproto import events  # noqa: E402
from wsproto.connection import Connection, ConnectionType  # noqa: E402
from wsproto.extensions import PerMessageDeflate  # noqa: E402

HOST, PORT, NODE = "127.0.0.1", 18104, 18105


class StreamLog(lib.Log):
    """A log whose ports have the stream in their upper half."""

    def truth(self, order, check=True):
        place = {port: i for i, port in enumerate(order)}
        whole = sorted({row[1] for row in self.rows}, key=lambda port: (place[port & 0xFFFF], port >> 16))
        rows = super().truth(whole, check)
        return [{**row, "port": row["port"] & 0xFFFF, "stream": row["port"] >> 16} for row in rows]

    def control(self, sender, op, payload=b"", **more):
        """A control frame, as the client's library has it, on both sides."""
        for side in ("client", "server"):
            self.add(side, sender, op, payload, **more)


LOG = StreamLog()


async def app(scope, receive, send):
    """Echoes with a prefix, refuses /refused, answers GET."""
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"no WebSocket here\n" * 40})
        return
    assert scope["type"] == "websocket" and scope["http_version"] == "2"
    port = scope["client"][1] | int(scope["query_string"].split(b"=")[1]) << 16
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close", "code": 1000})
        return
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        if event.get("text") is not None:
            LOG.add("server", "client", "text", event["text"], port=port)
            text = "you said: " + event["text"]
            LOG.add("server", "server", "text", text, port=port)
            await send({"type": "websocket.send", "text": text})
        else:
            LOG.add("server", "client", "binary", event["bytes"], port=port)
            LOG.add("server", "server", "binary", event["bytes"][::-1], port=port)
            await send({"type": "websocket.send", "bytes": event["bytes"][::-1]})


class Stream:
    """A WebSocket of the client."""

    def __init__(self, client, number, path, headers, deflate):
        self.client, self.number, self.opened, self.status = client, number, threading.Event(), None
        self.port = client.port | number << 16
        self.extension = PerMessageDeflate() if deflate else None
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                  (":path", f"{path}?stream={number}"), (":authority", f"{HOST}:{PORT}"),
                  ("sec-websocket-version", "13"), *headers]
        if deflate:
            fields.append(("sec-websocket-extensions", f"permessage-deflate; {self.extension.offer()}"))
        client.h2.send_headers(number, fields)
        client.flush()

    def answered(self, headers):
        self.status = int(headers[":status"])
        extensions = []
        if "sec-websocket-extensions" in headers:
            self.extension.finalize(headers["sec-websocket-extensions"])
            extensions = [self.extension]
        self.ws = Connection(ConnectionType.CLIENT, extensions)
        self.parts = []
        self.opened.set()

    def received(self, data):
        self.ws.receive_data(data)
        for event in self.ws.events():
            if isinstance(event, (events.TextMessage, events.BytesMessage)):
                self.parts.append(event.data)
                if event.message_finished:
                    op = "text" if isinstance(event, events.TextMessage) else "binary"
                    LOG.add("client", "server", op, type(event.data)().join(self.parts), port=self.port)
                    self.parts = []
            elif isinstance(event, events.Pong):
                LOG.control("server", "pong", bytes(event.payload), port=self.port)
            elif isinstance(event, events.CloseConnection):
                LOG.control("server", "close", port=self.port, code=event.code, reason=event.reason or "")

    def write(self, event):
        with self.client.lock:
            self.client.h2.send_data(self.number, self.ws.send(event))
        self.client.flush()

    def say(self, message, cut=None):
        text = isinstance(message, str)
        kind = events.TextMessage if text else events.BytesMessage
        LOG.add("client", "client", "text" if text else "binary", message, port=self.port, frames=2 if cut else None)
        pieces = [message[:cut], message[cut:]] if cut else [message]
        for i, piece in enumerate(pieces):
            self.write(kind(piece, message_finished=i == len(pieces) - 1))

    def ping(self, payload):
        LOG.control("client", "ping", payload, port=self.port)
        self.write(events.Ping(payload))

    def close(self, code, reason):
        LOG.control("client", "close", port=self.port, code=code, reason=reason)
        self.write(events.CloseConnection(code, reason))


class Client:
    """One connection with the h2 library."""

    def __init__(self, upgrade=False):
        self.socket = socket.create_connection((HOST, PORT))
        self.port, self.lock, self.streams = self.socket.getsockname()[1], threading.RLock(), {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.ready = threading.Event()
        rest = b""
        if upgrade:
            settings = self.h2.initiate_upgrade_connection()
            self.socket.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                                b"Upgrade: h2c\r\nHTTP2-Settings: " + settings + b"\r\n\r\n")
            while b"\r\n\r\n" not in rest:
                rest += self.socket.recv(65536)
            head, rest = rest.split(b"\r\n\r\n", 1)
            assert b" 101 " in head, head
        else:
            self.h2.initiate_connection()
        self.flush()
        self.reader = threading.Thread(target=self.read, args=(rest,))
        self.reader.start()
        self.ready.wait(5)

    def flush(self):
        with self.lock:
            self.socket.sendall(self.h2.data_to_send())

    def read(self, data):
        while True:
            for event in self.h2.receive_data(data) if data else ():
                stream = self.streams.get(getattr(event, "stream_id", None))
                if isinstance(event, h2.events.RemoteSettingsChanged):
                    assert event.changed_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL].new_value == 1
                    self.ready.set()
                elif isinstance(event, h2.events.ResponseReceived) and stream:
                    stream.answered(dict(event.headers))
                elif isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if stream and stream.status == 200:
                        stream.received(event.data)
            self.flush()
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if not data:
                return

    def open(self, number, path, headers=(), deflate=False):
        with self.lock:
            self.streams[number] = stream = Stream(self, number, path, headers, deflate)
        stream.opened.wait(5)
        return stream

    def get(self, number):
        with self.lock:
            self.h2.send_headers(number, [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", HOST)], end_stream=True)
        self.flush()

    def close(self):
        time.sleep(0.2)
        with self.lock:
            self.h2.close_connection()
        self.flush()
        self.socket.shutdown(socket.SHUT_WR)
        self.reader.join(5)
        self.socket.close()


def talk():
    client = Client()
    client.get(1)
    chat = client.open(3, "/chat", [("sec-websocket-protocol", "chat.v1, chat.v2"), ("origin", "http://example.com")], deflate=True)
    other = client.open(5, "/other")
    refused = client.open(7, "/refused")
    assert (chat.status, other.status, refused.status) == (200, 200, 403)
    for n in range(4):
        chat.say(f'{{"room":"lobby","n":{n},"text":"the same words again, the same words again"}}')
        other.say(bytes(range(n, 200)))
        client.get(9 + 2 * n)
    other.ping(b"still there?")
    other.say("a text in two frames, each in a DATA frame of its own: ü 六 😀", cut=20)
    chat.say("x" * 3000)
    time.sleep(0.3)
    chat.close(1000, "done")
    time.sleep(0.3)  # hypercorn ends the stream; were the client to end it too, hypercorn would fall over
    with client.lock:
        client.h2.reset_stream(5, error_code=8)
    client.flush()
    client.close()

    client = Client(upgrade=True)
    late = client.open(3, "/upgraded", deflate=True)
    assert late.status == 200
    late.say("after an upgrade to h2c")
    late.say(b"\0\1\2\3" * 40)
    time.sleep(0.2)
    late.close(1001, "going away")
    client.close()


def node():
    """Node at both ends; its log comes as lines."""
    import json

    script = Path(__file__).with_name("node.mjs")
    out = subprocess.run(["node", str(script), HOST, str(NODE)], check=True, capture_output=True, text=True, timeout=30)
    for line in out.stdout.splitlines():
        row = json.loads(line)
        row["port"] |= row.pop("stream") << 16
        LOG.load(row)


def main():
    lib.private_network()
    config = hypercorn.config.Config()
    config.bind = [f"{HOST}:{PORT}"]
    config.loglevel = "ERROR"
    stop, loop = asyncio.Event(), asyncio.new_event_loop()
    serve = hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait)
    server = threading.Thread(target=loop.run_until_complete, args=(serve,))
    with lib.Tcpdump(f"tcp port {PORT} or tcp port {NODE}") as capture:
        server.start()
        time.sleep(1)
        talk()
        node()
    loop.call_soon_threadsafe(stop.set)
    server.join(10)
    versions = ", ".join(f"{name} {lib.python_package(name)}" for name in ("hypercorn", "h2", "wsproto"))
    lib.finish("http2", capture, LOG, comment="WebSockets inside HTTP/2 (RFC 8441), cleartext",
               made_with=f"{lib.python_version()}, {versions}; Node {lib.version_of(['node', '--version'])}")


main()

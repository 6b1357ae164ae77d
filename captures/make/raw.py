"""WebSocket by hand over plain sockets, for what no library would send."""

import base64
import hashlib
import os
import socket
import struct
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
RFC_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # "the sample nonce", RFC 6455 section 1.3
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPS = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}


def accept_of(key):
    """Sec-WebSocket-Accept for a key, RFC 6455 section 4.2.2."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def new_key():
    """16 random bytes in base64."""
    return base64.b64encode(os.urandom(16)).decode()


def frame(op, payload=b"", *, fin=1, rsv=0, mask=None, form=None, length=None):
    """One frame. `mask` is 4 bytes or None; `form` forces the 7-, 16- or 64-bit length."""
    n = len(payload) if length is None else length
    form = form or (7 if n < 126 else 16 if n < 65536 else 64)
    bit = 0x80 if mask is not None else 0
    head = bytes([fin << 7 | rsv << 4 | op])
    head += bytes([bit | n]) if form == 7 else struct.pack(">BH", bit | 126, n) if form == 16 else struct.pack(">BQ", bit | 127, n)
    if mask is not None:
        head += mask
        payload = xor(payload, mask)
    return head + payload


def xor(data, mask):
    """RFC 6455 section 5.3."""
    return bytes(b ^ mask[i & 3] for i, b in enumerate(data))


def masked(op, payload=b"", **kw):
    """A client's frame with a random key."""
    return frame(op, payload, mask=os.urandom(4), **kw)


def close_body(code, reason=""):
    """Status code and reason."""
    return struct.pack(">H", code) + reason.encode()


class Reader:
    """Reads exact counts, lines and frames from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise EOFError
        self.buffer += got

    def exact(self, n):
        while len(self.buffer) < n:
            self.more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def head(self):
        """Bytes up to and with the empty line."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        return self.exact(self.buffer.index(b"\r\n\r\n") + 4)

    def frame(self):
        """(fin, rsv, op, unmasked payload)."""
        a, b = self.exact(2)
        n = b & 127
        n = struct.unpack(">H", self.exact(2))[0] if n == 126 else struct.unpack(">Q", self.exact(8))[0] if n == 127 else n
        mask = self.exact(4) if b & 128 else None
        payload = self.exact(n)
        return a >> 7, a >> 4 & 7, a & 15, xor(payload, mask) if mask else payload


def header(head, name):
    """Value of a header in a request or response head, or None."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        left, _, right = line.partition(":")
        if left.strip().lower() == name.lower():
            return right.strip()
    return None


def request(port, path="/", key=RFC_KEY, host="127.0.0.1", extra=()):
    """An opening handshake, RFC 6455 section 4.1."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *extra]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def response(accept, extra=()):
    """A 101, RFC 6455 section 4.2.2."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {accept}", *extra]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def listen(port, host="127.0.0.1"):
    """A listening TCP socket."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(64)
    return s


def connect(port, host="127.0.0.1"):
    """A connected socket without Nagle."""
    s = socket.create_connection((host, port), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def serve(port, handler, count=1):
    """Accepts `count` connections, each handled in a thread; returns the accepting thread."""
    listener = listen(port)

    def run():
        threads = []
        for i in range(count):
            s, peer = listener.accept()
            s.settimeout(10)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            t = threading.Thread(target=handler, args=(s, peer[1], i))
            t.start()
            threads.append(t)
        for t in threads:
            t.join()
        listener.close()

    t = threading.Thread(target=run)
    t.start()
    return t


class Peer:
    """One end of a connection that has done its handshake; logs what it sends and receives."""

    def __init__(self, sock, side, port, log):
        self.sock, self.side, self.port, self.log = sock, side, port, log
        self.reader = Reader(sock)
        self.parts = []

    other = property(lambda s: "server" if s.side == "client" else "client")

    def put(self, sender, op, payload, frames=None, note=None):
        if op == CLOSE:
            code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else None
            reason = payload[2:].decode()
            self.log.add(self.side, sender, "close", code=code, reason=reason, port=self.port, note=note)
        else:
            name = OPS.get(op, f"opcode {op}")
            self.log.add(self.side, sender, name, payload, port=self.port, frames=frames, note=note)

    def send(self, op, payload=b"", *, note=None, raw=None, **kw):
        """One unfragmented message; `raw` replaces the bytes put on the wire."""
        payload = payload.encode() if isinstance(payload, str) else payload
        self.put(self.side, op, payload, note=note)
        if raw is None:
            raw = masked(op, payload, **kw) if self.side == "client" else frame(op, payload, **kw)
        self.sock.sendall(raw)

    def close(self, code=None, reason="", **kw):
        """Sends a Close frame."""
        self.send(CLOSE, close_body(code, reason) if code is not None else b"", **kw)

    def receive(self):
        """Reads one message or control frame, logs it and returns (op, payload)."""
        while True:
            fin, _, op, payload = self.reader.frame()
            if op >= 8:
                self.put(self.other, op, payload)
                return op, payload
            if op != CONT:
                self.parts = [op]
            self.parts.append(payload)
            if fin:
                op, payload = self.parts[0], b"".join(self.parts[1:])
                self.put(self.other, op, payload)
                return op, payload


def client(port, log, path="/", key=None, extra=(), **kw):
    """Connects, does the handshake; returns the client's Peer."""
    s = connect(port)
    key = key or new_key()
    s.sendall(request(port, path, key, extra=extra, **kw))
    peer = Peer(s, "client", s.getsockname()[1], log)
    head = peer.reader.head()
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise SystemExit(head)
    return peer


def server(sock, port, log, extra=()):
    """Answers the handshake; returns the server's Peer."""
    peer = Peer(sock, "server", port, log)
    head = peer.reader.head()
    sock.sendall(response(accept_of(header(head, "Sec-WebSocket-Key")), extra))
    return peer

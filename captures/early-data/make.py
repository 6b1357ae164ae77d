"""What may be around the 101: other HTTP on the connection before it, frames in its segment. 127.0.0.1:18098."""

import time

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18098
PAGE = b"<p>hello</p>"


def answer(sock, status, *headers, body=b""):
    sock.sendall(("\r\n".join([f"HTTP/1.1 {status}", *headers]) + "\r\n\r\n").encode() + body)


def http(sock, reader):
    """Eight exchanges that have nothing to do with WebSocket."""
    length = f"Content-Length: {len(PAGE)}"
    reader.head()  # GET /index.html, pipelined with ...
    reader.head()  # ... GET /live.txt
    answer(sock, "200 OK", "Content-Type: text/html", length, body=PAGE)
    answer(sock, "200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum",
           body=b"5\r\nhello\r\n7;why=not\r\n, world\r\n0\r\nX-Sum: 12\r\n\r\n")
    reader.head()  # HEAD
    answer(sock, "200 OK", length)
    reader.head()  # GET If-None-Match
    answer(sock, "304 Not Modified", 'ETag: "v1"', length)
    reader.head()  # DELETE
    answer(sock, "204 No Content")
    reader.head()  # POST with Expect
    answer(sock, "100 Continue")
    reader.exact(11)
    answer(sock, "201 Created", "Content-Length: 0")
    reader.head()  # POST in chunks
    while not reader.buffer.endswith(b"0\r\n\r\n"):
        reader.more()
    reader.buffer = b""
    answer(sock, "200 OK", "Content-Length: 2", body=b"ok")
    reader.head()  # GET with interim answer
    answer(sock, "103 Early Hints", "Link: </style.css>; rel=preload")
    time.sleep(0.005)
    answer(sock, "200 OK", length, body=PAGE)


def handle(sock, port, i):
    peer = raw.Peer(sock, "server", port, log)
    if i == 0:
        http(sock, peer.reader)
    key = raw.header(peer.reader.head(), "Sec-WebSocket-Key")
    if i == 0:
        frames = raw.frame(raw.TEXT, b"in the same segment as the 101") + raw.frame(raw.PING, b"early")
        peer.put("server", raw.TEXT, b"in the same segment as the 101")
        peer.put("server", raw.PING, b"early")
        peer.put("server", raw.TEXT, "cut by the segment".encode())
        cut = raw.frame(raw.TEXT, b"cut by the segment")
        sock.sendall(raw.response(raw.accept_of(key)) + frames + cut[:9])
        time.sleep(0.005)
        sock.sendall(cut[9:])
        peer.receive()
    else:
        peer.receive()  # it is here before the answer
        sock.sendall(raw.response(raw.accept_of(key)))
    peer.receive()
    op, body = peer.receive()
    peer.close(int.from_bytes(body[:2], "big"), body[2:].decode())
    sock.close()


def slowly(sock, data):
    """Twenty single bytes, then bits of three and more."""
    at, step = 0, 1
    while at < len(data):
        sock.sendall(data[at:at + step])
        at += step
        step = 1 if at < 20 else 3 + at % 11
        time.sleep(0.0005)


def warm_up(sock, reader):
    get = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n"
    sock.sendall((get.format("/index.html", "") + get.format("/live.txt", "")).encode())
    reader.head(), reader.exact(len(PAGE)), reader.head()
    while not reader.buffer.endswith(b"X-Sum: 12\r\n\r\n"):
        reader.more()
    reader.buffer = b""
    for method, path, extra in (("HEAD", "/index.html", ""), ("GET", "/index.html", 'If-None-Match: "v1"\r\n'), ("DELETE", "/old", "")):
        sock.sendall(get.format(path, extra).replace("GET", method).encode())
        reader.head()
    sock.sendall(b"POST /log HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
    reader.head()
    sock.sendall(b"GET / HTTP/")  # a body that looks like a request
    reader.head()
    sock.sendall(b"POST /log HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n")
    sock.sendall(b"3\r\nefg\r\n0\r\n\r\n")
    reader.head(), reader.exact(2)
    sock.sendall(get.format("/index.html", "").encode())
    reader.head(), reader.head(), reader.exact(len(PAGE))


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle, 2)
    for i, path in enumerate(("/late-upgrade", "/eager-client")):
        peer = raw.Peer(raw.connect(PORT), "client", 0, log)
        peer.port = peer.sock.getsockname()[1]
        request = raw.request(PORT, path, raw.new_key())
        if i == 0:
            warm_up(peer.sock, peer.reader)
            slowly(peer.sock, request)
            peer.reader.head()
            peer.receive(), peer.receive(), peer.receive()
            peer.send(raw.PONG, b"early")
        else:
            # Against RFC 6455 section 4.1 (wait for the answer), yet it happens.
            early = raw.masked(raw.TEXT, b"before the 101")
            peer.put("client", raw.TEXT, b"before the 101", note="sent before the 101")
            peer.sock.sendall(request + early)
            peer.reader.head()
        # Two frames in one segment.
        for op, payload in ((raw.TEXT, b"last"), (raw.CLOSE, raw.close_body(1000, "done"))):
            peer.put("client", op, payload)
        peer.sock.sendall(raw.masked(raw.TEXT, b"last") + raw.masked(raw.CLOSE, raw.close_body(1000, "done")))
        peer.receive()
        peer.sock.recv(1)
        peer.sock.close()
    server.join()
lib.finish("early-data", capture, log, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="HTTP before the upgrade, the request in small pieces, frames in the segment of the 101")

"""Do the captures hold what the peers say they sent? A slow, plain decoder, made to be obviously right.

    check.py [CAPTURE-FILE MESSAGES-FILE]        (without arguments: all captures)

It knows no violations, no TLS and no exported PDUs, and stops at a hole: up to there the messages must be those of
messages.ndjson, and the first message that is not whole must be marked `missing`.
"""

import gzip
import json
import struct
import sys
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pcapng  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OPS = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def packets_of(path):
    """Packets of a pcap or of a pcapng made here."""
    data = Path(path).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if data[:4] != b"\x0a\x0d\x0d\x0a":
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return pcapng.read_pcap(file.name)[1]
    out, at, linktype = [], 0, 1
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 1:
            linktype = struct.unpack_from("<H", data, at + 8)[0]
        if kind == 6:
            size, orig = struct.unpack_from("<II", data, at + 20)
            out.append(pcapng.Packet(0, data[at + 28 : at + 28 + size], orig, linktype=linktype))
        at += total
    return out


def streams(packets):
    """client port -> {"c2s": (bytes, has a hole), "s2c": ...}; bytes end at the first hole."""
    first, pieces = {}, {}
    for p in packets:
        t = pcapng.tcp_of(p)
        if t is None:
            continue
        if t.syn:
            first[t.src, t.dst] = t.seq + 1
            if not t.flags & 16:
                pieces[t.src, t.dst], pieces[t.dst, t.src] = {}, {}
        elif t.payload:
            at = t.seq - first[t.src, t.dst] & 0xFFFFFFFF
            # A repeat may be cut differently: the longest one that starts here.
            pieces[t.src, t.dst][at] = max(pieces[t.src, t.dst].get(at, b""), t.payload, key=len)
    out = {}
    clients = [k for i, k in enumerate(pieces) if i % 2 == 0]
    for client, server in clients:
        out[client[1]] = {}
        for name, key in (("c2s", (client, server)), ("s2c", (server, client))):
            stream, holes = b"", False
            for at in sorted(pieces[key]):
                if at > len(stream):
                    holes = True
                    break
                stream += pieces[key][at][len(stream) - at :] if at + len(pieces[key][at]) > len(stream) else b""
            out[client[1]][name] = stream, holes
    return out


def messages(stream, deflate, takeover):
    """Every message and control frame as a row."""
    at, op, parts, packed = 0, None, [], False
    inflater = zlib.decompressobj(-15)
    while at + 2 <= len(stream):
        a, b = stream[at], stream[at + 1]
        n, start = b & 127, at + 2
        if n > 125:
            size = 2 if n == 126 else 8
            n, start = int.from_bytes(stream[start : start + size], "big"), start + size
        mask, start = (stream[start : start + 4], start + 4) if b & 128 else (b"", start)
        payload = stream[start : start + n]
        if len(payload) < n:
            return
        if mask:
            whole = (mask * (n // 4 + 1))[:n]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(n, "big")
        at = start + n
        if a & 15 >= 8:
            row = {"op": OPS[a & 15]}
            if row["op"] != "close":
                row["hex"] = payload.hex()
            elif payload:
                row |= {"code": int.from_bytes(payload[:2], "big"), "reason": payload[2:].decode()}
            yield row
            continue
        if a & 15:
            op, parts, packed = OPS[a & 15], [], bool(a & 0x40)
        parts.append(payload)
        if a & 128:
            data = b"".join(parts)
            if packed:
                assert deflate
                inflater = inflater if takeover else zlib.decompressobj(-15)
                data = inflater.decompress(data + b"\0\0\xff\xff")
            yield {"op": op, "text": data.decode()} if op == "text" else {"op": op, "hex": data.hex()}


def data_of(stream):
    """stream number -> its DATA, of one direction of HTTP/2 without padding."""
    out, at = {}, 0
    while at + 9 <= len(stream):
        size, kind, number = int.from_bytes(stream[at : at + 3], "big"), stream[at + 3], int.from_bytes(stream[at + 5 : at + 9], "big")
        if kind == 0:
            assert not stream[at + 4] & 8, "padding"
            out[number] = out.get(number, b"") + stream[at + 9 : at + 9 + size]
        at += 9 + size
    return out


def check_http2(capture, rows):
    """The same for WebSockets in HTTP/2: whether they compress is seen by RSV1, and they all keep their windows."""
    count = 0
    for port, both in streams(packets_of(capture)).items():
        client, server = both["c2s"][0], both["s2c"][0]
        client = client[client.index(b"PRI * HTTP/2.0") + 24 :]
        server = server[server.index(b"\r\n\r\n") + 4 :] if server.startswith(b"HTTP/1.1 101") else server
        for way, stream in (("c2s", client), ("s2c", server)):
            data = data_of(stream)
            for number in sorted({r["stream"] for r in rows if r["port"] == port}):
                found = list(messages(data.get(number, b""), True, True))
                told = [r for r in rows if (r["port"], r["stream"], r["dir"]) == (port, number, way)]
                keys = ("op", "text", "hex", "code", "reason")
                told = [{k: r[k] for k in keys if k in r} for r in told]
                assert found == told, f"{capture} port {port} stream {number} {way}"
                count += len(found)
    return count


def check(capture, rows):
    """Returns how many messages were compared."""
    if any("stream" in r for r in rows):
        return check_http2(capture, rows)
    count = 0
    for port, both in streams(packets_of(capture)).items():
        answer = both["s2c"][0].find(b" 101 Switching")
        mine = [r for r in rows if r["port"] == port]
        if answer < 0:
            assert not mine, f"{capture} port {port}: messages without an upgrade"
            continue
        head = both["s2c"][0][answer : both["s2c"][0].index(b"\r\n\r\n", answer) + 4].lower()
        starts = {"s2c": answer + len(head)}
        starts["c2s"] = both["c2s"][0].index(b"\r\n\r\n", both["c2s"][0].lower().index(b"sec-websocket-key")) + 4
        for way, (stream, holes) in both.items():
            side = b"client" if way == "c2s" else b"server"
            found = list(messages(stream[starts[way] :], b"permessage-deflate" in head, side + b"_no_context_takeover" not in head))
            keys = ("op", "text", "hex", "code", "reason")
            told = [{k: r[k] for k in keys if k in r} for r in mine if r["dir"] == way]
            if holes:
                assert "missing" in [r for r in mine if r["dir"] == way][len(found)], f"{capture} port {port} {way}: no mark"
                told = told[: len(found)]
            if found != told:
                i = next((i for i, (a, b) in enumerate(zip(found, told)) if a != b), min(len(found), len(told)))
                raise SystemExit(f"{capture} port {port} {way}, message {i + 1} of {len(told)}:\n"
                                 f" found {str(found[i:i + 1])[:200]}\n  told {str(told[i:i + 1])[:200]}")
            count += len(found)
    return count


def main():
    if len(sys.argv) == 3:
        pairs = [(Path(sys.argv[1]), Path(sys.argv[2]))]
    else:
        pairs = [(f, f.parent / "messages.ndjson") for f in sorted(ROOT.glob("*/capture.*")) if f.parent.name not in ("violations", "midstream", "wss", "wss-http2", "exported-pdu")]
    for capture, told in pairs:
        rows = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
        print(f"{capture.parent.name}/{capture.name}: {check(capture, rows)} of {len(rows)} messages found as told")


if __name__ == "__main__":
    main()

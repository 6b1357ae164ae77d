#!/usr/bin/env python3
"""What TLS costs: the same talk as ws:// and as wss://, captured on the loopback, read by wslens and by tshark.

    benches/wss.py [-n RUNS] [-m MESSAGES] [--cipher NAME] [WSLENS]

20 connections; so many texts of 200 bytes go to the server and as many come back, one after the other, so that each is
a record and a packet of its own (tshark gives up where many frames are in one segment). Prints CPU seconds (user and system), the least of RUNS, as Markdown. Needs the right to capture, tcpdump, openssl; tshark where
it is there. Key and certificate are made anew and thrown away.
"""
import argparse
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CONNECTIONS = 20
REQUEST = (b"GET /bench HTTP/1.1\r\nHost: wss.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
RESPONSE = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
END = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


def frame(number):
    text = f'{{"n":{number},"text":"'.encode().ljust(198, b"x") + b'"}'
    key = os.urandom(4)
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + key + bytes(b ^ key[i % 4] for i, b in enumerate(text))


def take(connection, count):
    bytes = b""
    while len(bytes) < count:
        some = connection.recv(count - len(bytes))
        if not some:
            sys.exit("a peer went away")
        bytes += some
    return bytes


def answer(connection):
    text = b"\x81\x7e" + (200).to_bytes(2, "big") + b'{"echo":"'.ljust(198, b"y") + b'"}'
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        take(connection, len(REQUEST))
        connection.sendall(RESPONSE)
        while take(connection, len(END)) != END:
            take(connection, 208 - len(END))
            connection.sendall(text)
        connection.sendall(b"\x88\x02\x03\xe8")


def talk(folder, name, frames, server_side, client_side):
    """Captures the talk; returns the capture and the port."""
    file = folder / f"{name}.pcap"
    listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS)
    port = listener.getsockname()[1]
    command = ["tcpdump", "-i", "lo", "-n", "-s", "0", "-B", "65536", "-w", str(file), f"tcp port {port}"]
    command[1:1] = ["-Z", "root"] if os.geteuid() == 0 else []
    tcpdump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in tcpdump.stderr:
        if "listening on" in line:
            break
    else:
        sys.exit("tcpdump may not capture on lo")

    def serve():
        for _ in range(CONNECTIONS):
            connection = listener.accept()[0]
            threading.Thread(target=lambda c=connection: answer(server_side(c))).start()

    def speak():
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client_side(plain) as connection:
            connection.sendall(REQUEST)
            take(connection, len(RESPONSE))
            for one in frames:
                connection.sendall(one)
                take(connection, 204)
            connection.sendall(END)
            take(connection, 4)

    threading.Thread(target=serve).start()
    clients = [threading.Thread(target=speak) for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    time.sleep(1)
    tcpdump.terminate()
    words = tcpdump.stderr.read()
    tcpdump.wait()
    if "0 packets dropped by kernel" not in words:
        print(f"note: {name}: {words.strip()}", file=sys.stderr)
    return file, port


def cpu(command, runs):
    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode > 1:
            sys.exit(f"{command}: {done.stderr}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return min(once() for _ in range(runs))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-n", "--runs", type=int, default=10)
    arguments.add_argument("-m", "--messages", type=int, default=5_000, help="of each connection and direction")
    arguments.add_argument("--cipher", help="of TLS 1.2, as OpenSSL names it; TLS 1.3 without")
    arguments.add_argument("wslens", nargs="?", default="target/release/wslens")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pair = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=wss.example", *pair], check=True, capture_output=True)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        client = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        client.check_hostname = False
        log = folder / "keys.log"
        client.keylog_filename = str(log)
        if arguments.cipher:
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            client.set_ciphers(arguments.cipher)
        frames = [frame(number) for number in range(arguments.messages)]
        plain = talk(folder, "ws", frames, lambda c: c, lambda c: c)
        secure = talk(folder, "wss", frames, lambda c: server.wrap_socket(c, server_side=True),
                      lambda c: client.wrap_socket(c, server_hostname="wss.example"))
        print("| | MB | stats | read | tshark | / read |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        seconds = {}
        for name, (file, port), keys in [("ws", plain, []), ("wss", secure, ["--keylog", str(log)])]:
            stats = cpu([arguments.wslens, "stats", *keys, str(file)], arguments.runs)
            read = cpu([arguments.wslens, "read", "--format", "ndjson", *keys, str(file)], arguments.runs)
            tshark = "–"
            ratio = "–"
            if shutil.which("tshark"):
                option = ["-o", f"tls.keylog_file:{log}"] if keys else []
                above = "tls" if keys else "http"
                one = cpu(["tshark", "-r", str(file), *option, "-d", f"tcp.port=={port},{above}", "-Y", "websocket",
                           "-T", "fields", "-e", "frame.number"], 1)
                tshark, ratio = f"{one:.2f}", f"{one / read:.0f}"
            size = file.stat().st_size / 1e6
            print(f"| {name} | {size:.0f} | {stats:.3f} | {read:.3f} | {tshark} | {ratio} |")
            seconds[name] = (stats, read)
        print("\nwss costs {:.1f} times what ws does to count, {:.1f} times to print.".format(
            *(of / to for of, to in zip(seconds["wss"], seconds["ws"]))))


main()

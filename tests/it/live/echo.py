import os, socket, ssl, sys, threading
here = sys.argv[1]
version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[sys.argv[2]]
def frame(data, mask):
    key = os.urandom(4)
    head = bytes([0x81, (0x80 if mask else 0) | len(data)])
    return head + (key + bytes(b ^ key[i & 3] for i, b in enumerate(data)) if mask else data)
def take(sock, many):
    data = b""
    while len(data) < many:
        got = sock.recv(many - len(data))
        if not got: return None
        data += got
    return data
def head(sock):
    data = b""
    while not data.endswith(b"\r\n\r\n"): data += sock.recv(1)
def echo(sock):
    head(sock)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    while (start := take(sock, 2)) is not None:
        body = take(sock, 4 + (start[1] & 127))
        sock.sendall(frame(bytes(b ^ body[i & 3] for i, b in enumerate(body[4:])), False))
    try: sock.unwrap()
    except OSError: pass
    sock.close()
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(here + "/cert.pem", here + "/key.pem")
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def serve():
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=lambda: echo(server.wrap_socket(sock, server_side=True)), daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
client.minimum_version = client.maximum_version = version
socks = {}
def open_(name):
    plain = socket.create_connection(listener.getsockname())
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = client.wrap_socket(plain, server_hostname="late.example")
    sock.sendall(f"GET /{name} HTTP/1.1\r\nHost: late.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    head(sock)
    socks[name] = sock
def say(name, text):
    socks[name].sendall(frame(text.encode(), True))
    take(socks[name], 2 + len(text))
def close(name): socks.pop(name).unwrap().close()
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    match line.split():
        case ["log", name]: client.keylog_filename = here + "/" + name
        case ["open", name]: open_(name)
        case ["say", name, text]: say(name, text)
        case ["close", name]: close(name)
        case ["burst", many]:
            for n in range(int(many)):
                open_(f"short{n}"); say(f"short{n}", f"echo{n}"); close(f"short{n}")
    print("done", flush=True)

"""wss:// by OpenSSL: TLS 1.3, the same session resumed, and TLS 1.2. 127.0.0.1:18104, with a throw-away key log."""

import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18104
LONG = "a message that is longer than one record of TLS may be. " * 400


def certificate(here):
    """A key and a certificate for this run only."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=wss.example", "-days", "1", "-keyout", f"{here}/key.pem", "-out", f"{here}/cert.pem"],
                   check=True, capture_output=True)


def contexts(here, version):
    """(client, server), both for one version of TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(f"{here}/cert.pem", f"{here}/key.pem")
    server.set_alpn_protocols(["http/1.1"])
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_alpn_protocols(["http/1.1"])
    client.keylog_filename = f"{here}/keys.log"
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
    if version == ssl.TLSVersion.TLSv1_2:
        client.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    return client, server


def handle(sock, port, number):
    sock = answering[number].wrap_socket(sock, server_side=True)
    peer = raw.server(sock, port, log)
    peer.send(raw.TEXT, "welcome: nobody on the way can read this")
    peer.receive()
    peer.receive()
    peer.send(raw.TEXT, LONG)
    peer.send(raw.PONG, b"still here")
    peer.receive()
    peer.close(1000, "bye")
    sock.unwrap()
    sock.close()


lib.private_network(mtu=1500)
log = lib.Log()
with tempfile.TemporaryDirectory() as here:
    certificate(here)
    tls13, tls12 = contexts(here, ssl.TLSVersion.TLSv1_3), contexts(here, ssl.TLSVersion.TLSv1_2)
    cases = [("/tls13", tls13), ("/tls13-resumed", tls13), ("/tls12", tls12)]
    answering = [server for _, (_, server) in cases]
    session = None
    with lib.Tcpdump(f"tcp port {PORT}") as capture:
        server = raw.serve(PORT, handle, len(cases))
        for path, (client, _) in cases:
            resumed = session if "resumed" in path else None
            sock = client.wrap_socket(raw.connect(PORT), server_hostname="wss.example", session=resumed)
            sock.sendall(raw.request(PORT, path, raw.new_key(), host="wss.example"))
            peer = raw.Peer(sock, "client", sock.getsockname()[1], log)
            peer.reader.head()
            peer.receive()
            peer.send(raw.TEXT, "{\"say\":\"hello through TLS\"}")
            peer.send(raw.PING, b"still here")
            peer.receive()
            peer.receive()
            peer.close(1000, "bye")
            peer.receive()
            session = sock.session
            if resumed is not None and not sock.session_reused:
                raise SystemExit("the session was not resumed")
            try:
                sock.unwrap()
            except (OSError, ssl.SSLError):
                pass
            sock.close()
        server.join()
    secrets = Path(here, "keys.log").read_bytes()
Path(lib.ROOT, "wss", "keys.log").write_bytes(secrets)
lib.finish("wss", capture, log, comment="wss: TLS 1.3, resumed, TLS 1.2", secrets=secrets,
           made_with=f"raw frames over {ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]}, {lib.python_version()}")

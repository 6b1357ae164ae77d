"""WebSockets inside HTTP/2 inside TLS, by ALPN: Node and Chromium as clients, Node as server. 127.0.0.1:18106, with a throw-away key log."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

HOST, PORT = "127.0.0.1", 18106


class StreamLog(lib.Log):
    """A log whose ports have the stream in their upper half."""

    def truth(self, order, check=True):
        place = {port: i for i, port in enumerate(order)}
        whole = sorted({row[1] for row in self.rows}, key=lambda port: (place[port & 0xFFFF], port >> 16))
        rows = super().truth(whole, check)
        return [{**row, "port": row["port"] & 0xFFFF, "stream": row["port"] >> 16} for row in rows]


def browse(here):
    """A page in headless Chromium that opens a WebSocket on the connection that it came from."""
    return subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors",
         f"--user-data-dir={here}/profile", f"https://{HOST}:{PORT}/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


lib.private_network()
log = StreamLog()
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as here:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=wss.example", "-days", "1", "-keyout", f"{here}/key.pem", "-out", f"{here}/cert.pem"],
                   check=True, capture_output=True)
    with lib.Tcpdump(f"tcp port {PORT}") as capture:
        node = subprocess.Popen(["node", str(Path(__file__).with_name("node.mjs")), HOST, str(PORT), here],
                                stdout=subprocess.PIPE, text=True)
        browser = None
        for line in node.stdout:
            if line.strip() == "ready":
                browser = browse(here)
            elif line.strip() == "done":
                break
            else:
                row = json.loads(line)
                row["port"] |= row.pop("stream") << 16
                log.load(row)
        node.wait(10)
        browser.terminate()
        browser.wait(10)
    secrets = Path(here, "keys.log").read_bytes()
Path(lib.ROOT, "wss-http2", "keys.log").write_bytes(secrets)
lib.finish("wss-http2", capture, log, comment="WebSockets inside HTTP/2 inside TLS (RFC 8441, ALPN h2)", secrets=secrets,
           made_with=f"Node {lib.version_of(['node', '--version'])}, "
                     f"Chromium {lib.version_of(['chromium', '--version'], r'Chromium ([0-9.]+)')}, {lib.python_version()}")

//! A key log that is written while the capture runs: before a connection speaks, and after it did.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{Running, may_capture};

/// A conversation over TLS. The key log gets the connection's secrets when `late` messages were said.
const PEERS: &str = r#"
import os, socket, ssl, sys, threading, time
here, late = sys.argv[1], int(sys.argv[2])
def frame(text, mask):
    data, key = text.encode(), os.urandom(4)
    head = bytes([0x81, (0x80 if mask else 0) | len(data)])
    return head + (key + bytes(b ^ key[i & 3] for i, b in enumerate(data)) if mask else data)
def take(sock, many):
    data = b""
    while len(data) < many: data += sock.recv(many - len(data))
    return data
def head(sock):
    data = b""
    while not data.endswith(b"\r\n\r\n"): data += sock.recv(1)
    return data
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(here + "/cert.pem", here + "/key.pem")
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    sock = server.wrap_socket(listener.accept()[0], server_side=True)
    head(sock)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    for n in range(6):
        size = take(sock, 2)[1] & 127
        take(sock, 4 + size)
        sock.sendall(frame(f"answer {n}", False))
    take(sock, 1)
    sock.close()
thread = threading.Thread(target=serve)
thread.start()
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
client.keylog_filename = here + "/real.log"
sock = client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="late.example")
def tell():
    with open(here + "/real.log") as real, open(here + "/keys.log", "a") as log: log.write(real.read())
    time.sleep(0.5)
if late == 0: tell()
sock.sendall(b"GET /late HTTP/1.1\r\nHost: late.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
head(sock)
for n in range(6):
    sock.sendall(frame(f"question {n}", True))
    take(sock, 2 + 8)
    if late == n + 1: tell()
sock.sendall(b"x")
sock.close()
thread.join()
"#;

#[test]
fn a_connection_whose_secret_comes_late_is_read_from_its_start() {
    if !may_capture() {
        return;
    }
    for late in [0, 3, 6] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", "/CN=late.example", "-days", "1", "-keyout"])
            .arg(here.join("key.pem"))
            .arg("-out")
            .arg(here.join("cert.pem"))
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            return eprintln!("skipped: no openssl");
        }
        // There before rights are given up, and for its owner alone.
        let log = here.join("keys.log");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
        let running = Running::on_lo(&["--level", "all", "--keylog", log.to_str().unwrap()]);
        let Ok(peers) = Command::new("python3").args(["-c", PEERS]).arg(here).arg(late.to_string()).output()
        else {
            return eprintln!("skipped: no python3");
        };
        assert!(peers.status.success(), "{}", String::from_utf8_lossy(&peers.stderr));
        let output = running.end().output();
        let about = |c: &serde_json::Value| c["url"].as_str().unwrap().ends_with("/late");
        let connections = output.connections();
        let connection = connections.iter().find(|c| about(c)).unwrap_or_else(|| panic!("late: {late}"));
        assert_eq!(connection["tls_session"]["server_name"], "late.example");
        let number = connection["conn"].as_u64().unwrap();
        for (dir, word) in [("c2s", "question"), ("s2c", "answer")] {
            let said: Vec<_> = output.said(number, dir).into_iter().map(|message| message.bytes).collect();
            let expected: Vec<_> = (0..6).map(|n| format!("{word} {n}").into_bytes()).collect();
            assert_eq!(said, expected, "late: {late}");
        }
        let secrets = fs::read_to_string(&log).unwrap();
        assert!(secrets.lines().count() > 3);
    }
}

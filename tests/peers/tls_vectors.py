#!/usr/bin/env python3
"""Makes src/tls/tests/openssl.txt: TLS conversations of OpenSSL with itself, in memory.

    python3 tests/peers/tls_vectors.py > src/tls/tests/openssl.txt

Needs OpenSSL 3 (libssl.so.3 and the program). Nothing touches the network. A conversation is:

    == name
    : what has to come out: version, suite, flags
    k a line of the key log
    > what the client sent, base64, one line for each flight
    < what the server sent
    c what the client's application wrote, base64, all of it
    s what the server's application wrote
"""
import base64
import ctypes as c
import subprocess
import sys
import tempfile

ssl = c.CDLL("libssl.so.3")
crypto = c.CDLL("libcrypto.so.3")
P = c.c_void_p
for lib, name, result, *args in [
    (ssl, "TLS_method", P), (ssl, "SSL_CTX_new", P, P), (ssl, "SSL_new", P, P),
    (ssl, "SSL_CTX_use_certificate_file", c.c_int, P, c.c_char_p, c.c_int),
    (ssl, "SSL_CTX_use_PrivateKey_file", c.c_int, P, c.c_char_p, c.c_int),
    (ssl, "SSL_CTX_set_keylog_callback", None, P, P), (ssl, "SSL_CTX_set_ciphersuites", c.c_int, P, c.c_char_p),
    (ssl, "SSL_CTX_set_cipher_list", c.c_int, P, c.c_char_p), (ssl, "SSL_CTX_ctrl", c.c_long, P, c.c_int, c.c_long, P),
    (ssl, "SSL_ctrl", c.c_long, P, c.c_int, c.c_long, P), (ssl, "SSL_CTX_set_options", c.c_uint64, P, c.c_uint64),
    (ssl, "SSL_CTX_clear_options", c.c_uint64, P, c.c_uint64),
    (ssl, "SSL_set_bio", None, P, P, P), (ssl, "SSL_set_connect_state", None, P), (ssl, "SSL_set_accept_state", None, P),
    (ssl, "SSL_do_handshake", c.c_int, P), (ssl, "SSL_read", c.c_int, P, P, c.c_int), (ssl, "SSL_write", c.c_int, P, P, c.c_int),
    (ssl, "SSL_get_error", c.c_int, P, c.c_int), (ssl, "SSL_key_update", c.c_int, P, c.c_int), (ssl, "SSL_renegotiate", c.c_int, P),
    (ssl, "SSL_get1_session", P, P), (ssl, "SSL_set_session", c.c_int, P, P), (ssl, "SSL_shutdown", c.c_int, P),
    (ssl, "SSL_write_early_data", c.c_int, P, P, c.c_size_t, P), (ssl, "SSL_read_early_data", c.c_int, P, P, c.c_size_t, P),
    (ssl, "SSL_CTX_set_max_early_data", c.c_int, P, c.c_uint32), (ssl, "SSL_CTX_set_recv_max_early_data", c.c_int, P, c.c_uint32),
    (ssl, "SSL_CTX_set_block_padding", c.c_int, P, c.c_size_t), (ssl, "SSL_CTX_set_alpn_protos", c.c_int, P, c.c_char_p, c.c_uint),
    (ssl, "SSL_CTX_set_alpn_select_cb", None, P, P, P), (ssl, "SSL_CTX_set_session_id_context", c.c_int, P, c.c_char_p, c.c_uint),
    (crypto, "BIO_s_mem", P), (crypto, "BIO_new", P, P), (crypto, "BIO_read", c.c_int, P, P, c.c_int),
    (crypto, "BIO_write", c.c_int, P, P, c.c_int), (crypto, "ERR_error_string", c.c_char_p, c.c_ulong, c.c_char_p),
    (crypto, "ERR_get_error", c.c_ulong),
]:
    f = getattr(lib, name)
    f.restype, f.argtypes = result, args

NO_ETM, NO_EMS, NO_TICKET = 1 << 19, 1 << 0, 1 << 14
CLIENT_RENEGOTIATION, NO_ANTI_REPLAY = 1 << 8, 1 << 24
log_lines = []


@c.CFUNCTYPE(None, P, c.c_char_p)
def keylog(_ssl, line):
    if line.decode() not in log_lines:
        log_lines.append(line.decode())


@c.CFUNCTYPE(c.c_int, P, c.POINTER(P), c.POINTER(c.c_ubyte), P, c.c_uint, P)
def choose(_ssl, out, out_len, offered, _len, _arg):
    out[0] = offered + 1
    out_len[0] = c.cast(offered, c.POINTER(c.c_ubyte))[0]
    return 0


def fail(what):
    raise SystemExit(f"{what}: {crypto.ERR_error_string(crypto.ERR_get_error(), None).decode()}")


class Peer:
    def __init__(self, ctx, server):
        self.ssl, self.server = ssl.SSL_new(ctx), server
        self.input, self.output = crypto.BIO_new(crypto.BIO_s_mem()), crypto.BIO_new(crypto.BIO_s_mem())
        ssl.SSL_set_bio(self.ssl, self.input, self.output)
        (ssl.SSL_set_accept_state if server else ssl.SSL_set_connect_state)(self.ssl)
        self.wrote = b""

    def out(self):
        room = c.create_string_buffer(1 << 17)
        n = crypto.BIO_read(self.output, room, len(room))
        return room.raw[:max(n, 0)]

    def take(self, data):
        if data:
            crypto.BIO_write(self.input, data, len(data))

    def read(self):
        room = c.create_string_buffer(1 << 17)
        got = b""
        while (n := ssl.SSL_read(self.ssl, room, len(room))) > 0:
            got += room.raw[:n]
        return got

    def write(self, data):
        while data:
            n = ssl.SSL_write(self.ssl, data, len(data))
            if n <= 0:
                fail("write")
            self.wrote, data = self.wrote + data[:n], data[n:]


def context(server, cert, version, suites, options, o):
    ctx = ssl.SSL_CTX_new(ssl.TLS_method())
    ssl.SSL_CTX_set_cipher_list(ctx, b"ALL:@SECLEVEL=0")
    if server:
        for use, file in ((ssl.SSL_CTX_use_certificate_file, cert + ".crt"), (ssl.SSL_CTX_use_PrivateKey_file, cert + ".key")):
            if use(ctx, file.encode(), 1) != 1:
                fail("certificate")
        ssl.SSL_CTX_ctrl(ctx, 118, 1, None)  # DH parameters
        ssl.SSL_CTX_set_session_id_context(ctx, b"x", 1)
        ssl.SSL_CTX_set_alpn_select_cb(ctx, c.cast(choose, P), None)
        if "early" in o:
            ssl.SSL_CTX_set_max_early_data(ctx, 16384)
            ssl.SSL_CTX_set_recv_max_early_data(ctx, 16384)
    else:
        ssl.SSL_CTX_set_alpn_protos(ctx, b"\x08http/1.1\x02h2", 12)
    ssl.SSL_CTX_set_keylog_callback(ctx, c.cast(keylog, P))
    ssl.SSL_CTX_ctrl(ctx, 123, version, None)
    ssl.SSL_CTX_ctrl(ctx, 124, version, None)
    if version == 0x0304:
        if ssl.SSL_CTX_set_ciphersuites(ctx, suites.encode()) != 1:
            fail(suites)
    elif ssl.SSL_CTX_set_cipher_list(ctx, (suites + ":@SECLEVEL=0").encode()) != 1:
        fail(suites)
    ssl.SSL_CTX_set_options(ctx, options | CLIENT_RENEGOTIATION | NO_ANTI_REPLAY)
    if "pad" in o:
        ssl.SSL_CTX_set_block_padding(ctx, o["pad"])
    groups = o.get("groups", ("X25519:P-256", "X25519:P-256"))[server]
    ssl.SSL_CTX_ctrl(ctx, 92, 0, c.cast(c.c_char_p(groups.encode()), P))
    if "fragment" in o:
        ssl.SSL_CTX_ctrl(ctx, 52, o["fragment"], None)
    return ctx


class Conversation:
    def __init__(self, contexts, session=None):
        log_lines.clear()
        self.client, self.server = Peer(contexts[0], False), Peer(contexts[1], True)
        ssl.SSL_ctrl(self.client.ssl, 55, 0, c.cast(c.c_char_p(b"wss.example"), P))
        if session:
            ssl.SSL_set_session(self.client.ssl, session)
        self.flights = []

    def flow(self):
        """Hands over what both have written, until neither has anything."""
        while True:
            moved = False
            for mark, one, other in ((">", self.client, self.server), ("<", self.server, self.client)):
                data = one.out()
                if data:
                    self.flights.append((mark, data))
                    other.take(data)
                    other.read()
                    moved = True
            if not moved:
                return

    def handshake(self):
        ssl.SSL_do_handshake(self.client.ssl)
        self.flow()

    def talk(self, big=0):
        self.client.write(b"GET /chat HTTP/1.1\r\nHost: wss.example\r\nUpgrade: websocket\r\n\r\n")
        self.flow()
        self.server.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        self.flow()
        for n in range(3):
            self.client.write(b"\x81\x85" + bytes([n] * 9))
            self.server.write(b"\x82\x7e" + bytes([n]) + b"s" * (n * 100))
            self.flow()
        if big:
            self.server.write(bytes(i & 255 for i in range(big)))
            self.flow()

    def tell(self, name, facts, lines=None):
        ssl.SSL_shutdown(self.client.ssl)
        ssl.SSL_shutdown(self.server.ssl)
        self.flow()
        print(f"== {name}\n: {facts}")
        for line in lines or log_lines:
            print("k", line)
        for mark, data in self.flights:
            print(mark, base64.b64encode(data).decode())
        print("c", base64.b64encode(self.client.wrote).decode())
        print("s", base64.b64encode(self.server.wrote).decode())


def main():
    with tempfile.TemporaryDirectory() as here:
        for name, key in (("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("rsa", ["rsa:1024"])):
            subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-subj", "/CN=wss.example", "-days", "3650",
                            "-keyout", f"{here}/{name}.key", "-out", f"{here}/{name}.crt"], check=True, capture_output=True)

        def make(version, suites, cert="ec", options=0, **o):
            return [context(server, f"{here}/{cert}", version, suites, options, o) for server in (False, True)]

        def plain(name, version, suite, facts="", number="", big=0, lines=None, **o):
            talk = Conversation(make(version, suite, **o))
            talk.handshake()
            talk.talk(big)
            talk.tell(name, f"{version:04x} {number or suite} {facts}".strip(), lines and lines(log_lines))

        v12, v13 = 0x0303, 0x0304
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                      "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
            plain(f"1.3 {suite}", v13, suite)
        aes128 = "TLS_AES_128_GCM_SHA256"
        plain("1.3 with padded records", v13, aes128, pad=512)
        plain("1.3 with records of 512 bytes", v13, aes128, fragment=512, big=3000)
        plain("1.3 with maximal records", v13, aes128, big=20000)
        plain("1.3 with a HelloRetryRequest", v13, aes128, "retried", groups=("X25519:P-256", "P-256"))
        plain("1.3 without handshake secrets", v13, aes128,
              lines=lambda log: [line for line in log if "TRAFFIC_SECRET_0" in line])

        talk = Conversation(make(v13, "TLS_AES_256_GCM_SHA384"))
        talk.handshake()
        talk.talk()
        for one in (talk.client, talk.server, talk.client):
            ssl.SSL_key_update(one.ssl, 1)
            one.write(b"after a key update")
            talk.flow()
            talk.talk()
        talk.tell("1.3 with KeyUpdates", f"{v13:04x} TLS_AES_256_GCM_SHA384")

        contexts = make(v13, aes128, early=True)
        talk = Conversation(contexts)
        talk.handshake()
        talk.talk()
        session = ssl.SSL_get1_session(talk.client.ssl)
        ssl.SSL_shutdown(talk.client.ssl)
        talk = Conversation(contexts, session)
        talk.handshake()
        talk.talk()
        talk.tell("1.3 resumed", f"{v13:04x} {aes128} resumed")
        session = ssl.SSL_get1_session(talk.client.ssl)

        for accepted in (True, False):
            if not accepted:
                # A server that has not seen the session's ticket key.
                contexts = [contexts[0], make(v13, aes128, early=True)[1]]
            talk = Conversation(contexts, session)
            early = b"GET /early HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
            done = c.c_size_t()
            if ssl.SSL_write_early_data(talk.client.ssl, early, len(early), c.byref(done)) != 1:
                fail("early data")
            first = talk.client.out()
            talk.flights.append((">", first))
            talk.server.take(first)
            room = c.create_string_buffer(4096)
            while ssl.SSL_read_early_data(talk.server.ssl, room, 4096, c.byref(done)) == 1:
                talk.client.wrote += room.raw[:done.value]
            flight = talk.server.out()
            talk.flights.append(("<", flight))
            talk.client.take(flight)
            ssl.SSL_do_handshake(talk.client.ssl)
            # More of it is not sent once the server has answered: the handshake goes on.
            data = talk.client.out()
            talk.flights.append((">", data))
            talk.server.take(data)
            ssl.SSL_read_early_data(talk.server.ssl, room, 4096, c.byref(done))
            ssl.SSL_do_handshake(talk.server.ssl)
            talk.flow()
            talk.talk()
            if accepted:
                talk.tell("1.3 with early data", f"{v13:04x} {aes128} resumed accepted")
                session = ssl.SSL_get1_session(talk.client.ssl)
            else:
                talk.tell("1.3 with early data that is rejected", f"{v13:04x} {aes128} rejected")

        for name, number in (
                ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
                ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
                ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
                ("ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
                ("ECDHE-ECDSA-AES256-CCM8", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"),
                ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
                ("ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
                ("ECDHE-ECDSA-AES256-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384")):
            plain(f"1.2 {name}", v12, name, "extended etm" if "SHA" in name and "CBC" in number else "extended", number)
            if "CBC" in number:
                plain(f"1.2 {name} MAC then encrypt", v12, name, "extended", number, options=NO_ETM)
        for name, number in (
                ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"), ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
                ("AES256-CCM", "TLS_RSA_WITH_AES_256_CCM"), ("DHE-RSA-AES256-GCM-SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
                ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
                ("DHE-RSA-AES128-SHA256", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256")):
            plain(f"1.2 {name}", v12, name, "extended etm" if "CBC" in number else "extended", number, cert="rsa")
        gcm, gcm_number = "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        plain("1.2 without extended master secret", v12, gcm, "", gcm_number, options=NO_EMS)
        plain("1.2 with maximal records", v12, gcm, "extended", gcm_number, big=20000)
        only_rsa = lambda log: [line for line in log if line.startswith("RSA ")]
        for options, facts in ((0, "extended"), (NO_EMS, "")):
            for name, number in (("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
                                 ("AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384")):
                plain(f"1.2 {name} by the pre-master secret {facts}".strip(), v12, name, facts, number,
                      cert="rsa", options=options, lines=only_rsa)

        for name, options in (("by ticket", 0), ("by session id", NO_TICKET)):
            contexts = make(v12, gcm, options=options)
            talk = Conversation(contexts)
            talk.handshake()
            session = ssl.SSL_get1_session(talk.client.ssl)
            # Else the server would forget it.
            ssl.SSL_shutdown(talk.client.ssl)
            talk.flow()
            ssl.SSL_shutdown(talk.server.ssl)
            talk = Conversation(contexts, session)
            talk.handshake()
            talk.talk()
            talk.tell(f"1.2 resumed {name}", f"{v12:04x} {gcm_number} extended resumed")

        for suite, number in ((gcm, gcm_number), ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")):
            talk = Conversation(make(v12, suite))
            talk.handshake()
            talk.talk()
            ssl.SSL_renegotiate(talk.client.ssl)
            ssl.SSL_do_handshake(talk.client.ssl)
            talk.flow()
            talk.talk()
            etm = " etm" if "CBC" in number else ""
            talk.tell(f"1.2 {suite} renegotiated", f"{v12:04x} {number} extended{etm} renegotiated")


if __name__ == "__main__":
    main()

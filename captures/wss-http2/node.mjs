// Node as an HTTP/2 server behind TLS, with Node and a browser as clients; frames are written here.
// Prints what was said, and at the end of its work `ready` for the browser, or `done`.
import { appendFileSync, readFileSync } from "node:fs";
import http2 from "node:http2";

const [host, port, folder] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const OPS = { 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };

function frame(opcode, payload, key) {
  const long = payload.length > 65535 ? 8 : payload.length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + long);
  head[0] = 0x80 | opcode;
  head[1] = (key ? 0x80 : 0) | (long === 8 ? 127 : long ? 126 : payload.length);
  if (long === 2) head.writeUInt16BE(payload.length, 2);
  if (long === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  const body = Buffer.from(payload);
  if (key) for (let i = 0; i < body.length; i++) body[i] ^= key[i % 4];
  return Buffer.concat([head, key ?? Buffer.alloc(0), body]);
}

function log(side, where, sender, opcode, payload) {
  const row = { side, sender, op: OPS[opcode], ...where, at: Date.now() / 1000 };
  if (opcode === 8) Object.assign(row, { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() });
  else if (opcode === 1) row.text = payload.toString();
  else row.hex = payload.toString("hex");
  console.log(JSON.stringify(row));
}

class Side {
  constructor(name, stream, where, heard) {
    Object.assign(this, { name, stream, where, heard, held: Buffer.alloc(0) });
    stream.on("data", (data) => this.data(data));
  }
  say(opcode, payload) {
    payload = Buffer.from(payload);
    log(this.name, this.where, this.name, opcode, payload);
    const key = this.name === "client" ? Buffer.from([1, 2, 3, 4].map(() => Math.floor(Math.random() * 256))) : null;
    this.stream.write(frame(opcode, payload, key));
  }
  data(data) {
    this.held = Buffer.concat([this.held, data]);
    for (;;) {
      if (this.held.length < 2) return;
      let len = this.held[1] & 127, at = 2;
      if (len === 126) (len = this.held.readUInt16BE(2)), (at = 4);
      else if (len === 127) (len = Number(this.held.readBigUInt64BE(2))), (at = 10);
      const key = this.held[1] & 128 ? this.held.subarray(at, (at += 4)) : null;
      if (this.held.length < at + len) return;
      const payload = Buffer.from(this.held.subarray(at, at + len));
      if (key) for (let i = 0; i < len; i++) payload[i] ^= key[i % 4];
      const opcode = this.held[0] & 15;
      this.held = this.held.subarray(at + len);
      log(this.name, this.where, this.name === "client" ? "server" : "client", opcode, payload);
      this.heard(this, opcode, payload);
    }
  }
}

const PAGE = `<!doctype html><title>wss</title><script>
const rows = [], say = (data) => { row("client", data); socket.send(data); };
const row = (sender, data) => rows.push([sender, data, Date.now() / 1000]);
const socket = new WebSocket("wss://" + location.host + "/browser");
const words = ["hello from a browser, over HTTP/2", "浏览器 😀", "x".repeat(400)];
socket.onopen = () => say(words.shift());
socket.onmessage = ({ data }) => {
  row("server", data);
  if (words.length) say(words.shift()); else socket.close(1000, "tab closed");
};
socket.onclose = ({ code, reason }) => fetch("/said", { method: "POST", body: JSON.stringify({ rows, code, reason }) });
</script>`;

let browser = null;
const server = http2.createSecureServer({
  key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/cert.pem`), minVersion: "TLSv1.2",
  settings: { enableConnectProtocol: true },
});
server.on("keylog", (line) => appendFileSync(`${folder}/keys.log`, line));
const ended = new Promise((done) => {
  server.on("stream", (stream, headers) => {
    const where = { port: stream.session.socket.remotePort, stream: stream.id };
    if (headers[":method"] === "POST") {
      let body = "";
      stream.on("data", (data) => (body += data));
      return stream.on("end", () => {
        const { rows, code, reason } = JSON.parse(body);
        for (const [sender, text, at] of rows) console.log(JSON.stringify({ side: "client", sender, op: "text", ...browser, at, text }));
        for (const sender of ["client", "server"])
          console.log(JSON.stringify({ side: "client", sender, op: "close", ...browser, at: Date.now() / 1000, code, reason }));
        stream.respond({ ":status": 204 }, { endStream: true });
        setTimeout(done, 300);
      });
    }
    if (headers[":protocol"] !== "websocket") {
      const page = headers[":path"] === "/";
      stream.respond({ ":status": page ? 200 : 404, "content-type": "text/html; charset=utf-8" });
      return stream.end(page ? PAGE : "");
    }
    if (headers[":path"] === "/refused") return stream.respond({ ":status": 403 }, { endStream: true });
    if (headers[":path"] === "/browser") browser = where;
    stream.respond({ ":status": 200, ...(headers["sec-websocket-protocol"] ? { "sec-websocket-protocol": "echo" } : {}) });
    new Side("server", stream, where, (side, opcode, payload) => {
      side.say(opcode === 9 ? 10 : opcode, payload);
      if (opcode === 8) stream.end();
    });
  });
});
await new Promise((done) => server.listen(port, host, done));

async function client(maxVersion, paths) {
  const session = http2.connect(`https://${host}:${port}`, { servername: "wss.example", rejectUnauthorized: false, maxVersion });
  await new Promise((done) => session.on("remoteSettings", done));
  const from = session.socket.localPort;
  const open = (path) => {
    const stream = session.request(
      { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":path": path,
        ":authority": `wss.example:${port}`, "sec-websocket-version": "13", "sec-websocket-protocol": "echo" },
      { endStream: false },
    );
    return new Promise((done, failed) => {
      stream.on("error", failed);
      stream.on("response", (headers) => done({ stream, status: headers[":status"] }));
    });
  };
  const talk = async ({ stream, status }, size) => {
    if (status !== 200) return stream.end();
    let told;
    const side = new Side("client", stream, { port: from, stream: stream.id }, () => told());
    const ask = (opcode, payload) => new Promise((done) => ((told = done), side.say(opcode, payload)));
    await ask(1, `hello on stream ${stream.id}`);
    await ask(9, "beat");
    await ask(2, Buffer.alloc(size, stream.id));
    await ask(8, Buffer.concat([Buffer.from([3, 232]), Buffer.from("bye")]));
    stream.end();
    await new Promise((done) => stream.on("close", done));
  };
  const streams = [];
  for (const path of paths) streams.push(await open(path));
  await Promise.all(streams.map((stream, at) => talk(stream, 100 + at * 1200)));
  await new Promise((done) => session.close(done));
}

await client("TLSv1.3", ["/one", "/two", "/refused"]);
await client("TLSv1.2", ["/tls12"]);
console.log("ready");
await ended;
console.log("done");
process.exit(0);

// Node at both ends of one HTTP/2 connection with two WebSockets; frames are written here. Prints what was said.
import http2 from "node:http2";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const OPS = { 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
let clientPort = 0;

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

class Side {
  constructor(name, stream, number, heard) {
    Object.assign(this, { name, stream, number, heard, held: Buffer.alloc(0) });
    stream.on("data", (data) => this.data(data));
  }
  log(sender, opcode, payload) {
    const row = { side: this.name, sender, op: OPS[opcode], port: clientPort, stream: this.number, at: Date.now() / 1000 };
    if (opcode === 8) Object.assign(row, { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() });
    else if (opcode === 1) row.text = payload.toString();
    else row.hex = payload.toString("hex");
    console.log(JSON.stringify(row));
  }
  say(opcode, payload) {
    payload = Buffer.from(payload);
    this.log(this.name, opcode, payload);
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
      this.log(this.name === "client" ? "server" : "client", opcode, payload);
      this.heard(this, opcode, payload);
    }
  }
}

const server = http2.createServer({ settings: { enableConnectProtocol: true, initialWindowSize: 1000 } });
server.on("stream", (stream, headers) => {
  if (headers[":protocol"] !== "websocket") return stream.respond({ ":status": 404 }, { endStream: true });
  stream.respond({ ":status": 200, "sec-websocket-protocol": "echo" });
  const number = Number(headers[":path"].split("=")[1]);
  new Side("server", stream, number, (side, opcode, payload) => {
    side.say(opcode === 9 ? 10 : opcode, payload);
    if (opcode === 8) stream.end();
  });
});
await new Promise((done) => server.listen(port, host, done));

const session = http2.connect(`http://${host}:${port}`);
await new Promise((done) => session.on("remoteSettings", done));
clientPort = session.socket.localPort;

function open(number) {
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": `/node?stream=${number}`,
      ":authority": `${host}:${port}`, "sec-websocket-version": "13", "sec-websocket-protocol": "echo" },
    { endStream: false },
  );
  return new Promise((done, failed) => {
    stream.on("error", failed);
    stream.on("response", () => done({ stream, number }));
  });
}

async function talk({ stream, number }) {
  let told;
  const side = new Side("client", stream, number, () => told());
  const ask = (opcode, payload) => new Promise((done) => ((told = done), side.say(opcode, payload)));
  await ask(1, `hello on stream ${number}`);
  await ask(9, "beat");
  await ask(2, Buffer.alloc(number * 3000, number));
  await ask(8, Buffer.concat([Buffer.from([3, 232]), Buffer.from("bye")]));
  stream.end();
  await new Promise((done) => stream.on("close", done));
}

const streams = [await open(1), await open(3)];
await Promise.all(streams.map(talk));
await new Promise((done) => session.close(done));
await new Promise((done) => server.close(done));

"""The plan of a conversation: what each side sends, who closes and how. Shared by the peers."""

import json
import random
import sys
from pathlib import Path

MAKE = Path(__file__).resolve().parent.parent.parent / "captures" / "make"

TEXTS = [
    "Hello", "", "The quick brown fox jumps over the lazy dog. ", "你好，世界。", "こんにちは世界", "안녕하세요", "Привет, мир! ",
    "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "😀🎉👩‍👩‍👧‍👦", "\x1b[31mred\x1b[0m", "\u202eright to left override",
    '{"type":"chat","user":"алиса","n":1}', "e\u0301 combining, \ufeff BOM, \u0000 zero", "tab\tnewline\r\n",
]
SIZES = [0, 1, 2, 3, 4, 7, 16, 100, 124, 125, 126, 127, 128, 1000, 4096, 16383, 32768, 65534, 65535, 65536, 65537, 70000]
CODES = [1000, 1001, 1003, 1007, 1008, 1009, 1011, 3000, 3999, 4000, 4001, 4999]
REASONS = ["", "bye", "完成 done", "x" * 123, "ünïcödé ✓"]


def load():
    """The plan whose file is the first argument."""
    return json.loads(Path(sys.argv[1]).read_text("utf-8"))


def url(plan):
    """ws:// URL of the plan."""
    host = f"[{plan['host']}]" if ":" in plan["host"] else plan["host"]
    return f"ws://{host}:{plan['port']}{plan['path']}"


def payload(step):
    """str for text, bytes for the rest."""
    return step["text"] if step["op"] == "text" else bytes.fromhex(step["hex"])


def parts(step):
    """The payload cut as the step wants it (`cut`: units of each piece but the last), or None."""
    if not step.get("cut"):
        return None
    data, out = payload(step), []
    for n in step["cut"]:
        out.append(data[:n])
        data = data[n:]
    return [*out, data]


def print_rows(log):
    """Writes the rows of a Log to standard output, one JSON object a line."""
    for row in log.dump():
        print(json.dumps(row))


def conversation(seed, *, pings=(True, True), cuts=(True, True), codes=CODES, deflate=(), messages=24):
    """A plan made from a seed; `pings` and `cuts` say what client and server are able to send.

    `deflate` lists the parameter names that the peers may negotiate; without any there is no compression.
    """
    chance = random.Random(seed)
    plan = {"host": "127.0.0.1", "path": f"/seed/{seed}?q=1", "deflate": None}
    plan["subprotocols"] = chance.choice([[], ["chat.v1"], ["chat.v2", "chat.v1"]])
    if deflate and chance.random() < 0.8:
        plan["deflate"] = {}
        for name in deflate:
            if chance.random() < 0.5:
                plan["deflate"][name] = chance.randint(9, 15) if name.endswith("bits") else True
    for i, side in enumerate(("client", "server")):
        plan[side] = [step(chance, pings[i], cuts[i]) for _ in range(chance.randint(messages // 2, messages))]
        if chance.random() < 0.5:
            plan[side][chance.randrange(len(plan[side]))]["pause"] = 0.05
    plan["close"] = {"by": chance.choice(["client", "server"]), "code": chance.choice(codes), "reason": chance.choice(REASONS)}
    return plan


def step(chance, ping, cut):
    """One message or ping."""
    kind = chance.random()
    if ping and kind < 0.15:
        return {"op": "ping", "hex": chance.randbytes(chance.choice([0, 1, 4, 8, 125])).hex()}
    size = chance.choice(SIZES) if chance.random() < 0.4 else chance.randint(0, 600)
    if kind < 0.65:
        text = chance.choice(TEXTS)
        if text and chance.random() < 0.5:
            text = "".join(chance.choice(TEXTS) for _ in range(1 + size // 12)) if chance.random() < 0.5 else text * (1 + size // len(text))
            text = text.encode()[:size].decode("utf-8", "ignore")
        out, n = {"op": "text", "text": text}, len(text)
    else:
        data = chance.randbytes(size) if chance.random() < 0.5 else bytes(i * i >> 3 & 255 for i in range(size))
        out, n = {"op": "binary", "hex": data.hex()}, size
    if cut and chance.random() < 0.25:
        out["cut"] = [chance.randint(0, max(1, n // 3)) for _ in range(chance.randint(1, 4))]
    return out

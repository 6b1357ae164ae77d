use std::collections::BTreeMap;

use super::*;
use crate::model::{Endpoint, Extension, Time};

mod property;

/// A record with these values.
#[derive(Default)]
struct Row {
    values: BTreeMap<Field, Kept>,
}

enum Kept {
    Flag(bool),
    Number(u64),
    Nanos(i64),
    Moment(i64),
    Bytes(Vec<u8>),
    Part(Vec<u8>),
    Address([u8; 16]),
    Endpoint(Endpoint),
    Names(Vec<Extension>),
    Unknown,
}

impl FilterRow for Row {
    fn get(&self, field: Field) -> Value<'_> {
        match self.values.get(&field) {
            None => Value::Absent,
            Some(Kept::Unknown) => Value::Unknown,
            Some(Kept::Flag(flag)) => Value::Flag(*flag),
            Some(Kept::Number(number)) => Value::Number(*number),
            Some(Kept::Nanos(nanos)) => Value::Nanos(*nanos),
            Some(Kept::Moment(nanos)) => Value::Moment(Time(*nanos)),
            Some(Kept::Bytes(bytes)) => Value::Bytes(bytes),
            Some(Kept::Part(bytes)) => Value::Part(bytes),
            Some(Kept::Address(address)) => Value::Address(*address),
            Some(Kept::Endpoint(endpoint)) => Value::Endpoint(*endpoint),
            Some(Kept::Names(names)) => Value::Names(names),
        }
    }
    fn start(&self) -> Time {
        Time(1_767_225_600_000_000_000) // 2026-01-01
    }
}

fn row() -> Row {
    let bytes = |text: &str| Kept::Bytes(text.as_bytes().to_vec());
    let json = r#"{"type":"echo","n":4,"big":123456789012345678901,"f":1.5,"ok":true,"no":null,"list":[{"id":1},{"id":7}],"s":"2026-01-02"}"#;
    let client = Endpoint::v4([10, 1, 2, 3], 5000);
    let server = Endpoint::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 443);
    let values = [
        (Field::Op, Kept::Number(1)),
        (Field::Opcode, Kept::Number(1)),
        (Field::Dir, Kept::Number(0)),
        (Field::Len, Kept::Number(1500)),
        (Field::Conn, Kept::Number(3)),
        (Field::Compressed, Kept::Flag(false)),
        (Field::Control, Kept::Flag(false)),
        (Field::Masked, Kept::Flag(true)),
        (Field::Rtt, Kept::Nanos(3_500_000)),
        (Field::Time, Kept::Moment(1_767_225_601_500_000_000)),
        (Field::Epoch, Kept::Moment(1_767_225_601_500_000_000)),
        (Field::Text, bytes(json)),
        (Field::Payload, bytes(json)),
        (Field::Hex, bytes(json)),
        (Field::Url, bytes("wss://[2001:db8::1]:443/Chat?room=1")),
        (Field::Host, bytes("[2001:db8::1]:443")),
        (Field::Path, bytes("/Chat?room=1")),
        (Field::MaskingKey, Kept::Bytes(vec![0x37, 0xfa, 0x21, 0x3d])),
        (Field::ClientIp, Kept::Address(client.ip)),
        (Field::ServerIp, Kept::Address(server.ip)),
        (Field::ClientPort, Kept::Number(5000)),
        (Field::ServerPort, Kept::Number(443)),
        (Field::Client, Kept::Endpoint(client)),
        (Field::Server, Kept::Endpoint(server)),
        (Field::Severity, Kept::Number(1)),
        (Field::Sha256, Kept::Unknown),
        (
            Field::Extensions,
            Kept::Names(vec![Extension { name: "permessage-deflate".to_owned(), params: vec![] }]),
        ),
    ];
    Row { values: values.into_iter().collect() }
}

fn ask(filter: &str, row: &Row) -> FilterVerdict {
    parse(filter).unwrap_or_else(|error| panic!("{error}")).test(row)
}

#[test]
fn each_operator_means_what_it_says() {
    let row = row();
    let yes = [
        "",
        "op == text",
        "op == 1",
        "opcode == 0x1",
        "websocket.opcode == text",
        "op in {ping, text}",
        "op in {ping text}",
        "op in text..close",
        "op == 0..2",
        "dir == c2s",
        "dir == client",
        "dir != s2c",
        "len > 1KB",
        "len >= 1500 and len <= 1.5KB",
        "len == 1_500",
        "len != 1KiB",
        "len in {1, 1000..2000}",
        "len eq 1500 && conn lt 4 || conn gt 9",
        "not len < 1500",
        "!(len < 1500)",
        "not not len == 1500",
        "masked",
        "masked == true",
        "masked == 1",
        "masked != 0",
        "not compressed",
        "compressed == false",
        "rtt > 3ms and rtt < 0.004",
        "rtt == 3500us",
        "time == 1.5",
        "time > 1.4s",
        "time >= 2026-01-01 and time < 2026-01-01T00:00:02",
        "time == \"2026-01-01 00:00:01.5\"",
        "epoch == 1767225601.5",
        "frame.time_relative <= 1.5",
        "text contains \"echo\"",
        "text contains echo",
        "text ~ \"\\\"n\\\":\\d+,\"",
        "text matches ^.*echo",
        "payload contains 22:65:63:68:6f:22",
        "payload contains 0x6563",
        "hex contains 6563686f",
        "hex contains \"65 63\"",
        "masking_key == 37fa213d",
        "key == 37:fa:21:3d",
        "websocket.masking_key in {00000000, 37fa213d}",
        "url contains /Chat",
        "host == [2001:db8::1]:443",
        "host == 2001:DB8::1",
        "path ~ \"room=[0-9]$\"",
        "client == 10.1.2.3:5000",
        "client == 10.0.0.0/8",
        "client == 10.1.2.3",
        "server == [2001:db8::1]:443",
        "ip == 10.0.0.0/8 and ip == 2001:db8::/32",
        "ip.addr == 10.1.2.3 && tcp.port == 443 && tcp.port == 5000",
        "port in {80, 443}",
        "ip != 10.9.9.9",
        "port != 80",
        "severity >= warning and sev < error",
        "severity == warn",
        "extensions == permessage-deflate",
        "extensions contains deflate",
        "websocket",
        "echo",
        "ECHO or echo",
        "\"room=1\"",
        "'\"type\":\"echo\"'",
        "any ~ \"Chat|x\"",
        "json",
        "json.type == echo",
        "json.type == \"echo\"",
        "json.n == 4 and json.n > 3.5 and json.n in 1..4",
        "json.big == 123456789012345678901",
        "json.big != 123456789012345678902",
        "json.f == 1.5",
        "json.ok and json.ok == true",
        "json.no == null and not json.no",
        "json.list[*].id == 7",
        "json.list[0].id == 1",
        "json.s >= \"2026-01-01\" and json.s < \"2026-02\"",
        "json.list contains \"id\"",
        "json.type ~ ^ec",
        "json.type != 5",
        "not json.nothing",
    ];
    for filter in yes {
        assert_eq!(ask(filter, &row), FilterVerdict::Yes, "{filter}");
        if !filter.is_empty() {
            assert_eq!(ask(&format!("not ({filter})"), &row), FilterVerdict::No, "not {filter}");
        }
    }
    let no = [
        "op == ping",
        "op != text",
        "op in {ping, pong}",
        "dir == s2c",
        "len > 2KB",
        "len in 1..1499",
        "compressed",
        "masked == false",
        "rtt > 1s",
        "time > 2",
        "time > 2026-01-02",
        "text contains \"Echo\"",
        "text ~ ^echo",
        "hex contains ffff",
        "client == 10.1.2.3:5001",
        "ip == 11.0.0.0/8",
        "ip != 10.1.2.3",
        "port != 443",
        "severity == error",
        "Room",
        "json.n == \"4\"",
        "json.n > \"3\"",
        "json.type < 5",
        "json.list[2].id",
        "json.big == 123456789012345678902",
    ];
    for filter in no {
        assert_eq!(ask(filter, &row), FilterVerdict::No, "{filter}");
    }
}

#[test]
fn a_comparison_with_what_is_not_there_is_false_in_either_way() {
    let row = row();
    for filter in
        ["close.code == 1000", "close.code != 1000", "close.code", "close.code in {1000}", "subproto != x"]
    {
        assert_eq!(ask(filter, &row), FilterVerdict::No, "{filter}");
    }
    assert_eq!(ask("not close.code == 1000", &row), FilterVerdict::Yes);
}

#[test]
fn what_is_cut_off_decides_nothing_unless_what_is_there_does() {
    let mut row = row();
    let part = || Kept::Part(br#"{"a":1,"b":"hel"#.to_vec());
    row.values.insert(Field::Payload, part());
    row.values.insert(Field::Text, part());
    row.values.insert(Field::Url, Kept::Bytes(b"ws://x/".to_vec()));
    for filter in [
        "payload contains hello",
        "not payload contains hello",
        "text ~ \"hel$\"",
        "text ~ o$",
        "json.b == hel",
        "json.c == 1",
        "not json.c",
        "hello",
        "sha256 == 00",
        "payload == '{\"a\":1,\"b\":\"hello\"}'",
        "payload contains hello and len == 1500",
        "payload contains hello or len == 1",
    ] {
        assert_eq!(ask(filter, &row), FilterVerdict::Unknown, "{filter}");
    }
    for filter in
        ["payload contains hel", "text ~ hel", "json.a == 1", "hel", "payload != x", "hello or len == 1500"]
    {
        assert_eq!(ask(filter, &row), FilterVerdict::Yes, "{filter}");
    }
    for filter in ["payload == x", "payload == hello", "payload contains hello and len == 1"] {
        assert_eq!(ask(filter, &row), FilterVerdict::No, "{filter}");
    }
}

#[test]
fn wrong_filters_are_told_with_the_word_at_fault() {
    let cases = [
        (
            "opcod == text",
            "unknown field \"opcod\" in filter\n   opcod == text\n   ^^^^^ did you mean: op, opcode?     all fields: wslens read --list-fields",
        ),
        (
            "op == tex",
            "\"tex\" is no value of op in filter\n   op == tex\n         ^^^ did you mean: text?     one of: continuation, text, binary, close, ping, pong",
        ),
        (
            "len > many",
            "\"many\" is no value of len in filter\n   len > many\n         ^^^^ expected a number: 125, 0x7d, 1.5KB, 64KiB",
        ),
        ("len = 5", "a single '=' in filter\n   len = 5\n       ^ to compare, write =="),
        ("len >", "a value is missing in filter\n   len >\n        ^ len > 100"),
        ("(op == text", "a '(' without a ')' in filter\n   (op == text\n   ^ close it"),
        (
            "op == text)",
            "a ')' without a '(' in filter\n   op == text)\n             ^ take it out, or open one before",
        ),
        (
            "op == text len > 5",
            "no operator before \"len\" in filter\n   op == text len > 5\n              ^^^ join tests with and, or; a text with spaces needs quotes",
        ),
        (
            "and",
            "a test is missing before \"and\" in filter\n   and\n   ^^^ expected a field, a \"text\", not, or '('",
        ),
        (
            "op == text and",
            "a test is missing in filter\n   op == text and\n                 ^ a filter ends with a test: op == text",
        ),
        (
            "len contains 5",
            "\"contains\" does not go with len in filter\n   len contains 5\n       ^^^^^^^^ len takes: == != < <= > >= in",
        ),
        (
            "text < a",
            "\"<\" does not go with text in filter\n   text < a\n        ^ text takes: == != contains ~ in",
        ),
        (
            "text ~ \"a(b\"",
            "a regular expression that is none in filter\n   text ~ \"a(b\"\n          ^^^^^ unclosed group",
        ),
        (
            "text == \"abc",
            "a quote without an end in filter\n   text == \"abc\n           ^^^^ close it with another quote",
        ),
        (
            "text == \"中文\\q\"",
            "an unknown escape in filter\n   text == \"中文\\q\"\n                ^^ known: \\\" \\' \\\\ \\n \\r \\t \\xff \\u{1f600}",
        ),
        ("len in 5", "no set after in in filter\n   len in 5\n          ^ len in {a, b} or len in a..b"),
        ("len in {}", "an empty set in filter\n   len in {}\n           ^ len > 100"),
        (
            "len == 9..5",
            "\"9..5\" is no value of len in filter\n   len == 9..5\n          ^^^^ the first end is above the second",
        ),
        (
            "len == 9..",
            "\"\" is no value of len in filter\n   len == 9..\n             ^ expected a value on both sides of ..",
        ),
        (
            "json. == 5",
            "a path into JSON that is none in filter\n   json. == 5\n       ^ a key is missing after the '.'",
        ),
        (
            "ip == 10.0.0.300",
            "\"10.0.0.300\" is no value of ip in filter\n   ip == 10.0.0.300\n         ^^^^^^^^^^ expected an address: 10.0.0.1, 10.0.0.0/8, ::1",
        ),
        ("\u{1b}[31m == 1", "a control character in filter\n   ␛[31m == 1\n   ^ take it out"),
    ];
    for (filter, expected) in cases {
        let error = parse(filter).expect_err(filter);
        assert_eq!(error.to_string(), expected);
        assert!(filter.get(error.range.clone()).is_some(), "{filter}: {:?}", error.range);
    }
}

#[test]
fn every_bound_is_told() {
    let deep = |n: usize| format!("{}op == text{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(64)).is_ok());
    assert!(parse(&deep(65)).unwrap_err().what.contains("too many parentheses"));
    assert!(parse(&deep(8000)).is_err());
    assert!(parse(&format!("{}fin", "!".repeat(16_000))).is_ok());
    assert!(parse(&vec!["fin"; 256].join(" or ")).is_ok());
    assert!(parse(&vec!["fin"; 257].join(" or ")).unwrap_err().what.contains("too many tests"));
    assert!(parse(&format!("\"{}\"", "x".repeat(17_000))).unwrap_err().what.contains("too long"));
    let set: Vec<String> = (0..2049).map(|n| n.to_string()).collect();
    assert!(parse(&format!("len in {{{}}}", set.join(","))).unwrap_err().what.contains("too many values"));
    assert!(parse("text ~ \"(a{1000}){1000}\"").unwrap_err().why.contains("memory"));
}

#[test]
fn a_long_filter_is_shown_around_the_word_at_fault() {
    let filter = format!("{}\"x\" and opcod == 1", "op == text and ".repeat(50));
    let error = parse(&filter).unwrap_err();
    let [text, mark] = error.marked();
    assert!(text.starts_with('…') && text.chars().count() < 130, "{text}");
    let at = mark.find('^').unwrap();
    assert_eq!(text.chars().skip(at).take(5).collect::<String>(), "opcod");
}

#[test]
fn a_filter_is_written_in_one_way() {
    for (filter, written) in [
        ("", ""),
        ("  websocket.opcode  eq 1&&(len>1KiB||!mask)", "opcode == text and (len > 1024 or not masked)"),
        ("(a or (b or c)) and not not fin", "(\"a\" or \"b\" or \"c\") and fin"),
        ("len in {5 6..7}", "len in {5, 6..7}"),
        ("len == 1..2", "len in {1..2}"),
        ("rtt > 1500us or time < 2s", "rtt > 1500us or time < 2s"),
        ("time > 2026-01-01", "time > 2026-01-01T00:00:00Z"),
        ("client in {1.2.3.4:80, ::1, 10.0.0.0/8}", "client in {1.2.3.4:80, ::1, 10.0.0.0/8}"),
        ("payload contains 00:ff", "payload contains \"\\u{0}\\xff\""),
        ("text ~ \"a\\\"\\\\d\"", "text ~ \"a\\\"\\\\d\""),
        ("json.\"a b\"[0].c[*] == 1.0", "json.\"a b\"[0].c[*] == 1.0"),
        ("text contains \"a\\\"b\\n\"", "text contains \"a\\\"b\\n\""),
    ] {
        let parsed = parse(filter).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.to_string(), written);
        assert_eq!(parse(written).unwrap(), parsed);
    }
}

#[test]
fn only_filters_that_look_into_payloads_need_them() {
    for (filter, needs) in [
        ("len > 5 and op == text", false),
        ("close.code == 1000", false),
        ("text contains x", true),
        ("x", true),
        ("json.a", true),
        ("payload == x", true),
        ("hex contains ff", true),
    ] {
        assert_eq!(parse(filter).unwrap().needs_payload(), needs, "{filter}");
    }
}

struct Known;

impl Values for Known {
    fn values(&self, field: Field) -> Vec<(String, u64)> {
        match field {
            Field::Op => vec![("text".to_owned(), 9), ("reserved-3".to_owned(), 1)],
            Field::Host => vec![("a.example".to_owned(), 1), ("b.example:80".to_owned(), 5)],
            Field::Subprotocol => vec![("chat v1".to_owned(), 2)],
            _ => vec![],
        }
    }
}

fn proposals(text: &str) -> Vec<String> {
    let cursor = text.find('|').expect("a cursor");
    let text = text.replacen('|', "", 1);
    complete(&text, cursor, &Known)
        .into_iter()
        .map(|c| format!("{}{}{}", &text[..c.range.start], c.text, &text[c.range.end..]))
        .collect()
}

#[test]
fn proposals_fit_the_place() {
    assert_eq!(proposals("o|")[..3], ["op", "opcode", "offset"]);
    assert!(proposals("|").len() >= FIELDS.len());
    assert_eq!(proposals("dir == c2s && op == te|"), ["dir == c2s && op == text"]);
    assert_eq!(proposals("op |")[..2], ["op ==", "op !="]);
    assert_eq!(
        proposals("text |"),
        ["text ==", "text !=", "text contains", "text ~", "text in", "text and", "text or"]
    );
    assert_eq!(proposals("op == |")[0], "op == continuation");
    assert!(proposals("op == |").contains(&"op == reserved-3".to_owned()), "it is in the file");
    assert!(!proposals("op == |").contains(&"op == reserved-4".to_owned()));
    assert_eq!(proposals("host == |"), ["host == b.example:80", "host == a.example"]);
    assert_eq!(proposals("host in {a.example, b|"), ["host in {a.example, b.example:80"]);
    assert_eq!(proposals("subproto == |"), ["subproto == \"chat v1\""]);
    assert_eq!(proposals("subproto == \"ch|"), ["subproto == \"chat v1\""]);
    assert_eq!(proposals("op == text a|"), ["op == text and"]);
    assert_eq!(proposals("(fin or op == text) |"), ["(fin or op == text) and", "(fin or op == text) or"]);
    assert_eq!(proposals("mas| == true")[0], "masked == true");
    assert!(proposals("websocket.op|").contains(&"websocket.opcode".to_owned()));
    assert!(proposals("port|").contains(&"src.port".to_owned()));
    let counts: Vec<_> =
        complete("op == t", 7, &Known).into_iter().map(|c| (c.text, c.count, c.help)).collect();
    assert_eq!(counts[0], ("text".to_owned(), Some(9), "0x1".to_owned()));
}

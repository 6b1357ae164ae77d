//! Reads a capture the way the program does and gives its NDJSON records, parsed: the contract is what is tested.

use proptest::test_runner::Config as ProptestConfig;
use serde_json::Value;
use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, PayloadMode, Report as _, Selection};

/// What was read.
#[derive(Debug)]
pub struct Output {
    /// Each line as printed.
    pub lines: Vec<String>,
    /// Each line as an object.
    pub records: Vec<Value>,
}

/// So many cases, or as many as `PROPTEST_CASES` says.
pub fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig::default();
    let cases = if asked { default.cases } else { cases };
    ProptestConfig { cases, max_shrink_iters: 300, ..default }
}

/// Limits that keep the payloads of the tests whole.
pub fn keep_all() -> Limits {
    let mut limits = Limits::default();
    limits.depth.keep = 1 << 30;
    limits
}

/// Everything in a capture that is in memory.
pub fn read(file: Vec<u8>) -> Output {
    let capture = Capture::from_bytes(file).expect("a capture");
    read_as(capture, keep_all(), Levels::ALL, PayloadMode::Full)
}

/// A capture, with these limits, as these records.
pub fn read_as(capture: Capture, limits: Limits, level: Levels, payload: PayloadMode) -> Output {
    let text = print(capture, limits, level, payload);
    let text = String::from_utf8(text).expect("the output is UTF-8");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let records = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    Output { lines, records }
}

/// The bytes that are printed.
pub fn print(mut capture: Capture, limits: Limits, level: Levels, payload: PayloadMode) -> Vec<u8> {
    let mut out = Vec::new();
    let selection = Selection { levels: level, payload, ..Selection::default() };
    let mut sink = Ndjson::new(&mut out, selection, false);
    let summary = run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
    sink.finish(&summary).expect("memory can be written");
    out
}

impl Output {
    /// The records of a kind.
    pub fn kind<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.records.iter().filter(move |record| record["kind"] == kind)
    }

    /// The connections.
    pub fn connections(&self) -> Vec<&Value> {
        self.kind("connection").collect()
    }

    /// The frames.
    pub fn frames(&self) -> Vec<&Value> {
        self.kind("frame").collect()
    }

    /// The messages, control frames included.
    pub fn messages(&self) -> Vec<Message> {
        self.kind("message").map(Message::of).collect()
    }

    /// The messages of one direction of one connection.
    pub fn said(&self, conn: u64, dir: &str) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.conn == conn && message.dir == dir).collect()
    }

    /// The codes of all findings, in order.
    pub fn codes(&self) -> Vec<&str> {
        self.kind("finding").map(|finding| finding["code"].as_str().expect("code")).collect()
    }

    /// The findings with this code.
    pub fn findings(&self, code: &str) -> Vec<&Value> {
        self.kind("finding").filter(|finding| finding["code"] == code).collect()
    }

    /// The summary.
    pub fn summary(&self) -> &Value {
        self.kind("summary").next().expect("a summary")
    }
}

/// A message as printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number of its connection.
    pub conn: u64,
    /// `c2s` or `s2c`.
    pub dir: String,
    /// What it is.
    pub op: String,
    /// Its bytes, of the text or of the hexadecimal digits.
    pub bytes: Vec<u8>,
    /// Whether it was printed as text.
    pub as_text: bool,
    /// How many frames.
    pub frames: u64,
    /// Whether it was compressed.
    pub compressed: bool,
    /// How sure it is.
    pub integrity: String,
    /// Code and reason of a Close.
    pub close: (Option<u64>, Option<String>),
}

impl Message {
    fn of(record: &Value) -> Self {
        let word = |key: &str| record[key].as_str().expect(key).to_owned();
        let text = record["text"].as_str();
        let bytes = match text {
            Some(text) => text.as_bytes().to_vec(),
            None => hex::decode(record["hex"].as_str().expect("text or hex")).expect("hex"),
        };
        Self {
            conn: record["conn"].as_u64().expect("conn"),
            dir: word("dir"),
            op: word("op"),
            bytes,
            as_text: text.is_some(),
            frames: record["frames"].as_u64().expect("frames"),
            compressed: record["compressed"].as_bool().expect("compressed"),
            integrity: word("integrity"),
            close: (record["close_code"].as_u64(), record["close_reason"].as_str().map(str::to_owned)),
        }
    }
}

//! SARIF 2.1.0 (OASIS): findings for CI systems and editors that collect them.
//!
//! One run. Each finding is a result: its rule, its level (`error`, `warning`, `note`), its text, and the capture it
//! was found in. Packets, frames and messages are in `properties`, for a capture has no lines; a `logicalLocation`
//! names them for readers. Only rules that were broken are described. Counts of findings that are not listed one by
//! one are in the run's `properties`.

use std::fmt::Arguments;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Lead, Ordered, Report, Selection, Summary};
use crate::json::write_value;
use crate::model::{Rule, Severity, Time};
use crate::pipeline::{Connection, Ended, Sink};
use crate::ws::Spot;

const HEAD: &[u8] = b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"results\":[";

/// A comma between results.
#[derive(Debug, Default)]
struct Comma {
    several: bool,
}

impl Lead for Comma {
    type Tag = ();

    fn lead(&mut self, (): &(), out: &mut Vec<u8>) {
        if self.several {
            out.push(b',');
        }
        self.several = true;
        out.push(b'\n');
    }
}

/// Writes SARIF.
#[derive(Debug)]
pub struct Sarif<W> {
    out: Ordered<W, Comma>,
    selection: Selection,
    /// What the captures are called.
    sources: Vec<String>,
    matched: u64,
}

impl<W: Write> Sarif<W> {
    /// A report to `out`. `sources`: the names of the captures, as they were given.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, selection: Selection, sources: Vec<String>) -> io::Result<Self> {
        out.write_all(HEAD)?;
        Ok(Self { out: Ordered::with_lead(out, Comma::default(), false), selection, sources, matched: 0 })
    }
}

impl<W: Write> Report for Sarif<W> {
    fn failed(&self) -> bool {
        self.out.failed()
    }

    fn matched(&self) -> u64 {
        self.matched
    }

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn finish(self, summary: &Summary) -> io::Result<()> {
        let Self { out, selection, sources, .. } = self;
        let mut out = out.finish()?;
        let part = selection.filter.is_some() || !selection.connections.is_empty();
        let counts = if part { &selection.chosen } else { &summary.totals.findings };
        let broken: Vec<(&Rule, u64)> =
            counts.iter().filter(|(rule, count)| *count > 0 && selection.shows_rule(rule)).collect();
        let driver = json!({
            "name": "wslens",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": broken.iter().map(|(rule, _)| describe(rule)).collect::<Value>(),
        });
        let artifacts = sources.iter().map(|source| json!({ "location": { "uri": uri(source) } }));
        let findings = broken.iter().map(|(rule, count)| (rule.code, Value::from(*count)));
        let tail = json!({
            "tool": { "driver": driver },
            "artifacts": artifacts.collect::<Value>(),
            "invocations": [{ "executionSuccessful": summary.input_complete }],
            "properties": { "packets": summary.packets, "findings": findings.collect::<Value>() },
        });
        // The run's object is open: its results were written as they came.
        let mut bytes = b"\n],".to_vec();
        let mut rest = Vec::new();
        write_value(&mut rest, &tail);
        bytes.extend_from_slice(rest.get(1..).unwrap_or_default());
        bytes.extend_from_slice(b"]}\n");
        out.write_all(&bytes)?;
        out.flush()
    }
}

impl<W: Write> Sink for Sarif<W> {
    fn begins(&mut self, first: Time) {
        self.selection.begins(first);
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        if self.selection.finding(connection, rule, spot, text) {
            self.matched += 1;
            let source = (self.sources.len() == 1).then(|| self.sources.first()).flatten();
            let result = result(source, connection, rule, spot, text);
            self.out.tagged(spot.place.packet, (), |out| write_value(out, &result));
        }
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        let _ = self.selection.ended(ended);
    }

    fn watermark(&mut self, packet: u64) {
        self.out.watermark(packet);
    }
}

/// SARIF's word for a severity.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.summary },
        "help": { "text": format!("{} Reference: {}", rule.advice, rule.reference) },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(
    source: Option<&String>,
    connection: Option<&Connection>,
    rule: &Rule,
    spot: Spot,
    text: Arguments<'_>,
) -> Value {
    let places = [
        ("connection", connection.map(|connection| u64::from(connection.id.0))),
        ("message", spot.message),
        ("frame", spot.frame),
        ("packet", Some(spot.place.packet).filter(|packet| *packet > 0)),
    ];
    let known = || places.iter().filter_map(|(name, number)| number.map(|number| (*name, number)));
    let names: Vec<String> = known().map(|(name, number)| format!("{name} {number}")).collect();
    let mut location = Map::new();
    if let Some(source) = source {
        let artifact = json!({ "artifactLocation": { "index": 0, "uri": uri(source) } });
        location.insert("physicalLocation".into(), artifact);
    }
    let name = if names.is_empty() { "capture".to_owned() } else { names.join(", ") };
    location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": name }]));
    let mut properties = Map::new();
    properties.insert("time".into(), spot.place.time.to_string().into());
    properties.extend(known().map(|(name, number)| (name.to_owned(), number.into())));
    if let Some(direction) = spot.direction {
        properties.insert("direction".into(), direction.name().into());
    }
    json!({
        "ruleId": rule.code,
        "level": level(rule.severity),
        "message": { "text": text.to_string() },
        "locations": [location],
        "properties": properties,
    })
}

/// A file's name as a URI reference (RFC 3986): everything but unreserved characters and `/` is encoded.
fn uri(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    // A colon in the first part would make it a scheme.
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_uri_references() {
        assert_eq!(uri("a/b-1.pcapng"), "a/b-1.pcapng");
        assert_eq!(uri("c:\\é 1"), "c%3A%5C%C3%A9%201");
    }
}

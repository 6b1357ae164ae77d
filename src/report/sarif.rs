//! SARIF 2.1.0 (OASIS): findings for CI systems and editors that collect them.
//!
//! One run. Each finding is a result: its rule, its level (`error`, `warning`, `note`), its text, and the capture it
//! was found in. Packets, frames and messages are in `properties`, for a capture has no lines; a `logicalLocation`
//! names them for readers. Only rules that were broken are described. Counts of findings that are not listed one by
//! one are in the run's `properties`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{FindingRecord, Lead, Ordered, RecordFormat, RecordWriter, Selection, Summary};
use crate::json::write_value;
use crate::model::{Rule, Severity};

const HEAD: &[u8] = b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"results\":[";

/// A comma between results.
#[derive(Debug, Default)]
pub struct Comma {
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
pub type Sarif<W> = RecordWriter<W, SarifFormat>;

/// A result for each finding.
#[derive(Debug)]
pub struct SarifFormat {
    /// The names of the captures.
    sources: Vec<String>,
}

impl<W: Write> Sarif<W> {
    /// Creates a report that writes to `out`. `sources` are the names of the captures, as the user gave them.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, selection: Selection, sources: Vec<String>) -> io::Result<Self> {
        out.write_all(HEAD)?;
        let out = Ordered::with_lead(out, Comma::default(), false);
        Ok(Self::with_format(out, selection, SarifFormat { sources }))
    }
}

impl RecordFormat for SarifFormat {
    type Lead = Comma;

    fn finding<W: Write>(&mut self, out: &mut Ordered<W, Comma>, _: &Selection, finding: &FindingRecord<'_>) {
        let source = (self.sources.len() == 1).then(|| self.sources.first()).flatten();
        let result = result(source, finding);
        out.tagged(finding.spot.place.packet, (), |out| write_value(out, &result));
    }

    fn finish<W: Write>(
        self,
        out: Ordered<W, Comma>,
        selection: &Selection,
        _: u64,
        summary: &Summary,
    ) -> io::Result<()> {
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
        let artifacts = self.sources.iter().map(|source| json!({ "location": { "uri": uri(source) } }));
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
        "shortDescription": { "text": rule.summary.en },
        "help": { "text": format!("{} Reference: {}", rule.advice(), rule.reference) },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(source: Option<&String>, finding: &FindingRecord<'_>) -> Value {
    let FindingRecord { connection, rule, spot, text } = *finding;
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

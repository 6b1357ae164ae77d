//! `wslens check` for CI systems: SARIF and JUnit, read by parsers that know nothing of us.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn check(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_wslens"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("check")
        .args(arguments)
        .output()
        .expect("it runs");
    assert!(output.stderr.is_ascii() || std::str::from_utf8(&output.stderr).is_ok());
    output
}

/// Findings as the machine output has them: code and packet.
fn findings(arguments: &[&str]) -> Vec<(String, u64)> {
    let output = check(&[arguments, &["--format", "ndjson"]].concat());
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.map(|row| {
        (row["code"].as_str().expect("a code").to_owned(), row["packet"].as_u64().expect("a packet"))
    })
    .collect()
}

const VIOLATIONS: &str = "captures/violations/capture.pcapng";
const CHAT: &str = "captures/chat-deflate/capture.pcapng";

#[test]
fn sarif_holds_the_findings_and_describes_their_rules() {
    for arguments in
        [&[VIOLATIONS][..], &[CHAT], &[VIOLATIONS, "--only", "reserved-opcode,unmasked-client-frame"]]
    {
        let output = check(&[arguments, &["--format", "sarif"]].concat());
        let log: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        let results = run["results"].as_array().expect("results");
        let told: Vec<(String, u64)> = results
            .iter()
            .map(|result| {
                let rule = result["ruleId"].as_str().expect("a rule");
                let described = rules.iter().find(|described| described["id"] == rule).expect("is described");
                assert_eq!(described["defaultConfiguration"]["level"], result["level"], "{rule}");
                assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
                let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
                assert_eq!(place["uri"], run["artifacts"][0]["location"]["uri"]);
                (rule.to_owned(), result["properties"]["packet"].as_u64().unwrap_or(0))
            })
            .collect();
        assert_eq!(told, findings(arguments), "{arguments:?}");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    }
}

#[test]
fn junit_fails_what_makes_the_exit_code_one() {
    let python = |xml: &Path| {
        let script = "import sys, xml.etree.ElementTree as t\nr = t.parse(sys.argv[1]).getroot()\n\
            c = r.findall('./testsuite/testcase')\nprint(len(c), len([1 for x in c if x.find('failure') is not None]))";
        Command::new("python3").arg("-c").arg(script).arg(xml).output()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("findings.xml");
    let name = file.to_str().expect("a name");
    for (capture, fail_on) in
        [(VIOLATIONS, "error"), (VIOLATIONS, "warning"), (VIOLATIONS, "never"), (CHAT, "error")]
    {
        let output = check(&[capture, "--fail-on", fail_on, "--format", "junit", "-o", name, "--force"]);
        let Ok(parsed) = python(&file) else {
            eprintln!("skipped: there is no python3 to read XML with");
            return;
        };
        assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
        let counts = String::from_utf8(parsed.stdout).expect("UTF-8");
        let counts: Vec<usize> = counts.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        assert_eq!(counts[0], findings(&[capture]).len().max(1), "{capture}");
        assert_eq!(counts[1] > 0, output.status.code() == Some(1), "{capture} --fail-on {fail_on}");
    }
}

#[test]
fn only_findings_can_be_printed_so() {
    for format in ["sarif", "junit"] {
        let read =
            Command::new(env!("CARGO_BIN_EXE_wslens")).args(["read", CHAT, "--format", format]).output();
        let read = read.expect("it runs");
        assert_eq!(read.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&read.stderr).contains("wslens check"));
    }
}

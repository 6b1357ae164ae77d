//! `wslens version`: what this program is, what it was built with, and what protects it here.

use std::io::{self, Write};

use crate::sandbox::{self, Plan};

/// Says which version this is; answers the exit code. `verbose`: and what it can do here.
///
/// # Errors
/// Those of standard output.
pub fn run(verbose: bool) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    writeln!(out, "wslens {}", env!("CARGO_PKG_VERSION"))?;
    if verbose {
        writeln!(out, "\nbuilt with")?;
        let features = [
            ("live capture", cfg!(all(feature = "live", unix))),
            ("terminal UI", true),
            ("TLS with key logs", cfg!(feature = "tls")),
        ];
        for (what, is_there) in features {
            writeln!(out, "  {what:<18}{}", if is_there { "yes" } else { "no" })?;
        }
        if cfg!(all(feature = "live", unix)) {
            // Before the sandbox: it is read from a list of this process's files.
            let version = libpcap().unwrap_or_else(|| "version unknown".to_owned());
            writeln!(out, "  {:<18}{version}", "libpcap")?;
        }
        write_sandbox(&mut out)?;
    }
    Ok(0)
}

/// The version of libpcap that is loaded, by its file's name: `libpcap.so.1.10.4`.
fn libpcap() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    let path = path.into_iter().find(|path| path.contains("/libpcap.so"))?;
    let path = std::fs::canonicalize(path).ok()?;
    let name = path.file_name()?.to_str()?;
    Some(crate::model::safe_str(name.strip_prefix("libpcap.so.")?).into_owned())
}

/// Enters the sandbox, says what of it holds, and tries what it forbids.
fn write_sandbox(out: &mut dyn Write) -> io::Result<()> {
    if !super::sandbox::is_on() {
        return writeln!(out, "\nsandbox: off (--no-sandbox)");
    }
    let report = sandbox::enter(&Plan::default());
    writeln!(out, "\nsandbox: what holds here while captures are read")?;
    for protection in &report.protections {
        let holds = if protection.holds { "yes" } else { "no" };
        writeln!(out, "  {:<18}{holds:<4}{}", protection.what, protection.how)?;
    }
    let tried = sandbox::tried();
    if !tried.is_empty() {
        writeln!(out, "\ntried in this sandbox")?;
    }
    for (what, is_refused) in tried {
        let end = if is_refused { "refused" } else { "NOT refused" };
        writeln!(out, "  {what:<36}{end}")?;
    }
    Ok(())
}

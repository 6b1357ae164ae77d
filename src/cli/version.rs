//! `wslens version`: prints the version, the build features and the state of the sandbox.

use std::io::{self, Write};

use crate::sandbox::{self, Plan};

/// Prints the version; returns the exit code. `verbose`: also prints the features and the sandbox.
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
            // Read it before entering the sandbox, which blocks /proc/self/maps.
            let version = libpcap().unwrap_or_else(|| "version unknown".to_owned());
            writeln!(out, "  {:<18}{version}", "libpcap")?;
        }
        write_sandbox(&mut out)?;
    }
    Ok(0)
}

/// Returns the version of the loaded libpcap, taken from its file name: `libpcap.so.1.10.4`.
fn libpcap() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    let path = path.into_iter().find(|path| path.contains("/libpcap.so"))?;
    let path = std::fs::canonicalize(path).ok()?;
    let name = path.file_name()?.to_str()?;
    Some(crate::model::safe_str(name.strip_prefix("libpcap.so.")?).into_owned())
}

/// Enters the sandbox, prints which protections are active, and attempts what they forbid.
fn write_sandbox(out: &mut dyn Write) -> io::Result<()> {
    if !super::sandbox::is_on() {
        return writeln!(out, "\nsandbox: off (--no-sandbox)");
    }
    let report = sandbox::enter(&Plan::default());
    writeln!(out, "\nsandbox: protections while captures are read")?;
    for protection in &report.protections {
        let holds = if protection.holds { "yes" } else { "no" };
        writeln!(out, "  {:<18}{holds:<4}{}", protection.what, protection.how)?;
    }
    let tried = sandbox::tried();
    if !tried.is_empty() {
        writeln!(out, "\nattempts inside this sandbox")?;
    }
    for (what, is_refused) in tried {
        let end = if is_refused { "refused" } else { "NOT refused" };
        writeln!(out, "  {what:<36}{end}")?;
    }
    Ok(())
}

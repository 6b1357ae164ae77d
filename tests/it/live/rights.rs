//! Who may capture, and as whom it goes on.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use super::{Running, WSLENS, is_root, may_capture};

/// Who root goes on as.
const NOBODY: u32 = 65_534;

#[test]
fn what_root_starts_goes_on_as_somebody_else() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    for (sudo, user) in [(None, NOBODY), (Some("1234"), 1234)] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let file = folder.path().join("kept.pcapng");
        let mut command = Command::new(WSLENS);
        command.args(["live", "-i", "lo", "-f", "tcp port 1", "-w"]).arg(&file);
        command.env_remove("SUDO_UID").env_remove("SUDO_GID");
        if let Some(sudo) = sudo {
            command.env("SUDO_UID", sudo).env("SUDO_GID", sudo);
        }
        let wslens = Running::start(&mut command);
        let tasks = fs::read_dir(format!("/proc/{}/task", wslens.child.id())).unwrap();
        let mut threads = 0;
        for task in tasks {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(field("Uid:"), vec![user.to_string(); 4]);
            assert_eq!(field("Gid:"), vec![user.to_string(); 4]);
            assert_eq!(field("Groups:"), [user.to_string()]);
            assert_eq!(field("CapEff:"), ["0000000000000000"]);
            assert_eq!(field("CapPrm:"), ["0000000000000000"]);
            assert_eq!(field("NoNewPrivs:"), ["1"]);
            threads += 1;
        }
        assert!(threads >= 3, "the capture's, the saver's and the first one: {threads}");
        let end = wslens.end();
        assert_eq!(end.code, Some(0), "{}", end.said);
        let about = fs::metadata(&file).unwrap();
        assert_eq!((about.uid(), about.gid()), (user, user));
        assert!(about.len() > 100);

        // Files of a ring are made as that user: where it may not, that is said.
        let mut command = Command::new(WSLENS);
        command.args(["live", "-i", "lo", "--ring", "2x1MB", "-w"]).arg(folder.path().join("ring.pcapng"));
        let refused = command.output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("Permission denied") && said.contains("as whom wslens goes on"), "{said}");
    }
}

#[test]
fn who_may_not_capture_is_told_what_to_do() {
    let root = is_root();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["live", "-i", "lo", "-f", "tcp port 8080"];
    let output = if root {
        let program = folder.path().join("wslens");
        fs::copy(WSLENS, &program).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        command.arg(program).args(args).output()
    } else if may_capture() {
        return;
    } else {
        Command::new(WSLENS).args(args).output()
    };
    let Ok(output) = output else { return eprintln!("skipped: no setpriv") };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    assert_eq!(lines[0], "error: cannot capture on lo: operation not permitted");
    assert_eq!(lines[1], "why: reading packets needs CAP_NET_RAW");
    assert!(lines[2].starts_with("try: sudo setcap cap_net_raw+ep"), "{said}");
    assert!(lines[3].starts_with("or: sudo tcpdump -i lo -U -w - 'tcp port 8080' | wslens -"), "{said}");
}

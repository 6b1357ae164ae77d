//! Who may capture, and as whom it goes on.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use super::{Running, WSLENS, is_root, may_capture};

/// Who root goes on as.
const NOBODY: u32 = 65_534;

/// User, effective capabilities and "no new privileges" of each task of a process, and the task's name.
fn tasks(process: u32) -> Vec<(String, u32, String, String)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let about = tasks.map(|task| {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let field = |name: &str| -> Vec<String> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().map(str::to_owned).collect()
        };
        let users = field("Uid:");
        assert!(users.iter().all(|user| *user == users[0]), "{status}");
        assert_eq!(field("CapPrm:"), field("CapEff:"), "{status}");
        let user: u32 = users[0].parse().unwrap();
        if user != 0 {
            assert!(field("Groups:").len() <= 1, "no groups of root: {status}");
        }
        (field("Name:").join(" "), user, field("CapEff:").join(""), field("NoNewPrivs:").join(""))
    });
    about.collect()
}

/// That no task of a process has a right, and each is this user's.
fn assert_no_rights(process: u32, user: u32, threads: usize, about: &str) {
    let tasks = tasks(process);
    assert!(tasks.len() >= threads, "{about}: {tasks:?}");
    for task in &tasks {
        let (_, own, rights, privileges) = task;
        assert_eq!(
            (*own, rights.as_str(), privileges.as_str()),
            (user, "0000000000000000", "1"),
            "{about}: {task:?}"
        );
    }
}

fn live() -> Command {
    let mut command = Command::new(WSLENS);
    command.args(["live", "-i", "lo", "-f", "tcp port 1"]);
    command.env_remove("SUDO_UID").env_remove("SUDO_GID").env_remove("SSLKEYLOGFILE");
    command
}

/// A folder of root's alone, with a key log in it.
fn folder_of_root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tmp")).unwrap();
    fs::write(folder.path().join("keys.log"), "").unwrap();
    fs::set_permissions(folder.path().join("keys.log"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

#[test]
fn whatever_is_asked_for_no_task_keeps_a_right() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    for sudo in [None, Some(1234)] {
        for options in [
            &[][..],
            &["-w", "w.pcapng"],
            &["-o", "rows.ndjson", "-w", "w.pcapng"],
            &["-w", "r.pcapng", "--ring", "2x1MB"],
            #[cfg(feature = "tls")]
            &["--keylog", "keys.log"],
            #[cfg(feature = "tls")]
            &["--keylog", "late.log", "-w", "w.pcapng", "-o", "rows.ndjson"],
            #[cfg(feature = "tls")]
            &["SSLKEYLOGFILE"],
        ] {
            let folder = folder_of_root();
            let mut command = live();
            command.current_dir(folder.path()).args(options.iter().filter(|word| **word != "SSLKEYLOGFILE"));
            if options.contains(&"SSLKEYLOGFILE") {
                command.env("SSLKEYLOGFILE", folder.path().join("keys.log"));
            }
            if let Some(user) = sudo {
                let user = user.to_string();
                command.env("SUDO_UID", &user).env("SUDO_GID", &user);
                // The one that called sudo has a folder of its own.
                fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
            } else {
                // Root alone may write anywhere here, temporary files included.
                command.env("TMPDIR", folder.path().join("tmp"));
            }
            let about = format!("{sudo:?} {options:?}");
            let wslens = Running::start(&mut command);
            let user = sudo.unwrap_or(NOBODY);
            let saves = options.contains(&"-w");
            assert_no_rights(wslens.child.id(), user, if saves { 3 } else { 2 }, &about);
            let end = wslens.end();
            assert_eq!(end.code, Some(0), "{about}: {}", end.said);
            for name in ["w.pcapng", "rows.ndjson", "r_00001"] {
                let made = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
                let made = made.filter(|entry| entry.file_name().to_str().unwrap().starts_with(name));
                for entry in made {
                    let about_it = entry.metadata().unwrap();
                    // Of root, whoever creates it for root; and for nobody else to read.
                    assert_eq!(about_it.uid(), sudo.unwrap_or(0), "{about} {name}");
                    assert_eq!(about_it.mode() & 0o7777, 0o600, "{about} {name}");
                    assert!(name == "rows.ndjson" || about_it.len() > 100, "{about} {name}");
                }
            }
        }
    }
}

#[test]
fn a_symbolic_link_is_not_written_through_and_nothing_else_is_given_away() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    for force in [false, true] {
        for sudo in [None, Some("1234")] {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
            let (target, link) = (folder.path().join("shadow"), folder.path().join("link.pcapng"));
            fs::write(&target, "root:secret").unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::symlink("shadow", &link).unwrap();
            let mut command = live();
            command.args(["--for", "50ms", "-w"]).arg(&link).args(force.then_some("--force"));
            if let Some(sudo) = sudo {
                command.env("SUDO_UID", sudo).env("SUDO_GID", sudo);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            // The link makes room for a new file, or nothing happens: what it points to is not touched.
            assert_eq!(output.status.code(), Some(if force { 0 } else { 2 }), "{said}");
            assert_eq!(fs::read_to_string(&target).unwrap(), "root:secret");
            let about = fs::metadata(&target).unwrap();
            assert_eq!((about.uid(), about.mode() & 0o7777), (0, 0o600));
            assert_eq!(link.symlink_metadata().unwrap().is_symlink(), !force);
        }
    }
    // A folder of root's is none of the caller's.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = live();
    command.args(["--for", "50ms", "-w"]).arg(folder.path().join("w.pcapng"));
    let output = command.env("SUDO_UID", "1234").env("SUDO_GID", "1234").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("Permission denied") && said.contains("wslens creates files as user 1234"),
        "{said}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn every_way_to_have_rights_works_and_ends_without_them() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("wslens");
    fs::copy(WSLENS, &program).unwrap();
    let program = program.to_str().unwrap();
    let rest = ["live", "-i", "lo", "-f", "tcp port 1", "-w", "w.pcapng"];
    let only_raw = ["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all"];
    let ambient = [
        "setpriv",
        "--reuid=1234",
        "--regid=1234",
        "--clear-groups",
        "--inh-caps=-all,+net_raw",
        "--ambient-caps=-all,+net_raw",
    ];
    let namespace = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c"];
    for (before, options, user) in [
        // A container whose root has nothing but what capturing takes: it cannot become anybody.
        (&only_raw[..], &[][..], 0),
        (&ambient, &[], 1234),
        (&[], &["--user", "daemon"], 1),
        (&[], &["--user", "4321:4321"], 4321),
        (&[], &["--user", "root"], 0),
        (&namespace, &[], 0),
    ] {
        let about = format!("{before:?} {options:?}");
        if before.first().is_some_and(|tool| Command::new(tool).arg("--version").output().is_err()) {
            eprintln!("skipped: no {}", before[0]);
            continue;
        }
        let _ = fs::remove_file(folder.path().join("w.pcapng"));
        let words: Vec<&str> = [&[program][..], &rest, options].concat();
        let line =
            format!("ip link set lo up; exec {}", words.join(" ").replace("tcp port 1", "'tcp port 1'"));
        let mut command = match before {
            [] => Command::new(program),
            [tool, ..] => Command::new(tool),
        };
        command.args(before.iter().skip(1));
        if before == namespace {
            command.arg(&line);
        } else {
            command.args(words.iter().skip(usize::from(before.is_empty())));
        }
        command.current_dir(folder.path()).env_remove("SUDO_UID").env_remove("SUDO_GID");
        command.env_remove("SSLKEYLOGFILE");
        let wslens = Running::start(&mut command);
        assert_no_rights(wslens.child.id(), user, 3, &about);
        let end = wslens.end();
        assert_eq!(end.code, Some(0), "{about}: {}", end.said);
        assert!(fs::metadata(folder.path().join("w.pcapng")).unwrap().len() > 100, "{about}");
    }
    let mut command = live();
    let output = command.args(["--user", "nobody-of-this-name", "--for", "1ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Without the right to, nobody becomes anybody else.
    let output = Command::new("setpriv")
        .args(&only_raw[1..])
        .arg(program)
        .args(rest)
        .args(["--user", "daemon"])
        .output();
    assert!(output.is_err() || output.is_ok_and(|output| output.status.code() == Some(4)));
}

#[test]
fn a_program_with_the_capability_in_its_file_ends_without_it() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("wslens");
    fs::copy(WSLENS, &program).unwrap();
    let given = Command::new("setcap").arg("cap_net_raw+ep").arg(&program).status();
    if !given.is_ok_and(|given| given.success()) {
        return eprintln!("skipped: no setcap");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=1234", "--regid=1234", "--clear-groups", "--inh-caps=-all"]).arg(&program);
    command.args(["live", "-i", "lo", "-f", "tcp port 1", "-w", "w.pcapng"]).current_dir(folder.path());
    let wslens = Running::start(&mut command);
    assert_no_rights(wslens.child.id(), 1234, 3, "setcap");
    assert_eq!(wslens.end().code, Some(0));
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

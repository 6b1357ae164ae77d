use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_finite_output_appears_when_it_is_complete_and_leaves_nothing_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let none = Inputs::default();
    let target = Target::create(&path, Growth::Finite, false, &none).unwrap();
    target.writer().write_all(b"half").unwrap();
    assert!(!path.exists());
    drop(target);
    assert!(names(folder.path()).is_empty());
    let target = Target::create(&path, Growth::Finite, false, &none).unwrap();
    target.writer().write_all(b"all").unwrap();
    target.finish(false).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"all");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(names(folder.path()), ["rows"]);
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let target = Target::create(&path, Growth::Finite, false, &Inputs::default()).unwrap();
    fs::write(&path, "another's").unwrap();
    assert!(matches!(target.finish(false), Err(OutputError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), b"another's");
    assert_eq!(names(folder.path()), ["rows"]);
}

#[test]
fn an_existing_file_is_replaced_by_name_only_and_only_with_force() {
    for growth in [Growth::Finite, Growth::Growing] {
        let folder = tempfile::tempdir().unwrap();
        let [path, other, link] = ["rows", "other name", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::hard_link(&path, &other).unwrap();
        symlink("other name", &link).unwrap();
        symlink("nowhere", folder.path().join("loose")).unwrap();
        let create = |path: &Path, force| Target::create(path, growth, force, &Inputs::default());
        for name in [&path, &link, &folder.path().join("loose")] {
            assert!(matches!(create(name, false), Err(OutputError::Exists(_))), "{name:?}");
        }
        for name in [&path, &link] {
            let target = create(name, true).unwrap();
            target.writer().write_all(b"new").unwrap();
            target.finish(true).unwrap();
            assert_eq!(fs::read(name).unwrap(), b"new");
        }
        // Whoever else had the old file has it still; the link is a file of its own now.
        assert_eq!(fs::read(&other).unwrap(), b"old");
        assert!(!link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(names(folder.path()), ["link", "loose", "other name", "rows"]);
    }
}

#[test]
fn a_growing_output_can_be_read_while_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let target = Target::create(&path, Growth::Growing, false, &Inputs::default()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    target.writer().write_all(b"so far").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"so far");
    drop(target);
    assert_eq!(fs::read(&path).unwrap(), b"so far");
}

#[test]
fn an_input_is_never_written_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, "packets").unwrap();
    fs::hard_link(&path, folder.path().join("hard")).unwrap();
    symlink("capture", folder.path().join("soft")).unwrap();
    let before = fs::metadata(&path).unwrap();
    for input in ["capture", "hard", "soft"] {
        let mut inputs = Inputs::default();
        inputs.add(&folder.path().join(input));
        for output in ["capture", "hard", "soft", "./capture", "../x/../capture"] {
            let output = match output.strip_prefix("../x/..") {
                Some(rest) => {
                    folder.path().join("..").join(folder.path().file_name().unwrap()).join(&rest[1..])
                }
                None => folder.path().join(output),
            };
            for (growth, force) in [(Growth::Finite, false), (Growth::Finite, true), (Growth::Growing, true)]
            {
                let refused = Target::create(&output, growth, force, &inputs);
                assert!(matches!(refused, Err(OutputError::Input(_))), "{input} {output:?}");
            }
        }
    }
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.ino(), after.len(), after.mtime_nsec()), (before.ino(), 7, before.mtime_nsec()));
}

#[test]
fn devices_are_written_as_they_are() {
    let target = Target::create(Path::new("/dev/null"), Growth::Finite, false, &Inputs::default()).unwrap();
    target.writer().write_all(b"x").unwrap();
    target.finish(false).unwrap();
    let full = Target::create(Path::new("/dev/full"), Growth::Finite, false, &Inputs::default()).unwrap();
    let error = full.writer().write_all(b"x").unwrap_err();
    assert!(error.to_string().starts_with("cannot write '/dev/full': "), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let refused = Target::create(folder.path(), Growth::Finite, true, &Inputs::default());
    assert!(matches!(refused, Err(OutputError::Directory(_))));
}

#[test]
fn two_names_of_one_output_are_seen_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    let other = folder.path().join("loop/rows");
    assert!(is_same_output(&path, &other) && !is_same_output(&path, &folder.path().join("rows2")));
    fs::write(&path, "").unwrap();
    assert!(is_same_output(&path, &other));
    assert!(is_same_output(Path::new("-"), Path::new("/dev/stdout")));
    assert!(!is_same_output(Path::new("/dev/null"), Path::new("/dev/null")));
}

#[test]
fn files_of_a_ring_have_a_number_and_a_time_and_links_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("day.pcapng");
    let name = ring::name(&base, 7, "20261130094400");
    assert_eq!(name.file_name().unwrap(), "day_00007_20261130094400.pcapng");
    for name in [
        "day_00007_20261130094400.pcapng",
        "day_123456_20261130094400.pcapng",
        // None of these.
        "day_00008.pcapng",
        "day_00008_20261130094400.pcap",
        "day_00008_2026113009440.pcapng",
        "day_0008_20261130094400.pcapng",
        "days_00008_20261130094400.pcapng",
        "day_00008_20261130094400_.pcapng",
    ] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    symlink("day_00008.pcapng", folder.path().join("day_00009_20261130094400.pcapng")).unwrap();
    fs::create_dir(folder.path().join("day_00010_20261130094400.pcapng")).unwrap();
    let files = ring::files(&base).unwrap();
    assert_eq!(files.iter().map(|file| (file.number, file.len)).collect::<Vec<_>>(), [(7, 1), (123_456, 1)]);
}

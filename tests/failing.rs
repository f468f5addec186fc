//! Full disks, folders that cannot be written, inputs that vanish: a clear message, nothing half-written, and the same
//! command goes on when the cause is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::support::{assert_same, clean, corpus, demo_pages, scratch, stderr, stdout, tree};

const SEGMENTS: [&str; 4] = ["--segment-bytes", "64KiB", "--threads", "2"];

struct Case {
    folder: tempfile::TempDir,
    raw: PathBuf,
    out: PathBuf,
    expected: &'static BTreeMap<String, Vec<u8>>,
}

static EXPECTED: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();

/// An input of two files, and what an undisturbed run makes of it.
fn case() -> Case {
    let folder = scratch();
    let raw = folder.path().join("raw");
    fs::create_dir(&raw).unwrap();
    fs::write(raw.join("a.jsonl"), demo_pages(0..16)).unwrap();
    fs::write(raw.join("b.jsonl"), demo_pages(16..18)).unwrap();
    let expected = EXPECTED.get_or_init(|| {
        let whole = folder.path().join("whole");
        clean(&[&raw], &whole, &[&SEGMENTS[..], &["--quiet"]].concat(), 0);
        tree(&whole)
    });
    let out = folder.path().join("out");
    Case { folder, raw, out, expected }
}

impl Case {
    fn finishes(&self) {
        clean(&[&self.raw], &self.out, &[&SEGMENTS[..], &["--quiet"]].concat(), 0);
        assert_same(&tree(&self.out), self.expected);
    }

    /// Starts a run, disturbs it once it has swept a segment, and returns how it ended.
    fn disturbed(&self, disturb: impl Fn()) -> Output {
        for attempt in 0..5 {
            let mut child = corpus()
                .arg("clean")
                .args([&self.raw, &self.out])
                .args(SEGMENTS)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let first = self.out.join(".work/sweep/00000/00000.json");
            while !first.exists() && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            disturb();
            let output = child.wait_with_output().unwrap();
            if output.status.code() != Some(0) {
                return output;
            }
            eprintln!("attempt {attempt}: the run was done before it was disturbed");
            fs::remove_dir_all(&self.out).unwrap();
        }
        panic!("no run was disturbed");
    }
}

/// No file has its name before it is whole: what Parquet files there are can be read to their end.
fn all_is_whole(out: &Path) {
    assert!(!out.join("manifest.json").exists());
    for folder in ["clean", "rejected", "ledger", "signatures", "tokens"] {
        for entry in fs::read_dir(out.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                assert!(
                    shards::read_table(&path, None, 1000).unwrap().all(|batch| batch.is_ok()),
                    "{path:?}"
                );
            }
        }
    }
}

/// `sh` in a mount namespace of its own, where that is allowed.
fn in_own_namespace(script: &str, arguments: &[&Path]) -> Option<Output> {
    let probe = Command::new("unshare").args(["-rm", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no mount namespaces here (unshare -rm)");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_corpus")]).args(arguments);
    Some(command.env_remove("RUST_LOG").env("NO_COLOR", "1").output().unwrap())
}

#[test]
fn a_full_disk_is_told_and_the_run_goes_on_when_there_is_room() {
    let case = case();
    fs::create_dir(&case.out).unwrap();
    let copy = case.folder.path().join("copy");
    // From no room to enough, a quarter more each time: it fails in the sweep, in pack, at the manifest.
    let script = "
        mount -t tmpfs -o size=300k none \"$2\" || exit 9
        size=300
        until \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --threads 2 --quiet >/dev/null; do
            echo \"size $size: $?\" >&2
            size=$((size * 5 / 4))
            mount -o remount,size=${size}k \"$2\"
            [ $size -lt 100000 ] || exit 8
        done
        cp -a \"$2\" \"$3\"";
    let Some(output) = in_own_namespace(script, &[&case.raw, &case.out, &copy]) else { return };
    let words = stderr(&output);
    assert!(output.status.success(), "{words}");
    let failed = words.lines().filter(|line| line.starts_with("size") && line.ends_with(": 2")).count();
    let told = words.matches("No space left on device").count();
    assert!(failed >= 3 && told == failed, "{words}");
    assert!(!words.contains("damaged") && words.contains("has room"), "{words}");
    assert_same(&tree(&copy), case.expected);
    eprintln!("a full disk, {failed} times");
}

#[test]
fn a_limit_on_file_sizes_is_told_like_a_full_disk() {
    let case = case();
    // 40 blocks of 512 bytes; without the trap the system would kill the process.
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --quiet";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_corpus")]).args([&case.raw, &case.out]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("File too large"), "{}", stderr(&output));
    all_is_whole(&case.out);
    case.finishes();
}

#[test]
fn a_folder_that_turns_read_only_is_told() {
    let case = case();
    fs::create_dir(&case.out).unwrap();
    let copy = case.folder.path().join("copy");
    let script = "
        mount -t tmpfs none \"$2\" || exit 9
        \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --threads 2 --quiet >/dev/null &
        while [ ! -e \"$2/.work/sweep/00000/00002.json\" ]; do :; done
        kill -9 $!; wait $!
        mount -o remount,ro \"$2\"
        \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --threads 2 --quiet >/dev/null
        [ $? = 2 ] || exit 7
        mount -o remount,rw \"$2\"
        \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --threads 2 --quiet >/dev/null || exit 8
        mount -o remount,ro \"$2\"
        \"$0\" clean \"$1\" \"$2\" --segment-bytes 64KiB --threads 2 >/dev/null || exit 6
        cp -a \"$2\" \"$3\"";
    let Some(output) = in_own_namespace(script, &[&case.raw, &case.out, &copy]) else { return };
    let words = stderr(&output);
    assert!(output.status.success(), "{:?} {words}", output.status);
    assert!(words.contains("Read-only file system") && words.contains("check permissions"), "{words}");
    assert!(words.contains("nothing was done"), "a finished run needs no writing: {words}");
    assert_same(&tree(&copy), case.expected);
}

#[test]
fn a_file_in_the_place_of_a_folder_is_told() {
    let case = case();
    fs::write(&case.out, "mine").unwrap();
    let refused = clean(&[&case.raw], &case.out, &SEGMENTS, 2);
    assert!(stderr(&refused).contains("is a file, not a folder"), "{}", stderr(&refused));
    assert_eq!(fs::read(&case.out).unwrap(), b"mine");
    fs::remove_file(&case.out).unwrap();

    fs::create_dir(&case.out).unwrap();
    fs::write(case.out.join("ledger"), "in the way").unwrap();
    let failed = clean(&[&case.raw], &case.out, &[&SEGMENTS[..], &["--quiet"]].concat(), 2);
    assert!(stderr(&failed).contains("ledger"), "{}", stderr(&failed));
    all_is_whole(&case.out);
    fs::remove_file(case.out.join("ledger")).unwrap();
    case.finishes();
}

#[test]
fn an_input_that_vanishes_stops_the_run_and_it_goes_on_when_it_is_back() {
    let case = case();
    let (path, aside) = (case.raw.join("b.jsonl"), case.folder.path().join("aside"));
    let output = case.disturbed(|| {
        let _ = fs::rename(&path, &aside);
    });
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(words.contains("b.jsonl") && words.contains("No such file"), "{words}");
    assert!(words.contains("run the same command again"), "{words}");
    all_is_whole(&case.out);
    // Without it, the input is another one.
    let refused = clean(&[&case.raw], &case.out, &SEGMENTS, 2);
    assert!(stderr(&refused).contains("b.jsonl differs"), "{}", stderr(&refused));
    fs::rename(&aside, &path).unwrap();
    case.finishes();
}

#[test]
fn an_input_that_shrinks_stops_the_run() {
    let case = case();
    let path = case.raw.join("a.jsonl");
    let whole = fs::read(&path).unwrap();
    let output = case.disturbed(|| {
        fs::write(&path, &whole).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    });
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(words.contains("shrank") && words.contains("--no-mmap"), "{words}");
    all_is_whole(&case.out);
    fs::write(&path, &whole).unwrap();
    case.finishes();
}

#[test]
fn pages_that_cannot_be_read_end_the_run_with_a_word() {
    let case = case();
    let mut child = corpus()
        .arg("clean")
        .args([&case.raw, &case.out])
        .args(SEGMENTS)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !case.out.join(".work/run.json").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    Command::new("kill").args(["-BUS", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("--no-mmap"), "{}", stderr(&output));
    case.finishes();
}

#[test]
fn what_is_no_file_is_left_out_and_what_the_system_does_not_give_is_named() {
    let case = case();
    let pipe = case.raw.join("pipe.jsonl");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // A regular file whose first byte the system answers with an input/output error.
    std::os::unix::fs::symlink("/proc/self/mem", case.raw.join("torn.jsonl")).unwrap();
    let output = clean(&[&case.raw], &case.out, &SEGMENTS, 1);
    let words = stderr(&output);
    assert!(words.contains("pipe.jsonl: not a regular file"), "{words}");
    assert!(words.contains("torn.jsonl: Input/output error"), "{words}");
    assert!(stdout(&output).contains("kept"), "{}", stdout(&output));
}

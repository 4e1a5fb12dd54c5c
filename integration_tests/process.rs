//! The process: signals, and what is left behind.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use awin_sandbox::{Bulk, Fault, FaultKind, Sandbox};

use crate::support::connector::catalog;
use crate::support::protocol::assert_valid;
use crate::support::setup::{HEART, connector, sandbox};
use crate::support::{Connector, Output};

const SIGNALS: [(&str, i32); 2] = [("TERM", 15), ("INT", 2)];

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "the process is there");
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

/// Waits until `marker` has been said, sends the signal, reads the rest. Gives all that was said and how it ended.
fn interrupt(mut child: Child, process: impl Fn(&Child) -> u32, marker: &str, signal: &str) -> (Output, ExitStatus) {
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut raw = Vec::new();
    while !String::from_utf8_lossy(&raw).contains(marker) {
        let mut line = Vec::new();
        assert!(reader.read_until(b'\n', &mut line).expect("readable") > 0, "{marker} was never said");
        raw.extend(line);
    }
    let process = process(&child);
    let before = Instant::now();
    send(signal, process);
    // Said again for as long as it is not heard: a signal to number one of a namespace may be lost, and a test must not wait for ever.
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let again = std::thread::spawn({
        let signal = signal.to_owned();
        move || {
            while is_done.recv_timeout(Duration::from_millis(500)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).stderr(Stdio::null()).status();
            }
        }
    });
    reader.read_to_end(&mut raw).expect("readable");
    drop(done);
    again.join().expect("no panic");
    let ended = child.wait_with_output().expect("ends");
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    (Output::new(&raw, &ended.stderr, ended.status.code()), ended.status)
}

/// Sandboxes in which a sync does not end by itself soon: calls that hang, rows without end, a quota that is used up.
fn endless() -> Vec<(Sandbox, Connector, &'static str)> {
    let hanging = sandbox();
    hanging.world().faults.push(Fault::on("/transactions/", FaultKind::Hang));
    let bulky = sandbox();
    bulky.world().bulk = Some(Bulk { rows_per_window: 5_000_000 });
    let waiting = sandbox();
    let of_hanging = connector(&hanging);
    let of_bulky = connector(&bulky);
    let of_waiting = connector(&waiting).with("requests_per_minute", 2);
    vec![(hanging, of_hanging, "STARTED"), (bulky, of_bulky, "RECORD"), (waiting, of_waiting, "RATE_LIMITED")]
}

/// [c77]
#[test]
fn a_signal_ends_the_run_within_seconds_with_whole_lines() {
    for (signal, number) in SIGNALS {
        for (_sandbox, connector, marker) in endless() {
            let child = start(connector.read_command(&catalog(&HEART, "incremental"), None));
            let (output, status) = interrupt(child, Child::id, marker, signal);
            assert_eq!(status.signal(), Some(number), "{marker}: {status:?}");
            assert_valid(&output);
            assert_eq!(output.stderr, "");
        }
    }
}

/// [c77]
#[test]
fn process_one_of_a_container_ends_on_a_signal() {
    // Root may make a process number one, others mostly within a user namespace.
    let ways: [&[&str]; 2] = [&["--pid", "--fork"], &["--user", "--map-root-user", "--pid", "--fork"]];
    let works =
        |way: &&[&str]| Command::new("unshare").args(*way).arg("true").output().is_ok_and(|output| output.status.success());
    let Some(way) = ways.into_iter().find(works) else { return };
    // What `unshare` has started: number one of its own world, and of another number in ours.
    let inner = |child: &Child| {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("Linux");
        children.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a child")
    };
    for (signal, number) in SIGNALS {
        for (_sandbox, connector, marker) in endless() {
            let plain = connector.read_command(&catalog(&HEART, "incremental"), None);
            let mut command = Command::new("unshare");
            command.args(way).arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
            command.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
            let (output, status) = interrupt(start(command), inner, marker, signal);
            assert_eq!(status.code(), Some(128 + number), "{marker}: {status:?}");
            assert_valid(&output);
        }
    }
}

/// [c77] The reader has stopped reading: the process ends all the same.
#[test]
fn a_signal_ends_a_run_that_nobody_reads() {
    let (_sandbox, connector, _) = endless().remove(1);
    let mut child = start(connector.read_command(&catalog(&HEART, "incremental"), None));
    let mut first = [0; 1000];
    child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("lines");
    // Time for the pipe to fill up.
    std::thread::sleep(Duration::from_millis(300));
    let before = Instant::now();
    send("TERM", child.id());
    let status = child.wait().expect("ends");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    assert_eq!(status.signal(), Some(15));
}

/// [c78]
#[test]
fn a_signal_after_the_answer_does_not_look_like_a_failure() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for (name, answer) in [("spec", "SPEC"), ("check", "CONNECTION_STATUS"), ("discover", "CATALOG")] {
        for _ in 0..5 {
            let mut child = start(connector.command(name));
            let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
            let mut line = String::new();
            while !line.contains(&format!("\"type\":\"{answer}\"")) {
                line.clear();
                assert!(reader.read_line(&mut line).expect("UTF-8") > 0, "no answer");
            }
            // It may be gone already.
            let _ = Command::new("kill").arg("-TERM").arg(child.id().to_string()).stderr(Stdio::null()).status();
            let status = child.wait().expect("ends");
            assert!(status.code() == Some(0) || status.signal() == Some(15), "{name}: {status:?}");
        }
    }
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("our folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap_or_default()))
        .collect();
    found.sort();
    found
}

/// [c9] [c79]
#[test]
fn repeated_runs_leave_nothing_behind() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let scratch = tempfile::tempdir().expect("a folder");
    let catalog = catalog(&HEART, "incremental");
    drop(connector.read(&HEART, None).ok());
    drop(Output::of(&mut connector.read_command(&catalog, None)));
    let before = files(connector.folder.path());
    for _ in 0..3 {
        for name in ["spec", "check", "discover", "read"] {
            let mut command = if name == "read" { connector.read_command(&catalog, None) } else { connector.command(name) };
            for key in ["TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
                command.env(key, scratch.path());
            }
            Output::of(command.current_dir(scratch.path())).ok();
        }
    }
    assert_eq!(files(scratch.path()), []);
    assert_eq!(files(connector.folder.path()), before);
}

/// [c9] [c79] No file is opened for writing, anywhere.
#[test]
fn no_file_is_written_anywhere() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    if !Command::new("strace").args(["-f", "true"]).output().is_ok_and(|output| output.status.success()) {
        // There is no strace here: the test before this one must do.
        return;
    }
    for name in ["spec", "check", "discover", "read"] {
        let plain =
            if name == "read" { connector.read_command(&catalog(&HEART, "incremental"), None) } else { connector.command(name) };
        let trace = connector.folder.path().join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-e", "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,link,symlink,execve"])
            .arg("-o")
            .arg(&trace);
        command.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
        command.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Output::of(&mut command).ok();
        let text = std::fs::read_to_string(&trace).expect("strace wrote it");
        assert!(text.contains("openat("), "{name}");
        for word in ["O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "rename", "link("] {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(word) && !line.contains("/dev/null")).collect();
            assert!(lines.is_empty(), "{name}: {lines:?}");
        }
        assert_eq!(text.matches("execve(").count(), 1, "{name} starts no other program");
    }
}

//! The command line: flags, files, what surrounds the process.
//!
//! Each surrounding is a short test of its own; that makes this file long.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::connector::catalog;
use crate::support::protocol::essence;
use crate::support::setup::{HEART, changed, connector, properties, sandbox};
use crate::support::{Connector, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_source-awin");
const COMMANDS: [&str; 4] = ["spec", "check", "discover", "read"];

/// One of the four commands with its usual files.
fn command(connector: &Connector, name: &str) -> Command {
    match name {
        "read" => connector.read_command(&catalog(&HEART, "incremental"), None),
        _ => connector.command(name),
    }
}

/// A bare command on the connector's clock.
fn bare(connector: &Connector, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null()).env("SOURCE_AWIN_TEST_NOW", &connector.now);
    command
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// [c1]
#[test]
fn flags_work_in_any_order_and_in_both_forms() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let first = connector.read(&HEART, None).ok();
    let config = connector.file("c", connector.config.to_string().as_bytes());
    let catalog = connector.file("k", catalog(&HEART, "incremental").to_string().as_bytes());
    let state = connector.file("s", first.state().to_string().as_bytes());
    let (config, catalog, state) = (path(&config), path(&catalog), path(&state));
    let files = [("--config", config), ("--catalog", catalog), ("--state", state)];
    let mut answers = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        for joined in [false, true] {
            let mut arguments = vec!["read".to_owned()];
            for (flag, file) in order.map(|index| files[index]) {
                if joined {
                    arguments.push(format!("{flag}={file}"));
                } else {
                    arguments.extend([flag.to_owned(), file.to_owned()]);
                }
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            answers.push(essence(&Output::of(&mut bare(&connector, &arguments)).ok()));
        }
    }
    assert!(answers[0].iter().any(|line| line["type"] == "RECORD"));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let joined = format!("--config={config}");
    for (name, answer) in [("check", "CONNECTION_STATUS"), ("discover", "CATALOG")] {
        for arguments in [&[name, "--config", config][..], &[name, &joined]] {
            assert_eq!(Output::of(&mut bare(&connector, arguments)).ok().of_type(answer).len(), 1, "{arguments:?}");
        }
    }
    assert_eq!(Output::of(&mut bare(&connector, &["spec"])).ok().of_type("SPEC").len(), 1);
}

/// [c2]
#[test]
fn debug_after_any_command_only_adds_debug_lines() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for name in COMMANDS {
        let plain = Output::of(&mut command(&connector, name)).ok();
        let debug = Output::of(command(&connector, name).arg("--debug")).ok();
        assert_eq!(essence(&plain), essence(&debug), "{name}");
        assert_eq!(plain.logs("DEBUG"), Vec::<String>::new(), "{name}");
        assert_eq!(debug.stderr, "", "{name}");
        let calls = matches!(name, "check" | "read");
        assert_eq!(!debug.logs("DEBUG").is_empty(), calls, "{name}: calls are logged");
        let mut first = bare(&connector, &[name, "--debug"]);
        first.args(command(&connector, name).get_args().skip(1));
        assert_eq!(essence(&Output::of(&mut first).ok()), essence(&plain), "{name} --debug before the other flags");
    }
}

/// [c3]
#[test]
fn wrong_usage_exits_with_2_and_is_explained_on_stderr_alone() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let config = connector.file("config.json", connector.config.to_string().as_bytes());
    let config = path(&config);
    for arguments in [
        &[][..],
        &["nonsense"],
        &["--nonsense"],
        &["write", "--config", config],
        &["--debug", "spec"],
        &["--config", config, "check"],
        &["check"],
        &["check", "--config"],
        &["check", "--config", config, "--nonsense"],
        &["check", "--config", config, "more"],
        &["discover"],
        &["discover", "--config", config, "--catalog", config],
        &["read"],
        &["read", "--config", config],
        &["read", "--catalog", config],
        &["read", "--config", config, "--catalog", config, "--state"],
        &["spec", "--nonsense"],
    ] {
        let output = Output::of(&mut bare(&connector, arguments));
        assert_eq!((output.code, output.raw.len()), (Some(2), 0), "{arguments:?}: {output:?}");
        // A flag without its value is explained without the usage.
        let explained = if arguments.last().is_some_and(|last| matches!(*last, "--config" | "--state")) {
            output.stderr.contains("value is required")
        } else {
            output.stderr.contains("Usage: source-awin")
        };
        assert!(explained, "{arguments:?}: {}", output.stderr);
    }
    assert!(sandbox.calls().is_empty());
}

/// Whoever reads nothing else finds everything in the help.
#[test]
fn the_help_has_examples_exit_codes_variables_and_links() {
    let help = |arguments: &[&str]| {
        let output = Command::new(BINARY).args(arguments).output().expect("starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let text = help(&["--help"]);
    for wanted in [
        "source-awin read     --config config.json --catalog catalog.json --state state.json >> output.jsonl",
        "\nExit codes:\n  0  done",
        "LOG_LEVEL",
        "HTTPS_PROXY, NO_PROXY",
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "https://ui.awin.com/awin-api",
        "https://github.com/source-awin/source-awin/issues",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
    assert!(help(&["read", "--help"]).contains("a configured catalog, or the output of `discover`"));
    let spec: Value = serde_json::from_str(include_str!("../spec.json")).expect("JSON");
    let protocol = spec["protocol_version"].as_str().expect("a version");
    assert_eq!(help(&["--version"]), format!("source-awin {} (Airbyte protocol {protocol})\n", env!("CARGO_PKG_VERSION")));
}

/// The help shows a way to begin: each of its commands does what it says.
#[test]
fn the_examples_of_the_help_work() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let text = Command::new(BINARY).arg("--help").output().expect("starts").stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    let examples: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("source-awin ")).collect();
    assert_eq!(examples.len(), 4, "{text}");
    connector.file("config.json", connector.config.to_string().as_bytes());
    connector.file("state.json", b"[]");
    for example in examples {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{BINARY} {example}")]).current_dir(connector.folder.path());
        let output = shell.env("SOURCE_AWIN_TEST_NOW", &connector.now).output().expect("starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{example}: {output:?}");
    }
    let messages = std::fs::read_to_string(connector.folder.path().join("output.jsonl")).expect("written");
    assert!(messages.contains("\"type\":\"RECORD\""));
}

/// What a file may hold that is no configuration and no catalog.
const NO_OBJECTS: [&str; 8] = ["", " \n", "{", "[]", "null", "\"s3cr3t-c0nt3nt\"", "17", "{\"api_token\": s3cr3t-c0nt3nt}"];

/// Asserts that `output` is the answer to a file that cannot be used: the answer of the command, the path, no content.
#[track_caller]
fn assert_unusable(name: &str, file: &str, output: &Output) {
    let message = if name == "check" {
        assert_eq!((output.code, output.errors()), (Some(0), vec![]), "{output:?}");
        let answers = output.of_type("CONNECTION_STATUS");
        assert_eq!((answers.len(), &answers[0]["connectionStatus"]["status"]), (1, &json!("FAILED")));
        answers[0]["connectionStatus"]["message"].as_str().expect("a message").to_owned()
    } else {
        let errors = output.errors();
        assert_eq!((output.code, errors.len()), (Some(1), 1), "{output:?}");
        assert_eq!(errors[0].1, "config_error", "{errors:?}");
        errors[0].2.clone()
    };
    assert!(message.contains(file), "{name}: the file {file} is not named: {message}");
    let text = String::from_utf8_lossy(&output.raw);
    assert!(!text.contains("s3cr3t") && !text.contains("panick") && output.stderr.is_empty(), "{text}{}", output.stderr);
    assert!(output.of_type("RECORD").is_empty() && output.of_type("CATALOG").is_empty());
}

/// [c4]
#[test]
fn files_that_cannot_be_used_are_config_errors_that_name_path_and_reason() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let good = connector.file("good.json", connector.config.to_string().as_bytes());
    let catalog = connector.file("catalog.json", catalog(&HEART, "incremental").to_string().as_bytes());
    let (good, catalog) = (path(&good), path(&catalog));
    // A directory stands for what cannot be read: tests may run as a user who can read everything.
    let mut bad = vec!["/nowhere/at/all.json".to_owned(), path(connector.folder.path()).to_owned()];
    let mut no_states = bad.clone();
    for (index, text) in NO_OBJECTS.iter().enumerate() {
        bad.push(path(&connector.file(&format!("bad {index}"), text.as_bytes())).to_owned());
    }
    bad.push(path(&connector.file("latin", b"{\"api_token\": \"s3cr3t-c0nt3nt\xe9\"}")).to_owned());
    for text in ["{", "\"s3cr3t-c0nt3nt\"", "17", "[7]", "[{]", "{\"a\": s3cr3t-c0nt3nt}"] {
        no_states.push(path(&connector.file(&format!("state {}", no_states.len()), text.as_bytes())).to_owned());
    }
    for file in &bad {
        for name in ["check", "discover"] {
            assert_unusable(name, file, &Output::of(&mut bare(&connector, &[name, "--config", file])));
        }
        let as_config = ["read", "--config", file, "--catalog", catalog];
        assert_unusable("read", file, &Output::of(&mut bare(&connector, &as_config)));
        let as_catalog = ["read", "--config", good, "--catalog", file];
        assert_unusable("read", file, &Output::of(&mut bare(&connector, &as_catalog)));
    }
    for file in &no_states {
        let as_state = ["read", "--config", good, "--catalog", catalog, "--state", file];
        assert_unusable("read", file, &Output::of(&mut bare(&connector, &as_state)));
    }
    assert!(sandbox.calls().is_empty());
}

/// [c5]
#[test]
fn unknown_underscored_and_null_keys_are_accepted() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox);
    let plain = connector.read(&HEART, None).ok();
    let mut odd = json!({"_limit": 3, "_page_size": {"a": []}, "old_key": [1, {"b": null}], "credentials": {"auth": "x"}});
    for key in properties().keys().filter(|key| connector.config.get(key.as_str()).is_none()) {
        odd[key.as_str()] = Value::Null;
    }
    for (key, value) in odd.as_object().expect("an object") {
        connector.config[key] = value.clone();
    }
    let warnings = ["The unknown key `old_key` is ignored.", "The unknown key `credentials` is ignored."];
    let answer = connector.check();
    let message = answer["message"].as_str().expect("a message");
    assert!(answer["status"] == "SUCCEEDED" && message.starts_with(&(warnings.join(" ") + " Found ")), "{answer}");
    assert_eq!(connector.run("discover").ok().of_type("CATALOG").len(), 1);
    let output = connector.read(&HEART, None).ok();
    assert_eq!(output.logs("WARN"), warnings);
    let is_no_warning = |line: &Value| line["log"]["level"] != "WARN";
    assert_eq!(essence(&output).into_iter().filter(is_no_warning).collect::<Vec<_>>(), essence(&plain));
}

/// [c6]
#[test]
fn absent_keys_take_the_defaults_of_the_spec() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox);
    let least = json!({"api_token": connector.config["api_token"], "start_date": "2026-11-16", "api_url": sandbox.url()});
    let queries = |connector: &Connector| {
        sandbox.clear_calls();
        let first = connector.read(&HEART[..2], None).ok();
        let again = connector.read(&HEART[..2], Some(&first.state())).ok();
        let mut queries: Vec<String> = sandbox.calls().iter().map(|call| format!("{} {:?}", call.path, call.query)).collect();
        queries.sort();
        assert_eq!(sandbox.calls().iter().filter(|call| call.throttled).count(), 0);
        (queries, essence(&first), essence(&again))
    };
    // A table of 20 calls a minute would wait here: let the minute be short.
    connector.minute_ms = 200;
    connector.config = least.clone();
    let absent = queries(&connector);
    let quota = properties()["requests_per_minute"]["default"].as_u64().expect("a number");
    let plan = absent.1.iter().find_map(|line| line["log"]["message"].as_str().filter(|text| text.contains("planned")));
    assert!(plan.is_some_and(|text| text.contains(&format!("at {quota} calls a minute"))), "{plan:?}");
    let mut defaults = json!({});
    for (key, property) in properties().iter().filter(|(key, _)| *key != "api_url") {
        if let Some(default) = property.get("default") {
            defaults[key.as_str()] = default.clone();
        }
    }
    assert!(defaults.as_object().is_some_and(|defaults| defaults.len() >= 8), "{defaults}");
    connector.config = changed(&least, &defaults);
    assert_eq!(queries(&connector).0, absent.0, "the same calls as with the defaults spelled out");
}

/// [c7]
#[test]
fn read_only_files_of_any_name_are_read() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let state = connector.read(&HEART, None).ok().state();
    let texts = [connector.config.to_string(), catalog(&HEART, "incremental").to_string(), state.to_string()];
    for names in [["config", "catalog.txt", "state.txt"], ["ü b.JSON", "-c=d", "a'\"$.json.bak"]] {
        let files: Vec<String> = std::iter::zip(names, &texts)
            .map(|(name, text)| {
                let file = connector.file(name, text.as_bytes());
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).expect("our own file");
                path(&file).to_owned()
            })
            .collect();
        let arguments = ["read", "--config", &files[0], "--catalog", &files[1], "--state", &files[2]];
        Output::of(&mut bare(&connector, &arguments)).ok();
        Output::of(&mut bare(&connector, &["check", "--config", &files[0]])).ok();
    }
}

/// [c8]
#[test]
fn stdin_may_be_closed_empty_or_silent() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for name in COMMANDS {
        let plain = essence(&Output::of(&mut command(&connector, name)).ok());
        let closed = command(&connector, name);
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" <&-"]).arg(BINARY).args(closed.get_args());
        shell.envs(closed.get_envs().filter_map(|(key, value)| Some((key, value?))));
        assert_eq!(essence(&Output::of(&mut shell).ok()), plain, "{name} with stdin closed");
        let mut silent = command(&connector, name);
        let mut child = silent.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let stdin = child.stdin.take();
        let output = child.wait_with_output().expect("ends");
        let output = Output::new(&output.stdout, &output.stderr, output.status.code()).ok();
        assert_eq!(essence(&output), plain, "{name} with a pipe that says nothing");
        drop(stdin);
    }
}

/// [c9]
#[test]
fn any_working_directory_works_without_a_home() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for name in COMMANDS {
        let plain = command(&connector, name);
        let wanted = essence(&Output::of(&mut command(&connector, name)).ok());
        // Nobody, not even root, can write a file into these folders.
        for folder in ["/proc", "/sys"] {
            let mut naked = Command::new(BINARY);
            naked.args(plain.get_args()).current_dir(folder).env_clear().stdin(Stdio::null());
            naked.env("SOURCE_AWIN_TEST_NOW", &connector.now).env("TMPDIR", folder);
            assert_eq!(essence(&Output::of(&mut naked).ok()), wanted, "{name} in {folder}");
        }
    }
    let mut relative = bare(&connector, &["check", "--config", "config.json"]);
    assert_eq!(Output::of(relative.current_dir(connector.folder.path())).ok().code, Some(0));
}

#[test]
fn a_test_variable_is_said_while_it_is_in_force_and_an_error_if_it_makes_no_sense() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for name in COMMANDS {
        let calls = matches!(name, "check" | "read");
        let said = command(&connector, name).output().expect("starts").stdout;
        assert_eq!(
            String::from_utf8_lossy(&said).contains("\"WARN\",\"message\":\"For tests only: SOURCE_AWIN_TEST_NOW (the clock"),
            calls
        );
        for (variable, value) in [("SOURCE_AWIN_TEST_NOW", "yesterday"), ("SOURCE_AWIN_TEST_MINUTE_MS", "1s")] {
            let output = Output::of(command(&connector, name).env(variable, value));
            let wanted = format!("The environment variable {variable} is {value:?}, not ");
            match name {
                "check" => {
                    let answer = &output.of_type("CONNECTION_STATUS")[0]["connectionStatus"];
                    assert!(answer["status"] == "FAILED" && answer["message"].as_str().is_some_and(|m| m.starts_with(&wanted)));
                }
                "read" => {
                    let errors = output.errors();
                    assert_eq!((output.code, errors.len(), errors[0].1.as_str()), (Some(1), 1, "config_error"));
                    assert!(errors[0].2.starts_with(&wanted), "{errors:?}");
                }
                _ => drop(output.ok()),
            }
        }
    }
}

/// [c10]
#[test]
fn the_variables_of_the_platform_are_harmless() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for name in COMMANDS {
        let plain = Output::of(&mut command(&connector, name)).ok();
        let mut platform = command(&connector, name);
        for (key, value) in [
            ("LOG_LEVEL", "INFO"),
            ("DEPLOYMENT_MODE", "OSS"),
            ("WORKER_CONNECTOR_IMAGE", "source-awin/source-awin:0.2.0"),
            ("WORKER_JOB_ID", "7"),
            ("WORKER_JOB_ATTEMPT", "0"),
            ("WORKLOAD_ID", "a-b-c"),
            ("OPERATION_TYPE", "sync"),
            ("USE_STREAM_CAPABLE_STATE", "true"),
            ("USE_FILE_TRANSFER", "false"),
            ("CONCURRENT_SOURCE_STREAM_READ", "true"),
            ("CONNECTOR_STORAGE_LIMIT_BYTES", "5000000"),
            ("AIRBYTE_ENABLE_UNSAFE_CODE", "false"),
            ("AIRBYTE_ENTRYPOINT", "/airbyte/source-awin"),
            ("JAVA_OPTS", "-Xmx1g"),
            ("DATA_CHANNEL_MEDIUM", "SOCKET"),
            ("DATA_CHANNEL_FORMAT", "PROTOBUF"),
            ("DATA_CHANNEL_SOCKET_PATHS", "/var/run/sockets/airbyte_socket_1.sock,/var/run/sockets/airbyte_socket_2.sock"),
        ] {
            platform.env(key, value);
        }
        let output = Output::of(&mut platform).ok();
        assert_eq!((essence(&output), output.logs("DEBUG")), (essence(&plain), vec![]), "{name}");
        for level in ["debug", "DEBUG"] {
            let debug = Output::of(platform.env("LOG_LEVEL", level)).ok();
            assert_eq!(essence(&debug), essence(&plain), "{name}");
            assert_eq!(debug.logs("DEBUG").is_empty(), matches!(name, "spec" | "discover"), "{name} at level {level}");
        }
    }
}

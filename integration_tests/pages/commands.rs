//! Commands parse, by the program's own grammar; configurations are taken; YAML is YAML.

use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use serde_json::Value;
use source_awin::cli::Cli;

use super::{blocks, code, pages, read, root};
use crate::support::connector::state_after;
use crate::support::setup::{connector, sandbox};
use crate::support::{Connector, Output};

/// The simple commands of a line of shell, each a list of words: what pipes, lists and redirections separate.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&' | '<' | '>') => {
                commands.last_mut().expect("one").extend(word.take());
                commands.push(Vec::new());
            }
            (None, ' ') => commands.last_mut().expect("one").extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    commands.last_mut().expect("one").extend(word);
    commands.retain(|words| !words.is_empty());
    commands
}

/// The arguments that the connector gets by a command, itself included; none if it is not called.
fn arguments(words: &[String]) -> Option<&[String]> {
    let is_program = |word: &String| word == "source-awin" || word.ends_with("/source-awin");
    let is_image = |word: &String| is_program(word) || word.starts_with("source-awin/source-awin:");
    let words = &words[words.iter().position(|word| !word.contains('='))?..];
    match &words[0][..] {
        "docker" if words[1] == "run" => words.iter().position(is_image).map(|at| &words[at..]),
        _ if is_program(&words[0]) => Some(words),
        _ => None,
    }
}

/// The lines of shell in `page`: of its blocks, and those in a sentence that call the connector.
fn lines(page: &str) -> Vec<String> {
    let shell = blocks(page).into_iter().filter(|block| block.info == "sh").map(|block| block.text.replace("\\\n", " "));
    let inline = page.lines().flat_map(code).filter(|code| code.starts_with("source-awin ") && !code.contains('…'));
    shell.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).chain(inline.map(str::to_owned)).collect()
}

/// What is wrong with `words`, a command of a page.
fn wrong(words: &[String]) -> Option<String> {
    if let Some(arguments) = arguments(words) {
        let error = Cli::try_parse_from(arguments).err()?;
        return (error.exit_code() != 0).then(|| error.to_string());
    }
    let is_there = |path: &str| root().join(path).exists();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cargo", "run", "--example", name, ..] => {
            let is_example = is_there(&format!("examples/{name}.rs")) || is_there(&format!("examples/{name}/main.rs"));
            (!is_example).then(|| format!("no example {name}"))
        }
        ["cargo", "test", "--test", "integration", filter, ..] => {
            let name = filter.rsplit("::").next().unwrap_or_default();
            let tests = walk(&root().join("integration_tests"));
            let is_test = tests.contains(&format!("fn {name}")) || tests.contains(&format!("mod {name};"));
            (!is_test).then(|| format!("no test {filter}"))
        }
        [program, ..] if program.contains('/') && !program.starts_with(['/', '$']) && !program.starts_with("target/") => {
            (!is_there(program)).then(|| format!("no file {program}"))
        }
        _ => None,
    }
}

/// All Rust below `folder`.
pub(super) fn walk(folder: &Path) -> String {
    let mut text = String::new();
    for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            text += &walk(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).expect("source");
        }
    }
    text
}

#[test]
fn every_command_is_one_that_the_program_knows() {
    let mut calls = 0;
    for (file, page) in pages() {
        for line in lines(&page) {
            for words in commands(&line) {
                calls += usize::from(arguments(&words).is_some());
                assert_eq!(wrong(&words), None, "{}: {line}", file.display());
            }
        }
    }
    assert!(calls > 12, "{calls}");
}

#[test]
fn commands_that_the_program_does_not_know_are_found() {
    let found = |line: &str| commands(line).iter().filter_map(|words| wrong(words)).count();
    for good in [
        "LOG_LEVEL=debug target/release/source-awin read --config a --catalog b --state 'c d' > e",
        "docker run --rm -v \"$PWD:/data\" source-awin/source-awin:dev spec | jq . # --nothing",
        "cargo run --example demo -- --record",
        "TRUTH=spread cargo test --test integration truth::nine -- --nocapture",
        ".ci/run && source-awin --version",
    ] {
        assert_eq!(found(good), 0, "{good}");
    }
    for bad in [
        "source-awin read --config a",
        "true && source-awin check --conf a",
        "docker run --rm source-awin/source-awin:dev sync --config a",
        "cargo run --example none",
        "cargo test --test integration truth::no_such_test_at_all",
        ".ci/gone",
    ] {
        assert_eq!(found(bad), 1, "{bad}");
    }
}

/// The configuration in `text`, for the sandbox of `connector`.
fn filled_in(text: &str, connector: &Connector) -> Connector {
    let mut config: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let token = connector.config["api_token"].as_str().expect("a token");
    for key in ["api_token", "api_key"].into_iter().filter(|key| text.contains(*key)) {
        config[key] = token.into();
    }
    config["api_url"] = connector.config["api_url"].clone();
    Connector {
        config,
        now: connector.now.clone(),
        minute_ms: connector.minute_ms,
        folder: tempfile::tempdir().expect("a folder"),
    }
}

/// The message of `check`, and whether it is a good one.
fn checked(connector: &Connector) -> (bool, String) {
    let status = connector.check();
    (status["status"] == "SUCCEEDED", status["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_configuration_is_one_that_check_takes() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let mut count = 0;
    for (file, page) in pages() {
        for block in blocks(&page).iter().filter(|block| block.info == "json" && block.text.contains("\"api_token\"")) {
            let (is_good, message) = checked(&filled_in(&block.text, &connector));
            assert!(is_good, "{}: {message}\n{}", file.display(), block.text);
            assert!(message.starts_with("Found "), "{}: {message}", file.display());
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
}

/// Who comes from another connector gets the answer that the page promises.
#[test]
fn configurations_of_other_connectors_get_the_answer_of_the_page() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let blocks = blocks(&read("docs/migrate.md"));
    let from = blocks.iter().filter(|block| block.info == "json from");
    let answers: Vec<_> = blocks.iter().filter(|block| block.info == "text answer").collect();
    let mut count = 0;
    for (from, answer) in from.zip(&answers) {
        let (is_good, message) = checked(&filled_in(&from.text, &connector));
        if answer.text == "Found …\n" {
            assert!(is_good && message.starts_with("Found "), "{message}");
        } else {
            let message = message.replace(&format!(",\"api_url\":{}", connector.config["api_url"]), "");
            assert_eq!((is_good, format!("{message}\n")), (false, answer.text.clone()));
        }
        count += 1;
    }
    assert_eq!((count, answers.len()), (3, 3));
}

/// The page for those without a runner, from top to bottom, as a shell would run it.
#[test]
fn the_way_without_a_runner_works_as_it_is_written() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    connector.file("config.json", connector.config.to_string().as_bytes());
    let shell = |line: &str| {
        let program = format!("{}() {{ '{}' \"$@\"; }}\n", "source_awin", env!("CARGO_BIN_EXE_source-awin"));
        let script = format!("set -e\n{program}{}", line.replace("source-awin ", "source_awin "));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(connector.folder.path()).env("SOURCE_AWIN_TEST_NOW", &connector.now);
        let output = shell.output().expect("starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let has_jq = Command::new("jq").arg("--version").output().is_ok();
    let output = || std::fs::read(connector.folder.path().join("output.jsonl")).expect("written");
    for block in blocks(&read("docs/by-hand.md")).iter().filter(|block| block.info == "sh" && !block.text.contains("docker")) {
        for line in block.text.lines() {
            if line.starts_with("jq ") && !has_jq {
                // What jq would have made.
                let lines = Output::new(&output(), b"", Some(0)).lines;
                connector.file("state.json", state_after(&lines).to_string().as_bytes());
            } else {
                shell(line);
            }
        }
    }
    // Two runs in one file, the second from where the first ended.
    let output = Output::new(&output(), b"", Some(0));
    let starts = output.statuses("transactions").iter().filter(|status| *status == "STARTED").count();
    assert_eq!(starts, 2);
    assert!(!output.records("transactions").is_empty());
}

#[test]
fn yaml_is_yaml() {
    let parsed = |text: &str, place: &str| {
        let value: Result<serde_yaml_ng::Value, _> = serde_yaml_ng::from_str(text);
        value.unwrap_or_else(|error| panic!("{place}: {error}"))
    };
    let mut count = 0;
    for (file, page) in pages() {
        for block in blocks(&page).iter().filter(|block| block.info == "yaml") {
            assert!(parsed(&block.text, &file.display().to_string()).is_mapping());
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
    for file in [".github/workflows/ci.yml", ".github/workflows/release.yml", "metadata.yaml", "acceptance-test-config.yml"] {
        assert!(parsed(&read(file), file).is_mapping());
    }
    let compose = parsed(&read("examples/compose.yml"), "compose");
    let job = &compose["services"]["sync"];
    let image = job["build"]["dockerfile_inline"].as_str().expect("a Dockerfile");
    assert!(image.contains(&format!("source-awin/source-awin:{}", env!("CARGO_PKG_VERSION"))), "{image}");
    // What the script reads is what the job gets, or has a default.
    let script = read("examples/sync.py");
    for name in script.split("env[\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(job["environment"].get(name).is_some(), "{name}");
    }
}

//! Runs the compiled connector and reads what it says.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use awin_sandbox::Sandbox;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::exact;

/// A connector with its configuration.
pub struct Connector {
    pub config: Value,
    /// The clock that it sees (RFC 3339); the real one if empty.
    pub now: String,
    /// Length of the quota's minute in milliseconds.
    pub minute_ms: u64,
    pub folder: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Output {
    pub lines: Vec<Value>,
    pub raw: Vec<u8>,
    pub stderr: String,
    pub code: Option<i32>,
}

/// The beginning of the WARN that a test variable is set.
const IN_FORCE: &[u8] = br#"{"type":"LOG","log":{"level":"WARN","message":"For tests only: "#;

impl Connector {
    /// A connector for the sandbox, on the sandbox's clock, from `start_date` on, with a quota that does not hold it up.
    pub fn new(sandbox: &Sandbox, start_date: &str) -> Self {
        let world = sandbox.world();
        let config =
            json!({"api_token": world.token, "start_date": start_date, "api_url": sandbox.url(), "requests_per_minute": 1000});
        Self { config, now: world.now().to_rfc3339(), minute_ms: 1000, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The same with another configuration value.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config[key] = value.into();
        self
    }

    /// Lets the connector see the sandbox's clock of now.
    pub fn sees_clock_of(&mut self, sandbox: &Sandbox) {
        self.now = sandbox.world().now().to_rfc3339();
    }

    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the folder is writable");
        path
    }

    /// A command of the connector with its usual files, ready to be started.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("source-awin"));
        command.arg(name).stdin(Stdio::null()).env("SOURCE_AWIN_TEST_MINUTE_MS", self.minute_ms.to_string());
        if !self.now.is_empty() {
            command.env("SOURCE_AWIN_TEST_NOW", &self.now);
        }
        if name != "spec" {
            command.arg("--config").arg(self.file("config.json", self.config.to_string().as_bytes()));
        }
        command
    }

    pub fn run(&self, name: &str) -> Output {
        Output::of(&mut self.command(name))
    }

    pub fn check(&self) -> Value {
        let output = self.run("check");
        assert_eq!(output.code, Some(0), "{output:?}");
        let mut answers = output.of_type("CONNECTION_STATUS");
        assert_eq!(answers.len(), 1, "{output:?}");
        answers.remove(0)["connectionStatus"].clone()
    }

    /// The command `read`, ready to be started.
    pub fn read_command(&self, catalog: &Value, state: Option<&Value>) -> Command {
        let mut command = self.command("read");
        command.arg("--catalog").arg(self.file("catalog.json", catalog.to_string().as_bytes()));
        if let Some(state) = state {
            command.arg("--state").arg(self.file("state.json", state.to_string().as_bytes()));
        }
        command
    }

    /// Reads `streams` incrementally.
    pub fn read(&self, streams: &[&str], state: Option<&Value>) -> Output {
        Output::of(&mut self.read_command(&catalog(streams, "incremental"), state))
    }
}

/// A configured catalog as the platform sends it; streams that cannot be read in `sync_mode` are read in full.
pub fn catalog(streams: &[&str], sync_mode: &str) -> Value {
    let stream = |name: &&str| {
        let is_full = source_awin::streams::find(name).is_some_and(|stream| !stream.is_incremental());
        let sync_mode = if is_full { "full_refresh" } else { sync_mode };
        json!({"stream": {"name": name, "json_schema": {}}, "sync_mode": sync_mode, "destination_sync_mode": "append_dedup"})
    };
    json!({ "streams": streams.iter().map(stream).collect::<Vec<_>>() })
}

impl Output {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the connector starts");
        Self::new(&output.stdout, &output.stderr, output.status.code())
    }

    pub fn new(raw: &[u8], stderr: &[u8], code: Option<i32>) -> Self {
        // Every run here is on the harness's clock and says so first. Without that line, tests see a run as users do.
        let is_of_harness = |line: &&[u8]| line.starts_with(IN_FORCE);
        let raw = raw.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_of_harness(line)).collect::<Vec<_>>().concat();
        let lines = raw
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.ends_with(b"\n"))
            .map(|line| {
                exact::read(&String::from_utf8_lossy(line))
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))
            })
            .collect();
        Self { lines, raw, stderr: String::from_utf8_lossy(stderr).into_owned(), code }
    }

    pub fn of_type(&self, kind: &str) -> Vec<Value> {
        self.lines.iter().filter(|line| line["type"] == kind).cloned().collect()
    }

    /// The data of the RECORDs of a stream.
    pub fn records(&self, stream: &str) -> Vec<Map<String, Value>> {
        let records = self.lines.iter().filter(|line| line["type"] == "RECORD" && line["record"]["stream"] == stream);
        records.map(|line| line["record"]["data"].as_object().expect("data is an object").clone()).collect()
    }

    /// The states in the form in which a runner hands them back: the last one of each stream.
    pub fn state(&self) -> Value {
        state_after(&self.lines)
    }

    /// The blobs of the STATEs of a stream.
    pub fn states(&self, stream: &str) -> Vec<Value> {
        let states = self
            .lines
            .iter()
            .filter(|line| line["type"] == "STATE" && line["state"]["stream"]["stream_descriptor"]["name"] == stream);
        states.map(|line| line["state"].clone()).collect()
    }

    /// The statuses of a stream, in order.
    pub fn statuses(&self, stream: &str) -> Vec<String> {
        let statuses = self
            .lines
            .iter()
            .map(|line| &line["trace"]["stream_status"])
            .filter(|status| status["stream_descriptor"]["name"] == stream);
        statuses
            .filter(|status| status["reasons"].is_null())
            .map(|status| status["status"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub fn logs(&self, level: &str) -> Vec<String> {
        let logs = self.lines.iter().filter(|line| line["type"] == "LOG" && line["log"]["level"] == level);
        logs.map(|line| line["log"]["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The TRACE ERRORs: stream (or ""), failure type, message.
    pub fn errors(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.lines.iter().map(|line| &line["trace"]["error"]).filter(|error| error.is_object());
        errors
            .map(|error| (text(&error["stream_descriptor"]["name"]), text(&error["failure_type"]), text(&error["message"])))
            .collect()
    }

    /// Asserts that the run ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!((self.code, self.errors()), (Some(0), vec![]), "stderr: {}, log: {:#?}", self.stderr, self.logs("ERROR"));
        self
    }
}

/// The state that a runner would hand back after these messages.
pub fn state_after(lines: &[Value]) -> Value {
    let mut states: Vec<Value> = Vec::new();
    for line in lines.iter().filter(|line| line["type"] == "STATE") {
        let state = &line["state"];
        states.retain(|known| known["stream"]["stream_descriptor"] != state["stream"]["stream_descriptor"]);
        states.push(state.clone());
    }
    Value::Array(states)
}

//! The program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::send;

/// Stopped when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serve_says_where_it_is_and_answers_there() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_awin-sandbox"));
    command.args(["serve", "--port", "0", "--days", "5", "--publishers", "1", "--token", "secret"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().expect("a process"));
    let output = BufReader::new(running.0.stdout.take().expect("an output"));
    let lines: Vec<String> = output.lines().map_while(Result::ok).take_while(|line| line != "}").collect();
    let url = lines[0].strip_prefix("Awin sandbox at ").expect("an address");
    assert!(lines[1..4].iter().map(String::as_str).eq([
        "token:       secret",
        "advertisers: 90210, 90211, 90212",
        "publishers:  500321",
    ]));
    assert!(lines.contains(&format!("  \"api_url\": \"{url}\",")), "{lines:?}");
    let accounts = send(ureq::get(format!("{url}/accounts")).header("Authorization", "Bearer secret"));
    assert_eq!(accounts.expect("an answer").json()["accounts"].as_array().map(Vec::len), Some(4));
}

//! A terminal at stderr: a live bar, words, a summary. Without one, stderr stays empty.

use std::process::Command;

use awin_sandbox::{Fault, FaultBody, FaultKind};

use crate::support::connector::catalog;
use crate::support::person::Person;
use crate::support::protocol::assert_valid;
use crate::support::setup::{HEART, connector, sandbox};
use crate::support::{Connector, Output};

fn starts(connector: &Connector, command: &mut Command) -> Person {
    Person::starts(command, connector.folder.path().join("messages"))
}

fn read(connector: &Connector) -> Command {
    connector.read_command(&catalog(&HEART, "incremental"), None)
}

/// The seconds of «waiting for Awin's limit, 43 s».
fn waiting(screen: &str) -> Option<u64> {
    screen.split_once("waiting for Awin's limit, ")?.1.split_once(" s")?.0.parse().ok()
}

#[test]
fn the_bar_says_where_the_run_is_and_counts_down_to_awins_limit() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("requests_per_minute", 4);
    let person = starts(&connector, &mut read(&connector));
    let first = person.waits_for(waiting);
    let screen = person.sees();
    assert!((1..=61).contains(&first), "{screen}");
    assert!(screen.contains(" 4/") && screen.contains(" calls · ") && screen.contains(" rows · "), "{screen}");
    assert!(person.waits_for(waiting) <= first);
    person.waits_for(|screen| waiting(screen).filter(|seconds| *seconds < first));
    person.waits_for(|screen| {
        screen
            .lines()
            .last()
            .filter(|place| place.starts_with("transactions · advertiser 9021") && place.ends_with(')'))
            .map(|_| ())
    });
    person.interrupts();
    let (screen, output) = person.stays();
    let end = "The next sync goes on there, from the last STATE.";
    let stopped = screen.lines().find(|line| line.starts_with("Stopped at `transactions` of ")).expect("a last line");
    assert!(stopped.ends_with(end) && stopped.contains(", after 4 of "), "{screen}");
    assert!(!screen.contains("waiting"), "the bar is gone: {screen}");
    assert_valid(&output);
}

#[test]
fn before_anything_is_read_the_bar_says_so() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/accounts", FaultKind::Hang));
    let connector = connector(&sandbox);
    let person = starts(&connector, &mut read(&connector));
    person.waits_for(|screen| screen.contains("finding out what there is to read").then_some(()));
    person.interrupts();
    let (screen, _) = person.stays();
    assert_eq!(screen.lines().last(), Some("Stopped before anything was read."), "{screen}");
}

#[test]
fn the_bar_says_why_a_call_is_tried_again() {
    let sandbox = sandbox();
    // Nobody listens there.
    let connector = connector(&sandbox).with("api_url", "http://127.0.0.1:9");
    let person = starts(&connector, &mut read(&connector));
    let place = person.waits_for(|screen| screen.contains("trying again: ").then(|| screen.to_owned()));
    assert!(place.contains("onnect"), "{place}");
    person.interrupts();
    person.stays();
}

#[test]
fn a_run_ends_with_a_table_of_what_it_did() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let streams = ["transactions", "stats_by_creative", "accounts"];
    let person = starts(&connector, &mut connector.read_command(&catalog(&streams, "incremental"), None));
    let (screen, output) = person.stays();
    let output = output.ok();
    assert_valid(&output);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let table: Vec<Vec<String>> = screen.lines().skip_while(|line| !line.starts_with("stream ")).map(words).collect();
    assert_eq!(table[0].join(" "), "stream rows calls time complete through (UTC)");
    let names: Vec<&str> = table.iter().skip(1).map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["transactions", "stats_by_creative", "accounts", "all"], "{screen}");
    let count = |stream: &str| output.records(stream).len().to_string();
    for (row, stream) in table[1..4].iter().zip(streams) {
        assert_eq!(row[1], count(stream), "{screen}");
        let end = if stream == "accounts" { "complete" } else { "2026-11-20 15:30" };
        assert!(row.join(" ").ends_with(end), "{screen}");
    }
    assert_eq!(table[4][2], sandbox.calls().len().to_string(), "{screen}");
}

/// The same summary, for every runner.
#[test]
fn the_log_has_the_summary_too() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/90211/", FaultKind::Status(403, FaultBody::Json)));
    let connector = connector(&sandbox).with("advertiser_ids", "90210,90211").with("end_date", "2026-11-18");
    let output = connector.read(&["transactions", "accounts"], None);
    let logs = output.logs("INFO");
    let summary: Vec<&str> =
        logs.iter().filter_map(|line| line.strip_prefix("Summary of ")?.rsplit_once(" in ")).map(|(text, _)| text).collect();
    let (sales, accounts) = (output.records("transactions").len(), output.records("accounts").len());
    let calls = sandbox.calls().len();
    assert_eq!(
        summary,
        [
            format!(
                "`transactions`: {sales} rows; incomplete: nothing yet for advertiser 90211 (Example Shop GB), complete through 2026-11-19 00:00 for advertiser 90210 (Lampenladen „Hell“ DE); 4 calls"
            ),
            format!("`accounts`: {accounts} rows; complete; 0 calls"),
            format!("the sync: {} rows; {calls} calls", sales + accounts),
        ],
        "{logs:#?}"
    );
    assert_eq!(output.stderr, "");
}

#[test]
fn errors_and_warnings_are_said_in_words() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("api_token", "some-other-token").with("colour", "red");
    let (screen, output) = starts(&connector, &mut read(&connector)).stays();
    assert_eq!(output.code, Some(1));
    let wanted = [
        "warning: The unknown key `colour` is ignored.",
        "error: Awin refuses the API token. Copy it into `api_token` again, or create a new one, at ui.awin.com/awin-api.",
        "error: These streams did not sync completely: stats_by_creative, stats_by_publisher, transactions.",
    ];
    let said: Vec<&str> = screen.lines().filter(|line| !line.contains("For tests only")).collect();
    assert_eq!(said, wanted);
    let (screen, _) = starts(&connector, &mut connector.command("check")).stays();
    assert!(screen.contains("error: Awin refuses the API token."), "{screen}");
}

#[test]
fn without_a_terminal_stderr_stays_empty() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("colour", "red");
    let good = connector.read(&HEART, None).ok();
    assert!(!good.logs("WARN").is_empty());
    let bad = Output::of(&mut read(&connector.with("api_token", "some-other-token")));
    assert!(!bad.errors().is_empty());
    assert_eq!((good.stderr, bad.stderr), (String::new(), String::new()));
}

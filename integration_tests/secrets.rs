//! The token shows nowhere, however it is written and whoever sends it back.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::connector::catalog;
use crate::support::echo::{Asked, Echo, accounts, answer};
use crate::support::setup::{HEART, connector, sandbox};
use crate::support::{Connector, Output};

/// As tokens are, and with every character that some way of writing changes.
const TOKENS: [&str; 2] = ["sk-awin-7f3d9c1e5b8a4260", "tok\"3n/+=&%\\<7>-._~*'9f3c'"];

/// What a browser's encodeURIComponent leaves alone.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

fn in_base64(text: &str) -> [String; 2] {
    [BASE64_STANDARD.encode(text), BASE64_URL_SAFE.encode(text)].map(|text| text.trim_end_matches('=').to_owned())
}

/// Every way to write `token` that a log may hold.
fn forms(token: &str) -> Vec<String> {
    let json = Value::from(token).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let strict = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
    let loose = utf8_percent_encode(token, COMPONENT).to_string();
    let mut forms = vec![token.to_owned(), json.replace('/', "\\/"), json, loose.to_lowercase(), strict, loose];
    forms.extend(in_base64(token));
    forms
}

/// Asserts that no form of `token` is in what was said.
#[track_caller]
fn assert_hidden(token: &str, output: &Output) {
    for text in [String::from_utf8_lossy(&output.raw).into_owned(), output.stderr.clone()] {
        // However many times a text was escaped: what is left without backslashes must not hold the token without them.
        let plain = text.replace('\\', "");
        for form in forms(token) {
            let at = plain.find(&form.replace('\\', ""));
            assert_eq!(
                at,
                None,
                "{form} in: {}",
                plain.chars().skip(at.unwrap_or(0).saturating_sub(200)).take(600).collect::<String>()
            );
        }
        // Its header as a whole, whatever stands before it.
        for form in ["Bearer ", "x", "xy"].iter().flat_map(|before| in_base64(&format!("{before}{token}"))) {
            let tail = &form[form.len() - form.len() / 2..];
            assert!(!text.contains(tail), "{tail} in {text}");
        }
    }
}

/// Runs every command at debug level.
fn all_commands(connector: &Connector) -> Vec<Output> {
    let mut outputs: Vec<Output> =
        ["spec", "check", "discover"].iter().map(|name| Output::of(connector.command(name).arg("--debug"))).collect();
    outputs.push(Output::of(connector.read_command(&catalog(&HEART, "incremental"), None).arg("--debug")));
    outputs
}

/// [c75]
#[test]
fn a_good_run_does_not_show_the_token() {
    for token in TOKENS {
        let sandbox = sandbox();
        token.clone_into(&mut sandbox.world().token);
        let connector = connector(&sandbox);
        for output in all_commands(&connector) {
            assert_hidden(token, &output.ok());
        }
        assert!(sandbox.calls().iter().all(|call| call.authorized));
    }
}

/// Bodies that say the token in one of its forms, in Awin's envelope and in others.
fn bodies(token: &str) -> Vec<String> {
    let header = format!("Bearer {token}");
    let mut bodies: Vec<String> = forms(token)
        .iter()
        .chain(&in_base64(&header))
        .flat_map(|form| {
            [
                json!({"error": "unauthorized", "description": format!("Invalid header `Authorization: Bearer {form}` was sent")}).to_string(),
                json!({"request": {"headers": {"Authorization": form}}}).to_string(),
                format!("<html><p>You sent {form} here</p></html>"),
                format!("[{{\"id\":1}},{{{form}"),
            ]
        })
        .collect();
    // What is cut to a length must not be cut in the middle of the token.
    bodies.extend(
        (170..200).step_by(3).map(|length| json!({"description": format!("{} {token}", "x".repeat(length))}).to_string()),
    );
    bodies.push(json!([json!({"a": header})]).to_string());
    bodies.push(Value::from(header).to_string());
    bodies
}

/// Asserts that not even a larger part of the token is in what was said.
#[track_caller]
fn assert_no_part(token: &str, output: &Output) {
    assert_hidden(token, output);
    let plain = String::from_utf8_lossy(&output.raw).replace('\\', "");
    let plain_token: Vec<char> = token.replace('\\', "").chars().collect();
    for part in plain_token.windows(11) {
        let part: String = part.iter().collect();
        assert!(!plain.contains(&part), "{part} of {token} in {plain}");
    }
}

/// [c75]
#[test]
fn a_server_that_sends_the_token_back_does_not_make_it_show() {
    // The list of accounts works or fails, the rest fails.
    let ways = [(400, false), (401, true), (500, false), (200, true), (200, false)];
    for token in TOKENS {
        for (index, body) in bodies(token).into_iter().enumerate() {
            for (status, accounts_too) in [ways[index % 5], ways[(index + 2) % 5]] {
                let told = body.clone();
                let server = Echo::start(move |asked: &Asked, _| {
                    assert!(!asked.authorization.is_empty());
                    if asked.target.starts_with("/accounts") && !accounts_too { accounts() } else { answer(status, "", &told) }
                });
                let sandbox = sandbox();
                let mut connector = connector(&sandbox).with("api_url", server.url()).with("api_token", token);
                connector.config["start_date"] = json!("2026-11-20");
                connector.minute_ms = 10;
                for output in [
                    Output::of(connector.command("check").arg("--debug")),
                    Output::of(connector.read_command(&catalog(&HEART[..1], "incremental"), None).arg("--debug")),
                ] {
                    assert!(output.raw.len() > 40 && !server.asked().is_empty());
                    assert_no_part(token, &output);
                }
            }
        }
    }
}

/// [c75]
#[test]
fn a_token_in_the_wrong_place_does_not_show() {
    let sandbox = sandbox();
    for token in TOKENS {
        for key in
            ["advertiser_ids", "publisher_ids", "start_date", "end_date", "timezone", "regions", "lookback_days", "api_url"]
        {
            let mut connector = connector(&sandbox).with("api_token", token);
            connector.config[key] = json!(token);
            for output in all_commands(&connector) {
                assert_hidden(token, &output);
            }
        }
        let mut connector = connector(&sandbox).with("api_token", token);
        connector.config["api_url"] = json!(format!("{}/{}", sandbox.url(), utf8_percent_encode(token, COMPONENT)));
        connector.minute_ms = 60;
        for output in all_commands(&connector) {
            assert_hidden(token, &output);
        }
        connector.config["api_url"] = json!(sandbox.url());
        let mut odd = catalog(&HEART, "incremental");
        odd["streams"][0]["sync_mode"] = json!(token);
        assert_hidden(token, &Output::of(&mut connector.read_command(&odd, None)));
        odd["streams"][0]["sync_mode"] = json!("incremental");
        odd["streams"][0]["cursor_field"] = json!([token]);
        assert_hidden(token, &Output::of(&mut connector.read_command(&odd, None)));
        let state = json!([{"type": "STREAM", "stream": {"stream_descriptor": {"name": "transactions"}, "stream_state": {
            "version": 1, "mode": token, "timezone": token, "dateType": "", "checkpoint": 1, "accounts": []}}}]);
        assert_hidden(token, &connector.read(&HEART, Some(&state)));
    }
    for token in TOKENS {
        // Values that are no token at all, and a file that breaks off behind the token.
        for text in [
            json!({"api_token": [token], "start_date": "x"}).to_string(),
            json!({"api_token": {"a": token}, "start_date": "x"}).to_string(),
            json!({"api_token": format!("{token} {token}"), "start_date": "2026-01-01"}).to_string(),
            format!("{{\"api_token\": {}, ", Value::from(token)),
            format!("{{\"api_token\": {token}}}"),
            Value::from(token).to_string(),
            json!([token]).to_string(),
        ] {
            let connector = connector(&sandbox);
            let file = connector.file("odd.json", text.as_bytes());
            for name in ["check", "discover"] {
                let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_source-awin"));
                assert_hidden(token, &Output::of(command.args([name, "--debug", "--config"]).arg(&file)));
            }
        }
    }
}

/// [c76]
#[test]
fn the_token_is_not_in_arguments_urls_or_files() {
    let token = TOKENS[0];
    let server = Echo::start(|asked, _| if asked.target.starts_with("/accounts") { accounts() } else { answer(200, "", "[]") });
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("api_url", server.url()).with("api_token", token);
    let scratch = tempfile::tempdir().expect("a folder");
    for name in ["check", "read"] {
        let mut command =
            if name == "read" { connector.read_command(&catalog(&HEART, "incremental"), None) } else { connector.command(name) };
        let output = Output::of(
            command.env("TMPDIR", scratch.path()).env("HOME", scratch.path()).current_dir(scratch.path()).arg("--debug"),
        )
        .ok();
        assert_hidden(token, &output);
        assert!(output.logs("DEBUG").iter().any(|text| text.contains("GET /accounts")));
    }
    assert!(server.asked().len() > 10);
    for asked in server.asked() {
        assert!(forms(token).iter().all(|form| !asked.target.contains(form)), "{}", asked.target);
        assert_eq!(asked.authorization, format!("Bearer {token}"));
    }
    assert_eq!(std::fs::read_dir(scratch.path()).expect("our folder").count(), 0);
}

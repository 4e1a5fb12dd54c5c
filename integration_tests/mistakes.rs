//! Mistakes that people make, and the exact answer to each: what is wrong, where, and what to do.
//!
//! Each row is a mistake, the command that meets it, and all that the command says of it: the message of `check`, or the error
//! or the warnings of the others. Folders are left out of paths.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::connector::catalog;
use crate::support::setup::{changed, connector, sandbox};
use crate::support::{Connector, Output};

/// What is wrong about the files; the others are right.
enum Wrong {
    /// The configuration with these changes (a null takes a key out).
    Config(Value),
    /// The configuration, in place of the whole.
    ConfigFile(String),
    CatalogFile(String),
    StateFile(String),
}

use Wrong::{CatalogFile, Config, ConfigFile, StateFile};

/// Runs `command` with `wrong` and returns what it says of it.
fn answer(connector: &Connector, command: &str, wrong: &Wrong) -> String {
    let mut texts = [connector.config.to_string(), catalog(&["transactions"], "incremental").to_string(), json!([]).to_string()];
    match wrong {
        Config(changes) => texts[0] = changed(&connector.config, changes).to_string(),
        ConfigFile(text) => texts[0].clone_from(text),
        CatalogFile(text) => texts[1].clone_from(text),
        StateFile(text) => texts[2].clone_from(text),
    }
    let mut process = Command::new(env!("CARGO_BIN_EXE_source-awin"));
    process.arg(command).stdin(Stdio::null()).env("SOURCE_AWIN_TEST_NOW", &connector.now);
    let count = if command == "read" { 3 } else { 1 };
    for (name, text) in std::iter::zip(["config", "catalog", "state"], &texts).take(count) {
        process.arg(format!("--{name}")).arg(connector.file(&format!("{name}.json"), text.as_bytes()));
    }
    let output = Output::of(&mut process);
    assert_eq!(output.stderr, "");
    assert!(!String::from_utf8_lossy(&output.raw).contains(TOKEN), "the token shows: {}", String::from_utf8_lossy(&output.raw));
    let said = if command == "check" {
        let answer = &output.of_type("CONNECTION_STATUS")[0]["connectionStatus"];
        let message = answer["message"].as_str().expect("a message");
        // What a good check has found comes last.
        message.find("Found advertiser ").map_or(message, |found| &message[..found]).trim_end().to_owned()
    } else {
        let errors = output.errors().into_iter().map(|(_, kind, message)| {
            assert_eq!(kind, "config_error", "{message}");
            message
        });
        errors.chain(output.logs("WARN")).collect::<Vec<_>>().join(" ")
    };
    said.replace(&format!("{}/", connector.folder.path().display()), "")
}

const TOKEN: &str = "5up3r-53cr3t-t0k3n";
const ZONES: &str = "UTC, Europe/London, Europe/Dublin, Europe/Paris, Europe/Berlin, Europe/Helsinki, Canada/Eastern, Canada/Central, Canada/Mountain, Canada/Pacific, US/Eastern, US/Central, US/Mountain, US/Pacific, America/Sao_Paulo, Australia/Sydney";
const REGIONS: &str = "AT, AU, BE, BR, BU, CA, CH, DE, DK, ES, FI, FR, GB, IE, IT, NL, NO, PL, SE, US";

/// The mistake, the command, what is wrong, the answer.
type Row = (&'static str, &'static str, Wrong, String);

fn row(mistake: &'static str, command: &'static str, wrong: Wrong, answer: impl Into<String>) -> Row {
    (mistake, command, wrong, answer.into())
}

#[rustfmt::skip]
fn values() -> Vec<Row> {
    vec![
        row("no token", "check", Config(json!({"api_token": null})), "`api_token` is missing. Paste the token from ui.awin.com/awin-api."),
        row("an empty token", "check", Config(json!({"api_token": " "})), "`api_token` is empty. Paste the token from ui.awin.com/awin-api."),
        row("only the scheme of a header", "check", Config(json!({"api_token": "Bearer "})), "`api_token` is empty. Paste the token from ui.awin.com/awin-api."),
        row("a token with a space in it", "check", Config(json!({"api_token": format!("{TOKEN} {TOKEN}")})), "`api_token` contains spaces or other characters that cannot occur in a token. Copy it again from ui.awin.com/awin-api."),
        row("a token in a list", "check", Config(json!({"api_token": [TOKEN]})), "`api_token` must be a string in quotes. Paste the token from ui.awin.com/awin-api."),
        row("a token from a header", "check", Config(json!({"api_token": format!("Bearer {TOKEN}")})), ""),
        row("a token with quotes from a shell", "read", Config(json!({"api_token": format!("\"{TOKEN}\"")})), ""),
        row("no start", "read", Config(json!({"start_date": null})), "`start_date` is missing. It must be a date as YYYY-MM-DD."),
        row("a British date", "check", Config(json!({"start_date": "25/10/2026"})), "`start_date` is \"25/10/2026\"; it must be a date as YYYY-MM-DD."),
        row("a day that no calendar has", "read", Config(json!({"start_date": "2026-02-30"})), "`start_date` is \"2026-02-30\", which is not a calendar date."),
        row("an instant for a day", "read", Config(json!({"start_date": "2026-11-16T00:00:00Z"})), ""),
        row("an instant within a day", "check", Config(json!({"start_date": "2026-11-16T07:30:00Z"})), "`start_date` is \"2026-11-16T07:30:00Z\"; it must be a date as YYYY-MM-DD."),
        row("a century too early", "check", Config(json!({"start_date": "1926-11-16"})), "`start_date` 1926-11-16 is before Awin existed. Set 2000-01-01 or a later day."),
        row("an end before the start", "check", Config(json!({"end_date": "2026-11-15"})), "`end_date` 2026-11-15 is before `start_date` 2026-11-16. Set `end_date` to that day or later, or leave it empty to read up to today."),
        row("ids with semicolons", "check", Config(json!({"advertiser_ids": "90210; 90211"})), ""),
        row("ids on lines of their own", "check", Config(json!({"advertiser_ids": "90210\n90211\n"})), ""),
        row("a name for an id", "check", Config(json!({"advertiser_ids": "Shop"})), "`advertiser_ids` is \"Shop\"; it must be account IDs separated by commas, such as 12345, 67890. Leave it empty to sync all accounts of the token: the connection test (`check`) lists them with the IDs to choose from."),
        row("an id without end", "check", Config(json!({"publisher_ids": "99999999999999999999999"})), "`publisher_ids` contains 99999999999999999999999, which is not an account ID. Leave it empty to sync all accounts of the token: the connection test (`check`) lists them with the IDs to choose from."),
        row("a zone by its city", "check", Config(json!({"timezone": "America/New_York"})), format!("`timezone` is \"America/New_York\". Did you mean US/Eastern? It must be one of {ZONES} (UTC if left out).")),
        row("a mistyped zone", "check", Config(json!({"timezone": "Europe/Lodnon"})), format!("`timezone` is \"Europe/Lodnon\". Did you mean Europe/London? It must be one of {ZONES} (UTC if left out).")),
        row("a zone that is none", "check", Config(json!({"timezone": "local"})), format!("`timezone` is \"local\"; it must be one of {ZONES} (UTC if left out).")),
        row("a zone in lower case", "check", Config(json!({"timezone": "europe/london"})), ""),
        row("regions in lower case", "read", Config(json!({"regions": "gb de"})), ""),
        row("the UK", "read", Config(json!({"regions": ["UK"]})), ""),
        row("a country by its name", "check", Config(json!({"regions": ["Germany"]})), format!("`regions` contains \"Germany\". Did you mean DE? It must be a list of any of {REGIONS}, or empty to detect them.")),
        row("a country that Awin does not have", "check", Config(json!({"regions": ["JP"]})), format!("`regions` contains \"JP\"; it must be a list of any of {REGIONS}, or empty to detect them.")),
        row("too long a look-back", "check", Config(json!({"lookback_days": 1000})), "`lookback_days` is 1000; it must be a whole number from 0 to 400."),
        row("a unit", "check", Config(json!({"lookback_days": "28 days"})), "`lookback_days` is \"28 days\"; it must be a whole number from 0 to 400."),
        row("a yes", "check", Config(json!({"include_basket_products": "yes"})), "`include_basket_products` is \"yes\"; it must be `true` or `false`."),
        row("another date type", "check", Config(json!({"stats_date_type": "amendment"})), "`stats_date_type` is \"amendment\"; it must be one of transaction, validation (transaction if left out)."),
        row("no calls", "check", Config(json!({"requests_per_minute": 0})), "`requests_per_minute` is 0; it must be a whole number from 1 to 1000."),
        row("plain http", "check", Config(json!({"api_url": "http://api.awin.com"})), "`api_url` is \"http://api.awin.com\"; it must be https://host, or http://localhost:port."),
        row("two mistakes at once", "discover", Config(json!({"start_date": "today", "lookback_days": -1})), "`start_date` is \"today\"; it must be a date as YYYY-MM-DD. `lookback_days` is -1; it must be a whole number from 0 to 400."),
    ]
}

#[rustfmt::skip]
fn keys() -> Vec<Row> {
    let rename = |from: &str, to: &str| format!("`{from}` is not a key of this connector. Rename it to `{to}`.");
    let many: Vec<String> = (0..10).map(|n| format!("The unknown key `colour {n}` is ignored.")).collect();
    let many = many.join(" ") + " 3 more unknown keys are ignored.";
    let either = "`accountId` is not a key of this connector. Put the IDs into `advertiser_ids` or `publisher_ids`.";
    vec![
        row("the id of another connector", "read", Config(json!({"advertiserId": 90210})), rename("advertiserId", "advertiser_ids")),
        row("one id, one letter less", "check", Config(json!({"publisher_id": "500321"})), rename("publisher_id", "publisher_ids")),
        row("a mistyped id", "read", Config(json!({"advertizer_ids": "90210"})), rename("advertizer_ids", "advertiser_ids")),
        row("an id of either side", "check", Config(json!({"accountId": "90210"})), either),
        row("ids of nobody knows which side", "check", Config(json!({"ids": "90210"})), "`ids` is not a key of this connector. Put the IDs into `advertiser_ids` or `publisher_ids`."),
        row("a brand", "read", Config(json!({"brand_id": 90210})), "`brand_id` is not a key of this connector. Put the IDs into `advertiser_ids` or `publisher_ids`."),
        row("another end by another name", "check", Config(json!({"stop_date": "2026-11-18"})), rename("stop_date", "end_date")),
        row("an end by another name", "read", Config(json!({"until": "2026-11-18"})), rename("until", "end_date")),
        row("a region by another name", "check", Config(json!({"country": "DE"})), rename("country", "regions")),
        row("a token by another name", "check", Config(json!({"api_token": null, "access_token": TOKEN})), rename("access_token", "api_token")),
        row("a mistyped token", "discover", Config(json!({"api_token": null, "api_tokn": TOKEN})), rename("api_tokn", "api_token")),
        row("both names", "read", Config(json!({"advertiser_ids": "90210", "advertiserId": 90210})), "The unknown key `advertiserId` is ignored: `advertiser_ids` is set."),
        row("a mistyped look-back", "read", Config(json!({"look_back_days": 90})), "The unknown key `look_back_days` is ignored. Did you mean `lookback_days`?"),
        row("a look-back by another name", "check", Config(json!({"lookback_window_days": 90})), "The unknown key `lookback_window_days` is ignored. Did you mean `lookback_days`?"),
        row("a step", "read", Config(json!({"step_increment": 7})), "The unknown key `step_increment` is ignored: the connector chooses that itself."),
        row("a key that nobody knows", "check", Config(json!({"colour": "red"})), "The unknown key `colour` is ignored."),
        row("many of them", "check", Config((0..13).map(|n| (format!("colour {n}"), json!(n))).collect()), many),
        row("a key of a runner", "read", Config(json!({"_limit": 10, "__injected": {"a": 1}, "nothing": null})), ""),
        row("the configuration of another connector", "check", ConfigFile(json!({"accessToken": TOKEN, "advertiserId": 90210, "startDate": "2026-01-01T00:00:00Z", "lookback_window": 30, "step": 7}).to_string()), r#"The configuration has the keys of another connector. Write it as {"api_token":"****","start_date":"2026-01-01","advertiser_ids":"90210","lookback_days":30} (**** stands for your token)."#),
        row("a part of it", "check", ConfigFile(json!({"api_key": TOKEN, "publisherId": "500321"}).to_string()), r#"The configuration has the keys of another connector. Write it as {"api_token":"****","start_date":"YYYY-MM-DD","publisher_ids":"500321"} (**** stands for your token, YYYY-MM-DD stands for the first day to read)."#),
        row("a wrapped configuration", "read", ConfigFile(json!({"config": {"api_token": TOKEN, "start_date": "2026-01-01", "regions": "gb"}}).to_string()), r#"The configuration has its keys inside `config`. Write it as {"api_token":"****","start_date":"2026-01-01","regions":["GB"]} (**** stands for your token)."#),
        row("credentials of their own", "check", ConfigFile(json!({"credentials": {"auth_type": "token", "token": TOKEN}, "start_date": "2026-01-01"}).to_string()), r#"The configuration has its keys inside `credentials`. Write it as {"api_token":"****","start_date":"2026-01-01"} (**** stands for your token)."#),
    ]
}

#[rustfmt::skip]
fn files() -> Vec<Row> {
    let name = |name: &str| json!({"stream": {"name": name}, "sync_mode": "incremental"});
    let discovered =
        json!({"type": "CATALOG", "catalog": {"streams": [{"name": "transactions", "supported_sync_modes": ["incremental"]}]}});
    let blob = json!({"version": 1, "mode": "incremental", "timezone": "UTC", "dateType": "", "checkpoint": 1, "accounts": []});
    let of = |stream: &str, blob: &Value| {
        json!([{"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": blob}}]).to_string()
    };
    let config_form = "Give one JSON object with the keys of `spec`. The file is config.json.";
    let catalog_form = "Give the configured catalog of the runner, or the output of `discover`. The file is catalog.json.";
    let state_form = "Give the state of the last sync. To start over, leave out `--state` or give `[]`. The file is state.json.";
    vec![
        row("an empty configuration", "check", ConfigFile(String::new()), format!("The configuration is empty. {config_form}")),
        row("a configuration that is no object", "check", ConfigFile(format!("\"{TOKEN}\"")), format!("The configuration is not a JSON object. {config_form}")),
        row("no stream selected", "read", CatalogFile(json!({"streams": []}).to_string()), "The catalog selects no stream, so nothing is read. Select streams in the connection, or give the output of `discover` as the catalog."),
        row("a comma too many", "check", ConfigFile(format!("{{\"api_token\": \"{TOKEN}\",\n}}")), format!("The configuration is not JSON: trailing comma at line 2, column 1. {config_form}")),
        row("no quotes", "discover", ConfigFile(format!("{{\"api_token\": {TOKEN}}}")), format!("The configuration is not JSON: expected `,` or `}}` at line 1, column 16. {config_form}")),
        row("half a file", "read", ConfigFile(format!("{{\"api_token\": \"{TOKEN}")), format!("The configuration is not JSON: it ends in the middle of a string at line 1, column 33. {config_form}")),
        row("a byte order mark", "check", ConfigFile(format!("\u{feff}{}", json!({"start_date": "2026-01-01"}))), "`api_token` is missing. Paste the token from ui.awin.com/awin-api."),
        row("an empty catalog", "read", CatalogFile("\n".into()), format!("The catalog is empty. {catalog_form}")),
        row("a catalog without streams", "read", CatalogFile("{}".into()), format!("The catalog has no `streams`. {catalog_form}")),
        row("the output of discover", "read", CatalogFile(discovered.to_string()), ""),
        row("a bare list", "read", CatalogFile(json!([name("transactions")]).to_string()), "The catalog is a list. If it lists streams, put it into an object: `{\"streams\": [ … ]}`. The file is catalog.json."),
        row("names alone", "read", CatalogFile(json!({"streams": ["transactions"]}).to_string()), "The catalog does not have the form of a configured catalog (line 1, column 26). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode` (`full_refresh` or `incremental`). The file is catalog.json."),
        row("no sync mode", "read", CatalogFile(json!({"streams": [{"stream": {"name": "transactions"}}]}).to_string()), "`sync_mode` of stream `transactions` is missing. Set it to `full_refresh` or `incremental`. The file is catalog.json."),
        row("another sync mode", "read", CatalogFile(json!({"streams": [{"stream": {"name": "transactions"}, "sync_mode": "append"}]}).to_string()), "`sync_mode` of stream `transactions` is \"append\". Set it to `full_refresh` or `incremental`. The file is catalog.json."),
        row("a mistyped stream", "read", CatalogFile(json!({"streams": [name("transaction")]}).to_string()), "There is no stream `transaction`. Did you mean `transactions`? If not, run `discover` (refresh the source schema) and remove `transaction` from the connection."),
        row("the configuration as the catalog", "read", CatalogFile(json!({"api_token": "x", "start_date": "2026-01-01"}).to_string()), format!("The catalog file holds a configuration: give that with `--config`. {catalog_form}")),
        row("the catalog as the configuration", "check", ConfigFile(discovered.to_string()), format!("The configuration file holds a catalog: give that with `--catalog`. {config_form}")),
        row("a bare name", "read", CatalogFile(json!({"streams": [{"name": "transactions"}]}).to_string()), ""),
        row("the state of a Singer tap", "read", StateFile(json!({"bookmarks": {"transactions": {"since": "2026-01-01"}}}).to_string()), format!("The state file holds the state of a Singer tap. {state_form}")),
        row("half a state", "read", StateFile("[{".into()), format!("The state is not JSON: it ends in the middle of an object at line 1, column 2. {state_form}")),
        row("a text as the state", "read", StateFile("\"2026-01-01\"".into()), "The state is neither a list of states nor a map of streams. Give the state of the last sync. To start over, leave out `--state` or give `[]`. A first sync begins at `start_date`. The file is state.json."),
        row("the inner state", "read", StateFile(blob.to_string()), "The state file holds the `stream_state` of one stream without the stream's name. Give it with the name: `[{\"type\": \"STREAM\", \"stream\": {\"stream_descriptor\": {\"name\": \"transactions\"}, \"stream_state\": …}}]`. If you do not know which stream it is from, start over: leave out `--state`. The file is state.json."),
        row("the catalog as the state", "read", StateFile(json!({"streams": []}).to_string()), format!("The state file holds a catalog. {state_form}")),
        row("the configuration as the state", "read", StateFile(json!({"api_token": TOKEN}).to_string()), format!("The state file holds a configuration. {state_form}")),
        row("the state of a stream that is gone", "read", StateFile(of("payouts", &blob)), "The saved state contains unknown streams (`payouts`); their entries are ignored."),
        row("an empty state", "read", StateFile(String::new()), ""),
    ]
}

/// What only Awin can tell.
#[rustfmt::skip]
fn accounts() -> Vec<Row> {
    let revoked = "Awin refuses the API token. Copy it into `api_token` again, or create a new one, at ui.awin.com/awin-api.";
    let listed = "advertiser 90210 (Lampenladen „Hell“ DE), advertiser 90211 (Example Shop GB), advertiser 90212 (Example Shop US), publisher 500321 (Example Blog 1), publisher 500322 (Example Blog 2).";
    let refused = |account: &str| format!("Awin refuses `transactions` of {account} from 2026-11-16T00:00:00 to 2026-11-20T15:30:00: Awin answered 404: Not Found (404 NOT_FOUND).");
    let future = "`start_date` 2027-01-01 is in the future; until then there is nothing to read.";
    vec![
        row("a token that was revoked", "check", Config(json!({"api_token": "another-token"})), revoked),
        row("a token that was revoked", "read", Config(json!({"api_token": "another-token"})), revoked),
        row("an id of the other side", "check", Config(json!({"advertiser_ids": "500321"})), format!("500321 is the ID of a publisher account: move it from `advertiser_ids` to `publisher_ids`. The token sees: {listed}")),
        row("an id of the other side", "read", Config(json!({"publisher_ids": "90210"})), format!("{} 90210 is the ID of an advertiser account: move it from `publisher_ids` to `advertiser_ids`.", refused("publisher 90210"))),
        row("an id of somebody else", "check", Config(json!({"publisher_ids": "777, 500321"})), format!("The token has no access to publisher 777. Correct `advertiser_ids` and `publisher_ids`, or give the token's user access at Awin. The token sees: {listed}")),
        row("an id of somebody else", "read", Config(json!({"advertiser_ids": "777"})), format!("{} The token has no access to this account; it sees: {listed} List only accounts that it sees in `advertiser_ids`, or give the token's user access at Awin.", refused("advertiser 777"))),
        row("a start next year", "check", Config(json!({"start_date": "2027-01-01"})), future),
        row("a start next year", "read", Config(json!({"start_date": "2027-01-01"})), future),
        row("a zone that only reports know", "check", Config(json!({"timezone": "Europe/Helsinki"})), "Awin accepts `timezone` Europe/Helsinki for reports only: the streams transactions and transaction_queries cannot be read with it. Choose one of UTC, Europe/London, Europe/Dublin, Europe/Paris, Europe/Berlin, Canada/Eastern, Canada/Central, Canada/Mountain, Canada/Pacific, US/Eastern, US/Central, US/Mountain, US/Pacific, or sync only the reports."),
        row("a zone that only reports know", "read", Config(json!({"timezone": "Europe/Helsinki"})), "Awin does not accept `timezone` Europe/Helsinki for `transactions`, only for reports. Choose one of UTC, Europe/London, Europe/Dublin, Europe/Paris, Europe/Berlin, Canada/Eastern, Canada/Central, Canada/Mountain, Canada/Pacific, US/Eastern, US/Central, US/Mountain, US/Pacific, or sync only the reports."),
    ]
}

#[test]
fn every_mistake_is_answered_with_its_remedy() {
    let rows: Vec<Row> = [values(), keys(), files(), accounts()].into_iter().flatten().collect();
    assert!(rows.len() >= 45, "{}", rows.len());
    let sandbox = sandbox();
    TOKEN.clone_into(&mut sandbox.world().token);
    let mut connector = connector(&sandbox);
    connector.config = changed(&connector.config, &json!({"regions": null, "lookback_days": null}));
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(mistake, command, wrong, wanted)| {
            let got = answer(&connector, command, wrong);
            (got != *wanted).then(|| format!("{mistake} ({command})\n  wanted: {wanted}\n  got:    {got}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

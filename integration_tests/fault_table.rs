//! Every endpoint with every fault, once and always: the outcome is the one that a rule demands, `docs/faults.md` shows it, and
//! a later run without faults reaches the truth.
//!
//! On a virtual clock, within this process; what only sockets can do (TLS, names, redirects, packed bodies) is in `network.rs`.
//! `WRITE_FAULTS=1` writes the page. The list of endpoints makes this file long.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use awin_sandbox::{Demo, Throttle, World, instant};
use serde_json::{Value, json};
use source_awin::awin::Request;
use source_awin::streams::find;

use crate::support::connector::state_after;
use crate::support::faulty::{Faulty, Plan, Wrong};
use crate::support::protocol::assert_lives;
use crate::support::tables::Tables;
use crate::support::virtually::{Ran, read_from};

const NOW: &str = "2026-11-20T15:30:00Z";

/// What a call is made for.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// Rows of a stretch of time, a list.
    Events,
    /// Rows of a table that is read in full, a list.
    List,
    /// The list of the token's accounts.
    Accounts,
    /// One of several answers that a table consists of.
    Programme,
    /// The same of payments: only Awin's not having one is about it alone.
    Payment,
    /// A list without which an account's share of the stream cannot be planned.
    LookUp,
}

/// An endpoint, as a stream or a look-up uses it.
struct Endpoint {
    title: &'static str,
    stream: &'static str,
    kind: Kind,
    is_asked: fn(&Request) -> bool,
    /// Whether ids are named. If not, the accounts are found.
    named: bool,
}

impl Endpoint {
    fn is_public(&self) -> bool {
        find(self.stream).is_some_and(|stream| stream.endpoint.path.starts_with("/public/"))
    }
}

fn ends_with(request: &Request, end: &str) -> bool {
    request.path.trim_end_matches('/').ends_with(end)
}

/// The look-up of an advertiser's regions: its report over more than a day.
fn looks_for_regions(request: &Request) -> bool {
    let value = |wanted| request.query.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    ends_with(request, "/reports/publisher") && value("startDate") != value("endDate")
}

const ENDPOINTS: [Endpoint; 23] = [
    Endpoint {
        title: "transactions",
        stream: "transactions",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/transactions"),
        named: true,
    },
    Endpoint {
        title: "reports/publisher",
        stream: "stats_by_publisher",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/reports/publisher"),
        named: true,
    },
    Endpoint {
        title: "reports/creative",
        stream: "stats_by_creative",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/reports/creative"),
        named: true,
    },
    Endpoint {
        title: "reports/advertiser",
        stream: "stats_by_advertiser",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/reports/advertiser"),
        named: true,
    },
    Endpoint {
        title: "reports/campaign",
        stream: "stats_by_campaign",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/reports/campaign"),
        named: true,
    },
    Endpoint {
        title: "transactionqueries",
        stream: "transaction_queries",
        kind: Kind::Events,
        is_asked: |r| ends_with(r, "/transactionqueries"),
        named: true,
    },
    Endpoint { title: "accounts", stream: "accounts", kind: Kind::Accounts, is_asked: |r| r.path == "/accounts", named: true },
    Endpoint {
        title: "publishers",
        stream: "publishers",
        kind: Kind::List,
        is_asked: |r| ends_with(r, "/publishers"),
        named: true,
    },
    Endpoint {
        title: "programmes",
        stream: "programmes",
        kind: Kind::List,
        is_asked: |r| ends_with(r, "/programmes"),
        named: true,
    },
    Endpoint {
        title: "programmedetails",
        stream: "programme_details",
        kind: Kind::Programme,
        is_asked: |r| ends_with(r, "/programmedetails"),
        named: true,
    },
    Endpoint {
        title: "commissiongroups",
        stream: "commission_groups",
        kind: Kind::Programme,
        is_asked: |r| ends_with(r, "/commissiongroups"),
        named: true,
    },
    Endpoint { title: "payments", stream: "payments", kind: Kind::List, is_asked: |r| ends_with(r, "/payments"), named: true },
    Endpoint {
        title: "breakdowns",
        stream: "payment_breakdowns",
        kind: Kind::Payment,
        is_asked: |r| ends_with(r, "/breakdowns"),
        named: true,
    },
    Endpoint {
        title: "billing-documents",
        stream: "billing_documents",
        kind: Kind::List,
        is_asked: |r| ends_with(r, "/billing-documents"),
        named: true,
    },
    Endpoint {
        title: "link-status-changes",
        stream: "prepayment_changes",
        kind: Kind::List,
        is_asked: |r| ends_with(r, "/link-status-changes"),
        named: true,
    },
    Endpoint {
        title: "public lists of partners",
        stream: "partnerships",
        kind: Kind::List,
        is_asked: |r| r.path.starts_with("/public/"),
        named: true,
    },
    Endpoint { title: "promotions", stream: "offers", kind: Kind::List, is_asked: |r| ends_with(r, "/promotions"), named: true },
    Endpoint {
        title: "commissiongroups, by period",
        stream: "commission_rates",
        kind: Kind::Programme,
        is_asked: |r| ends_with(r, "/commissiongroups"),
        named: true,
    },
    Endpoint {
        title: "payments, to find them",
        stream: "payment_breakdowns",
        kind: Kind::LookUp,
        is_asked: |r| ends_with(r, "/payments"),
        named: true,
    },
    Endpoint {
        title: "accounts, to find them",
        stream: "transactions",
        kind: Kind::Accounts,
        is_asked: |r| r.path == "/accounts",
        named: false,
    },
    Endpoint {
        title: "programmes, to find them",
        stream: "programme_details",
        kind: Kind::LookUp,
        is_asked: |r| ends_with(r, "/programmes"),
        named: true,
    },
    Endpoint {
        title: "programmes, to find regions",
        stream: "stats_by_advertiser",
        kind: Kind::LookUp,
        is_asked: |r| ends_with(r, "/programmes"),
        named: true,
    },
    Endpoint {
        title: "reports/publisher, to find regions",
        stream: "stats_by_creative",
        kind: Kind::LookUp,
        is_asked: looks_for_regions,
        named: true,
    },
];

const FAULTS: [(&str, Wrong); 24] = [
    ("400", Wrong::Status(400)),
    ("401", Wrong::Status(401)),
    ("403", Wrong::Status(403)),
    ("404", Wrong::Status(404)),
    ("408", Wrong::Status(408)),
    ("410", Wrong::Status(410)),
    ("429", Wrong::Status(429)),
    ("500", Wrong::Status(500)),
    ("502", Wrong::Status(502)),
    ("503", Wrong::Status(503)),
    ("504", Wrong::Status(504)),
    ("204", Wrong::NoContent),
    ("a page with 200", Wrong::Html),
    ("nothing with 200", Wrong::Empty),
    ("`null` with 200", Wrong::Body("null")),
    ("the error envelope with 200", Wrong::Body(r#"{"error":"exception","description":"Something went wrong"}"#)),
    ("a lost connection in the body", Wrong::Cut),
    ("half a body", Wrong::Half),
    ("silence in the body", Wrong::Stalled),
    ("a body without an end", Wrong::Endless),
    ("30 s until it begins", Wrong::Slow),
    ("50 s in pieces", Wrong::Drip),
    ("no answer", Wrong::Hang),
    ("a lost connection before it", Wrong::Reset),
];

/// How a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// COMPLETE, with all rows.
    Whole,
    /// COMPLETE, without what Awin says it does not have.
    Less,
    /// INCOMPLETE, with an error of this type.
    Fails(&'static str),
}

/// The rule. It says what must come out, from what the user needs (`docs/design.md`), not from what the code does.
///
/// - What may pass is waited out: within the run's patience it does not show.
/// - What Awin says of a request (4xx), or an answer that is not as documented, is about that account's share, and said.
/// - An account or a token that refuses is a matter of the configuration.
/// - An empty list is believed only where Awin says it: 204 is a way of saying it; nothing at all, `null` or an error is not.
/// - Where a year is asked for, a refusal may be of its length: its months are asked for.
/// - A programme may be refused alone (it was left). If all are, it is the account. A 401 is never about a programme.
#[expect(clippy::match_same_arms, reason = "one arm per sentence of the rule")]
fn demanded(endpoint: &Endpoint, wrong: Wrong, is_always: bool) -> Outcome {
    let is_programme = endpoint.kind == Kind::Programme;
    match wrong {
        Wrong::Slow | Wrong::Drip => Outcome::Whole,
        // The token is refused; or Awin has retired the address, and only a newer connector knows the new one.
        Wrong::Status(401 | 410) => Outcome::Fails("config_error"),
        Wrong::Status(403 | 404) if is_programme && !is_always => Outcome::Less,
        Wrong::Status(404) if endpoint.kind == Kind::Payment && !is_always => Outcome::Less,
        Wrong::Status(403 | 404) => Outcome::Fails("config_error"),
        Wrong::Status(408 | 429 | 500..)
        | Wrong::Cut
        | Wrong::Half
        | Wrong::Stalled
        | Wrong::Endless
        | Wrong::Hang
        | Wrong::Reset
        | Wrong::Empty => {
            if is_always {
                Outcome::Fails("transient_error")
            } else {
                Outcome::Whole
            }
        }
        // A proxy's page passes, as a rule; if it stays, somebody has to look at what stands in between.
        Wrong::Html if is_always => Outcome::Fails("system_error"),
        Wrong::Html => Outcome::Whole,
        Wrong::Status(400) if endpoint.title == "reports/publisher, to find regions" && !is_always => Outcome::Whole,
        Wrong::Status(_) | Wrong::Body(_) => Outcome::Fails("system_error"),
        // The newer API is documented to answer with an empty list where there is nothing.
        Wrong::NoContent if endpoint.is_public() && is_always => Outcome::Fails("transient_error"),
        Wrong::NoContent if endpoint.is_public() => Outcome::Whole,
        Wrong::NoContent => Outcome::Less,
    }
}

fn config(endpoint: &Endpoint) -> Value {
    // From the last payment on.
    let mut config = json!({"start_date": "2026-11-15", "requests_per_minute": 1000});
    if endpoint.named {
        config["advertiser_ids"] = json!("90210,90211");
        config["publisher_ids"] = json!("500321");
    }
    if endpoint.kind != Kind::LookUp {
        config["regions"] = json!(["DE"]);
    }
    config
}

/// Sales that are old enough to be paid, and no throttle.
fn world() -> World {
    let mut demo = Demo::new(5, instant(NOW));
    (demo.days_back, demo.sales_per_day) = (100, 3);
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.rules.shuffle = false;
    world.pay_twice_a_month();
    world
}

/// Lines of a run.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.lines.iter().map(|(_, line)| line.clone()).collect()
}

struct Cell {
    outcome: Outcome,
    text: String,
}

/// Reads with `plan`, and says how the endpoint's stream ended.
fn read(endpoint: &Endpoint, world: &Arc<Mutex<World>>, state: Option<&Value>, plan: Plan) -> (Ran, u64) {
    let transport = Arc::new(Faulty::new(Arc::clone(world), plan));
    let ran = read_from(Arc::<Faulty>::clone(&transport), NOW, &[endpoint.stream], &config(endpoint), state);
    (ran, transport.calls.load(Ordering::Relaxed))
}

/// What happened, and that a clean run makes it good.
fn cell(endpoint: &Endpoint, world: &Arc<Mutex<World>>, wrong: Wrong, nth: Option<u64>) -> Cell {
    let is_asked = endpoint.is_asked;
    let asked = AtomicU64::new(0);
    let strikes =
        move |request: &Request| is_asked(request) && nth.is_none_or(|nth| nth == asked.fetch_add(1, Ordering::Relaxed));
    let (ran, _) = read(endpoint, world, None, Box::new(move |request, _| strikes(request).then_some(wrong)));
    let first = lines(&ran);
    assert_lives(&first);
    let errors: Vec<&Value> = first.iter().map(|line| &line["trace"]["error"]).filter(|error| error.is_object()).collect();
    let mut tables = Tables::default();
    tables.load(&first);
    let whole = is_whole(endpoint, world, &tables);
    let outcome = match (ran.is_complete, &errors[..]) {
        (true, []) if whole => Outcome::Whole,
        (true, []) => Outcome::Less,
        (false, [error, ..]) => Outcome::Fails(kind_of(error)),
        other => panic!("{other:?}"),
    };
    let message = errors.iter().map(|error| error["message"].as_str().unwrap_or_default()).collect::<Vec<_>>().join(" | ");
    // Errors end in something to do, and are of one kind.
    assert!(errors.iter().all(|error| kind_of(error) == kind_of(errors[0])), "{message}");
    let (clean, _) = read(endpoint, world, Some(&state_after(&first)), Box::new(|_, _| None));
    let text =
        format!("{} with {wrong:?}, {}: {message}", endpoint.title, nth.map_or("always".to_owned(), |nth| format!("call {nth}")));
    assert!(
        clean.is_complete,
        "after {text}: {:#?}",
        lines(&clean).iter().filter(|line| line["type"] != "RECORD").collect::<Vec<_>>()
    );
    tables.load(&lines(&clean));
    // A 204 says that there is nothing. Of a day of a report that is believed until its age or a change has it read again.
    let is_believed = wrong == Wrong::NoContent && endpoint.stream.starts_with("stats_");
    assert!(is_believed || is_whole(endpoint, world, &tables), "after {text}: the table is not right");
    Cell { outcome, text }
}

fn kind_of(error: &Value) -> &'static str {
    ["config_error", "system_error", "transient_error"].into_iter().find(|kind| error["failure_type"] == *kind).expect("a type")
}

fn is_whole(endpoint: &Endpoint, world: &Arc<Mutex<World>>, tables: &Tables) -> bool {
    let world = world.lock().expect("no panic with the lock");
    let mut truth = config(endpoint);
    if endpoint.kind == Kind::LookUp && endpoint.stream.starts_with("stats") {
        // Without regions in the configuration, those of the accounts' programmes are read: of others there is nothing.
        truth.as_object_mut().expect("an object").remove("regions");
    }
    crate::support::tables::is_in_sync(&world, &truth, tables, endpoint.stream)
}

fn symbol(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Whole => "✓",
        Outcome::Less => "–",
        Outcome::Fails("config_error") => "C",
        Outcome::Fails("system_error") => "S",
        Outcome::Fails(_) => "T",
    }
}

#[test]
fn every_endpoint_ends_as_it_must_with_every_fault() {
    let next = AtomicU64::new(0);
    let cells = Mutex::new(BTreeMap::<(usize, usize), String>::new());
    let wrong_cells = Mutex::new(Vec::new());
    let count = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let world = Arc::new(Mutex::new(world()));
                while let Some((column, endpoint)) =
                    usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|at| Some((at, ENDPOINTS.get(at)?)))
                {
                    let asked = Arc::new(AtomicU64::new(0));
                    let counter = Arc::clone(&asked);
                    let is_asked = endpoint.is_asked;
                    let (clean, _) = read(
                        endpoint,
                        &world,
                        None,
                        Box::new(move |request, _| {
                            counter.fetch_add(u64::from(is_asked(request)), Ordering::Relaxed);
                            None
                        }),
                    );
                    assert!(clean.is_complete, "{}", endpoint.title);
                    let count_of_calls = asked.load(Ordering::Relaxed);
                    assert!(count_of_calls > 0, "{} is never asked", endpoint.title);
                    for (line, (_, wrong)) in FAULTS.iter().enumerate() {
                        let mut places: BTreeSet<u64> = [0].into();
                        if wrong.breaks_the_body() {
                            places.extend([count_of_calls / 2, count_of_calls - 1]);
                        }
                        let nths = places.into_iter().map(Some).chain([None]);
                        let outcomes: Vec<Outcome> = nths
                            .map(|nth| {
                                let cell = cell(endpoint, &world, *wrong, nth);
                                count.fetch_add(1, Ordering::Relaxed);
                                let demanded = demanded(endpoint, *wrong, nth.is_none());
                                // An answer that would have had no rows of its own is missed by nobody.
                                let is_missed = *wrong != Wrong::NoContent || cell.outcome != Outcome::Whole;
                                if cell.outcome != demanded && is_missed {
                                    wrong_cells
                                        .lock()
                                        .expect("the lock")
                                        .push(format!("{:?} instead of {demanded:?}: {}", cell.outcome, cell.text));
                                }
                                cell.outcome
                            })
                            .collect();
                        let (always, once) = outcomes.split_last().expect("at least two");
                        let mut once: Vec<&str> = once.iter().map(|outcome| symbol(*outcome)).collect();
                        once.dedup();
                        cells
                            .lock()
                            .expect("the lock")
                            .insert((line, column), format!("{} / {}", once.join(" "), symbol(*always)));
                    }
                }
            });
        }
    });
    let wrong_cells = wrong_cells.into_inner().expect("the lock");
    assert!(wrong_cells.is_empty(), "{} of {} cells:\n{}", wrong_cells.len(), count.into_inner(), wrong_cells.join("\n"));
    assert_page(&page(&cells.into_inner().expect("the lock"), count.into_inner()));
}

fn page(cells: &BTreeMap<(usize, usize), String>, count: u64) -> String {
    let mut text = format!(
        "# What happens when something goes wrong\n\n\
        Written by `WRITE_FAULTS=1 cargo test --test integration fault_table`, which reads every endpoint with every fault ({count} runs on a\n\
        virtual clock) and then once more without it: each time the table then equals the truth.\n\n\
        Before the slash: the fault strikes one call, the first, the middle or the last. After it: it strikes all calls.\n\n\
        | sign | the stream ends |\n|---|---|\n\
        | ✓ | complete, with all rows: the fault was waited out |\n\
        | – | complete, without what Awin said it does not have (the next run reads it, if it is there after all) |\n\
        | C | incomplete, `config_error`: look at the token, or at the account's rights |\n\
        | S | incomplete, `system_error`: an answer that is not as documented, or a rule of Awin's; report it |\n\
        | T | incomplete, `transient_error`: try again later |\n\n"
    );
    let numbers: Vec<String> = (1..=ENDPOINTS.len()).map(|number| format!(" {number} |")).collect();
    let _ = writeln!(text, "| |{}", numbers.concat());
    let _ = writeln!(text, "|---|{}", "---|".repeat(ENDPOINTS.len()));
    for (line, (name, _)) in FAULTS.iter().enumerate() {
        let row: Vec<String> = (0..ENDPOINTS.len()).map(|column| format!(" {} |", cells[&(line, column)])).collect();
        let _ = writeln!(text, "| {name} |{}", row.concat());
    }
    text.push_str("\nThe endpoints:\n\n");
    for (at, endpoint) in ENDPOINTS.iter().enumerate() {
        let _ = writeln!(text, "{}. `{}` (stream `{}`)", at + 1, endpoint.title, endpoint.stream);
    }
    text
}

fn assert_page(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    if std::env::var_os("WRITE_FAULTS").is_some() {
        std::fs::write(&path, text).expect("docs can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == text, "docs/faults.md is stale: run the test with WRITE_FAULTS=1 and commit the result");
}

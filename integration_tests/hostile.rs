//! A server, or a file, that means harm: memory stays small, no core is busy for long after the last byte, the token stays hidden.
//!
//! The bodies are made while they are sent. `HOSTILE_SCALE=10` makes them ten times as large. The bodies of every kind make this
//! file long.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use awin_sandbox::{Fault, FaultBody, FaultKind, RedirectTo};
use serde_json::{Value, json};

use crate::support::Output;
use crate::support::connector::catalog;
use crate::support::echo::{Echo, answer};
use crate::support::setup::{connector, row, sandbox};

const MIB: u64 = 1 << 20;
/// The most memory of a run, whatever the answers.
const MOST_MEMORY: u64 = 64 * MIB;
/// The most time of a core after the last byte. The machine's speed is in it, but no more than a few of our pieces.
const MOST_WORK: Duration = Duration::from_secs(2);

/// How many times the usual sizes.
fn scale() -> u64 {
    std::env::var("HOSTILE_SCALE").map_or(1, |text| text.parse().expect("HOSTILE_SCALE is a number"))
}

/// A body: `open`, then blocks 0, 1, 2 and so on, then `close`.
struct Flood {
    status: u16,
    open: String,
    blocks: u64,
    block: Box<dyn Fn(u64) -> String + Send + Sync>,
    close: String,
}

/// Blocks of so many items, with commas between the items of all blocks.
const ITEMS: u64 = 1000;

impl Flood {
    /// At least `count` times `item`, with commas between them.
    fn of(open: &str, count: u64, item: impl Fn(u64) -> String + Send + Sync + 'static, close: &str) -> Self {
        let block = move |block: u64| {
            let items = (block * ITEMS..(block + 1) * ITEMS).map(|number| {
                let comma = if number == 0 { "" } else { "," };
                format!("{comma}{}", item(number))
            });
            items.collect()
        };
        Self { status: 200, open: open.into(), blocks: count.div_ceil(ITEMS), block: Box::new(block), close: close.into() }
    }

    /// `piece` for ever.
    fn endless(open: &str, piece: &str) -> Self {
        let block = piece.repeat(16 * 1024 / piece.len());
        Self { status: 200, open: open.into(), blocks: u64::MAX, block: Box::new(move |_| block.clone()), close: String::new() }
    }

    fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 {} Some words\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{}",
            self.status, self.open
        )?;
        for block in 0..self.blocks {
            stream.write_all((self.block)(block).as_bytes())?;
        }
        stream.write_all(self.close.as_bytes())
    }
}

/// What is answered to a path with query.
type Answers = Box<dyn Fn(&str) -> Flood + Send + Sync>;

/// Serves floods, each on a thread of its own, and notes how long the reader had worked when the last byte was sent.
struct Server {
    address: SocketAddr,
    reader: Arc<AtomicU32>,
    at_last_byte: Arc<Mutex<Duration>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (reader, at_last_byte, done) =
            (Arc::<AtomicU32>::default(), Arc::<Mutex<Duration>>::default(), Arc::<AtomicBool>::default());
        let answers = Arc::new(answers);
        let (process, noted, stop) = (Arc::clone(&reader), Arc::clone(&at_last_byte), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (answers, process, noted) = (Arc::clone(&answers), Arc::clone(&process), Arc::clone(&noted));
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    let first = lines.next().unwrap_or_default();
                    lines.take_while(|line| !line.is_empty()).for_each(drop);
                    let flood = answers(first.split(' ').nth(1).unwrap_or_default());
                    // An error is a reader that has had enough.
                    let _ = flood.send(&mut stream);
                    let mut noted = noted.lock().expect("no panic with the lock");
                    *noted = work_of(process.load(Ordering::Relaxed)).unwrap_or(*noted);
                });
            }
        });
        Self { address, reader, at_last_byte, done, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The time of a core that a process has used, also one that has ended and was not waited for.
fn work_of(process: u32) -> Option<Duration> {
    const PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything, the state is the first field; user and system time are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11..13)?.iter().map(|text| text.parse::<f64>().unwrap_or_default()).sum();
    Some(Duration::from_secs_f64(ticks / PER_SECOND))
}

/// The most memory that a process has had so far, in bytes.
fn peak_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default() * 1024
}

/// What a run took.
struct Took {
    memory: u64,
    work: Duration,
    code: Option<i32>,
    records: u64,
    /// The lines that are not RECORDs.
    rest: Vec<u8>,
}

/// Runs `command` and reads what it says, without keeping the RECORDs.
fn run(mut command: std::process::Command, reader: Option<&AtomicU32>) -> Took {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let id = child.id();
    if let Some(reader) = reader {
        reader.store(id, Ordering::Relaxed);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&ended);
    // The peak shows for as long as the process lives, and most of what counts happens before it says anything.
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while !is_over.load(Ordering::Relaxed) {
            most = most.max(peak_of(id));
            std::thread::sleep(Duration::from_millis(2));
        }
        most
    });
    let mut stdout = BufReader::with_capacity(1 << 20, child.stdout.take().expect("a pipe"));
    let (mut records, mut rest, mut line, mut most) = (0, Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        // A RECORD may be long, and is not looked at.
        if stdout.by_ref().take(64).read_until(b'\n', &mut line).expect("readable") == 0 {
            break;
        }
        let is_record = line.starts_with(b"{\"type\":\"RECORD\"");
        if !line.ends_with(b"\n") {
            if is_record { stdout.skip_until(b'\n') } else { stdout.read_until(b'\n', &mut line) }.expect("readable");
        }
        if is_record {
            records += 1;
        } else {
            rest.extend_from_slice(&line);
        }
        if records % 1000 == 0 {
            most = most.max(peak_of(id));
        }
    }
    // What the process has used still shows, as long as it is not waited for.
    while std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let work = work_of(id).unwrap_or_default();
    ended.store(true, Ordering::Relaxed);
    let memory = most.max(watch.join().expect("the watch ends"));
    Took { memory, work, code: child.wait().expect("ends").code(), records, rest }
}

/// Reads `stream` of one advertiser and one publisher from a server that answers `flood` where `path` is asked for.
fn read_from(stream: &str, path: &'static str, flood: impl Fn() -> Flood + Send + Sync + 'static) -> Took {
    // Long enough for every answer to come in.
    read_within(60_000, stream, path, flood)
}

/// The same with a minute of `minute_ms` milliseconds.
fn read_within(minute_ms: u64, stream: &str, path: &'static str, flood: impl Fn() -> Flood + Send + Sync + 'static) -> Took {
    let listed = r#"{"userId":1,"accounts":[{"accountId":1,"accountName":"A","accountType":"advertiser"},{"accountId":2,"accountName":"B","accountType":"publisher"}]}"#;
    let whole = |text: &str| Flood { blocks: 0, ..Flood::of(text, 0, |_| String::new(), "") };
    let server = Server::start(Box::new(move |target| match target {
        _ if target.contains(path) => flood(),
        _ if target.starts_with("/accounts") => whole(listed),
        _ if target.contains("/programmes?") => whole(r#"[{"id":5,"primaryRegion":{"countryCode":"DE"}}]"#),
        _ => whole("[]"),
    }));
    let sandbox = sandbox();
    let mut connector = connector(&sandbox).with("api_url", server.url());
    connector.config.as_object_mut().expect("an object").remove("regions");
    connector.minute_ms = minute_ms;
    let took = run(connector.read_command(&catalog(&[stream], "incremental"), None), Some(&server.reader));
    let last = *server.at_last_byte.lock().expect("no panic with the lock");
    let after = took.work.saturating_sub(last);
    assert!(after <= MOST_WORK, "{stream}, {path}: {after:?} of work after the last byte");
    took
}

#[track_caller]
fn assert_small(name: &str, took: &Took) {
    let (memory, tail) = (took.memory, &took.rest[took.rest.len().saturating_sub(600)..]);
    assert!(memory > 0 && memory <= MOST_MEMORY, "{name}: {} MiB; {}", memory / MIB, String::from_utf8_lossy(tail));
    assert!(took.code == Some(0) || took.code == Some(1), "{name}: {:?}", took.code);
}

/// Names of ten letters, so that no two members of an object are alike.
fn member(number: u64) -> String {
    format!("\"a{number:09}\":1")
}

#[test]
fn an_object_of_many_small_members_takes_no_memory() {
    let many = 500_000 * scale() * if scale() > 1 { 4 } else { 1 };
    for (stream, path, open, close) in [
        ("transactions", "/transactions/", "{", "}"),
        ("transactions", "/transactions/", "[{", "}]"),
        ("transactions", "/transactions/", "[{\"id\":1,\"transactionDate\":\"2026-11-18T10:00:00\",\"advertiserId\":{", "}}]"),
        ("accounts", "/accounts", "{", "}"),
        ("programmes", "/programmes", "{\"body\":{", "}}"),
        ("programme_details", "/programmedetails", "{\"programmeInfo\":{", "}}"),
        ("commission_groups", "/commissiongroups", "{", ",\"commissionGroups\":[]}"),
    ] {
        let took = read_from(stream, path, move || Flood::of(open, many, member, close));
        assert_small(&format!("{stream} {open}"), &took);
    }
    // As large as an answer may be that is read as a whole.
    for (stream, path, open, close) in [
        ("programme_details", "/programmedetails", "{\"programmeInfo\":{\"id\":5},", "}"),
        ("programme_details", "/programmedetails", "{\"programmeInfo\":{\"id\":5},\"kpi\":{", "}}"),
        ("commission_groups", "/commissiongroups", "{\"commissionGroups\":[{\"groupId\":1}],", "}"),
        ("commission_groups", "/commissiongroups", "{\"commissionGroups\":[{\"groupId\":1,", "}]}"),
    ] {
        let took = read_from(stream, path, move || Flood::of(open, 510_000, member, close));
        assert_small(&format!("{stream} {open} of 8 MB"), &took);
    }
}

#[test]
fn lists_that_are_asked_for_first_take_no_memory() {
    let bytes = 12_000_000 * scale() / 2;
    let long = "\u{1F4A1}".repeat(100);
    let account = |number: u64, name: &str, kind: &str| {
        format!(r#"{{"accountId":{},"accountName":"{name}","accountType":"{kind}","userRole":"x"}}"#, number + 1)
    };
    let many = bytes / 80;
    let accounts = move |stream: &str, count: u64, name: &str, kind: &'static str| {
        let name = name.to_owned();
        read_from(stream, "/accounts", move || {
            let name = name.clone();
            Flood::of("{\"userId\":1,\"accounts\":[", count, move |number| account(number, &name, kind), "]}")
        })
    };
    assert_small("accounts", &accounts("accounts", many, "A shop", "advertiser"));
    assert_small("accounts of a third kind", &accounts("transactions", many, "A shop", "agency"));
    // As many as there may be.
    assert_small("20,000 accounts", &accounts("publishers", 20_000, &long, "publisher"));
    let programme = |number: u64| {
        format!(r#"{{"id":{},"name":"P","primaryRegion":{{"countryCode":"DE"}},"currencyCode":"EUR"}}"#, number + 1)
    };
    for (stream, count) in [
        ("programmes", many),
        ("programme_details", many.max(101_000)),
        ("stats_by_advertiser", many),
        ("stats_by_advertiser", 99_000),
    ] {
        let took = read_from(stream, "/programmes?", move || Flood::of("[", count, programme, "]"));
        assert_small(&format!("{count} programmes for {stream}"), &took);
    }
    let active =
        |number: u64| format!(r#"{{"advertiserId":1,"publisherId":{number},"region":"x{number}","currency":"EUR","clicks":1}}"#);
    let took = read_from("stats_by_creative", "/reports/publisher", move || Flood::of("[", many, active, "]"));
    assert_small("the look-up of regions", &took);
}

#[test]
fn an_answer_of_many_rows_takes_no_memory() {
    let many = 800_000 * scale();
    let a_sale = |number: u64| row(number, "");
    let of_a_day = |number: u64| format!(r#"{{"advertiserId":1,"publisherId":{number},"region":"DE","currency":"EUR"}}"#);
    let twice = move |number: u64| of_a_day(number / 2);
    let took = read_from("transactions", "dateType=transaction", move || Flood::of("[", many, a_sale, "]"));
    assert!(took.records >= many, "{}", took.records);
    assert_small("rows of a window", &took);
    assert_small(
        "rows of a day",
        &read_from("stats_by_publisher", "startDate=2026-11-18", move || Flood::of("[", many, of_a_day, "]")),
    );
    let took = read_from("stats_by_publisher", "startDate=2026-11-18", move || Flood::of("[", many * 2, twice, "]"));
    assert_small("rows of a day, each twice", &took);
}

/// A row by its number.
type Row = fn(u64) -> String;

/// Every row is odd in a way of its own.
#[test]
fn what_is_noted_about_odd_rows_takes_no_memory() {
    let many = 300_000 * scale();
    let odd: [(&str, Row); 5] = [
        ("new fields", |number| row(1, &format!(",\"new{number}\":1"))),
        ("new fields with half a character", |number| row(1, &format!(",\"new{number}\":\"\\ud800\""))),
        ("names with half a character", |number| row(1, &format!(",\"\\ud800{number}\":{number}"))),
        ("parts of the wrong type", |number| row(1, &format!(",\"saleAmount\":{{\"amount\":[],\"x{number}\":1}}"))),
        ("rows without a date", |number| format!("{{\"id\":{number}}}")),
    ];
    for (name, item) in odd {
        let took = read_from("transactions", "dateType=transaction", move || Flood::of("[", many, item, "]"));
        assert_small(name, &took);
        assert!(took.rest.len() < 1_000_000, "{name}: {} bytes beside the rows", took.rest.len());
    }
}

#[test]
fn a_body_without_an_end_ends() {
    let good = row(1, "");
    for (name, open, piece, status) in [
        ("rows", format!("[{good}"), format!(",{good}"), 200),
        ("white space", "[".to_owned(), " \n".to_owned(), 200),
        ("white space before", String::new(), " ".to_owned(), 200),
        ("white space after", format!("[{good}]"), " ".to_owned(), 200),
        ("a text", "[{\"id\":1,\"url\":\"".to_owned(), "x".to_owned(), 200),
        ("a text of backslashes", "[{\"id\":1,\"url\":\"".to_owned(), "\\\\".to_owned(), 200),
        ("a number", "[{\"id\":".to_owned(), "1".to_owned(), 200),
        ("a name", "[{\"".to_owned(), "x".to_owned(), 200),
        ("brackets", String::new(), "[".to_owned(), 200),
        ("a member beside the rows", "{\"x\":".to_owned(), "[".to_owned(), 200),
        ("an error", "{\"error\":\"".to_owned(), "x".to_owned(), 500),
        ("an error of white space", String::new(), " ".to_owned(), 400),
        ("a page", "<html>".to_owned(), "<p>".to_owned(), 200),
    ] {
        let took = read_within(15, "transactions", "/transactions/", move || Flood::endless(&open, &piece).with_status(status));
        assert_eq!(took.code, Some(1), "{name}");
        assert_small(name, &took);
    }
    // The same for what is read as a whole, and what is asked for first.
    for (stream, path) in
        [("programme_details", "/programmedetails"), ("commission_groups", "/commissiongroups"), ("programmes", "/programmes")]
    {
        let took = read_within(15, stream, path, || Flood::endless("{\"a\":[1", ",1"));
        assert_eq!(took.code, Some(1), "{stream}");
        assert_small(stream, &took);
    }
}

/// [c75] Such a text cost minutes to be searched for the token.
#[test]
fn answers_of_backslashes_cost_no_time() {
    let count = 200_000 * scale();
    let backslashes = move |open: &'static str, close: &'static str, status| {
        move || {
            let text = "\\".repeat(usize::try_from(count).expect("small"));
            Flood { status, open: format!("{open}{text}{close}"), ..Flood::of("", 0, |_| String::new(), "") }
        }
    };
    for (name, open, close, status) in [
        ("a page", "", "", 200),
        ("a row", "[{\"id\":\"", "\"}]", 200),
        ("an error", "{\"error\":\"", "\"}", 400),
        ("a fault", "", "", 500),
    ] {
        let took = read_within(15, "transactions", "/transactions/", backslashes(open, close, status));
        assert_small(name, &took);
        // All tries of all calls together.
        assert!(took.work < Duration::from_secs(10), "{name}: {:?}", took.work);
    }
}

#[test]
fn a_gzip_bomb_takes_no_memory() {
    for (path, stream) in
        [("/transactions/", "transactions"), ("/accounts", "transactions"), ("/programmedetails", "programme_details")]
    {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on(path, FaultKind::GzipBomb { mebibytes: 100 * scale() }).nth(1));
        let mut connector = connector(&sandbox);
        connector.minute_ms = 2000 * scale();
        assert_small(path, &run(connector.read_command(&catalog(&[stream], "incremental"), None), None));
    }
}

/// A file of the runner's: four times its size, and what a run takes anyway.
#[test]
fn a_large_file_takes_at_most_four_times_its_size() {
    let size = 10_000_000 * scale();
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let fill = |open: &str, item: &dyn Fn(u64) -> String, close: &str| {
        let length = item(1_000_000).len() as u64 + 1;
        let items: Vec<String> = (0..size / length).map(item).collect();
        format!("{open}{}{close}", items.join(",")).into_bytes()
    };
    let stream =
        |number: u64| format!(r#"{{"stream":{{"name":"stream_{number}","json_schema":{{}}}},"sync_mode":"full_refresh"}}"#);
    let column = |number: u64| format!(r#""column_{number}":{{"type":["null","string"],"description":"x"}}"#);
    let open = r#"{"streams":[{"stream":{"name":"accounts","json_schema":{"properties":{"#;
    let state_of = r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"transactions"},"stream_state":{"version":1,"mode":"incremental","timezone":"UTC","dateType":"","checkpoint":1,"accounts":["#;
    let account = |number: u64| {
        format!(
            r#"{{"accountId":{number},"accountType":"advertiser","from":"2026-11-16T00:00:00Z","through":"2026-11-20T00:00:00Z","lanes":[]}}"#
        )
    };
    let other = |number: u64| {
        format!(r#"{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"s{number}"}},"stream_state":{{"a":1}}}}}}"#)
    };
    for (name, flag, text) in [
        ("a catalog of many streams", "--catalog", fill("{\"streams\":[", &stream, "]}")),
        ("a catalog of many columns", "--catalog", fill(open, &column, r#"}}},"sync_mode":"full_refresh"}]}"#)),
        ("a catalog of brackets", "--catalog", vec![b'['; usize::try_from(size).expect("small")]),
        ("a state of many accounts", "--state", fill(state_of, &account, "]}}}]")),
        ("a state of many streams", "--state", fill("[", &other, "]")),
        ("a state of backslashes", "--state", vec![b'\\'; usize::try_from(size).expect("small")]),
        ("a configuration of white space", "--config", vec![b' '; usize::try_from(size).expect("small")]),
    ] {
        let large = connector.file("large.json", &text);
        let small = connector.file("catalog.json", catalog(&["accounts"], "full_refresh").to_string().as_bytes());
        let mut command = connector.command("read");
        match flag {
            "--state" => command.arg("--catalog").arg(small).arg("--state").arg(&large),
            "--catalog" => command.arg("--catalog").arg(&large),
            _ => {
                command = std::process::Command::new(env!("CARGO_BIN_EXE_source-awin"));
                command.arg("read").arg("--config").arg(&large).arg("--catalog").arg(small)
            }
        };
        let took = run(command, None);
        let most = (4 * text.len() as u64).max(MOST_MEMORY);
        assert!(took.memory <= most, "{name}: {} MiB for {} MB", took.memory / MIB, text.len() / 1_000_000);
        assert!(took.code == Some(0) || took.code == Some(1), "{name}: {:?}", took.code);
    }
}

/// A token of characters that are written in other ways in JSON and in addresses.
const TOKEN: &str = "planted/7f3d\"9c1e+5b8a&4260%e7";

#[track_caller]
fn assert_hidden(what: &str, output: &Output) {
    assert!(!output.raw.is_empty());
    for text in [String::from_utf8_lossy(&output.raw).into_owned(), output.stderr.clone()] {
        let plain = text.replace('\\', "").replace("%2F", "/").replace("%2f", "/");
        for part in ["planted/7f3d", "9c1e+5b8a", "4260%e7", "9c1e%2B5b8a", "9c1e%2b5b8a"] {
            assert!(!plain.contains(part), "{what}: {part} in {plain}");
        }
    }
}

/// [c75]
#[test]
fn a_planted_token_shows_nowhere() {
    let headers = ["x-token", "retry-after", "set-cookie", "content-type", "www-authenticate", "deprecation"];
    let headers = headers.map(|name| (name.to_owned(), "Bearer {token}".to_owned())).to_vec();
    let escaped = TOKEN.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<Vec<_>>().concat();
    let encoded = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let named = |text: &str| {
        json!({"userId": 1, "accounts": [{"accountId": 90210, "accountName": text, "accountType": text}]}).to_string()
    };
    let error = |text: &str| format!("{{\"error\":\"exception\",\"description\":\"You sent {text}\"}}");
    let quoted = Value::from(TOKEN).to_string();
    let mut kinds: Vec<FaultKind> = [400, 401, 403, 404, 429, 500, 503, 200].map(FaultKind::EchoToken).to_vec();
    kinds.extend([301, 302, 303, 307, 308].map(|status| {
        FaultKind::Redirect(status, RedirectTo::Elsewhere("https://elsewhere.example/{token}?t={token}".to_owned()))
    }));
    kinds.push(FaultKind::Redirect(302, RedirectTo::Itself));
    kinds.push(FaultKind::Headers(headers));
    kinds.extend(
        [error(&escaped), error(&encoded), error(&quoted.replace('"', "\\\"")), quoted.clone(), named(TOKEN)]
            .map(FaultKind::WrongShape),
    );
    kinds.extend(
        [format!("[{{{quoted}:1}}, {quoted}]"), format!("{{{quoted}:[]}}"), format!("[{{\"id\":{TOKEN}"), TOKEN.to_owned()]
            .map(FaultKind::WrongShape),
    );
    kinds.push(FaultKind::Status(500, FaultBody::Html));
    for kind in kinds {
        for (path, stream) in [
            ("/transactions/", "transactions"),
            ("/accounts", "transactions"),
            ("/programmes", "programme_details"),
            ("advertiserId=", "programme_details"),
        ] {
            let sandbox = sandbox();
            TOKEN.clone_into(&mut sandbox.world().token);
            sandbox.world().faults.push(Fault::on(path, kind.clone()));
            let mut connector = connector(&sandbox);
            connector.minute_ms = 10;
            let mut command = connector.read_command(&catalog(&[stream], "incremental"), None);
            assert_hidden(&format!("{path} {kind:?}"), &Output::of(command.arg("--debug")));
            assert_hidden(&format!("check, {path} {kind:?}"), &connector.run("check"));
        }
    }
}

/// A redirect is not followed: the token would go with it.
#[test]
fn a_redirect_takes_the_token_nowhere() {
    let elsewhere = Echo::start(|_, _| answer(200, "", "[]"));
    for status in [301, 302, 303, 307, 308] {
        let sandbox = sandbox();
        let to = RedirectTo::Elsewhere(format!("{}/accounts", elsewhere.url()));
        sandbox.world().faults.push(Fault::everywhere(FaultKind::Redirect(status, to)));
        let connector = connector(&sandbox);
        assert_eq!(connector.read(&["accounts"], None).code, Some(1), "{status}");
        assert_eq!(connector.check()["status"], "FAILED", "{status}");
    }
    assert!(elsewhere.asked().is_empty());
}

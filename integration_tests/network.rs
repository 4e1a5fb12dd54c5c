//! What only sockets can do: names, TLS, proxies, redirects, packed bodies. Once for the client, which is the same for all
//! endpoints.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use awin_sandbox::{Fault, FaultKind, RedirectTo};
use serde_json::json;

use crate::support::connector::catalog;
use crate::support::setup::{connector, sandbox};
use crate::support::{Connector, Output, Tables, assert_in_sync};

/// Says the same to everybody, whatever they say, and hangs up.
struct Peer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Peer {
    fn start(says: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        // It ends with the process: nobody waits for it.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut bytes = vec![0; 4096];
                let length = stream.read(&mut bytes).unwrap_or_default();
                bytes.truncate(length);
                ears.lock().expect("no panic with the lock").push(bytes);
                let _ = stream.write_all(says);
            }
        });
        Self { address, heard }
    }

    /// The first bytes of each connection.
    fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().expect("no panic with the lock").clone()
    }
}

/// Half a window is answered sooner than a whole one. A connection that does not come about does not for half of one.
#[test]
fn a_connection_that_does_not_come_about_is_not_asked_for_in_halves() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    // One connection may wait to be accepted, and nobody accepts: the kernel answers no further ones.
    let deaf = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&deaf, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    listen(&deaf, 0).expect("a listener");
    let address = SocketAddr::try_from(getsockname(&deaf).expect("an address")).expect("of the internet");
    let waiting: Vec<_> = (0..8).filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()).collect();
    assert!(waiting.len() < 8, "the kernel accepts any number of connections");
    let sandbox = sandbox();
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210").with("api_url", format!("http://{address}"));
    connector.minute_ms = 50;
    let output = connector.read(&["transactions"], None);
    assert_eq!((output.code, output.errors()[0].1.as_str()), (Some(1), "transient_error"), "{:?}", output.errors());
    assert_eq!(output.logs("INFO").iter().filter(|log| log.contains("in halves")).count(), 0);
}

/// Every name under which programs look for a proxy.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Plain HTTP, which is allowed to this machine only, goes past every proxy: one would see the token.
#[test]
fn plain_http_never_goes_through_a_proxy() {
    let proxy = Peer::start(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("advertiser_ids", "90210");
    for mut command in [connector.command("check"), connector.read_command(&catalog(&["transactions"], "incremental"), None)] {
        for name in PROXIES {
            command.env(name, format!("http://{}", proxy.address));
        }
        Output::of(command.env_remove("NO_PROXY").env_remove("no_proxy")).ok();
    }
    assert!(!sandbox.calls().is_empty());
    assert_eq!(proxy.heard().len(), 0);
}

/// Over https a proxy is asked for a tunnel: it sees the host's name and nothing else.
#[test]
fn a_proxy_sees_the_host_and_never_the_token() {
    let proxy = Peer::start(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let sandbox = sandbox();
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210").with("api_url", "https://api.awin.com");
    connector.minute_ms = 50;
    let mut command = connector.read_command(&catalog(&["transactions"], "incremental"), None);
    for name in PROXIES {
        command.env(name, format!("http://{}", proxy.address));
    }
    let output = Output::of(command.env_remove("NO_PROXY").env_remove("no_proxy"));
    assert_eq!((output.code, output.errors()[0].1.as_str()), (Some(1), "transient_error"), "{:?}", output.errors());
    let heard: Vec<String> = proxy.heard().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    assert!(!heard.is_empty());
    let token = connector.config["api_token"].as_str().expect("a text");
    for text in heard {
        assert!(text.starts_with("CONNECT api.awin.com:443 HTTP/1.1\r\n"), "{text}");
        assert!(!text.contains(token) && !text.contains("authorization: Bearer"), "{text}");
    }
}

/// Faults that only a socket can have: once for the client, which is the same for all endpoints.
#[test]
fn what_goes_wrong_below_http_is_said_and_made_good_by_the_next_run() {
    // To a TLS greeting: an alert (handshake_failure), no TLS at all, the end.
    let refuses = Peer::start(b"\x15\x03\x03\x00\x02\x02\x28");
    let speaks_http = Peer::start(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let hangs_up = Peer::start(b"");
    for (name, url) in [
        ("no such name", "https://no-such-host.invalid".to_owned()),
        ("nobody there", "http://127.0.0.1:1".to_owned()),
        ("TLS refused", format!("https://{}", refuses.address)),
        ("no TLS there", format!("https://{}", speaks_http.address)),
        ("the end instead of TLS", format!("https://{}", hangs_up.address)),
    ] {
        let sandbox = sandbox();
        let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
        let sound = connector.config.clone();
        connector.config["api_url"] = json!(url);
        connector.minute_ms = 50;
        let first = connector.read(&["transactions"], None);
        assert_eq!(first.code, Some(1), "{name}");
        assert_eq!(first.errors()[0].1, "transient_error", "{name}: {:?}", first.errors());
        connector = Connector { config: sound, minute_ms: 60_000, ..connector };
        let second = connector.read(&["transactions"], Some(&first.state())).ok();
        let mut tables = Tables::default();
        tables.load(&second.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &["transactions"]);
    }
    for peer in [refuses, speaks_http, hangs_up] {
        let heard = peer.heard();
        assert!(!heard.is_empty(), "each was asked");
        assert!(heard.iter().all(|bytes| !String::from_utf8_lossy(bytes).contains("Bearer")), "the token only goes through TLS");
    }
    for (name, fault, kind) in [
        ("a reset", FaultKind::Reset, "transient_error"),
        ("a redirect", FaultKind::Redirect(302, RedirectTo::Itself), "system_error"),
        ("a packed bomb", FaultKind::GzipBomb { mebibytes: 50 }, ""),
    ] {
        for times in [1, u64::MAX] {
            let sandbox = sandbox();
            sandbox.world().faults.push(Fault::on("/transactions/", fault.clone()).times(times));
            // The bomb is an empty list, which is believed: the look-back brings what was there.
            let mut connector = connector(&sandbox).with("advertiser_ids", "90210").with("lookback_days", 28);
            connector.minute_ms = if kind == "transient_error" && times > 1 { 50 } else { 60_000 };
            let first = connector.read(&["transactions"], None);
            let fails = !kind.is_empty() && (times > 1 || kind == "system_error");
            assert_eq!(
                first.errors().first().map(|error| error.1.as_str()),
                fails.then_some(kind),
                "{name}: {:?}",
                first.errors()
            );
            sandbox.world().faults.clear();
            let second = connector.read(&["transactions"], Some(&first.state())).ok();
            let mut tables = Tables::default();
            tables.load(&first.lines);
            tables.load(&second.lines);
            assert_in_sync(&sandbox.world(), &connector.config, &tables, &["transactions"]);
        }
    }
}

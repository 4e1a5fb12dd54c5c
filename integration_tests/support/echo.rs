//! A tiny server of which a test writes every byte of every answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// What came in.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    /// Path and query.
    pub target: String,
    pub authorization: String,
}

/// Answers until it is dropped.
pub struct Echo {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A whole answer.
pub fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Some words\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
}

/// The answer of `/accounts`: one advertiser, 90210.
pub fn accounts() -> String {
    let list = r#"{"userId":1,"accounts":[{"accountId":90210,"accountName":"A shop","accountType":"advertiser","userRole":"userViewer"}]}"#;
    answer(200, "content-type: application/json\r\n", list)
}

impl Echo {
    /// `answer` is given each request and how many came before it.
    pub fn start(answer: impl Fn(&Asked, usize) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let done = Arc::new(AtomicBool::new(false));
        let (log, stop) = (Arc::clone(&asked), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let Some(request) = request(&stream) else { continue };
                let count = {
                    let mut log: std::sync::MutexGuard<'_, Vec<Asked>> = log.lock().expect("no panic with the lock");
                    log.push(request.clone());
                    log.len() - 1
                };
                let mut stream = stream;
                let _ = stream.write_all(answer(&request, count).as_bytes());
            }
        });
        Self { address, asked, done, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic with the lock").clone()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut asked = Asked { at: Instant::now(), target: first.split(' ').nth(1)?.to_owned(), authorization: String::new() };
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            value.clone_into(&mut asked.authorization);
        }
    }
    Some(asked)
}

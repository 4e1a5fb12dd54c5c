//! A person at a terminal: stderr of a command is a pseudo-terminal, and what it shows is read off the screen.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Output;

const ROWS: u16 = 60;
const COLUMNS: u16 = 250;
/// Far more than anything here takes: it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that is running before a person's eyes.
pub struct Person {
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    reading: JoinHandle<()>,
    messages: PathBuf,
}

impl Person {
    /// Starts `command`; its messages go to the file `messages`.
    pub fn starts(command: &mut Command, messages: PathBuf) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("ours");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("UTF-8");
        let terminal = OpenOptions::new().read(true).write(true).open(name).expect("its other side");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("a size");
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(Stdio::null());
        let child = command.stdout(File::create(&messages).expect("writable")).stderr(terminal).spawn().expect("starts");
        // The command holds the terminal open as long as its stderr is in it.
        command.stderr(Stdio::null());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let shown = Arc::clone(&screen);
        let mut master = File::from(master);
        let reading = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end is an error on Linux: nobody holds the other side any more.
            while let Ok(count @ 1..) = master.read(&mut piece) {
                shown.lock().expect("the lock").process(&piece[..count]);
            }
        });
        Self { child, screen, reading, messages }
    }

    /// What is on the screen.
    pub fn sees(&self) -> String {
        let screen = self.screen.lock().expect("the lock");
        let rows: Vec<String> = screen.screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Waits until `what` returns something of the screen.
    pub fn waits_for<T>(&self, what: impl Fn(&str) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = what(&self.sees()) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "not seen: {}", self.sees());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupts(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for the end. Returns what is on the screen then, and the messages.
    pub fn stays(mut self) -> (String, Output) {
        let status = self.child.wait().expect("ends");
        while !self.reading.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        (self.sees(), Output::new(&std::fs::read(self.messages).expect("readable"), &[], status.code()))
    }
}

use super::*;

/// A buffer that several hold.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic with the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_that_a_panic_left_unfinished_does_not_go_out() {
    let kept = Kept::default();
    let emitter = Emitter::new(Box::new(kept.clone()), false);
    emitter.write_with(|lines| lines.extend_from_slice(b"whole\n"));
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        emitter.write_with(|lines| {
            lines.extend_from_slice(b"half of a li");
            panic!("in the middle");
        });
    }));
    assert!(broken.is_err());
    emitter.log(Level::Info, "after");
    assert_eq!(emitter.close().await, Ok(()));
    let text = String::from_utf8(kept.0.lock().expect("the lock").clone()).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "whole"), "{text}");
    assert!(lines[1].starts_with("{\"type\":\"LOG\""), "{text}");
}

/// A full pipe that does not block: it refuses each other time, and takes seven bytes at most.
struct Full(Kept, bool);

impl Full {
    fn is_full(&mut self) -> io::Result<()> {
        self.1 = !self.1;
        if self.1 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full()?;
        self.0.write(&bytes[..bytes.len().min(7)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.is_full()
    }
}

#[tokio::test]
async fn a_pipe_that_does_not_block_gets_every_byte() {
    let kept = Kept::default();
    let emitter = Emitter::new(Box::new(Full(kept.clone(), false)), false);
    let mut wanted = Vec::new();
    for number in 0..20 {
        let line = format!("line {number}, and more\n");
        wanted.extend_from_slice(line.as_bytes());
        emitter.write_with(|lines| lines.extend_from_slice(line.as_bytes()));
        assert_eq!(emitter.flush().await, Ok(()));
    }
    assert_eq!(emitter.close().await, Ok(()));
    assert_eq!(*kept.0.lock().expect("the lock"), wanted);
}

/// A reader that takes nothing until it is released, then everything at once.
struct Stopped {
    kept: Kept,
    released: Arc<std::sync::Barrier>,
    is_released: bool,
}

impl Write for Stopped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.is_released, true) {
            self.released.wait();
        }
        self.kept.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A run in small: `windows` windows of RECORDs, each ended by a STATE, and LOG lines of a call beside it. Each line ends
/// in its number among those of its writer.
async fn windows(emitter: Emitter, windows: u32) {
    let calls = emitter.clone();
    let beside = tokio::spawn(async move {
        for call in 0..windows {
            tokio::time::sleep(FLUSH_INTERVAL / 3).await;
            calls.write_with(|lines| lines.extend_from_slice(format!("call {call}\n").as_bytes()));
        }
    });
    for window in 0..windows {
        emitter.write_with(|lines| lines.extend_from_slice(format!("record {window}\n").as_bytes()));
        if window % 3 == 0 {
            tokio::time::sleep(FLUSH_INTERVAL / 2).await;
        }
        emitter.write_with(|lines| lines.extend_from_slice(format!("state {window}\n").as_bytes()));
        if emitter.flush().await.is_err() {
            return;
        }
    }
    let _ = beside.await;
    emitter.write_with(|lines| lines.extend_from_slice(b"record last\nstate last\n"));
}

/// The lines of the run, and of the calls beside it, each in the order in which they were written.
fn assert_whole_and_in_order(text: &[u8], windows: u32, round: u32) {
    let text = std::str::from_utf8(text).expect("UTF-8");
    let (calls, run): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("call"));
    assert_run_in_order(&run, windows, round);
    assert_eq!(calls, (0..windows).map(|call| format!("call {call}")).collect::<Vec<_>>(), "round {round}");
}

fn assert_run_in_order(run: &[&str], windows: u32, round: u32) {
    let wanted = (0..windows).flat_map(|window| [format!("record {window}"), format!("state {window}")]);
    let wanted: Vec<String> = wanted.chain(["record last".to_owned(), "state last".to_owned()]).collect();
    assert_eq!(run, wanted, "round {round}");
}

/// With lines taken before a place is reserved, this fails within a hundred rounds: a STATE leaves before its RECORDs, or
/// the last lines are lost.
#[test]
fn a_reader_that_stops_and_then_takes_everything_gets_all_lines_in_order() {
    for round in 0..10_000 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let kept = Kept::default();
        let released = Arc::new(std::sync::Barrier::new(2));
        let output = Stopped { kept: kept.clone(), released: Arc::clone(&released), is_released: false };
        let count = 6 + round % 7;
        runtime.block_on(async {
            let emitter = Emitter::new(Box::new(output), false);
            let release = async move {
                // On the paused clock, every task that can move has moved by then.
                tokio::time::sleep(FLUSH_INTERVAL * (1 + round % 20)).await;
                released.wait();
            };
            let work = emitter.flush_while(windows(emitter.clone(), count));
            let (done, ()) = tokio::join!(work, release);
            assert_eq!((done, emitter.close().await), (Ok(()), Ok(())), "round {round}");
        });
        assert_whole_and_in_order(&kept.0.lock().expect("the lock"), count, round);
    }
}

#[test]
fn a_slow_pipe_gets_all_lines_in_order() {
    for round in 0..300 {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let reading = thread::spawn(move || {
            let mut text = Vec::new();
            let mut piece = [0; 3000];
            for turn in 0u32.. {
                if turn % 4 == round % 4 {
                    thread::sleep(Duration::from_micros(200));
                }
                match io::Read::read(&mut reader, &mut piece).expect("readable") {
                    0 => break,
                    count => text.extend_from_slice(&piece[..count]),
                }
            }
            text
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let emitter = Emitter::new(Box::new(writer), false);
            let long = format!("call {}\n", "x".repeat(70_000));
            emitter.write_with(|lines| lines.extend_from_slice(long.repeat(4).as_bytes()));
            let work = async {
                for window in 0..50 {
                    emitter.write_with(|lines| lines.extend_from_slice(format!("record {window}\n").as_bytes()));
                    tokio::task::yield_now().await;
                    emitter.write_with(|lines| lines.extend_from_slice(format!("state {window}\n").as_bytes()));
                    emitter.flush().await.expect("the reader is there");
                }
                emitter.write_with(|lines| lines.extend_from_slice(b"record last\nstate last\n"));
            };
            // A second one that hands over as fast as it can stands for the regular one.
            let eager = async {
                loop {
                    emitter.flush().await.expect("the reader is there");
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { () = work => {}, () = eager => {} }
            assert_eq!(emitter.close().await, Ok(()));
        });
        let text = String::from_utf8(reading.join().expect("read")).expect("UTF-8");
        let run: Vec<&str> = text.lines().filter(|line| !line.starts_with("call")).collect();
        assert_run_in_order(&run, 50, round);
    }
}

#[tokio::test]
async fn lines_that_the_reader_did_not_take_are_not_taken_for_written() {
    let (reader, writer) = io::pipe().expect("a pipe");
    let emitter = Emitter::new(Box::new(writer), false);
    drop(reader);
    emitter.log(Level::Info, "into the void");
    assert_eq!(emitter.close().await, Err(Closed));
}

#[test]
fn batches_are_cut_between_lines() {
    let batch = [vec![b'a'; 10], vec![b'\n'], vec![b'b'; PIECE + 5], vec![b'\n'], vec![b'c'; 3], vec![b'\n']].concat();
    let pieces: Vec<usize> = whole_lines(&batch).map(<[u8]>::len).collect();
    assert_eq!(pieces, [11, PIECE + 6, 4]);
}

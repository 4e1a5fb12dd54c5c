//! The person in front of the process: words, and one live line, on stderr where that is a terminal. Anywhere else nothing is
//! written there: some runners never read it, and a full pipe would hold up the sync.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Cheap to clone; all clones write to the same terminal, or none does.
#[derive(Clone, Default)]
pub struct Terminal(Option<Arc<Shared>>);

struct Shared {
    bar: ProgressBar,
    /// What is to be said if a signal ends the run now.
    stopped: Mutex<String>,
}

/// What the live lines say.
pub struct View {
    /// Calls that were made.
    pub done: u64,
    /// Calls that are planned.
    pub all: u64,
    /// Beside the bar.
    pub figures: String,
    /// Below it.
    pub place: String,
    /// What is to be said if a signal ends the run now.
    pub stopped: String,
}

impl Terminal {
    /// Stderr, if a person sees it. Where stdout is a terminal as well, messages run over the same screen: no bar then.
    pub fn of_process() -> Self {
        if !io::stderr().is_terminal() {
            return Self::default();
        }
        let is_shared = io::stdout().is_terminal();
        let target = if is_shared { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(ProgressStyle::with_template("{bar:20} {prefix}\n{wide_msg}").expect("the template is tested"));
        Self(Some(Arc::new(Shared { bar, stopped: Mutex::default() })))
    }

    /// Whether a person is there.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// An error in words.
    pub fn error(&self, text: &str) {
        self.say(format!("{} {text}", style("error:").for_stderr().red().bold()));
    }

    /// A warning in words.
    pub fn warning(&self, text: &str) {
        self.say(format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
    }

    /// A text of its own, above the bar.
    pub fn say(&self, text: impl AsRef<str>) {
        if let Some(shared) = &self.0 {
            // A terminal that is gone is no reason to end the sync.
            let _ = shared.bar.suspend(|| writeln!(io::stderr(), "{}", text.as_ref()));
        }
    }

    /// Draws the live lines anew.
    pub fn show(&self, view: View) {
        if let Some(shared) = &self.0 {
            *shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = view.stopped;
            shared.bar.set_length(view.all);
            shared.bar.set_position(view.done);
            shared.bar.set_prefix(view.figures);
            shared.bar.set_message(view.place);
        }
    }

    /// Takes the live lines away.
    pub fn clear(&self) {
        if let Some(shared) = &self.0 {
            shared.bar.finish_and_clear();
            shared.stopped.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// A signal ends the run: says where it was.
    pub fn stopped(&self) {
        let Some(shared) = &self.0 else { return };
        let text = std::mem::take(&mut *shared.stopped.lock().unwrap_or_else(PoisonError::into_inner));
        self.clear();
        self.say(if text.is_empty() { "Stopped." } else { &text });
    }
}

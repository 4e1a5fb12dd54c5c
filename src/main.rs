//! Parses the command line, runs, exits.

use std::process::ExitCode;

use clap::Parser as _;
use source_awin::cli::{self, Cli};
use source_awin::process;
use source_awin::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::run(async |stop| Box::pin(cli::run(cli, Box::new(std::io::stdout()), Terminal::of_process(), stop)).await)
}

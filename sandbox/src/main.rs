//! Runs the sandbox on this computer's clock, or at a fixed instant, for trying the connector and a pipeline without an Awin account.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use awin_sandbox::{Clock, Demo, Kind, Sandbox, World};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Parser, Subcommand};
use serde_json::json;

/// A strict stand-in for Awin's API.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a made-up world until Ctrl-C.
    ///
    /// Beside Awin's own paths there are, without token:
    ///   POST /sandbox/change            decline, approve, amend and add a sale right now
    ///   POST /sandbox/correct           amend an approved sale and decline another one right now
    ///   GET  /sandbox/truth/{stream}    what a perfect copy would hold (?accountId= &timezone= &from= &to=)
    ///   GET  /sandbox/calls             the calls received
    #[command(verbatim_doc_comment)]
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// Port on 127.0.0.1 (0: a free one).
    #[arg(long, default_value_t = 8765)]
    port: u16,
    /// The same seed makes the same world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of history.
    #[arg(long, default_value_t = 400)]
    days: u32,
    /// Sales a day for each advertiser, in the past and from now on.
    #[arg(long, default_value_t = 10)]
    sales_per_day: u32,
    /// Advertiser accounts.
    #[arg(long, default_value_t = 3)]
    advertisers: u32,
    /// Publisher accounts.
    #[arg(long, default_value_t = 2)]
    publishers: u32,
    /// Calls allowed in any 60 seconds (0: any number).
    #[arg(long, default_value_t = 20)]
    throttle_per_minute: u32,
    /// The one good token.
    #[arg(long, default_value = "sandbox-token")]
    token: String,
    /// Stand still at this instant (RFC 3339) instead of going with this computer's clock.
    #[arg(long)]
    now: Option<DateTime<Utc>>,
    /// Let nothing happen to sales by itself: only the paths above change them.
    #[arg(long)]
    still: bool,
    /// Wait this many milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Cli::parse().command;
    match run(&serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "awin-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Days back at which the printed configuration starts at most: a first sync of every stream then ends soon.
const DAYS_TO_TRY: u32 = 30;

fn run(serve: &Serve) -> io::Result<()> {
    let clock = serve.now.map_or(Clock::System, Clock::Fixed);
    let now = clock.now();
    let world = build(serve, clock);
    let start = now - TimeDelta::days(i64::from(serve.days.min(DAYS_TO_TRY)));
    let guide = guide(&world, start);
    let sandbox = Sandbox::start_on(serve.port, world)?;
    // In one piece: whoever reads it may go away after the last line.
    io::stdout().write_all(guide.replace("{url}", &sandbox.url()).as_bytes())?;
    wait_for_the_end()
}

fn build(serve: &Serve, clock: Clock) -> World {
    let demo = Demo {
        seed: serve.seed,
        now: clock.now(),
        days_back: serve.days,
        days_ahead: 400,
        sales_per_day: serve.sales_per_day,
        advertisers: serve.advertisers,
        publishers: serve.publishers,
    };
    let mut world = demo.build();
    world.pay_twice_a_month();
    world.clock = clock;
    world.token.clone_from(&serve.token);
    if serve.still {
        world.stand_still();
    }
    world.throttle.enabled = serve.throttle_per_minute > 0;
    world.throttle.limit = serve.throttle_per_minute;
    world.latency = Duration::from_millis(serve.latency_ms);
    world
}

/// The most that the connector's `requests_per_minute` takes.
const MOST_PER_MINUTE: u32 = 1000;

/// What to do with it; `{url}` stands for the address.
fn guide(world: &World, start: DateTime<Utc>) -> String {
    let ids = |kind: Kind| {
        let ids = world.accounts.iter().filter(|account| account.kind == kind).map(|account| account.id.to_string());
        ids.collect::<Vec<_>>().join(", ")
    };
    let mut config = json!({
        "api_url": "{url}",
        "api_token": world.token,
        "start_date": start.format("%Y-%m-%d").to_string(),
    });
    if !world.throttle.enabled {
        config["requests_per_minute"] = MOST_PER_MINUTE.into();
    }
    format!(
        "Awin sandbox at {{url}}\ntoken:       {}\nadvertisers: {}\npublishers:  {}\nconfig:\n{config:#}\n",
        world.token,
        ids(Kind::Advertiser),
        ids(Kind::Publisher),
    )
}

/// Returns on Ctrl-C or SIGTERM.
fn wait_for_the_end() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                ended = tokio::signal::ctrl_c() => ended,
                _ = terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}

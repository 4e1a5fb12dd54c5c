//! The front desk: keeps the log of calls, checks the token, counts calls against the throttle and lets faults strike.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

use crate::answer::{self, Reply, Route, offers, public};
use crate::fault::{Fault, FaultBody, FaultKind, RedirectTo};
use crate::flood;
use crate::public::Quota;
use crate::rules::RetryAfter;
use crate::throttle::Meter;
use crate::world::World;

/// A request that was received.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived.
    pub at: Instant,
    /// The same, in milliseconds since the sandbox was started.
    pub at_ms: u64,
    /// Method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Body, of a POST.
    pub body: String,
    /// The status answered; `None` if no answer was given (a fault).
    pub status: Option<u16>,
    /// Was it over the limit? (The status says 429 unless a fault struck as well.)
    pub throttled: bool,
    /// Did it bear the good token in its header?
    pub authorized: bool,
    /// Did a fault strike?
    pub faulty: bool,
    /// `User-Agent`
    pub user_agent: String,
}

impl Call {
    /// The value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the desk needs to know of a request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// As received.
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: String,
    pub(crate) body: String,
}

/// How an answer is to be sent.
pub(crate) enum Delivery {
    After(Duration, Reply),
    Cut {
        reply: Reply,
        after_bytes: usize,
        chunked: bool,
    },
    /// The body in pieces of so many bytes, with a pause after each.
    Drip {
        reply: Reply,
        bytes: usize,
        pause: Duration,
    },
    /// Only the first half of the body.
    Half(Reply),
    Never,
    HangUp,
}

/// The state of a running sandbox.
pub(crate) struct Desk {
    world: Mutex<World>,
    log: Mutex<Log>,
    started: Instant,
}

#[derive(Default)]
struct Log {
    calls: Vec<Call>,
    /// Calls with the good token since the start or the last clearing.
    authorized: u64,
    /// Calls ever: the turn by which rows are shuffled.
    turn: u64,
    meter: Meter,
    /// For the newer API, where it has a limit of its own.
    public_meter: Meter,
}

impl Desk {
    pub(crate) fn new(world: World) -> Self {
        Self { world: Mutex::new(world), log: Mutex::default(), started: Instant::now() }
    }

    /// The world. (A test that failed with the guard in hand leaves data that is still whole.)
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.log().calls.clone()
    }

    pub(crate) fn clear_calls(&self) {
        let mut log = self.log();
        log.calls.clear();
        log.authorized = 0;
    }

    /// Takes a request and decides what becomes of it.
    pub(crate) fn receive(&self, request: Request) -> Delivery {
        let at = Instant::now();
        let mut world = self.world();
        let mut log = self.log();
        let query: Vec<(String, String)> = form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();

        let authorized = log.admit_token(&world, request.authorization.as_deref());
        let address = format!("{}?{}", request.path, request.query);
        let struck = strike(&mut world.faults, &address);
        let public = public::is_public(&request.path);
        let admitted = authorized && (!public || world.public.takes_token);
        let (throttle, meter) = match &world.public.quota {
            Quota::Own(throttle) if public => (throttle, &mut log.public_meter),
            _ => (&world.throttle, &mut log.meter),
        };
        let refusal = if admitted { meter.admit(throttle, at).err() } else { None };
        let remaining = meter.remaining(throttle);
        log.turn += 1;
        let turn = log.turn;
        let for_offers = matches!(Route::of(&request.path), Some(Route::Offers(_)));
        let token_in_query = query.iter().any(|(name, _)| name == "accessToken");
        let reply = || match refusal {
            _ if !admitted && for_offers && token_in_query => offers::answer_without_token(),
            _ if !admitted && public => public::unauthorized(),
            _ if !admitted => Reply::unauthorized(),
            Some(wait) if public => with_retry_after(public::throttled(), world.public.retry_after, wait),
            Some(wait) => with_retry_after(Reply::throttled(world.throttle.limit), world.throttle.retry_after, wait),
            None => answer::answer(&world, &request.method, &request.path, &query, &request.body, turn),
        };
        let counted = public && admitted && throttle.enabled && world.public.rate_limit_headers;
        let reply = || if counted { with_rate_limit(reply(), throttle.limit, remaining) } else { reply() };
        let faulty = struck.is_some();
        let delivery = match struck {
            None => Delivery::After(world.latency, reply()),
            Some(kind) => deliver_fault(kind, &world.token, &address, reply),
        };
        let step = world.public.time_per_page;
        if (public || for_offers) && delivery.status() == Some(200) && !step.is_zero() {
            world.clock.advance(step);
        }
        log.calls.push(Call {
            at,
            at_ms: u64::try_from((at - self.started).as_millis()).unwrap_or(u64::MAX),
            method: request.method,
            path: request.path,
            query,
            body: request.body,
            status: delivery.status(),
            throttled: refusal.is_some(),
            authorized,
            faulty,
            user_agent: request.user_agent,
        });
        delivery
    }
}

impl Log {
    /// Is this the good token, and still alive?
    fn admit_token(&mut self, world: &World, authorization: Option<&str>) -> bool {
        if authorization.and_then(|header| header.strip_prefix("Bearer ")) != Some(world.token.as_str()) {
            return false;
        }
        self.authorized += 1;
        world.token_dead_after.is_none_or(|calls| self.authorized <= calls)
    }
}

/// Every fault counts the call; the first that strikes is taken.
fn strike(faults: &mut [Fault], path_and_query: &str) -> Option<FaultKind> {
    let mut struck = None;
    for fault in faults {
        if fault.strikes(path_and_query) && struck.is_none() {
            struck = Some(fault.kind.clone());
        }
    }
    struck
}

fn now(reply: Reply) -> Delivery {
    Delivery::After(Duration::ZERO, reply)
}

fn deliver_fault(kind: FaultKind, token: &str, address: &str, reply: impl FnOnce() -> Reply) -> Delivery {
    let with_token = |text: &str| text.replace("{token}", token);
    match kind {
        FaultKind::Redirect(status, RedirectTo::Itself) => now(Reply::empty(status).header("location", address)),
        FaultKind::Redirect(status, RedirectTo::Elsewhere(to)) => now(Reply::empty(status).header("location", with_token(&to))),
        FaultKind::Headers(headers) => {
            now(headers.iter().fold(reply(), |reply, (name, value)| reply.header(name, with_token(value))))
        }
        FaultKind::EchoToken(status) => now(flood::echo(status, token)),
        FaultKind::Drip { bytes, pause } => Delivery::Drip { reply: reply(), bytes, pause },
        FaultKind::Endless(filler) => now(flood::endless(reply(), filler)),
        FaultKind::GzipBomb { mebibytes } => now(flood::gzip_bomb(mebibytes)),
        FaultKind::Status(status, FaultBody::Json) => now(Reply::error(status, "exception", "Something went wrong")),
        FaultKind::Status(status, FaultBody::Html) => now(Reply::html(status)),
        FaultKind::Status(status, FaultBody::Empty) => now(Reply::empty(status)),
        FaultKind::CutBody { after_bytes, chunked } => Delivery::Cut { reply: reply(), after_bytes, chunked },
        FaultKind::Truncated => Delivery::Half(reply()),
        FaultKind::NotJson => now(Reply::html(200)),
        FaultKind::EmptyBody200 => now(Reply::empty(200)),
        FaultKind::SlowFirstByte(wait) => Delivery::After(wait, reply()),
        FaultKind::Hang => Delivery::Never,
        FaultKind::Reset => Delivery::HangUp,
        FaultKind::WrongShape(body) => now(Reply::json(body)),
    }
}

fn with_rate_limit(reply: Reply, limit: u32, remaining: u64) -> Reply {
    reply.header("ratelimit-limit", limit.to_string()).header("ratelimit-remaining", remaining.to_string())
}

fn with_retry_after(refusal: Reply, form: RetryAfter, wait: Duration) -> Reply {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match form {
        RetryAfter::None => refusal,
        RetryAfter::Seconds => refusal.header("retry-after", seconds.to_string()),
        RetryAfter::Date => {
            // Dates have no fractions: a second more, lest it be too early.
            let at = DateTime::<Utc>::from(SystemTime::now() + Duration::from_secs(seconds + 1));
            refusal.header("retry-after", at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
    }
}

impl Delivery {
    fn status(&self) -> Option<u16> {
        match self {
            Self::After(_, reply) | Self::Cut { reply, .. } | Self::Drip { reply, .. } | Self::Half(reply) => Some(reply.status),
            Self::Never | Self::HangUp => None,
        }
    }
}

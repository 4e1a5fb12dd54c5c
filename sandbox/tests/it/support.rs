//! A plain client, and a world small enough to reason about.

use awin_sandbox::{Demo, Sale, Sandbox, Throttle, World, decimal, instant};
use serde_json::Value;

pub(crate) const ADVERTISER: u64 = 90_210;
pub(crate) const PUBLISHER: u64 = 500_321;
pub(crate) const NOW: &str = "2026-03-10T12:00:00Z";

/// One advertiser (in Germany) and one publisher, no sales, no throttle.
pub(crate) fn quiet_world() -> World {
    let demo = Demo { sales_per_day: 0, advertisers: 1, publishers: 1, ..Demo::new(7, instant(NOW)) };
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.queries.clear();
    world
}

/// The demo world, no throttle.
pub(crate) fn busy_world() -> World {
    let mut world = World::demo(7, instant(NOW));
    world.throttle = Throttle::off();
    world
}

/// A sale of 100.00 with a commission of 5.00.
pub(crate) fn sale(id: u64, created: &str) -> Sale {
    Sale::new(id, ADVERTISER, PUBLISHER, instant(created), decimal("100.00"), decimal("5.00"))
}

/// A sandbox with a quiet world as `change` leaves it.
pub(crate) fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    let mut world = quiet_world();
    change(&mut world);
    Sandbox::start(world)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<String>,
    /// `RateLimit-Limit` and `RateLimit-Remaining`
    pub(crate) rate_limit: Option<(String, String)>,
    pub(crate) encoding: Option<String>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The rows of an answer that has to be an array with status 200.
    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        match self.json() {
            Value::Array(rows) => rows,
            other => panic!("not an array: {other}"),
        }
    }

    /// The `results` of an answer of the newer API.
    pub(crate) fn results(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        let answer = self.json();
        answer["results"].as_array().unwrap_or_else(|| panic!("no results: {answer}")).clone()
    }

    /// The `id`s of the rows, in order of size.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.rows().iter().filter_map(|row| row["id"].as_u64()).collect();
        ids.sort_unstable();
        ids
    }

    /// The text of the error envelope.
    pub(crate) fn description(&self) -> String {
        self.json()["description"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request with the good token; an error is one of the transport.
pub(crate) fn try_get(sandbox: &Sandbox, path_and_query: &str) -> Result<Answer, ureq::Error> {
    send(ureq::get(format!("{}{path_and_query}", sandbox.url())).header("Authorization", "Bearer sandbox-token"))
}

pub(crate) fn get(sandbox: &Sandbox, path_and_query: &str) -> Answer {
    try_get(sandbox, path_and_query).unwrap_or_else(|error| panic!("{path_and_query}: {error}"))
}

pub(crate) fn send(request: ureq::RequestBuilder<ureq::typestate::WithoutBody>) -> Result<Answer, ureq::Error> {
    answer(request.config().http_status_as_error(false).build().call()?)
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (retry_after, encoding) = (header("retry-after"), header("content-encoding"));
    let rate_limit = header("ratelimit-limit").zip(header("ratelimit-remaining"));
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(u64::MAX).read_to_string()?;
    Ok(Answer { status, body, retry_after, rate_limit, encoding })
}

/// A POST with the good token.
pub(crate) fn post(sandbox: &Sandbox, path: &str, body: &str) -> Answer {
    let request = ureq::post(format!("{}{path}", sandbox.url())).header("Authorization", "Bearer sandbox-token");
    send_body(request, body)
}

pub(crate) fn send_body(request: ureq::RequestBuilder<ureq::typestate::WithBody>, body: &str) -> Answer {
    let response = request.config().http_status_as_error(false).build().send(body);
    response.and_then(answer).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// The advertiser's transactions of a window, with more parameters (`&name=value`).
pub(crate) fn transactions(sandbox: &Sandbox, start: &str, end: &str, more: &str) -> Answer {
    get(sandbox, &format!("/advertisers/{ADVERTISER}/transactions/?startDate={start}&endDate={end}{more}"))
}

/// The rows of a truth, parsed.
pub(crate) fn parsed(rows: &[String]) -> Vec<Value> {
    rows.iter().map(|row| serde_json::from_str(row).unwrap_or_else(|error| panic!("{error}: {row}"))).collect()
}

/// Rows by their text, in an order that does not depend on the answer.
pub(crate) fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    rows.sort_by_key(ToString::to_string);
    rows.iter().map(ToString::to_string).collect()
}

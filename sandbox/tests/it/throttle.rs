//! The limit of calls, over HTTP. (The kinds of windows are tested beside the code, without waiting.)

use std::time::{Duration, SystemTime};

use awin_sandbox::{RetryAfter, Sandbox, Throttle, ThrottleKind};
use chrono::{DateTime, Utc};

use crate::support::{ADVERTISER, PUBLISHER, get, sandbox, send};

fn limited(throttle: Throttle) -> Sandbox {
    sandbox(|world| world.throttle = throttle)
}

#[test]
fn the_twenty_first_call_of_a_minute_is_refused_whatever_its_path() {
    let sandbox = limited(Throttle::default());
    let paths = ["/accounts".to_owned(), format!("/advertisers/{ADVERTISER}/publishers"), "/nowhere".to_owned()];
    for call in 0..20 {
        assert_ne!(get(&sandbox, &paths[call % 3]).status, 429);
    }
    let refused = get(&sandbox, &format!("/publishers/{PUBLISHER}/programmes"));
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"], "request.limit.exceeded");
    assert_eq!(refused.description(), "Requests limit '20' times per '1' minutes' is exceeded");
    assert_eq!(refused.retry_after, None);
    assert_eq!(sandbox.calls().iter().filter(|call| call.throttled).count(), 1);
}

#[test]
fn calls_with_a_bad_token_are_not_counted() {
    let sandbox = limited(Throttle { limit: 1, ..Throttle::default() });
    for _ in 0..3 {
        assert_eq!(send(ureq::get(format!("{}/accounts", sandbox.url()))).expect("an answer").status, 401);
    }
    assert_eq!(get(&sandbox, "/accounts").status, 200);
    assert_eq!(get(&sandbox, "/accounts").status, 429);
}

#[test]
fn a_window_ends() {
    for kind in [ThrottleKind::Sliding, ThrottleKind::Fixed] {
        let window = Duration::from_millis(300);
        let sandbox = limited(Throttle { limit: 1, window, kind, ..Throttle::default() });
        assert_eq!(get(&sandbox, "/accounts").status, 200);
        assert_eq!(get(&sandbox, "/accounts").status, 429);
        std::thread::sleep(window);
        assert_eq!(get(&sandbox, "/accounts").status, 200);
    }
}

#[test]
fn retry_after_comes_in_seconds_or_as_a_date() {
    let sandbox = limited(Throttle { limit: 1, retry_after: RetryAfter::Seconds, ..Throttle::default() });
    get(&sandbox, "/accounts");
    let seconds: u64 = get(&sandbox, "/accounts").retry_after.expect("a header").parse().expect("seconds");
    assert!((59..=60).contains(&seconds), "{seconds}");

    sandbox.world().throttle.retry_after = RetryAfter::Date;
    let date = get(&sandbox, "/accounts").retry_after.expect("a header");
    assert!(date.ends_with(" GMT"), "{date}");
    let date = DateTime::parse_from_rfc2822(&date).expect("an HTTP date");
    let wait = (date.with_timezone(&Utc) - DateTime::<Utc>::from(SystemTime::now())).num_seconds();
    assert!((58..=62).contains(&wait), "{wait}");
}

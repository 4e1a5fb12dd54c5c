//! What an error condemns: a pure table. A new kind of error does not compile until someone decides.

use crate::awin::CallError;
use crate::streams::{Cut, Slice};

/// So many accounts in a row that cannot be reached: it is not the account. Trying on would only take time.
pub(super) const OUTAGE: usize = 2;

/// How much of a stream is not read any further in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blast {
    /// The slice alone.
    Slice,
    /// The lane of the account: Awin does not offer it.
    Lane,
    /// The partition.
    Partition,
    /// The account.
    Account,
    /// The account, or, if `/accounts` refuses the token as well, the run.
    AccountOrRun,
}

/// What `error` means for what comes after `slice`.
#[expect(clippy::match_same_arms, reason = "one decision per kind of error")]
pub(super) fn condemns(error: &CallError, slice: &Slice) -> Blast {
    let is_part = slice.cut.part().is_some();
    match error {
        // Never about a programme or a payment.
        CallError::Refused { status: 401, .. } => Blast::AccountOrRun,
        // A right to payments that is missing is missing for all of them.
        CallError::Refused { status: 403, .. } if matches!(slice.cut, Cut::Payment(_)) => Blast::Account,
        // The list of programmes or payments has just been read: this one was left since, or has no details.
        CallError::Refused { .. } if is_part => Blast::Slice,
        CallError::BadRequest { status: 400, .. } if slice.lane.is_optional() => Blast::Lane,
        // What Awin says of a request, or what is wrong with an answer, is about that part alone.
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) if is_part => Blast::Slice,
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) => Blast::Partition,
        CallError::Refused { .. }
        | CallError::Retired { .. }
        | CallError::Throttled
        | CallError::Server { .. }
        | CallError::TimedOut(_)
        | CallError::Network(_)
        | CallError::Broken(_) => Blast::Account,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{AccountId, AccountKind, Lane, MAIN_LANE, Partition, Role};

    #[test]
    fn every_error_condemns_what_it_is_about() {
        const OFFERED: &Lane = &Lane { name: "validation", date_type: "", status: None, role: Role::Changes { optional: false } };
        const OPTIONAL: &Lane = &Lane { name: "amendment", date_type: "", status: None, role: Role::Changes { optional: true } };
        let refused = |status| CallError::Refused { status, text: String::new() };
        let bad = |status| CallError::BadRequest { status, text: String::new() };
        let text = String::new;
        let transient = [
            CallError::Throttled,
            CallError::Server { status: 500, text: text() },
            CallError::TimedOut(text()),
            CallError::Network(text()),
            CallError::Broken(text()),
        ];
        // Error; what it condemns for a window, for a window of a lane that may be missing, for a programme.
        let mut table = vec![
            (refused(401), Blast::AccountOrRun, Blast::AccountOrRun, Blast::AccountOrRun),
            (refused(403), Blast::Account, Blast::Account, Blast::Slice),
            (refused(404), Blast::Account, Blast::Account, Blast::Slice),
            (CallError::Retired { status: 410 }, Blast::Account, Blast::Account, Blast::Account),
            (bad(400), Blast::Partition, Blast::Lane, Blast::Slice),
            (bad(418), Blast::Partition, Blast::Partition, Blast::Slice),
            (CallError::Shape(text()), Blast::Partition, Blast::Partition, Blast::Slice),
            (CallError::NotJson(text()), Blast::Partition, Blast::Partition, Blast::Slice),
        ];
        table.extend(transient.map(|error| (error, Blast::Account, Blast::Account, Blast::Account)));
        let partition = Partition::of(AccountId { kind: AccountKind::Publisher, id: 7 });
        let slice = |lane, cut| Slice { partition: partition.clone(), lane, cut };
        for (error, window, optional, programme) in table {
            assert_eq!(condemns(&error, &slice(MAIN_LANE, Cut::Whole)), window, "{error}");
            assert_eq!(condemns(&error, &slice(OFFERED, Cut::Whole)), window, "{error}");
            assert_eq!(condemns(&error, &slice(OPTIONAL, Cut::Whole)), optional, "{error}");
            assert_eq!(condemns(&error, &slice(MAIN_LANE, Cut::Programme(3))), programme, "{error}");
        }
    }
}

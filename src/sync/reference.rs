//! Reference data: small answers that are read as a whole, some of them one programme at a time.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use serde_json::value::RawValue;

use super::explain;
use super::reader::Reader;
use super::survey::{Account, Survey};
use crate::awin::{CallError, FailedCall, IN_FLIGHT, Patience, Request};
use crate::protocol::{Abort, FailureKind, Level, Status};
use crate::row::Stop;
use crate::streams::{AccountId, Part, Reference, requests};

/// The reference data of an account that is still to be read.
pub(super) struct Ask {
    /// The account.
    pub account: Account,
    /// The programmes, for data that is read one programme at a time.
    pub programmes: Vec<u64>,
}

impl Ask {
    /// Calls that it takes. What the survey has asked already costs nothing.
    pub(super) fn calls(&self, reference: Reference) -> usize {
        match reference {
            Reference::Accounts | Reference::Programmes => 0,
            Reference::Publishers => 1,
            Reference::ProgrammeDetails | Reference::CommissionGroups => self.programmes.len(),
        }
    }
}

impl Reader<'_> {
    /// Reads the token's own list of accounts.
    pub(super) async fn read_accounts(&mut self, survey: &mut Survey) -> Result<(), Abort> {
        let read = match survey.accounts_text().await {
            Ok(text) => self.emit(None, Reference::Accounts, None, text),
            Err(error @ CallError::Refused { status: 401, .. }) => return Err(Abort::Fatal(explain::accounts_failed(&error))),
            Err(error) => Err(error),
        };
        self.failures.extend(read.err().map(|error| explain::accounts_failed(&error)));
        Ok(())
    }

    /// Reads the reference data of all accounts.
    pub(super) async fn read_reference(
        &mut self,
        reference: Reference,
        asks: Vec<Ask>,
        survey: &mut Survey,
    ) -> Result<(), Abort> {
        for ask in asks {
            let part = Part { account: ask.account.id, region: None };
            let read = match reference {
                Reference::Accounts => unreachable!("the list of accounts is no account's"),
                Reference::Publishers => self.read_publishers(ask.account.id).await,
                Reference::Programmes => self.read_programmes(ask.account.id, survey).await,
                Reference::ProgrammeDetails | Reference::CommissionGroups => {
                    self.read_by_programme(reference, &part, &ask.programmes, survey).await?
                }
            };
            if let Err(failed) = read {
                if survey.is_token_dead(&failed.error).await {
                    return Err(Abort::Fatal(explain::dead_token(&failed.error)));
                }
                let failure = self.run.refusal(self.stream, &ask.account, &part, &failed, &self.state, survey).await;
                self.failures.extend(failure);
            }
            self.run.emitter.flush_if_full().await?;
        }
        Ok(())
    }

    async fn read_publishers(&mut self, account: AccountId) -> Result<(), FailedCall> {
        let request = requests::publishers(account.id);
        let text = self.run.client.get(request.clone(), Patience::Full).await?;
        self.emit(Some(account), Reference::Publishers, None, &text).map_err(|error| FailedCall { request, error })
    }

    async fn read_programmes(&mut self, account: AccountId, survey: &mut Survey) -> Result<(), FailedCall> {
        let text = survey.programmes_text(account).await?;
        let request = requests::joined_programmes(account.id);
        self.emit(Some(account), Reference::Programmes, None, text).map_err(|error| FailedCall { request, error })
    }

    /// One call per programme, several under way at once, a STATE after each.
    async fn read_by_programme(
        &mut self,
        reference: Reference,
        part: &Part,
        programmes: &[u64],
        survey: &mut Survey,
    ) -> Result<Result<(), FailedCall>, Abort> {
        let run = self.run;
        let request = |programme: u64| -> Request {
            match reference {
                Reference::ProgrammeDetails => requests::programme_details(part.account.id, programme),
                _ => requests::commission_groups(part.account.id, programme),
            }
        };
        let calls = programmes
            .iter()
            .map(|programme| async move { (*programme, run.client.get(request(*programme), Patience::Full).await) });
        let mut answers = std::pin::pin!(futures_util::stream::iter(calls).buffered(IN_FLIGHT));
        let mut left = Vec::new();
        let mut broken = None;
        while let Some((programme, answer)) = answers.next().await {
            let answer = answer.and_then(|text| {
                let emitted = self.emit(Some(part.account), reference, Some(programme), &text);
                emitted.map_err(|error| FailedCall { request: request(programme), error })
            });
            match answer {
                Ok(()) => {}
                // The list has just been read, so this is about the programme: it was left since, or has no details.
                Err(failed) if matches!(failed.error, CallError::Refused { .. }) => {
                    if survey.is_token_dead(&failed.error).await {
                        return Err(Abort::Fatal(explain::dead_token(&failed.error)));
                    }
                    left.push(programme.to_string());
                }
                // What Awin says of a request, or what is wrong with an answer, is about this programme alone.
                Err(failed) if failed.error.failure_kind() == FailureKind::System => broken = broken.or(Some(failed)),
                Err(failed) => return Ok(Err(failed)),
            }
            if broken.is_none() {
                self.commit_programme(part, programme);
            }
            run.emitter.flush().await?;
        }
        if !left.is_empty() {
            let text = format!(
                "Awin gives no `{}` of {} for the programmes {}; they are left out.",
                self.stream.name,
                part.account,
                left.join(", ")
            );
            run.emitter.log(Level::Warn, text);
        }
        Ok(broken.map_or(Ok(()), Err))
    }

    /// Emits the rows of an answer.
    fn emit(
        &mut self,
        account: Option<AccountId>,
        reference: Reference,
        programme: Option<u64>,
        text: &RawValue,
    ) -> Result<(), CallError> {
        if !self.running {
            self.running = true;
            self.run.emitter.status(&self.descriptor, Status::Running);
        }
        self.rows.begin_reference(account);
        for row in rows(reference, programme, text)? {
            self.run.emitter.write_with(|lines| self.rows.row(&row, lines)).map_err(|stop| match stop {
                Stop::Shape(what) => CallError::Shape(what),
                Stop::Incomplete | Stop::Syntax { .. } => CallError::Shape(format!("a row cannot be read: {row}")),
            })?;
        }
        Ok(())
    }
}

/// The rows of an answer, as JSON texts. What stands beside a list of rows belongs to each of them and is put into them, as
/// is the programme that was asked for.
fn rows(reference: Reference, programme: Option<u64>, text: &RawValue) -> Result<Vec<String>, CallError> {
    let text = unwrapped(text.get());
    if text == "null" {
        return Ok(Vec::new()); // 204: nothing there.
    }
    let asked = programme.map(|programme| ("advertiserId".to_owned(), programme.to_string()));
    let (key, own) = match reference {
        Reference::Publishers | Reference::Programmes => {
            return Ok(list(text)?.into_iter().map(|row| row.get().to_owned()).collect());
        }
        Reference::ProgrammeDetails => return Ok(vec![with_members(text, &asked.into_iter().collect::<Vec<_>>())]),
        Reference::Accounts => ("accounts", &[][..]),
        Reference::CommissionGroups => ("commissionGroups", &["advertiser", "publisher"][..]),
    };
    let members: Members<'_> = serde_json::from_str(text).map_err(|_| CallError::Shape("the answer is not an object".into()))?;
    let rows = members.get(key).ok_or_else(|| CallError::Shape(format!("the answer has no `{key}`")))?;
    let beside = members.iter().filter(|(name, _)| *name != key && !own.contains(&name.as_str()));
    let beside = beside.map(|(name, value)| (name.clone(), value.get().to_owned()));
    let beside: Vec<(String, String)> = asked.into_iter().chain(beside).collect();
    Ok(list(rows.get())?.into_iter().map(|row| with_members(row.get(), &beside)).collect())
}

/// The members of an object, each as it is written.
type Members<'t> = BTreeMap<String, &'t RawValue>;

/// What stands under `body`, if the answer is wrapped.
fn unwrapped(text: &str) -> &str {
    let members = serde_json::from_str::<Members<'_>>(text).ok();
    members.and_then(|members| members.get("body").map(|body| body.get())).unwrap_or(text)
}

/// The items of a list, each as it is written; null is an empty list.
fn list(text: &str) -> Result<Vec<&RawValue>, CallError> {
    let items: Option<Vec<&RawValue>> =
        serde_json::from_str(text).map_err(|_| CallError::Shape("the answer is no list of rows".into()))?;
    Ok(items.unwrap_or_default())
}

/// The object `row` with more members in front. What is no object stays as it is: framing refuses it.
fn with_members(row: &str, members: &[(String, String)]) -> String {
    let Some(rest) = row.trim_start().strip_prefix('{') else { return row.to_owned() };
    let texts: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str()))).collect();
    let comma = if texts.is_empty() || rest.trim_start().starts_with('}') { "" } else { "," };
    format!("{{{}{comma}{rest}", texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(reference: Reference, programme: Option<u64>, text: &str) -> Vec<String> {
        rows(reference, programme, &RawValue::from_string(text.to_owned()).expect("JSON")).expect("rows")
    }

    #[test]
    fn what_stands_beside_the_rows_is_put_into_them_as_written() {
        let groups =
            r#"{"advertiser": 1, "publisher": 2, "ratesStart": "x", "more": 1.50, "commissionGroups": [{"groupId": 3.0}, {}]}"#;
        assert_eq!(
            rows_of(Reference::CommissionGroups, Some(7), groups),
            [
                r#"{"advertiserId":7,"more":1.50,"ratesStart":"x","groupId": 3.0}"#,
                r#"{"advertiserId":7,"more":1.50,"ratesStart":"x"}"#
            ]
        );
        let accounts = r#"{"userId": 5, "accounts": [{"accountId": 1}]}"#;
        assert_eq!(rows_of(Reference::Accounts, None, accounts), [r#"{"userId":5,"accountId": 1}"#]);
        assert_eq!(rows_of(Reference::ProgrammeDetails, Some(7), r#"{"kpi": null}"#), [r#"{"advertiserId":7,"kpi": null}"#]);
    }

    #[test]
    fn wrapped_and_empty_answers_are_read() {
        assert_eq!(rows_of(Reference::Publishers, None, r#"{"body": [{"id": 1}], "statusCode": "OK"}"#), [r#"{"id": 1}"#]);
        assert_eq!(rows_of(Reference::Publishers, None, "null"), Vec::<String>::new());
        let odd = RawValue::from_string(r#"{"error": "x"}"#.to_owned()).expect("JSON");
        assert!(rows(Reference::Publishers, None, &odd).is_err());
        assert!(rows(Reference::Accounts, None, &odd).is_err());
    }
}

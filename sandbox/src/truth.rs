//! The truth: what a perfect copy would hold now, for tests to compare tables with.
//!
//! All functions look at the world as of its clock, whatever the rules say about windows, layers and order. Numbers keep
//! their digits (`serde_json` with `arbitrary_precision`).

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::Value;

use crate::answer::{self, Campaigns, DateType, Interval, QueryView, Report, ReportView, RowView, Span};
use crate::market::Standing;
use crate::world::{Kind, World};
use crate::zone::{self, local_day};

impl World {
    /// The transactions of an account whose `transactionDate` lies on the days `from..=to` of `zone`, by date.
    ///
    /// Deleted ones are included (with the status `deleted`), whatever `Rules::deleted` says; ones that have not come to
    /// light yet are not. Bulk rows are not part of the truth.
    pub fn truth_transactions(
        &self,
        kind: Kind,
        account_id: u64,
        zone: Tz,
        from: NaiveDate,
        to: NaiveDate,
        show_basket: bool,
    ) -> Vec<Value> {
        let now = self.now();
        let view = RowView { world: self, now, zone, side: kind, basket: show_basket };
        let (start, end) = (zone::day_start(zone, from), zone::day_start(zone, zone::next_day(to)));
        let of_account = |id: u64, other: u64| {
            if kind == Kind::Advertiser { id == account_id } else { other == account_id }
        };
        self.sales
            .created_within(start, end)
            .iter()
            .filter(|sale| sale.created < end && sale.is_visible(now) && of_account(sale.advertiser_id, sale.publisher_id))
            .map(|sale| value(&view.render(sale)))
            .collect()
    }

    /// The rows of a report for one day of `zone`. `region`: one, or `None` for all of them.
    #[expect(clippy::too_many_arguments, reason = "each is one parameter of the call that it answers")]
    pub fn truth_report(
        &self,
        report: Report,
        kind: Kind,
        account_id: u64,
        region: Option<&str>,
        day: NaiveDate,
        date_type: DateType,
        zone: Tz,
    ) -> Vec<Value> {
        let span = Span { first: day, last: day, zone };
        let view = ReportView { world: self, report, kind, id: account_id, span, date_type, region };
        view.rows().iter().map(|row| value(row)).collect()
    }

    /// The rows of the campaign report with `interval=day` and `includeNumbersWithoutCampaign=true`, for the days
    /// `from..=to` of `zone`. `region`: one, or `None` for all of them (and for advertisers).
    pub fn truth_campaign(
        &self,
        kind: Kind,
        account_id: u64,
        region: Option<&str>,
        from: NaiveDate,
        to: NaiveDate,
        zone: Tz,
    ) -> Vec<Value> {
        let campaigns = Campaigns {
            world: self,
            kind,
            id: account_id,
            span: Span { first: from, last: to, zone },
            interval: Interval::Day,
            prefix: None,
            without_campaign: true,
            others: None,
            region,
        };
        campaigns.rows().iter().map(|row| value(row)).collect()
    }

    /// The transaction queries of a publisher whose `enquiryDate` lies on the days `from..=to` of `zone`.
    pub fn truth_queries(&self, publisher_id: u64, zone: Tz, from: NaiveDate, to: NaiveDate) -> Vec<Value> {
        let now = self.now();
        let view = QueryView { world: self, now, zone };
        self.queries
            .iter()
            .filter(|query| query.publisher_id == publisher_id && query.asked <= now)
            .filter(|query| (from..=to).contains(&local_day(zone, query.asked)))
            .map(|query| value(&view.render(query)))
            .collect()
    }

    /// The accounts that are listed.
    pub fn truth_accounts(&self) -> Vec<Value> {
        answer::accounts(self, None).iter().map(|row| value(row)).collect()
    }

    /// The publishers that take part in an advertiser's programme.
    pub fn truth_publishers(&self, advertiser_id: u64) -> Vec<Value> {
        answer::publishers(self, advertiser_id).iter().map(|row| value(row)).collect()
    }

    /// The programmes that a publisher takes part in.
    pub fn truth_programmes(&self, publisher_id: u64) -> Vec<Value> {
        let joined = answer::programmes(self, publisher_id, |it| self.standing(it.id, publisher_id) == Standing::Joined);
        joined.iter().map(|row| value(row)).collect()
    }

    /// The details of each programme that a publisher takes part in: one object per programme, as answered.
    pub fn truth_programme_details(&self, publisher_id: u64) -> Vec<Value> {
        self.joined(publisher_id)
            .filter_map(|id| answer::programme_details(self, publisher_id, id))
            .map(|row| value(&row))
            .collect()
    }

    /// The commission groups of each programme that a publisher takes part in: one object per programme, as answered
    /// (`conditions`: with `extraConditionsDetails=true`).
    pub fn truth_commission_groups(&self, publisher_id: u64, conditions: bool) -> Vec<Value> {
        self.joined(publisher_id)
            .map(|id| value(&answer::commission_groups(self, publisher_id, id, self.now(), conditions)))
            .collect()
    }

    fn joined(&self, publisher_id: u64) -> impl Iterator<Item = u64> {
        let ids = self.programmes.iter().map(|programme| programme.id);
        ids.filter(move |id| self.standing(*id, publisher_id) == Standing::Joined)
    }
}

/// What was rendered, parsed. Everything rendered here is JSON.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

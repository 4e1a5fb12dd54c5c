//! The truth: what a perfect copy would hold now, for tests to compare tables with.
//!
//! All functions look at the world as of its clock, whatever the rules say about windows, layers and order. A row is the
//! JSON that Awin answers, since a parsed number no longer tells its digits. A zone is given by its name.

use std::fmt::Display;

use chrono::{NaiveDate, TimeDelta};

use crate::answer::{self, Campaigns, DateType, Interval, QueryView, Report, ReportView, RowView, Span, offers, public};
use crate::market::{Programme, Standing};
use crate::offers::OfferStatus;
use crate::sale::Dated;
use crate::world::{Kind, World};
use crate::zone::{self, Zone, local_day};

impl World {
    /// The transactions of an account whose `transactionDate` lies on the days `from..=to` of `zone`, by date.
    ///
    /// Deleted ones are included (with the status `deleted`), whatever `Rules::deleted` says; ones that have not come to
    /// light yet are not. Bulk rows are not part of the truth.
    pub fn truth_transactions(
        &self,
        kind: Kind,
        account_id: u64,
        zone: impl Display,
        from: NaiveDate,
        to: NaiveDate,
        show_basket: bool,
    ) -> Vec<String> {
        let (now, zone) = (self.now(), zone_named(zone));
        let view = RowView { world: self, now, zone, side: kind, basket: show_basket };
        let (start, end) = (zone::day_start(zone, from), zone::day_start(zone, zone::next_day(to)));
        self.sales
            .of(kind, account_id, Dated::Created, start, end)
            .filter(|sale| sale.created < end && sale.is_visible(now))
            .map(|sale| view.render(sale))
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
        zone: impl Display,
    ) -> Vec<String> {
        let span = Span { first: day, last: day, zone: zone_named(zone) };
        let view = ReportView { world: self, report, kind, id: account_id, span, date_type, region };
        view.rows()
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
        zone: impl Display,
    ) -> Vec<String> {
        let campaigns = Campaigns {
            world: self,
            kind,
            id: account_id,
            span: Span { first: from, last: to, zone: zone_named(zone) },
            interval: Interval::Day,
            prefix: None,
            without_campaign: true,
            others: None,
            region,
        };
        campaigns.rows()
    }

    /// The transaction queries of a publisher whose `enquiryDate` lies on the days `from..=to` of `zone`.
    pub fn truth_queries(&self, publisher_id: u64, zone: impl Display, from: NaiveDate, to: NaiveDate) -> Vec<String> {
        let (now, zone) = (self.now(), zone_named(zone));
        let view = QueryView { world: self, now, zone };
        self.queries
            .iter()
            .filter(|query| query.publisher_id == publisher_id && query.asked <= now)
            .filter(|query| (from..=to).contains(&local_day(zone, query.asked)))
            .map(|query| view.render(query))
            .collect()
    }

    /// The accounts that are listed.
    pub fn truth_accounts(&self) -> Vec<String> {
        answer::accounts(self, None)
    }

    /// The publishers that take part in an advertiser's programme.
    pub fn truth_publishers(&self, advertiser_id: u64) -> Vec<String> {
        answer::publishers(self, advertiser_id)
    }

    /// The programmes that a publisher takes part in.
    pub fn truth_programmes(&self, publisher_id: u64) -> Vec<String> {
        answer::programmes(self, publisher_id, |it| self.standing(it.id, publisher_id) == Standing::Joined)
    }

    /// The details of each programme that a publisher takes part in: one object per programme, as answered.
    pub fn truth_programme_details(&self, publisher_id: u64) -> Vec<String> {
        self.joined(publisher_id).filter_map(|id| answer::programme_details(self, publisher_id, id)).collect()
    }

    /// The commission groups of each programme that a publisher takes part in: one object per programme, as answered
    /// (`conditions`: with `extraConditionsDetails=true`).
    pub fn truth_commission_groups(&self, publisher_id: u64, conditions: bool) -> Vec<String> {
        self.joined(publisher_id).map(|id| answer::commission_groups(self, publisher_id, id, self.now(), conditions)).collect()
    }

    /// The payments to a publisher.
    pub fn truth_payments(&self, publisher_id: u64) -> Vec<String> {
        public::payments(self, publisher_id)
    }

    /// The breakdown of one of them (see [`World::payments`] for their ids).
    pub fn truth_payment_breakdowns(&self, publisher_id: u64, payment_id: u64) -> Vec<String> {
        public::breakdowns(self, publisher_id, payment_id).unwrap_or_default()
    }

    /// The partnerships of an account, of all statuses.
    pub fn truth_partnerships(&self, kind: Kind, account_id: u64) -> Vec<String> {
        public::partnerships(self, kind, account_id)
    }

    /// The billing documents of an advertiser.
    pub fn truth_billing_documents(&self, advertiser_id: u64) -> Vec<String> {
        public::billing_documents(self, advertiser_id)
    }

    /// The changes of an advertiser's prepayment status.
    pub fn truth_prepayment_changes(&self, advertiser_id: u64) -> Vec<String> {
        public::prepayment_changes(self, advertiser_id)
    }

    /// The offers that are listed for a publisher that asks for this status, by id.
    pub fn truth_offers(&self, publisher_id: u64, status: OfferStatus) -> Vec<String> {
        let listed = self.offers.iter().filter(|offer| offer.is_listed(status, self.now()));
        listed.map(|offer| offers::render(self, publisher_id, offer)).collect()
    }

    /// The rate periods of each programme that a publisher takes part in, the newest first, back to the first instant without any
    /// rate: one object per period, as answered with its `effectiveDate`.
    pub fn truth_commission_rates(&self, publisher_id: u64, conditions: bool) -> Vec<String> {
        let mut periods = Vec::new();
        for advertiser_id in self.joined(publisher_id) {
            let mut at = self.now();
            while let Some(start) = answer::rates_start(self, advertiser_id, at) {
                periods.push(answer::commission_groups(self, publisher_id, advertiser_id, at, conditions));
                at = start - TimeDelta::seconds(1);
            }
        }
        periods
    }

    fn joined(&self, publisher_id: u64) -> impl Iterator<Item = u64> {
        let there = move |it: &&Programme| {
            self.standing(it.id, publisher_id) == Standing::Joined && !self.is_gone(Kind::Publisher, publisher_id, &it.region)
        };
        self.programmes.iter().filter(there).map(|programme| programme.id)
    }
}

/// The zone of this name.
fn zone_named(name: impl Display) -> Zone {
    let name = name.to_string();
    Zone::named(&name).unwrap_or_else(|| panic!("`{name}` is not a zone that Awin accepts"))
}

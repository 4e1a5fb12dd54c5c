//! The table of all streams: what each is, and the requests that answer it. Nothing else decides anything about a stream.

use super::{
    AccountKind, CAMPAIGN_REGIONS, DaySource, Endpoint, Events, Feed, Lane, Paging, Param, REGIONS, ROW_ID, Report, Role, Rows,
    Source, Stream,
};

const BOTH: &[AccountKind] = &[AccountKind::Advertiser, AccountKind::Publisher];
const ADVERTISER: &[AccountKind] = &[AccountKind::Advertiser];
const PUBLISHER: &[AccountKind] = &[AccountKind::Publisher];

const ACCOUNT_FIELDS: &[&str] = &[ROW_ID, "accountId", "accountType", "otherFields"];
const DAY_FIELDS: &[&str] = &[ROW_ID, "accountId", "accountType", "otherFields", "date", "timezone", "dateType"];
const DATED_FIELDS: &[&str] = &[ROW_ID, "accountId", "accountType", "otherFields", "timezone", "region"];

/// Parameters of the reports that are asked day by day.
const OF_A_DAY: &[(&str, Param)] = &[
    ("startDate", Param::FirstDay),
    ("endDate", Param::LastDay),
    ("timezone", Param::Timezone),
    ("dateType", Param::StatsDate),
    ("region", Param::Region),
];

/// Parameters of the lists of the newer API.
const OF_A_PAGE: &[(&str, Param)] = &[("limit", Param::PageSize), ("offset", Param::Offset), ("pageToken", Param::PageToken)];

/// A list of the newer API: `results`, in pages.
const RESULTS: Endpoint =
    Endpoint { query: OF_A_PAGE, rows: Rows::List("results"), paging: Paging::Offset(100), ..Endpoint::PLAIN };

/// All streams, the suggested ones first.
pub const STREAMS: &[Stream] = &[
    Stream {
        name: "transactions",
        schema: include_str!("../../catalog/transactions.json"),
        sides: BOTH,
        row_key: &["id"],
        cursor: Some("transactionDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/transactions/",
            query: &[
                ("startDate", Param::Start),
                ("endDate", Param::End),
                ("timezone", Param::Timezone),
                ("dateType", Param::LaneDate),
                ("status", Param::LaneStatus),
                ("showBasketProducts", Param::BasketProducts),
            ],
            ..Endpoint::PLAIN
        },
        source: Source::Events(Events {
            stamp: "transactionDate",
            status: "commissionStatus",
            paid: Some("paidToPublisher"),
            lanes: &[
                Lane { name: "transaction", date_type: "transaction", status: None, role: Role::Main },
                Lane { name: "validation", date_type: "validation", status: None, role: Role::Changes { optional: false } },
                Lane { name: "amendment", date_type: "amendment", status: None, role: Role::Changes { optional: true } },
                Lane { name: "deleted", date_type: "transaction", status: Some("deleted"), role: Role::Deleted },
                Lane { name: "old", date_type: "transaction", status: None, role: Role::Again },
                Lane { name: "old_deleted", date_type: "transaction", status: Some("deleted"), role: Role::Again },
            ],
        }),
    },
    Stream {
        name: "stats_by_publisher",
        schema: include_str!("../../catalog/stats_by_publisher.json"),
        sides: ADVERTISER,
        row_key: &["advertiserId", "publisherId", "region", "currency"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/{side}s/{account}/reports/publisher", query: OF_A_DAY, ..Endpoint::PLAIN },
        source: Source::Report(Report { by_region: &[], regions: &[], lists_idle: false, days: DaySource::Asked }),
    },
    Stream {
        name: "stats_by_creative",
        schema: include_str!("../../catalog/stats_by_creative.json"),
        sides: BOTH,
        row_key: &["advertiserId", "publisherId", "currency", "creativeId", "tagName"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/{side}s/{account}/reports/creative", query: OF_A_DAY, ..Endpoint::PLAIN },
        source: Source::Report(Report { by_region: BOTH, regions: REGIONS, lists_idle: false, days: DaySource::Asked }),
    },
    Stream {
        name: "stats_by_advertiser",
        schema: include_str!("../../catalog/stats_by_advertiser.json"),
        sides: PUBLISHER,
        row_key: &["advertiserId", "publisherId", "currency"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/{side}s/{account}/reports/advertiser", query: OF_A_DAY, ..Endpoint::PLAIN },
        source: Source::Report(Report { by_region: PUBLISHER, regions: REGIONS, lists_idle: true, days: DaySource::Asked }),
    },
    Stream {
        name: "stats_by_campaign",
        schema: include_str!("../../catalog/stats_by_campaign.json"),
        sides: BOTH,
        row_key: &["advertiserId", "publisherId", "campaign"],
        cursor: Some("date"),
        added: DATED_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/reports/campaign",
            query: &[
                ("startDate", Param::FirstDay),
                ("endDate", Param::LastDay),
                ("timezone", Param::Timezone),
                ("interval", Param::Fixed("day")),
                // Without it the sums of the campaigns would be short of those of the other reports.
                ("includeNumbersWithoutCampaign", Param::Fixed("true")),
                ("region", Param::Region),
            ],
            rows: Rows::List("result"),
            ..Endpoint::PLAIN
        },
        source: Source::Report(Report {
            by_region: PUBLISHER,
            regions: CAMPAIGN_REGIONS,
            lists_idle: false,
            days: DaySource::InRows(400),
        }),
    },
    Stream {
        name: "transaction_queries",
        schema: include_str!("../../catalog/transaction_queries.json"),
        sides: PUBLISHER,
        row_key: &["enquiryId"],
        cursor: Some("enquiryDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &["declineReason"],
        endpoint: Endpoint {
            // A singular, and no slash at its end.
            path: "/{side}/{account}/transactionqueries",
            query: &[
                ("startDate", Param::Start),
                ("endDate", Param::End),
                ("timezone", Param::Timezone),
                ("dateType", Param::LaneDate),
                ("pageNumber", Param::Page),
                ("pageSize", Param::PageSize),
            ],
            rows: Rows::List("pageItems"),
            paging: Paging::Numbered(500),
            ..Endpoint::PLAIN
        },
        source: Source::Events(Events {
            stamp: "enquiryDate",
            status: "enquiryStatus",
            paid: None,
            lanes: &[
                Lane { name: "enquiry", date_type: "enquiryDate", status: None, role: Role::Main },
                Lane { name: "validation", date_type: "validationDate", status: None, role: Role::Changes { optional: false } },
                Lane { name: "old", date_type: "enquiryDate", status: None, role: Role::Again },
            ],
        }),
    },
    Stream {
        name: "accounts",
        schema: include_str!("../../catalog/accounts.json"),
        sides: &[],
        row_key: &["accountId"],
        cursor: None,
        added: &["otherFields"],
        null_texts: &[],
        endpoint: Endpoint { path: "/accounts", rows: Rows::Within { key: "accounts", own: &[] }, ..Endpoint::PLAIN },
        source: Source::Reference { by_programme: false },
    },
    Stream {
        name: "publishers",
        schema: include_str!("../../catalog/publishers.json"),
        sides: ADVERTISER,
        row_key: &["id"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/{side}s/{account}/publishers", ..Endpoint::PLAIN },
        source: Source::Reference { by_programme: false },
    },
    Stream {
        name: "programmes",
        schema: include_str!("../../catalog/programmes.json"),
        sides: PUBLISHER,
        row_key: &["id"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/programmes",
            query: &[("relationship", Param::Fixed("joined"))],
            ..Endpoint::PLAIN
        },
        source: Source::Reference { by_programme: false },
    },
    Stream {
        name: "programme_details",
        schema: include_str!("../../catalog/programme_details.json"),
        sides: PUBLISHER,
        row_key: &["advertiserId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/programmedetails",
            query: &[("advertiserId", Param::Programme)],
            rows: Rows::One("programmeInfo"),
            ..Endpoint::PLAIN
        },
        source: Source::Reference { by_programme: true },
    },
    Stream {
        name: "commission_groups",
        schema: include_str!("../../catalog/commission_groups.json"),
        sides: PUBLISHER,
        row_key: &["advertiserId", "groupId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/commissiongroups",
            query: &[("advertiserId", Param::Programme), ("extraConditionsDetails", Param::Fixed("true"))],
            rows: Rows::Within { key: "commissionGroups", own: &["advertiser", "publisher"] },
            ..Endpoint::PLAIN
        },
        source: Source::Reference { by_programme: true },
    },
    Stream {
        name: "payments",
        schema: include_str!("../../catalog/payments.json"),
        sides: PUBLISHER,
        row_key: &["paymentId"],
        cursor: Some("processingDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/public/v1/{side}s/{account}/payments", role: Some("Full Access"), ..RESULTS },
        source: Source::Feed(Feed { stamp: "processingDate", within: None, is_dated: true }),
    },
    Stream {
        name: "payment_breakdowns",
        schema: include_str!("../../catalog/payment_breakdowns.json"),
        sides: PUBLISHER,
        row_key: &["paymentId", "advertiserId"],
        cursor: Some("processingDate"),
        added: &[ROW_ID, "accountId", "accountType", "otherFields", "paymentId", "processingDate"],
        null_texts: &[],
        endpoint: Endpoint {
            path: "/public/v1/{side}s/{account}/payments/{payment}/breakdowns",
            role: Some("Full Access"),
            ..RESULTS
        },
        source: Source::Payments,
    },
    Stream {
        name: "billing_documents",
        schema: include_str!("../../catalog/billing_documents.json"),
        sides: ADVERTISER,
        row_key: &["documentNumber"],
        cursor: Some("documentDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint { path: "/public/v1/{side}s/{account}/billing-documents", role: Some("Admin"), ..RESULTS },
        source: Source::Feed(Feed { stamp: "documentDate", within: None, is_dated: true }),
    },
    Stream {
        name: "prepayment_changes",
        schema: include_str!("../../catalog/prepayment_changes.json"),
        sides: ADVERTISER,
        row_key: &["statusChangedAt", "status"],
        cursor: Some("statusChangedAt"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/public/v1/{side}s/{account}/prepayments/link-status-changes",
            role: Some("Viewer"),
            ..RESULTS
        },
        source: Source::Feed(Feed { stamp: "statusChangedAt", within: None, is_dated: true }),
    },
    Stream {
        name: "partnerships",
        schema: include_str!("../../catalog/partnerships.json"),
        sides: BOTH,
        // An account has partners of one kind.
        row_key: &["advertiserId", "publisherId"],
        cursor: Some("statusUpdatedAt"),
        added: &[ROW_ID, "accountId", "accountType", "otherFields", "statusUpdatedAt"],
        null_texts: &[],
        endpoint: Endpoint {
            path: "/public/v1/{side}s/{account}/{other}s",
            paging: Paging::Offset(1000),
            role: Some("Viewer"),
            ..RESULTS
        },
        source: Source::Feed(Feed { stamp: "statusUpdatedAt", within: Some("partnership"), is_dated: false }),
    },
    Stream {
        name: "offers",
        schema: include_str!("../../catalog/offers.json"),
        sides: PUBLISHER,
        row_key: &["promotionId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            // A singular.
            path: "/{side}/{account}/promotions",
            query: &[
                ("filters.membership", Param::Fixed("joined")),
                ("filters.status", Param::LaneStatus),
                ("pagination.page", Param::Page),
                ("pagination.pageSize", Param::PageSize),
            ],
            rows: Rows::List("data"),
            paging: Paging::Numbered(200),
            is_posted: true,
            ..Endpoint::PLAIN
        },
        // One that begins meanwhile is in both lists: it would be in neither the other way round.
        source: Source::Lists(&[
            Lane { name: "upcoming", date_type: "", status: Some("upcoming"), role: Role::Main },
            Lane { name: "active", date_type: "", status: Some("active"), role: Role::Main },
        ]),
    },
    Stream {
        name: "commission_rates",
        schema: include_str!("../../catalog/commission_rates.json"),
        sides: PUBLISHER,
        row_key: &["advertiserId", "groupId", "ratesStart"],
        cursor: Some("ratesStart"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        endpoint: Endpoint {
            path: "/{side}s/{account}/commissiongroups",
            query: &[
                ("advertiserId", Param::Programme),
                ("effectiveDate", Param::Effective),
                ("extraConditionsDetails", Param::Fixed("true")),
            ],
            rows: Rows::Within { key: "commissionGroups", own: &["advertiser", "publisher"] },
            paging: Paging::Periods,
            ..Endpoint::PLAIN
        },
        source: Source::Rates,
    },
];

/// The stream of that name.
pub fn find(name: &str) -> Option<&'static Stream> {
    STREAMS.iter().find(|stream| stream.name == name)
}

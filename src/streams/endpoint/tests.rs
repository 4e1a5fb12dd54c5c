use super::super::{AccountKind, Partition, Payment, STREAMS, Window, find, lookups, midnight};
use super::*;

/// Stream, lane, partition and cut, and what is asked for page 3.
type Asked<'a> = (&'static str, &'static str, &'a Partition, &'a Cut, String);

/// Those that came with the newer API.
const MONEY: [&str; 7] =
    ["payments", "payment_breakdowns", "billing_documents", "prepayment_changes", "partnerships", "offers", "commission_rates"];

/// Asserts what is asked for, and that the table has all streams that are of money, or all others.
#[track_caller]
fn assert_asked(config: &Config, table: &[Asked<'_>], of_money: bool) {
    for stream in STREAMS.iter().filter(|stream| MONEY.contains(&stream.name) == of_money) {
        assert!(table.iter().any(|row| row.0 == stream.name), "{} is not in the table", stream.name);
    }
    for (name, lane, partition, cut, wanted) in table {
        let stream = find(name).expect("a stream");
        let lane = stream.lanes().iter().find(|known| known.name == *lane).expect("a lane");
        let slice = Slice { partition: (*partition).clone(), lane, cut: (*cut).clone() };
        let page = match stream.endpoint.paging {
            Paging::Offset(size) => Page::After(2 * size - 2),
            _ => Page::Number(3),
        };
        let request = stream.endpoint.request(&slice, &page, config);
        let method = if stream.endpoint.is_posted { "POST" } else { "GET" };
        assert_eq!(request.to_string(), format!("{method} {wanted}"), "{name}");
    }
}

#[test]
fn every_stream_of_sales_and_names_asks_as_awin_wants_it() {
    let config = r#"{"api_token":"t","start_date":"2026-01-01","timezone":"Europe/Berlin","stats_date_type":"validation"}"#;
    let config = Config::parse(config).expect("a configuration");
    let day = |text: &str| midnight(config.timezone, text.parse().expect("a date"));
    let month = Cut::Window(Window { from: day("2026-03-01"), to: day("2026-03-31") });
    let one_day = Cut::Window(Window { from: day("2026-03-29"), to: day("2026-03-30") });
    let advertiser = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 90210 });
    let publisher = AccountId { kind: AccountKind::Publisher, id: 500_321 };
    let in_germany = Partition::of_region(publisher, "DE".into());
    let publisher = Partition::of(publisher);
    let times = "startDate=2026-03-01T00:00:00&endDate=2026-03-31T00:00:00&timezone=Europe/Berlin";
    let days = "startDate=2026-03-29&endDate=2026-03-29&timezone=Europe/Berlin&dateType=validation";
    let campaign =
        "startDate=2026-03-01&endDate=2026-03-30&timezone=Europe/Berlin&interval=day&includeNumbersWithoutCampaign=true";
    let table = [
        (
            "transactions",
            "transaction",
            &advertiser,
            &month,
            format!("/advertisers/90210/transactions/?{times}&dateType=transaction"),
        ),
        (
            "transactions",
            "validation",
            &publisher,
            &month,
            format!("/publishers/500321/transactions/?{times}&dateType=validation"),
        ),
        ("transactions", "amendment", &publisher, &month, format!("/publishers/500321/transactions/?{times}&dateType=amendment")),
        (
            "transactions",
            "deleted",
            &publisher,
            &month,
            format!("/publishers/500321/transactions/?{times}&dateType=transaction&status=deleted"),
        ),
        ("stats_by_publisher", "main", &advertiser, &one_day, format!("/advertisers/90210/reports/publisher?{days}")),
        ("stats_by_creative", "main", &in_germany, &one_day, format!("/publishers/500321/reports/creative?{days}&region=DE")),
        ("stats_by_advertiser", "main", &in_germany, &one_day, format!("/publishers/500321/reports/advertiser?{days}&region=DE")),
        ("stats_by_campaign", "main", &advertiser, &month, format!("/advertisers/90210/reports/campaign?{campaign}")),
        ("stats_by_campaign", "main", &in_germany, &month, format!("/publishers/500321/reports/campaign?{campaign}&region=DE")),
        (
            "transaction_queries",
            "enquiry",
            &publisher,
            &month,
            format!("/publisher/500321/transactionqueries?{times}&dateType=enquiryDate&pageNumber=3&pageSize=500"),
        ),
        (
            "transaction_queries",
            "validation",
            &publisher,
            &month,
            format!("/publisher/500321/transactionqueries?{times}&dateType=validationDate&pageNumber=3&pageSize=500"),
        ),
        ("accounts", "main", &Partition::TOKEN, &Cut::Whole, "/accounts".to_owned()),
        ("publishers", "main", &advertiser, &Cut::Whole, "/advertisers/90210/publishers".to_owned()),
        ("programmes", "main", &publisher, &Cut::Whole, "/publishers/500321/programmes?relationship=joined".to_owned()),
        (
            "programme_details",
            "main",
            &publisher,
            &Cut::Programme(90210),
            "/publishers/500321/programmedetails?advertiserId=90210".to_owned(),
        ),
        (
            "commission_groups",
            "main",
            &publisher,
            &Cut::Programme(90210),
            "/publishers/500321/commissiongroups?advertiserId=90210&extraConditionsDetails=true".to_owned(),
        ),
    ];
    assert_asked(&config, &table, false);
}

#[test]
fn the_streams_of_money_ask_as_awin_wants_it() {
    let config = Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("a configuration");
    let day = |text: &str| midnight(config.timezone, text.parse().expect("a date"));
    let month = Cut::Window(Window { from: day("2026-03-01"), to: day("2026-03-31") });
    let advertiser = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 90210 });
    let publisher = Partition::of(AccountId { kind: AccountKind::Publisher, id: 500_321 });
    let payment = Cut::Payment(Payment { id: 77, processed: None });
    let rates = Cut::Rates(90210, day("2026-01-01"));
    let table = [
        ("payments", "main", &publisher, &month, "/public/v1/publishers/500321/payments?limit=100&offset=198".to_owned()),
        (
            "payment_breakdowns",
            "main",
            &publisher,
            &payment,
            "/public/v1/publishers/500321/payments/77/breakdowns?limit=100&offset=198".to_owned(),
        ),
        (
            "billing_documents",
            "main",
            &advertiser,
            &month,
            "/public/v1/advertisers/90210/billing-documents?limit=100&offset=198".to_owned(),
        ),
        (
            "prepayment_changes",
            "main",
            &advertiser,
            &month,
            "/public/v1/advertisers/90210/prepayments/link-status-changes?limit=100&offset=198".to_owned(),
        ),
        (
            "partnerships",
            "main",
            &advertiser,
            &month,
            "/public/v1/advertisers/90210/publishers?limit=1000&offset=1998".to_owned(),
        ),
        (
            "partnerships",
            "main",
            &publisher,
            &month,
            "/public/v1/publishers/500321/advertisers?limit=1000&offset=1998".to_owned(),
        ),
        (
            "offers",
            "upcoming",
            &publisher,
            &Cut::Whole,
            r#"/publisher/500321/promotions {"filters":{"membership":"joined","status":"upcoming"},"pagination":{"page":3,"pageSize":200}}"#.to_owned(),
        ),
        (
            "commission_rates",
            "main",
            &publisher,
            &rates,
            "/publishers/500321/commissiongroups?advertiserId=90210&extraConditionsDetails=true".to_owned(),
        ),
    ];
    assert_asked(&config, &table, true);
}

#[test]
fn rates_of_a_moment_are_asked_for_in_utc() {
    let config = Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("a configuration");
    let stream = find("commission_rates").expect("the stream");
    let partition = Partition::of(AccountId { kind: AccountKind::Publisher, id: 1 });
    let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Rates(7, midnight(config.timezone, config.start_date)) };
    let moment = "2026-02-28T23:59:59".parse().expect("a moment");
    let request = stream.endpoint.request(&slice, &Page::At(moment), &config);
    let wanted = Some(&("effectiveDate", "2026-02-28T23:59:59Z".to_owned()));
    assert_eq!(request.query.iter().find(|(name, _)| *name == "effectiveDate"), wanted);
}

#[test]
fn the_pages_of_a_list_are_asked_for_by_their_offset_or_by_their_name() {
    let account = AccountId { kind: AccountKind::Publisher, id: 1 };
    for (page, wanted) in [
        (Page::FIRST, "limit=100"),
        (Page::After(99), "limit=100&offset=99"),
        (Page::Token("b1a2=/".into()), "limit=100&pageToken=b1a2=/"),
    ] {
        let request = lookups::payments(account, &page).to_string();
        assert_eq!(request, format!("GET /public/v1/publishers/1/payments?{wanted}"));
    }
}

#[test]
fn products_are_asked_for_only_where_they_are_wanted() {
    let stream = find("transactions").expect("the stream");
    let partition = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 1 });
    let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Whole };
    for (wanted, value) in [("true", Some("true")), ("false", None)] {
        let config = format!(r#"{{"api_token":"t","start_date":"2026-01-01","include_basket_products":{wanted}}}"#);
        let request = stream.endpoint.request(&slice, &Page::FIRST, &Config::parse(&config).expect("a configuration"));
        let found = request.query.iter().find(|(name, _)| *name == "showBasketProducts");
        assert_eq!(found.map(|(_, value)| value.as_str()), value);
    }
}

//! Offers: filters, pages, and the token in the wrong place.

use awin_sandbox::{Offer, OfferStatus, Sandbox, Standing, Voucher, World, instant};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{ADVERTISER, NOW, PUBLISHER, busy_world, get, parsed, post, sandbox, send_body, sorted};

const OFFERS: &str = "/publisher/500321/promotions";

/// An offer for Germany, added on 1 February, valid in March.
fn offer(id: u64) -> Offer {
    Offer {
        id,
        advertiser_id: ADVERTISER,
        voucher: None,
        title: format!("Offer {id}"),
        retitled: None,
        added: instant("2026-02-01T10:00:00Z"),
        starts: instant("2026-03-01T00:00:00Z"),
        ends: instant("2026-03-31T23:59:59Z"),
        campaign: Some("spring".to_owned()),
        regions: Some(vec!["DE".to_owned()]),
    }
}

fn voucher(id: u64, exclusive: bool) -> Offer {
    let voucher = Voucher { code: "SAVE10".to_owned(), exclusive, attributable: true };
    Offer { voucher: Some(voucher), ..offer(id) }
}

/// One offer for each filter.
fn fill(world: &mut World) {
    world.offers = vec![
        offer(1),
        voucher(2, false),
        voucher(3, true),
        Offer { advertiser_id: 81_001, ..voucher(4, false) },
        Offer { regions: None, ..offer(5) },
        Offer { regions: Some(vec!["FR".to_owned()]), ..offer(6) },
        Offer { ends: instant("2026-03-17T12:00:00Z"), ..offer(7) },
        Offer { starts: instant("2026-03-10T12:00:01Z"), ..offer(8) },
        Offer { ends: instant("2026-03-10T11:59:59Z"), ..offer(9) },
        Offer { added: instant("2026-03-10T12:00:01Z"), ..offer(10) },
        Offer { retitled: Some((instant("2026-03-05T00:00:00Z"), "New".to_owned())), ..offer(11) },
    ];
}

fn ids(sandbox: &Sandbox, body: &Value) -> Vec<u64> {
    let answer = post(sandbox, OFFERS, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut ids: Vec<u64> =
        answer.json()["data"].as_array().expect("data").iter().filter_map(|row| row["promotionId"].as_u64()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn offers_are_asked_for_with_filters() {
    let sandbox = sandbox(fill);
    for (filters, wanted) in [
        (json!({}), &[1, 2, 3, 4, 5, 6, 7, 11][..]),
        (json!({"status": "active"}), &[1, 2, 3, 4, 5, 6, 7, 11]),
        (json!({"status": "expiringSoon"}), &[7]),
        (json!({"status": "upcoming"}), &[8]),
        (json!({"type": "voucher"}), &[2, 3, 4]),
        (json!({"type": "promotion"}), &[1, 5, 6, 7, 11]),
        (json!({"exclusiveOnly": true}), &[3]),
        (json!({"membership": "joined", "type": "voucher"}), &[2, 3]),
        (json!({"membership": "notJoined"}), &[4]),
        (json!({"membership": "all", "type": "all", "exclusiveOnly": false, "advertiserIds": [81_001, 1]}), &[4]),
        (json!({"regionCodes": ["FR", "GB"]}), &[5, 6]),
        (json!({"updatedSince": "2026-03-05"}), &[11]),
        (json!({"updatedSince": "2026-03-06"}), &[]),
    ] {
        assert_eq!(ids(&sandbox, &json!({"filters": filters})), wanted, "{filters}");
    }
    assert_eq!(post(&sandbox, OFFERS, "").json()["pagination"], json!({"page": 1, "pageSize": 100, "total": 8}));
    for (status, wanted) in [(OfferStatus::Active, 8), (OfferStatus::ExpiringSoon, 1), (OfferStatus::Upcoming, 1)] {
        assert_eq!(sandbox.world().truth_offers(PUBLISHER, status).len(), wanted);
    }
}

#[test]
fn an_offer_has_these_fields() {
    let sandbox = sandbox(|world| world.offers = vec![voucher(2, true), Offer { regions: None, campaign: None, ..offer(1) }]);
    let rows = |sandbox: &Sandbox| -> Vec<Value> {
        let mut rows = post(sandbox, OFFERS, "{}").json()["data"].as_array().expect("data").clone();
        rows.sort_by_key(|row| row["promotionId"].as_u64());
        rows
    };
    let mut wanted = json!({
        "promotionId": 2,
        "type": "voucher",
        "advertiser": {"id": ADVERTISER, "name": "Lampenladen \u{201e}Hell\u{201c} DE", "joined": true},
        "title": "Offer 2",
        "description": "All lamps\n\"and chairs\"",
        "terms": "Once per customer",
        "startDate": "2026-03-01T00:00:00",
        "endDate": "2026-03-31T23:59:59",
        "url": "https://shop-90210.example/sale",
        "urlTracking": "https://track.example/c?m=90210&a=500321",
        "dateAdded": "2026-02-01T10:00:00",
        "campaign": "spring",
        "regions": {"all": false, "list": [{"name": "Germany", "countryCode": "DE"}]},
        "voucher": {"code": "SAVE10", "exclusive": true, "attributable": true},
    });
    let found = rows(&sandbox);
    assert_eq!(found[1], wanted);
    assert_eq!((&found[0]["type"], found[0].get("voucher")), (&"promotion".into(), None));
    assert_eq!((&found[0]["campaign"], &found[0]["regions"]), (&Value::Null, &json!({"all": true, "list": []})));

    sandbox.world().relate(ADVERTISER, PUBLISHER, Standing::Suspended, instant(NOW));
    wanted["advertiser"]["joined"] = false.into();
    wanted["voucher"]["code"] = Value::Null;
    assert_eq!(rows(&sandbox)[1], wanted, "the code is for those who have joined");
}

#[test]
fn offers_come_in_pages_of_ten_to_two_hundred() {
    let sandbox = sandbox(|world| world.offers = (1..=25).map(offer).collect());
    let page = |page: u64, size: u64| json!({"pagination": {"page": page, "pageSize": size}});
    let pages: Vec<Vec<u64>> = (1..=4).map(|number| ids(&sandbox, &page(number, 10))).collect();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5, 0]);
    let mut all = pages.concat();
    all.sort_unstable();
    assert_eq!(all, (1..=25).collect::<Vec<_>>());
    let answer = post(&sandbox, OFFERS, &page(2, 10).to_string()).json();
    assert_eq!(answer["pagination"], json!({"page": 2, "pageSize": 10, "total": 25}));
    assert_eq!(ids(&sandbox, &page(1, 200)).len(), 25);
}

#[test]
fn what_is_not_understood_gets_400() {
    let sandbox = sandbox(fill);
    for body in [
        json!({"pagination": {"page": 1, "pageSize": 9}}),
        json!({"pagination": {"page": 1, "pageSize": 201}}),
        json!({"pagination": {"page": 0}}),
        json!({"pagination": {"number": 1}}),
        json!({"page": 1}),
        json!({"filters": {"advertiserId": 1}}),
        json!({"filters": {"advertiserIds": ["90210"]}}),
        json!({"filters": {"membership": "Joined"}}),
        json!({"filters": {"status": "expired"}}),
        json!({"filters": {"type": "any"}}),
        json!({"filters": {"regionCodes": ["Germany"]}}),
        json!({"filters": {"updatedSince": "2026-03-05T00:00:00"}}),
        json!({"filters": []}),
        json!([]),
        json!(null),
    ] {
        let answer = post(&sandbox, OFFERS, &body.to_string());
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid.userinput".into()), "{body}: {}", answer.body);
    }
    assert_eq!(post(&sandbox, OFFERS, "{").status, 400);
    sandbox.world().rules.strict_parameter_names = false;
    assert_eq!(post(&sandbox, OFFERS, r#"{"page": 1}"#).status, 200);
}

#[test]
fn offers_are_a_post_to_the_singular_path() {
    let sandbox = sandbox(fill);
    assert_eq!(post(&sandbox, "/publishers/500321/promotions", "{}").status, 404);
    assert_eq!(post(&sandbox, "/publisher/600001/promotions", "{}").status, 404);
    assert_eq!(get(&sandbox, OFFERS).status, 405);
    let body = r#"{"filters":{"type":"voucher"}}"#;
    post(&sandbox, OFFERS, body);
    let call = sandbox.calls().pop().expect("a call");
    assert_eq!((call.method.as_str(), call.body.as_str(), call.status), ("POST", body, Some(200)));
}

#[test]
fn a_token_in_the_address_alone_gets_200_and_nothing() {
    let sandbox = sandbox(fill);
    let url = format!("{}{OFFERS}", sandbox.url());
    let empty = send_body(ureq::post(format!("{url}?accessToken=sandbox-token")), "{}");
    assert_eq!((empty.status, empty.json()["data"].clone()), (200, json!([])));
    assert_eq!(empty.json()["pagination"]["total"], 0);
    assert_eq!(send_body(ureq::post(url), "{}").status, 401);
    assert_eq!(post(&sandbox, &format!("{OFFERS}?accessToken=sandbox-token"), "{}").status, 400, "a leak");
}

#[test]
fn offers_can_come_between_two_pages() {
    let sandbox = sandbox(|world| {
        world.rules.shuffle = false;
        world.offers = (2..=21).map(offer).collect();
        world.offers.insert(0, Offer { added: instant(NOW) + TimeDelta::seconds(1), ..offer(1) });
        world.public.time_per_page = TimeDelta::minutes(1);
    });
    let page = |page: u64| json!({"pagination": {"page": page, "pageSize": 10}});
    assert_eq!(ids(&sandbox, &page(1)), (2..=11).collect::<Vec<_>>());
    assert_eq!(ids(&sandbox, &page(2)), (11..=20).collect::<Vec<_>>(), "one is there twice");
    assert_eq!(ids(&sandbox, &page(3)), [21]);
}

#[test]
fn the_demo_has_offers_of_all_kinds() {
    let sandbox = Sandbox::start(busy_world());
    let body = json!({"pagination": {"page": 1, "pageSize": 200}});
    let answer = post(&sandbox, OFFERS, &body.to_string()).json();
    let rows = answer["data"].as_array().expect("data").clone();
    assert!(rows.len() > 10);
    for (field, value) in [("type", "voucher"), ("type", "promotion")] {
        assert!(rows.iter().any(|row| row[field] == value));
    }
    assert!(rows.iter().any(|row| row["advertiser"]["joined"] == false));
    assert!(!sandbox.world().truth_offers(PUBLISHER, OfferStatus::Upcoming).is_empty());
    assert_eq!(sorted(rows), sorted(parsed(&sandbox.world().truth_offers(PUBLISHER, OfferStatus::Active))));
}

//! Accounts, publishers, programmes, their details and commission groups.

use awin_sandbox::{CommissionGroup, Rate, Sandbox, Standing, decimal, instant};
use serde_json::{Value, json};

use crate::support::{ADVERTISER, NOW, PUBLISHER, busy_world, get, parsed, sandbox, sorted};

fn ids(sandbox: &Sandbox, path: &str) -> Vec<u64> {
    get(sandbox, path).ids()
}

#[test]
fn accounts_are_listed_with_their_kind() {
    let sandbox = Sandbox::start(busy_world());
    let accounts = |query: &str| -> Vec<Value> {
        let answer = get(&sandbox, &format!("/accounts{query}")).json();
        answer["accounts"].as_array().expect("accounts").clone()
    };
    assert_eq!(get(&sandbox, "/accounts").json()["userId"], 70_011);
    assert_eq!((accounts("").len(), accounts("?type=advertiser").len(), accounts("?type=publisher").len()), (5, 3, 2));
    let first = json!({"accountId": 90_210, "accountName": "Lampenladen \u{201e}Hell\u{201c} DE",
        "accountType": "advertiser", "userRole": "userViewer"});
    assert_eq!(accounts("")[0], first);
    sandbox.world().account_mut(ADVERTISER).expect("there").listed = false;
    assert_eq!(accounts("").len(), 4);
    assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/publishers")).status, 200, "its data can still be read");
    assert_eq!(sorted(accounts("")), sorted(parsed(&sandbox.world().truth_accounts())));
}

#[test]
fn an_advertisers_publishers_are_those_that_have_joined() {
    let sandbox = sandbox(|_| {});
    let path = format!("/advertisers/{ADVERTISER}/publishers");
    assert_eq!(ids(&sandbox, &path), [PUBLISHER, 600_001]);
    assert_eq!(ids(&sandbox, &format!("{path}/")), [PUBLISHER, 600_001]);
    sandbox.world().relate(ADVERTISER, 600_001, Standing::Suspended, instant(NOW));
    assert_eq!(ids(&sandbox, &path), [PUBLISHER]);
    assert_eq!(sorted(get(&sandbox, &path).rows()), sorted(parsed(&sandbox.world().truth_publishers(ADVERTISER))));
}

#[test]
fn programmes_are_asked_by_relationship_country_and_visibility() {
    let sandbox = sandbox(|_| {});
    let programmes = |query: &str| ids(&sandbox, &format!("/publishers/{PUBLISHER}/programmes{query}"));
    assert_eq!(programmes(""), [81_001, ADVERTISER]);
    assert_eq!(programmes("?includeHidden=true"), [81_001, 81_002, ADVERTISER]);
    assert_eq!(programmes("?relationship=joined"), [ADVERTISER]);
    assert_eq!(programmes("?relationship=pending"), [81_001]);
    assert_eq!(programmes("?relationship=notjoined"), [81_002]);
    assert_eq!(programmes("?countryCode=NL&includeHidden=true"), [81_001, 81_002]);
    assert!(programmes("?relationship=joined&countryCode=NL").is_empty());
}

#[test]
fn a_programme_joined_later_appears_later() {
    let sandbox = sandbox(|world| {
        world.relate(81_001, PUBLISHER, Standing::Joined, instant("2026-03-11T00:00:00Z"));
    });
    let path = format!("/publishers/{PUBLISHER}/programmes?relationship=joined");
    assert_eq!(ids(&sandbox, &path), [ADVERTISER]);
    sandbox.world().clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(ids(&sandbox, &path), [81_001, ADVERTISER]);
    let rows = get(&sandbox, &path).rows();
    let joined = rows.iter().find(|row| row["id"] == 81_001).expect("there");
    assert!(joined["primaryRegion"].is_null() && joined.get("linkStatus").is_none());
    let other = rows.iter().find(|row| row["id"] == ADVERTISER).expect("there");
    assert_eq!((&other["primaryRegion"]["countryCode"], &other["linkStatus"]), (&"DE".into(), &"Live".into()));
    assert_eq!(sorted(rows), sorted(parsed(&sandbox.world().truth_programmes(PUBLISHER))));
}

#[test]
fn details_are_answered_for_the_relationship_asked_for() {
    let sandbox = sandbox(|_| {});
    let status = |query: &str| get(&sandbox, &format!("/publishers/{PUBLISHER}/programmedetails?advertiserId={query}")).status;
    assert_eq!((status("90210"), status("90210&relationship=any"), status("90210&relationship=pending")), (200, 200, 404));
    assert_eq!((status("81001"), status("81001&relationship=any"), status("1&relationship=any")), (404, 200, 404));
}

#[test]
fn details_differ_in_shape_from_programme_to_programme() {
    let sandbox = Sandbox::start(busy_world());
    let details = parsed(&sandbox.world().truth_programme_details(PUBLISHER));
    assert_eq!(details.len(), 3);
    let answered = get(&sandbox, &format!("/publishers/{PUBLISHER}/programmedetails?advertiserId=90211")).json();
    assert!(details.contains(&answered));
    let many: Vec<Value> = (0..20)
        .flat_map(|seed| {
            sandbox.world().seed = seed;
            parsed(&sandbox.world().truth_programme_details(PUBLISHER))
        })
        .collect();
    for link in [json!(true), json!("true"), Value::Null] {
        assert!(many.iter().any(|it| it["programmeInfo"]["deeplinkEnabled"] == link));
    }
    for standing in ["joined", "Joined"] {
        assert!(many.iter().any(|it| it["programmeInfo"]["membershipStatus"] == standing));
    }
    assert!(many.iter().all(|it| it["kpi"]["averagePaymentTime"].is_string()));
}

#[test]
fn commission_groups_are_those_in_force() {
    let sandbox = sandbox(|world| {
        world.groups.push(CommissionGroup {
            id: 1,
            advertiser_id: ADVERTISER,
            code: "NEW".to_owned(),
            name: "New customers".to_owned(),
            rate: Rate::Percentage(decimal("7.50")),
            from: instant("2026-03-11T00:00:00Z"),
            until: Some(instant("2026-04-01T00:00:00Z")),
        });
    });
    let path = format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}");
    let now = get(&sandbox, &path).json();
    assert_eq!((now["commissionGroups"].as_array().map(Vec::len), now.get("ratesEnd")), (Some(3), None));
    let kinds: Vec<&Value> = now["commissionGroups"].as_array().expect("groups").iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["percentage", "fix", "percentage"]);
    assert_eq!(vec![now], parsed(&sandbox.world().truth_commission_groups(PUBLISHER, false)));

    let later = get(&sandbox, &format!("{path}&effectiveDate=2026-03-11T00:00:00Z&extraConditionsDetails=true"));
    assert!(later.body.contains("\"percentage\":7.50,"), "{}", later.body);
    let later = later.json();
    assert_eq!((&later["commissionGroups"][3]["groupId"], &later["ratesEnd"]), (&1.into(), &"2026-04-01T00:00:00".into()));
    assert!(later["commissionGroups"][0]["conditions"][0]["operator"].is_string());
    assert_eq!(get(&sandbox, &path.replace("90210", "81001")).status, 404, "not joined");
}

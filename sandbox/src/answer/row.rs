//! The row of a transaction: a pure function of the sale, the instant and who is looking.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::amount::{Money, Number, percent};
use crate::dice;
use crate::json;
use crate::market::{Programme, Publisher};
use crate::rules::Variants;
use crate::sale::{Sale, State};
use crate::world::{Kind, World};
use crate::zone::{self, Zone};

const DEVICES: [&str; 5] = ["Windows", "Linux", "Android Mobile", "iPhone", "Mac OS"];
const COUNTRIES: [&str; 6] = ["DE", "GB", "US", "AT", "FR", "NL"];
const PRODUCTS: [&str; 3] = ["Lampe \u{201e}Gr\u{fc}n\u{201c} 1/2", "Caf\u{e9} table", "Line\nbreak \\ lamp"];
const TYPES: [&str; 3] = ["Commission group transaction", "Bonus", "Placement fee"];

/// Who looks, and how.
#[derive(Clone, Copy)]
pub(crate) struct RowView<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: DateTime<Utc>,
    pub(crate) zone: Zone,
    pub(crate) side: Kind,
    pub(crate) basket: bool,
}

/// A row as it is answered. Absent members are left out, the others are null where there is nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "left out, null, or there")]
struct Row<'a> {
    id: u64,
    url: Option<&'a str>,
    advertiser_id: u64,
    publisher_id: u64,
    commission_sharing_publisher_id: Option<u64>,
    commission_sharing_selected_rate_publisher_id: Option<u64>,
    campaign: Option<&'a str>,
    site_name: Option<&'a str>,
    commission_status: &'static str,
    commission_amount: Money<'a>,
    sale_amount: Money<'a>,
    ip_hash: Option<Value>,
    customer_country: Option<&'static str>,
    click_refs: Option<Map<String, Value>>,
    click_date: Option<String>,
    transaction_date: String,
    validation_date: Option<String>,
    r#type: &'static str,
    decline_reason: Option<&'a str>,
    voucher_code_used: bool,
    voucher_code: Option<&'static str>,
    lapse_time: i64,
    amended: bool,
    amend_reason: Option<&'a str>,
    old_sale_amount: Option<Money<'a>>,
    old_commission_amount: Option<Money<'a>>,
    click_device: &'static str,
    transaction_device: &'static str,
    customer_acquisition: Option<&'static str>,
    publisher_url: Option<String>,
    advertiser_country: Option<&'a str>,
    order_ref: Option<&'a str>,
    custom_parameters: Option<Value>,
    transaction_parts: Vec<Part<'a>>,
    paid_to_publisher: bool,
    payment_id: u64,
    transaction_query_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracked_currency_amount: Option<Option<Money<'a>>>,
    original_sale_amount: Option<Money<'a>>,
    advertiser_cost: Option<Money<'a>>,
    basket_products: Option<Vec<Product<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_fee: Option<Money<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amend_date: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loyalty: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    commission_group_id: u64,
    amount: Number,
    commission_amount: Number,
    advertiser_cost: Option<Number>,
    commission_group_code: &'a str,
    commission_group_name: &'a str,
    tracked_parts: [TrackedPart<'a>; 1],
}

#[derive(Serialize)]
struct TrackedPart<'a> {
    code: &'a str,
    amount: Number,
    currency: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Awin's")]
struct Product<'a> {
    product_id: String,
    product_name: &'static str,
    unit_price: Number,
    quantity: u64,
    sku_code: String,
    commission_group_code: &'a str,
    category: &'static str,
}

impl RowView<'_> {
    /// The JSON of `sale`.
    pub(crate) fn render(&self, sale: &Sale) -> String {
        let programme = self.world.programme(sale.advertiser_id);
        let group = self.world.groups.iter().find(|group| group.id == sale.group_id);
        let source = Source {
            view: self,
            sale,
            state: sale.state(self.now),
            programme,
            publisher: self.world.publisher(sale.publisher_id),
            group_code: group.map_or("DEFAULT", |group| &group.code),
            group_name: group.map_or("Default group", |group| &group.name),
            currency: programme.map_or("EUR", |programme| &programme.currency),
            details: self.side == Kind::Advertiser || programme.is_none_or(|programme| programme.shares_details),
        };
        if source.shape("escapes", 8) == 1 { json::ascii(&source.row()) } else { json::text(&source.row()) }
    }
}

/// What a row is made of.
struct Source<'a> {
    view: &'a RowView<'a>,
    sale: &'a Sale,
    state: State<'a>,
    programme: Option<&'a Programme>,
    publisher: Option<&'a Publisher>,
    group_code: &'a str,
    group_name: &'a str,
    currency: &'a str,
    /// May the viewer see what advertisers share only if they choose to?
    details: bool,
}

impl<'a> Source<'a> {
    /// A number that is always the same for this sale and `what`.
    fn content(&self, what: &str) -> u64 {
        dice::mix_text(dice::mix(self.view.world.seed, self.sale.id), what)
    }

    /// The shape of a field: 0 is the plain one, always taken if the rules want no variants.
    fn shape(&self, what: &str, shapes: u64) -> u64 {
        match self.view.world.rules.variants {
            Variants::Off => 0,
            Variants::On => dice::mix(self.content(what), 3) % shapes,
        }
    }

    fn stamp(&self, at: DateTime<Utc>) -> String {
        zone::stamp(self.view.zone, at, self.view.world.rules.stamps)
    }

    fn money(&self, amount: Decimal) -> Money<'a> {
        Money::new(amount, self.currency)
    }

    fn row(&self) -> Row<'a> {
        let (sale, state) = (self.sale, &self.state);
        let url = self.publisher.map(|publisher| publisher.url.as_str());
        let shared = self.shape("sharing", 8) == 1;
        let voucher = self.shape("voucher", 3) == 1;
        let fee = self.money(percent(state.commission, 30));
        let unknown_keys = self.view.world.rules.unknown_keys;
        Row {
            id: sale.id,
            url,
            advertiser_id: sale.advertiser_id,
            publisher_id: sale.publisher_id,
            commission_sharing_publisher_id: shared.then_some(500_777),
            commission_sharing_selected_rate_publisher_id: shared.then_some(sale.publisher_id),
            campaign: sale.campaign.as_deref(),
            site_name: url,
            commission_status: state.status.name(),
            commission_amount: self.money(state.commission),
            sale_amount: self.money(state.sale),
            ip_hash: self.ip_hash(),
            customer_country: (self.shape("customerCountry", 12) != 1)
                .then(|| dice::choose_text(self.content("country"), &COUNTRIES)),
            click_refs: self.click_refs(),
            click_date: sale.clicked.map(|at| self.stamp(at)),
            transaction_date: self.stamp(sale.created),
            validation_date: state.validated.map(|at| self.stamp(at)),
            r#type: dice::choose_text(if sale.bonus { 1 } else { 2 * u64::from(self.shape("type", 16) == 1) }, &TYPES),
            decline_reason: state.decline_reason,
            voucher_code_used: voucher,
            voucher_code: voucher.then_some("EX10 \u{2013} \"Sommer\""),
            lapse_time: sale.clicked.map_or(0, |clicked| (sale.created - clicked).num_seconds()),
            amended: state.amended.is_some(),
            amend_reason: state.amend_reason,
            old_sale_amount: state.old.map(|(sale, _)| self.money(sale)),
            old_commission_amount: state.old.map(|(_, commission)| self.money(commission)),
            click_device: dice::choose_text(self.content("clickDevice"), &DEVICES),
            transaction_device: dice::choose_text(self.content("transactionDevice"), &DEVICES),
            customer_acquisition: [Some("NEW"), None, Some("RETURNING")][index(self.shape("customerAcquisition", 3))],
            publisher_url: (self.shape("publisherUrl", 3) != 1).then(|| {
                let url = url.unwrap_or("https://unknown.example/");
                format!("{url}post/{}?q=\u{e9}t\u{e9}", self.content("page") % 500)
            }),
            advertiser_country: self.programme.map(Programme::country),
            order_ref: sale.order_ref.as_deref().filter(|_| self.details),
            custom_parameters: self.custom_parameters(),
            transaction_parts: self.parts(),
            paid_to_publisher: state.payment_id.is_some(),
            payment_id: state.payment_id.unwrap_or_default(),
            transaction_query_id: 0,
            tracked_currency_amount: match self.shape("trackedCurrencyAmount", 4) {
                1 => None,
                2 => Some(Some(Money::new(percent(sale.sale, 109), "CHF"))),
                _ => Some(None),
            },
            original_sale_amount: (self.shape("originalSaleAmount", 2) != 1).then(|| self.money(sale.sale)),
            advertiser_cost: match self.shape("advertiserCost", 4) {
                1 => None,
                2 => Some(fee),
                _ => Some(Money::NULLS),
            },
            basket_products: self.products(),
            network_fee: (self.view.side == Kind::Advertiser && self.shape("networkFee", 4) != 1).then_some(fee),
            amend_date: unknown_keys.then_some(()),
            loyalty: unknown_keys.then(|| json!({"level": self.content("loyalty") % 4, "club": "B\u{e9}n\u{e9}fice \"+\""})),
        }
    }

    fn ip_hash(&self) -> Option<Value> {
        let hash = self.content("ipHash").cast_signed();
        match self.shape("ipHash", 16) {
            1 | 2 => None,
            3 => Some(hash.into()),
            _ => Some(hash.to_string().into()),
        }
    }

    fn click_refs(&self) -> Option<Map<String, Value>> {
        let refs = match self.shape("clickRefs", 4) {
            1 => return None,
            2 => 1,
            _ => 6,
        };
        let pairs = (1..=refs).map(|number| {
            let key = if number == 1 { "clickRef".to_owned() } else { format!("clickRef{number}") };
            let value = format!("ref/{number}-{:x}", self.content(&key) & 0xffff);
            (key, value.into())
        });
        Some(pairs.collect())
    }

    fn custom_parameters(&self) -> Option<Value> {
        match self.shape("customParameters", 3) {
            _ if !self.details => None,
            1 => None,
            2 => Some(json!([])),
            _ => Some(
                ["1", "2"].map(|key| json!({"key": key, "value": format!("store-{}", self.content(key) % 90)})).to_vec().into(),
            ),
        }
    }

    /// One part, or two that add up to the whole.
    fn parts(&self) -> Vec<Part<'a>> {
        let (sale, commission) = (self.state.sale, self.state.commission);
        let amounts = if self.shape("parts", 6) == 1 {
            let (first, first_commission) = (percent(sale, 40), percent(commission, 40));
            vec![(first, first_commission), (sale - first, commission - first_commission)]
        } else {
            vec![(sale, commission)]
        };
        let part = |(amount, commission)| Part {
            commission_group_id: self.sale.group_id,
            amount: Number(amount),
            commission_amount: Number(commission),
            advertiser_cost: (self.shape("partCost", 2) != 1).then(|| Number(percent(commission, 30))),
            commission_group_code: self.group_code,
            commission_group_name: self.group_name,
            tracked_parts: [TrackedPart { code: self.group_code, amount: Number(self.sale.sale), currency: self.currency }],
        };
        amounts.into_iter().map(part).collect()
    }

    fn products(&self) -> Option<Vec<Product<'a>>> {
        let tracked = self.shape("basketProducts", 3) != 1;
        if !(self.view.basket && self.details && tracked) {
            return None;
        }
        let products = (0..=self.content("products") % 3).map(|number| {
            let product = self.content("product") % 900 + number;
            Product {
                product_id: format!("P{product}"),
                product_name: dice::choose_text(number, &PRODUCTS),
                unit_price: Number(percent(self.sale.sale, 50)),
                quantity: 1 + product % 4,
                sku_code: format!("SKU/{product}"),
                commission_group_code: self.group_code,
                category: "Home & Garden",
            }
        });
        Some(products.collect())
    }
}

fn index(shape: u64) -> usize {
    usize::try_from(shape).unwrap_or_default()
}

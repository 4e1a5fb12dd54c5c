//! The row of a transaction: a pure function of the sale, the instant and who is looking.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::decimal::Decimal;
use crate::dice;
use crate::json::Object;
use crate::market::{CommissionGroup, Programme, Publisher};
use crate::rules::Variants;
use crate::sale::{Sale, State};
use crate::world::{Kind, World};
use crate::zone;

const DEVICES: [&str; 5] = ["Windows", "Linux", "Android Mobile", "iPhone", "Mac OS"];
const COUNTRIES: [&str; 6] = ["DE", "GB", "US", "AT", "FR", "NL"];
const PRODUCTS: [&str; 3] = ["Lampe \u{201e}Gr\u{fc}n\u{201c} 1/2", "Caf\u{e9} table", "Line\nbreak \\ lamp"];
const TYPES: [&str; 3] = ["Commission group transaction", "Bonus", "Placement fee"];

/// Who looks, and how.
#[derive(Clone, Copy)]
pub(crate) struct RowView<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: DateTime<Utc>,
    pub(crate) zone: Tz,
    pub(crate) side: Kind,
    pub(crate) basket: bool,
}

/// One row under way.
struct Row<'a> {
    view: &'a RowView<'a>,
    sale: &'a Sale,
    state: State<'a>,
    programme: Option<&'a Programme>,
    publisher: Option<&'a Publisher>,
    group: Option<&'a CommissionGroup>,
    currency: &'a str,
    /// May the viewer see what advertisers share only if they choose to?
    details: bool,
}

impl RowView<'_> {
    /// The JSON of `sale`.
    pub(crate) fn render(&self, sale: &Sale) -> String {
        let programme = self.world.programme(sale.advertiser_id);
        let row = Row {
            view: self,
            sale,
            state: sale.state(self.now),
            programme,
            publisher: self.world.publisher(sale.publisher_id),
            group: self.world.groups.iter().find(|group| group.id == sale.group_id),
            currency: programme.map_or("EUR", |programme| &programme.currency),
            details: self.side == Kind::Advertiser || programme.is_none_or(|programme| programme.shares_details),
        };
        let mut out = String::with_capacity(2048);
        let mut object = Object::open(&mut out, row.shape("escapes", 8) == 1);
        row.write_parties(&mut object);
        row.write_money_and_customer(&mut object);
        row.write_dates(&mut object);
        row.write_amendment_and_devices(&mut object);
        row.write_parts(&mut object);
        row.write_payment(&mut object);
        row.write_basket(&mut object);
        row.write_extras(&mut object);
        object.close();
        out
    }
}

impl Row<'_> {
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
        format!("\"{}\"", zone::stamp(self.view.zone, at, self.view.world.rules.stamps))
    }

    fn write_parties(&self, object: &mut Object<'_>) {
        let url = self.publisher.map(|publisher| publisher.url.as_str());
        let shared = self.shape("sharing", 8) == 1;
        object.raw("id", self.sale.id);
        object.maybe_text("url", url);
        object.raw("advertiserId", self.sale.advertiser_id);
        object.raw("publisherId", self.sale.publisher_id);
        object.maybe_raw("commissionSharingPublisherId", shared.then_some(500_777));
        object.maybe_raw("commissionSharingSelectedRatePublisherId", shared.then_some(self.sale.publisher_id));
        object.maybe_text("campaign", self.sale.campaign.as_deref());
        object.maybe_text("siteName", url);
    }

    fn write_money_and_customer(&self, object: &mut Object<'_>) {
        object.text("commissionStatus", self.state.status.name());
        object.money("commissionAmount", self.state.commission, self.currency);
        object.money("saleAmount", self.state.sale, self.currency);
        let hash = self.content("ipHash").cast_signed();
        match self.shape("ipHash", 16) {
            1 | 2 => object.null("ipHash"),
            3 => object.raw("ipHash", hash),
            _ => object.raw("ipHash", format_args!("\"{hash}\"")),
        }
        match self.shape("customerCountry", 12) {
            1 => object.null("customerCountry"),
            _ => object.text("customerCountry", dice::choose_text(self.content("country"), &COUNTRIES)),
        }
        let refs = match self.shape("clickRefs", 4) {
            1 => return object.null("clickRefs"),
            2 => 1,
            _ => 6,
        };
        object.object("clickRefs", |object| {
            for number in 1..=refs {
                let key = if number == 1 { "clickRef".to_owned() } else { format!("clickRef{number}") };
                object.text(&key, &format!("ref/{number}-{:x}", self.content(&key) & 0xffff));
            }
        });
    }

    fn write_dates(&self, object: &mut Object<'_>) {
        object.maybe_raw("clickDate", self.sale.clicked.map(|at| self.stamp(at)));
        object.raw("transactionDate", self.stamp(self.sale.created));
        object.maybe_raw("validationDate", self.state.validated.map(|at| self.stamp(at)));
        let kind = if self.sale.bonus { 1 } else { 2 * u64::from(self.shape("type", 16) == 1) };
        object.text("type", dice::choose_text(kind, &TYPES));
        object.maybe_text("declineReason", self.state.decline_reason);
        let voucher = self.shape("voucher", 3) == 1;
        object.raw("voucherCodeUsed", voucher);
        object.maybe_text("voucherCode", voucher.then_some("EX10 \u{2013} \"Sommer\""));
        let lapse = self.sale.clicked.map(|clicked| (self.sale.created - clicked).num_seconds());
        object.raw("lapseTime", lapse.unwrap_or_default());
    }

    fn write_amendment_and_devices(&self, object: &mut Object<'_>) {
        object.raw("amended", self.state.amended.is_some());
        object.maybe_text("amendReason", self.state.amend_reason);
        object.maybe_money("oldSaleAmount", self.state.old.map(|(sale, _)| sale), self.currency);
        object.maybe_money("oldCommissionAmount", self.state.old.map(|(_, commission)| commission), self.currency);
        object.text("clickDevice", dice::choose_text(self.content("clickDevice"), &DEVICES));
        object.text("transactionDevice", dice::choose_text(self.content("transactionDevice"), &DEVICES));
        match self.shape("customerAcquisition", 3) {
            1 => object.null("customerAcquisition"),
            2 => object.text("customerAcquisition", "RETURNING"),
            _ => object.text("customerAcquisition", "NEW"),
        }
        let page = (self.shape("publisherUrl", 3) != 1).then(|| {
            let url = self.publisher.map_or("https://unknown.example/", |publisher| &publisher.url);
            format!("{url}post/{}?q=\u{e9}t\u{e9}", self.content("page") % 500)
        });
        object.maybe_text("publisherUrl", page.as_deref());
        object.maybe_text("advertiserCountry", self.programme.map(Programme::country));
        object.maybe_text("orderRef", self.sale.order_ref.as_deref().filter(|_| self.details));
        match self.shape("customParameters", 3) {
            _ if !self.details => object.null("customParameters"),
            1 => object.null("customParameters"),
            2 => object.raw("customParameters", "[]"),
            _ => object.objects("customParameters", ["1", "2"], |object, key| {
                object.text("key", key);
                object.text("value", &format!("store-{}", self.content(key) % 90));
            }),
        }
    }

    /// One part, or two that add up to the whole.
    fn write_parts(&self, object: &mut Object<'_>) {
        let (sale, commission) = (self.state.sale, self.state.commission);
        let parts: Vec<(Decimal, Decimal)> = if self.shape("parts", 6) == 1 {
            let (first, first_commission) = (sale.percent(40), commission.percent(40));
            vec![(first, first_commission), (sale.minus(first), commission.minus(first_commission))]
        } else {
            vec![(sale, commission)]
        };
        let code = self.group.map_or("DEFAULT", |group| &group.code);
        object.objects("transactionParts", parts, |object, (sale, commission)| {
            object.raw("commissionGroupId", self.sale.group_id);
            object.raw("amount", sale);
            object.raw("commissionAmount", commission);
            match self.shape("partCost", 2) {
                1 => object.null("advertiserCost"),
                _ => object.raw("advertiserCost", commission.percent(30)),
            }
            object.text("commissionGroupCode", code);
            object.text("commissionGroupName", self.group.map_or("Default group", |group| &group.name));
            object.objects("trackedParts", [self.sale.sale], |object, tracked| {
                object.text("code", code);
                object.raw("amount", tracked);
                object.text("currency", self.currency);
            });
        });
    }

    fn write_payment(&self, object: &mut Object<'_>) {
        object.raw("paidToPublisher", self.state.payment_id.is_some());
        object.raw("paymentId", self.state.payment_id.unwrap_or_default());
        object.raw("transactionQueryId", 0);
        match self.shape("trackedCurrencyAmount", 4) {
            1 => {}
            2 => object.money("trackedCurrencyAmount", self.sale.sale.percent(109), "CHF"),
            _ => object.null("trackedCurrencyAmount"),
        }
        match self.shape("originalSaleAmount", 2) {
            1 => object.null("originalSaleAmount"),
            _ => object.money("originalSaleAmount", self.sale.sale, self.currency),
        }
        match self.shape("advertiserCost", 4) {
            1 => object.null("advertiserCost"),
            2 => object.money("advertiserCost", self.state.commission.percent(30), self.currency),
            _ => object.raw("advertiserCost", r#"{"amount":null,"currency":null}"#),
        }
    }

    fn write_basket(&self, object: &mut Object<'_>) {
        let tracked = self.shape("basketProducts", 3) != 1;
        if !(self.view.basket && self.details && tracked) {
            return object.null("basketProducts");
        }
        let products = 1 + self.content("products") % 3;
        object.objects("basketProducts", 0..products, |object, number| {
            let product = self.content("product") % 900 + number;
            object.text("productId", &format!("P{product}"));
            object.text("productName", dice::choose_text(number, &PRODUCTS));
            object.raw("unitPrice", self.sale.sale.percent(50));
            object.raw("quantity", 1 + product % 4);
            object.text("skuCode", &format!("SKU/{product}"));
            object.text("commissionGroupCode", self.group.map_or("DEFAULT", |group| &group.code));
            object.text("category", "Home & Garden");
        });
    }

    fn write_extras(&self, object: &mut Object<'_>) {
        if self.view.side == Kind::Advertiser && self.shape("networkFee", 4) != 1 {
            object.money("networkFee", self.state.commission.percent(30), self.currency);
        }
        if self.view.world.rules.unknown_keys {
            object.null("amendDate");
            object.object("loyalty", |object| {
                object.raw("level", self.content("loyalty") % 4);
                object.text("club", "B\u{e9}n\u{e9}fice \"+\"");
            });
        }
    }
}

//! How the tables join. Declared once; the table reference, its picture and the tests are made from it.

use std::collections::BTreeSet;

use super::{AccountKind, Stream, find};

/// A join of one table with another: each row of `from` has at most one partner in `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// Stream with the rows that look for a partner.
    pub from: &'static str,
    /// Stream with the partners.
    pub to: &'static str,
    /// Pairs of columns that must be equal, of `from` and of `to`; the first is what the join is about. The columns of
    /// `to` are all that its `rowId` is made of: the row's own ids and the account. A column of `from` may be nested: `parts[].id` is the `id` of each entry of `parts`.
    pub on: &'static [(&'static str, &'static str)],
    /// For a join that Awin does not state in so many words: what it rests on.
    pub inferred: Option<&'static str>,
}

/// Names and terms are those that one account sees: the same partner stands in the table once per account.
const SAME_ACCOUNT: (&str, &str) = ("accountId", "accountId");

const fn join(from: &'static str, to: &'static str, on: &'static [(&'static str, &'static str)]) -> Join {
    Join { from, to, on, inferred: None }
}

const fn with_account(from: &'static str) -> Join {
    join(from, "accounts", &[SAME_ACCOUNT])
}

const fn with_publisher(from: &'static str) -> Join {
    join(from, "publishers", &[("publisherId", "id"), SAME_ACCOUNT])
}

const fn with_programme(from: &'static str) -> Join {
    join(from, "programmes", &[("advertiserId", "id"), SAME_ACCOUNT])
}

/// All joins, by the table that they lead to.
pub const JOINS: &[Join] = &[
    with_account("transactions"),
    with_account("stats_by_publisher"),
    with_account("stats_by_creative"),
    with_account("stats_by_advertiser"),
    with_account("stats_by_campaign"),
    with_account("transaction_queries"),
    with_account("publishers"),
    with_account("programmes"),
    with_account("programme_details"),
    with_account("commission_groups"),
    with_account("payments"),
    with_account("payment_breakdowns"),
    with_account("billing_documents"),
    with_account("prepayment_changes"),
    with_account("partnerships"),
    with_account("offers"),
    with_account("commission_rates"),
    with_publisher("transactions"),
    with_publisher("stats_by_publisher"),
    with_publisher("stats_by_creative"),
    with_publisher("stats_by_campaign"),
    with_publisher("partnerships"),
    with_programme("transactions"),
    with_programme("stats_by_creative"),
    with_programme("stats_by_advertiser"),
    with_programme("stats_by_campaign"),
    with_programme("transaction_queries"),
    with_programme("programme_details"),
    with_programme("commission_groups"),
    with_programme("payment_breakdowns"),
    with_programme("partnerships"),
    with_programme("commission_rates"),
    join("offers", "programmes", &[("advertiser.id", "id"), SAME_ACCOUNT]),
    join("payment_breakdowns", "payments", &[("paymentId", "paymentId"), SAME_ACCOUNT]),
    join(
        "transactions",
        "commission_groups",
        &[("transactionParts[].commissionGroupId", "groupId"), ("advertiserId", "advertiserId"), SAME_ACCOUNT],
    ),
    Join {
        from: "transactions",
        to: "payments",
        on: &[("paymentId", "paymentId"), SAME_ACCOUNT],
        inferred: Some("Awin calls both ids `paymentId`, in two APIs, and does not say that they are one"),
    },
    Join {
        from: "transactions",
        to: "transaction_queries",
        on: &[("transactionQueryId", "enquiryId"), SAME_ACCOUNT],
        inferred: Some(
            "Awin says that a transaction with this id was made from a transaction query, not that the two ids are one",
        ),
    },
];

/// The columns that the key of a row is made of.
fn natural_key(stream: &'static Stream) -> BTreeSet<&'static str> {
    stream.row_key.iter().copied().chain([SAME_ACCOUNT.1]).collect()
}

impl Join {
    /// The kinds of account whose rows can have a partner: those that both streams are read for.
    pub fn sides(&self) -> Vec<AccountKind> {
        let sides = |name| find(name).map_or(&[][..], |stream: &Stream| stream.sides);
        // The list of accounts is no account's own: it has a partner for all.
        let (from, to) = (sides(self.from), sides(self.to));
        from.iter().copied().filter(|side| to.is_empty() || to.contains(side)).collect()
    }

    /// Whether each partner has one row at most, too.
    pub fn is_one_to_one(&self) -> bool {
        let columns = self.on.iter().map(|(column, _)| *column).collect::<BTreeSet<_>>();
        find(self.from).is_some_and(|stream| columns == natural_key(stream))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{STREAMS, json_schema};
    use super::*;

    /// Type and format of a column of a schema, without whether it may be null.
    fn column_type(schema: &Value, path: &str) -> Option<Vec<Value>> {
        let mut at = schema;
        for name in path.split('.') {
            let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
            at = at.get("properties")?.get(name)?;
            if is_list {
                at = at.get("items")?;
            }
        }
        let types = match &at["type"] {
            Value::Array(types) => types.iter().filter(|name| *name != "null").cloned().collect(),
            one => vec![one.clone()],
        };
        Some(types.into_iter().chain([at["format"].clone()]).collect())
    }

    #[test]
    fn both_columns_of_every_join_are_there_and_have_the_same_type() {
        for join in JOINS {
            let [from, to] = [join.from, join.to].map(|name| json_schema(find(name).unwrap_or_else(|| panic!("{name}"))));
            for (left, right) in join.on {
                let found = column_type(&from, left);
                assert!(found.is_some(), "{} has no {left}", join.from);
                assert_eq!(found, column_type(&to, right), "{}.{left} = {}.{right}", join.from, join.to);
            }
        }
    }

    #[test]
    fn every_join_stays_within_an_account() {
        for join in JOINS {
            assert!(join.on.contains(&SAME_ACCOUNT), "{join:?}");
        }
    }

    #[test]
    fn no_join_multiplies_rows() {
        for join in JOINS {
            let columns: BTreeSet<_> = join.on.iter().map(|(_, column)| *column).collect();
            assert_eq!(Some(columns), find(join.to).map(natural_key), "{join:?}");
        }
    }

    #[test]
    fn every_join_has_rows_on_some_side_and_every_table_of_an_account_joins_it() {
        for join in JOINS {
            assert!(!join.sides().is_empty(), "{join:?}");
        }
        for stream in STREAMS.iter().filter(|stream| !stream.sides.is_empty()) {
            assert!(JOINS.iter().any(|join| join.from == stream.name && join.to == "accounts"), "{}", stream.name);
        }
        let distinct: BTreeSet<_> = JOINS.iter().map(|join| (join.from, join.to)).collect();
        assert_eq!(distinct.len(), JOINS.len());
    }

    #[test]
    fn ids_of_partners_join_with_the_partners_tables() {
        for stream in STREAMS {
            let schema = json_schema(stream);
            for (column, to) in [("publisherId", "publishers"), ("advertiserId", "programmes")] {
                let joins = JOINS.iter().any(|join| (join.from, join.to, join.on[0].0) == (stream.name, to, column));
                let is_there = schema["properties"].get(column).is_some();
                let sides = Join { from: stream.name, to, on: &[], inferred: None }.sides();
                assert_eq!(joins, is_there && !sides.is_empty(), "{}.{column}", stream.name);
            }
        }
    }

    #[test]
    fn programme_details_are_one_to_one_with_programmes_and_nothing_else_is() {
        let singles: Vec<_> = JOINS.iter().filter(|join| join.is_one_to_one()).map(|join| (join.from, join.to)).collect();
        assert_eq!(singles, [("programme_details", "programmes")]);
    }
}

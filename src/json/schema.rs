//! A stream's JSON schema, compiled to what transcoding needs to know.

use chrono_tz::Tz;
use serde_json::Value;

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Whatever it is.
    Any,
    String,
    /// A string in which the text `null` means null.
    NullableText,
    /// A date-time without zone.
    Stamp,
    Date,
    Integer,
    Number,
    Boolean,
    Object(Vec<Field>),
    Array(Box<Kind>),
}

/// One property of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    /// The name as it stands in JSON.
    pub(super) quoted: String,
    pub(super) kind: Kind,
}

/// A compiled schema. Rows are transcoded by [`Schema::transcode`].
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) fields: Vec<Field>,
    /// Field index to capture slot.
    pub(super) slots: Vec<Option<usize>>,
    pub(super) slot_count: usize,
    pub(super) others: String,
    pub(super) money: [String; 2],
    pub(super) zone: Tz,
}

/// What a schema alone does not say.
#[derive(Debug, Clone, Copy)]
pub struct SchemaOptions<'a> {
    /// Properties of the schema that are not in the API's rows: the connector adds them.
    pub added: &'a [&'a str],
    /// Fields whose raw value the caller wants to see, in the order of their slots.
    pub captured: &'a [&'a str],
    /// Fields in which the text `null` means null.
    pub null_texts: &'a [&'a str],
    /// Where the caller puts the fields that the schema does not know.
    pub others: &'a str,
    /// Names of the two fields of an object for which the value of the first one may stand alone: an amount and its currency.
    pub money: [&'a str; 2],
    /// Zone of stamps that come without one, to which stamps with an offset are converted.
    pub zone: Tz,
}

impl Schema {
    /// Compiles `schema`, a JSON schema of type object.
    pub fn new(schema: &Value, options: SchemaOptions<'_>) -> Self {
        let mut fields = properties(schema);
        fields.retain(|field| !options.added.contains(&field.name.as_str()));
        assert!(fields.len() <= 128, "repeated fields are told by the bits of a u128");
        for field in &mut fields {
            if field.kind == Kind::String && options.null_texts.contains(&field.name.as_str()) {
                field.kind = Kind::NullableText;
            }
        }
        let slots = fields.iter().map(|field| options.captured.iter().position(|name| *name == field.name)).collect();
        let (others, money) = (options.others.to_owned(), options.money.map(str::to_owned));
        Self { fields, slots, slot_count: options.captured.len(), others, money, zone: options.zone }
    }
}

fn properties(schema: &Value) -> Vec<Field> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        quoted: Value::from(name.as_str()).to_string(),
        kind: kind(schema),
    };
    properties.into_iter().flatten().map(field).collect()
}

fn kind(schema: &Value) -> Kind {
    let name = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    match (name, schema.get("format").and_then(Value::as_str)) {
        (Some("string"), Some("date-time")) => Kind::Stamp,
        (Some("string"), Some("date")) => Kind::Date,
        (Some("string"), _) => Kind::String,
        (Some("integer"), _) => Kind::Integer,
        (Some("number"), _) => Kind::Number,
        (Some("boolean"), _) => Kind::Boolean,
        (Some("object"), _) if schema.get("properties").is_some() => Kind::Object(properties(schema)),
        // An object without declared properties: any object will do, so anything else is a wrong type.
        (Some("object"), _) => Kind::Object(Vec::new()),
        (Some("array"), _) => Kind::Array(Box::new(schema.get("items").map_or(Kind::Any, kind))),
        _ => Kind::Any,
    }
}

//! The columns of a stream's schema, nested ones included.

use serde_json::Value;

/// A column, or a field within one.
pub struct Column {
    /// Names from the top, joined by dots; `[]` behind a list.
    pub path: String,
    /// Its type in Airbyte's terms.
    pub kind: String,
    /// Whether it can be null.
    pub nullable: bool,
    /// What it holds.
    pub description: String,
}

/// All columns in the order of the schema, each before the fields within it.
pub fn columns(schema: &Value) -> Vec<Column> {
    let mut columns = Vec::new();
    add(schema, "", &mut columns);
    columns
}

fn add(schema: &Value, prefix: &str, columns: &mut Vec<Column>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        columns.push(Column {
            path: path.clone(),
            kind: kind(property),
            nullable: types(property).any(|name| name == "null"),
            description: property["description"].as_str().unwrap_or_default().to_owned(),
        });
        add(property, &format!("{path}."), columns);
        add(&property["items"], &format!("{path}[]."), columns);
    }
}

/// The type as Airbyte's list of types has it: a text with a format is a type of its own.
fn kind(property: &Value) -> String {
    if let Some(kind) = property["airbyte_type"].as_str() {
        return kind.to_owned();
    }
    let name = types(property).find(|name| *name != "null").unwrap_or("any");
    match (name, property["format"].as_str()) {
        ("string", Some(format)) => format.to_owned(),
        ("array", _) => format!("array of {}", kind(&property["items"])),
        (name, _) => name.to_owned(),
    }
}

fn types(property: &Value) -> impl Iterator<Item = &str> {
    let types = &property["type"];
    let list = types.as_array().map_or(std::slice::from_ref(types), Vec::as_slice);
    list.iter().filter_map(Value::as_str)
}

//! Holds JSON to the subset of JSON Schema that `openapi.json` uses. Any other
//! keyword is a fault of the schema: it would not be looked at.

use serde_json::{Map, Value};

/// Keywords that ask for nothing.
const SAID_ONLY: &[&str] = &["description", "format", "default"];

/// What is wrong with `value`, each with its place; empty where it is right.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(document, schema, value, "", &mut faults);
    faults
}

/// The value behind `#/a/b`, or the value itself.
pub fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        None => value,
        Some(name) => {
            let pointer = name.strip_prefix('#').expect("references stay in the document");
            let found = document.pointer(pointer).unwrap_or_else(|| panic!("there is no {name}"));
            resolved(document, found)
        }
    }
}

fn look(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let rules = resolved(document, schema).as_object().expect("a schema is an object");
    for (keyword, rule) in rules {
        let holds = match keyword.as_str() {
            "type" => is_of_type(rule, value),
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|all| all.len() as u64 >= number(rule)),
            "maxItems" => value.as_array().is_none_or(|all| all.len() as u64 <= number(rule)),
            "items" => {
                for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                    look(document, rule, item, &format!("{at}/{nth}"), faults);
                }
                true
            }
            "properties" | "required" | "additionalProperties" => true,
            other if SAID_ONLY.contains(&other) => true,
            other => panic!("the schema at {at:?} uses {other}, which is not looked at"),
        };
        if !holds {
            faults.push(format!("{at}: {value} breaks {keyword} {rule}"));
        }
    }
    if let Some(members) = value.as_object() {
        look_at_members(document, rules, members, at, faults);
    }
}

fn look_at_members(
    document: &Value,
    rules: &Map<String, Value>,
    members: &Map<String, Value>,
    at: &str,
    faults: &mut Vec<String>,
) {
    let known = rules.get("properties").and_then(Value::as_object);
    for name in rules.get("required").and_then(Value::as_array).into_iter().flatten() {
        let name = name.as_str().unwrap();
        if !members.contains_key(name) {
            faults.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}/{name}");
        match (known.and_then(|known| known.get(name)), rules.get("additionalProperties")) {
            (Some(rule), _) => look(document, rule, member, &at, faults),
            (None, Some(Value::Bool(false))) => faults.push(format!("{at}: is not known")),
            (None, None | Some(Value::Bool(true))) => {}
            (None, Some(rule)) => look(document, rule, member, &at, faults),
        }
    }
}

fn number(rule: &Value) -> u64 {
    rule.as_u64().unwrap()
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    match rule {
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        name => is(name.as_str().unwrap()),
    }
}

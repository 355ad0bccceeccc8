//! Converts docs/openapi.yaml to the JSON that `GET /openapi.json` returns, without descriptions and examples.
//!
//! Tools need names, types and statuses. The descriptions would be half of the file, and every byte is uploaded.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

const DESCRIPTION: &str = "docs/openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    let documents = YamlLoader::load_from_str(&fs::read_to_string(DESCRIPTION)?)?;
    let document = documents.first().ok_or("docs/openapi.yaml is empty")?;
    let file = PathBuf::from(env::var("OUT_DIR")?).join("openapi.json");
    Ok(fs::write(file, json(document)?.to_string())?)
}

fn json(yaml: &Yaml) -> Result<Value, Box<dyn Error>> {
    Ok(match yaml {
        Yaml::Boolean(flag) => (*flag).into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Array(items) => {
            let items = items.iter().map(json).collect::<Result<Vec<_>, _>>()?;
            items.into()
        }
        Yaml::Hash(fields) => {
            let mut object = Map::new();
            for (key, value) in fields {
                let key = key.as_str().ok_or("a key is not a string")?;
                if !is_prose(key, value) {
                    object.insert(key.to_owned(), json(value)?);
                }
            }
            if let Some(Value::Object(responses)) = object.get_mut("responses") {
                responses.values_mut().for_each(add_description);
            }
            object.into()
        }
        other => return Err(format!("{other:?} is not supported").into()),
    })
}

/// Returns whether a field is documentation. A property with such a name would be an object, not a string.
fn is_prose(key: &str, value: &Yaml) -> bool {
    matches!(key, "example" | "examples") || key == "description" && value.as_str().is_some()
}

/// Adds an empty description to a response, because OpenAPI requires one.
fn add_description(response: &mut Value) {
    if let Value::Object(response) = response
        && !response.contains_key("$ref")
    {
        response.insert("description".to_owned(), "".into());
    }
}

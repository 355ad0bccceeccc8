//! Prepares the files that the Worker serves, because every byte of them is uploaded and loaded:
//!
//! - docs/openapi.yaml becomes the JSON of `GET /openapi.json`, without descriptions and examples. Tools need names, types and statuses.
//!   The descriptions would be half of the file.
//! - The files of inspector/ lose their comments and indentation, and its scripts become one. That is a third less after compression, and
//!   one request instead of a chain of them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

const DESCRIPTION: &str = "docs/openapi.yaml";
const INSPECTOR: &str = "inspector";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    println!("cargo::rerun-if-changed={INSPECTOR}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let documents = YamlLoader::load_from_str(&fs::read_to_string(DESCRIPTION)?)?;
    let document = documents.first().ok_or("docs/openapi.yaml is empty")?;
    fs::write(out.join("openapi.json"), json(document)?.to_string())?;
    inspector(Path::new(INSPECTOR), &out.join(INSPECTOR))
}

/// Writes the files of the page.
fn inspector(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for name in ["page.html", "style.css", "icon.svg"] {
        fs::write(to.join(name), compact(&from.join(name))?)?;
    }
    let mut script = Script::default();
    script.add(from, "main.js")?;
    Ok(fs::write(to.join("main.js"), script.text)?)
}

/// A script, with those that it imports. Each is a function that returns its exports.
#[derive(Default)]
struct Script {
    text: String,
    files: BTreeSet<String>,
}

impl Script {
    /// Adds a file, after those that it imports. Imports are lines such as `import { a, b } from "./c.js";`, without cycles.
    fn add(&mut self, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
        if !self.files.insert(name.to_owned()) {
            return Ok(());
        }
        let source = compact(&folder.join(name))?;
        let mut body = String::new();
        let mut exports = Vec::new();
        for line in source.lines() {
            if let Some(import) = line.strip_prefix("import ") {
                let (names, rest) = import
                    .split_once(" from \"./")
                    .ok_or_else(|| format!("{name}: {line}"))?;
                let file = rest.trim_end_matches("\";");
                self.add(folder, file)?;
                writeln!(body, "const {names} = {};", variable(file))?;
                continue;
            }
            let declaration = line.strip_prefix("export ");
            exports.extend(declaration.and_then(name_of));
            writeln!(body, "{}", declaration.unwrap_or(line))?;
        }
        let (variable, exports) = (variable(name), exports.join(", "));
        writeln!(
            self.text,
            "const {variable} = (() => {{\n{body}return {{ {exports} }};\n}})();"
        )?;
        Ok(())
    }
}

fn variable(file: &str) -> String {
    file.replace(['-', '.'], "_")
}

/// Returns the name that a declaration defines.
fn name_of(declaration: &str) -> Option<&str> {
    let declaration = declaration.strip_prefix("async ").unwrap_or(declaration);
    let (_, rest) = declaration.split_once(' ')?;
    rest.split(|character: char| {
        !character.is_alphanumeric() && character != '$' && character != '_'
    })
    .next()
}

/// Returns a text file without indentation and without lines that are comments. No other line may begin like one, and no string may go
/// over several lines.
fn compact(file: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let mut is_comment = false;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if !is_comment && !line.is_empty() && !line.starts_with("//") {
            lines.push(line);
        }
        is_comment &= !line.ends_with("*/");
    }
    Ok(lines.join("\n"))
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

//! Checks settings by the Worker's own rules before they are deployed: `scripts/build.mjs` calls it.
//!
//! Standard input is a JSON array of `{"where", "settings", "buckets"}`: a label for messages, the variable `metadata`,
//! and the names of the bound R2 buckets. Each setting that cannot be used is a line `<where>: <sentence>` on standard
//! error, and the exit code is 1 then.

use std::error::Error;
use std::io::{Read, stdin};
use std::process::ExitCode;

use optimized_metadata::config::{Config, ConfigError};
use serde_json::Value;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut input = String::new();
    stdin().read_to_string(&mut input)?;
    let input: Value = serde_json::from_str(&input)?;
    let mut code = ExitCode::SUCCESS;
    for checked in input.as_array().ok_or("standard input is not an array")? {
        let field = |name| checked.get(name).unwrap_or(&Value::Null);
        if let Err(error) = check(field("settings"), field("buckets")) {
            eprintln!("{}: {error}", field("where").as_str().unwrap_or("settings"));
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn check(settings: &Value, buckets: &Value) -> Result<(), ConfigError> {
    let config = match settings {
        // As the dashboard and .dev.vars have it.
        Value::String(text) => {
            Config::from_json(&serde_json::from_str(text).unwrap_or(Value::Null))
        }
        settings => Config::from_json(settings),
    }?;
    let bound = |name: &str| {
        buckets
            .as_array()
            .is_some_and(|all| all.contains(&name.into()))
    };
    match &config.origin_bucket {
        Some(name) if !bound(name) => Err(ConfigError::unbound_bucket()),
        _ => Ok(()),
    }
}

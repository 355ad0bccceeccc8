//! Checks settings before they are deployed, with the same code as the Worker. `scripts/build.mjs` runs it.
//!
//! Standard input is a JSON array of `{"where", "settings", "buckets", "services", "images"}`: a label for messages, the variable
//! `metadata`, and the names of the bound R2 buckets, services and Images bindings. Secrets are not known before a deployment. For each element with invalid settings, standard error has a line
//! `<where>: <error>`, and the exit code is 1.
//!
//! With `--purge-bound`, standard output has a JSON array of `{"where", "seconds", "rows"}`: for how long a place can return old
//! metadata after a purge, as numbers and as the rows of a table.

use std::env::args;
use std::error::Error;
use std::io::{Read, stdin};
use std::process::ExitCode;

use optimized_metadata::config::{Config, ConfigError, PurgeBound};
use optimized_metadata::origin::endpoint::Place;
use serde_json::{Value, json};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut input = String::new();
    stdin().read_to_string(&mut input)?;
    let input: Value = serde_json::from_str(&input)?;
    let (mut code, mut bounds) = (ExitCode::SUCCESS, Vec::new());
    for case in input.as_array().ok_or("standard input is not an array")? {
        let field = |name| case.get(name).unwrap_or(&Value::Null);
        let part = field("where").as_str().unwrap_or("settings");
        match check(
            field("settings"),
            [field("buckets"), field("services"), field("images")],
        ) {
            Ok(config) => bounds.push(bound(part, &config)),
            Err(error) => {
                eprintln!("{part}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    if args().any(|arg| arg == "--purge-bound") {
        println!("{}", Value::from(bounds));
    }
    Ok(code)
}

fn bound(part: &str, config: &Config) -> Value {
    let bound = PurgeBound::of(config);
    let seconds = json!({
        "kv": bound.kv_s, "memory": bound.memory_s, "edge": bound.edge_s, "clients": bound.clients_s, "errors": bound.errors_s,
    });
    json!({ "where": part, "seconds": seconds, "rows": bound.rows() })
}

fn check(
    settings: &Value,
    [buckets, services, images]: [&Value; 3],
) -> Result<Config, ConfigError> {
    let config = match settings {
        // The dashboard and .dev.vars store the settings as JSON text.
        Value::String(text) => {
            Config::from_json(&serde_json::from_str(text).unwrap_or(Value::Null))
        }
        settings => Config::from_json(settings),
    }?;
    let has = |names: &Value, name: &str| {
        let names = names.as_array();
        names.is_some_and(|names| names.contains(&name.into()))
    };
    config
        .refuse_unbound(|place| match place {
            Place::Url(_) => true,
            Place::Bucket(name) => has(buckets, name),
            Place::Service(name) => has(services, name),
        })?
        .refuse_unbound_images(|name| has(images, name))
}

//! Tests that modules depend on each other in one direction only, as in the diagram in docs/architecture.md.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = include_str!("../docs/architecture.md");

/// The only top-level module that may use [`RUNTIME_CRATES`].
const EDGE: &str = "edge";
const RUNTIME_CRATES: [&str; 5] = [
    "worker",
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "js_sys",
    "web_sys",
];

/// The path of a module below `crate`, as segments.
type Module = Vec<String>;

struct Crate {
    /// The code of each module, without line comments and unit tests.
    modules: BTreeMap<Module, String>,
}

impl Crate {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut modules = BTreeMap::new();
        for file in rust_files(&root) {
            let relative = file.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module = relative
                .iter()
                .map(|segment| segment.to_str().unwrap().to_owned())
                .collect();
            match module.last().unwrap().as_str() {
                "lib" => continue,
                "mod" => drop(module.pop()),
                _ if module[0] == "bin" => continue,
                _ => {}
            }
            modules.insert(module, code(&fs::read_to_string(file).unwrap()));
        }
        assert!(modules.len() > 50, "{}", modules.len());
        Self { modules }
    }

    /// Returns the modules that `module` uses: for each path in its code, the longest prefix that is a module.
    fn uses(&self, module: &Module) -> BTreeSet<Module> {
        let paths = paths(&self.modules[module]);
        let resolved = paths.into_iter().filter_map(|path| {
            let mut absolute = match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                "super" => {
                    let supers = path.iter().take_while(|part| *part == "super").count();
                    let parent = &module[..module.len() - supers];
                    [parent, &path[supers..]].concat()
                }
                _ => return None,
            };
            while !absolute.is_empty() && !self.modules.contains_key(&absolute) {
                absolute.pop();
            }
            (!absolute.is_empty() && absolute != *module).then_some(absolute)
        });
        resolved.collect()
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Returns the text up to the unit tests, without line comments.
fn code(text: &str) -> String {
    let text = text.split("mod tests {").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns all paths in `code` that begin with `crate` or `super`. A group in braces is one path per name.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|character| is_word(character) || character == ':') {
                continue;
            }
            let mut path = Vec::new();
            let mut rest = &code[at..];
            loop {
                let end = rest
                    .find(|character| !is_word(character))
                    .unwrap_or(rest.len());
                path.push(rest[..end].to_owned());
                match rest[end..].strip_prefix("::") {
                    Some(next) if next.starts_with('{') => {
                        let group = &next[1..next.find('}').unwrap()];
                        found.extend(group.split(',').map(|name| {
                            let name = name.trim().split("::").next().unwrap();
                            [path.clone(), vec![name.to_owned()]].concat()
                        }));
                        break;
                    }
                    Some(next) if next.starts_with(is_word) => rest = next,
                    _ => break,
                }
            }
            found.push(path);
        }
    }
    found
}

/// Returns the rows of the diagram, from the top: a top-level module, and the ones that it uses.
fn diagram() -> Vec<(&'static str, BTreeSet<&'static str>)> {
    let (_, section) = ARCHITECTURE.split_once("\n## Modules\n").unwrap();
    let (_, diagram) = section.split_once("```text\n").unwrap();
    let diagram = diagram.split("```").next().unwrap();
    let rows = diagram.lines().map(|row| {
        let (name, used) = row.split_once("─►").unwrap_or((row, ""));
        (name.trim(), used.split_whitespace().collect())
    });
    rows.collect()
}

#[test]
fn top_level_modules_use_only_modules_below_them_as_in_the_diagram() {
    let source = Crate::read();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let used: Vec<(&Module, BTreeSet<Module>)> = source
        .modules
        .keys()
        .map(|module| (module, source.uses(module)))
        .collect();
    for (module, used) in &used {
        let from = arrows.entry(&module[0]).or_default();
        from.extend(used.iter().map(|used| used[0].as_str()));
        from.remove(module[0].as_str());
    }
    let rows = diagram();
    for (row, (name, used)) in rows.iter().enumerate() {
        let below: BTreeSet<&str> = rows[row + 1..].iter().map(|(name, _)| *name).collect();
        assert!(
            used.is_subset(&below),
            "{name} uses a module above it: {used:?}"
        );
    }
    let documented: BTreeMap<&str, BTreeSet<&str>> = rows.into_iter().collect();
    assert_eq!(
        documented, arrows,
        "left: docs/architecture.md, right: src/"
    );
}

/// Ignores a parent's use of its own children, because it declares them.
#[test]
fn modules_have_no_circular_dependencies() {
    let source = Crate::read();
    let graph: BTreeMap<&Module, Vec<Module>> = source
        .modules
        .keys()
        .map(|module| {
            let used = source.uses(module).into_iter();
            let used = used.filter(|used| !used.starts_with(module));
            (module, used.collect())
        })
        .collect();
    let mut finished = BTreeSet::new();
    for module in graph.keys() {
        visit(&graph, module, &mut Vec::new(), &mut finished);
    }
    assert_eq!(finished.len(), graph.len());
}

fn visit(
    graph: &BTreeMap<&Module, Vec<Module>>,
    module: &Module,
    open: &mut Vec<Module>,
    finished: &mut BTreeSet<Module>,
) {
    if let Some(start) = open.iter().position(|one| one == module) {
        let names = open[start..].iter().map(|one| one.join("::"));
        panic!(
            "a circular dependency: {}",
            names.collect::<Vec<_>>().join(" -> ")
        );
    }
    if finished.contains(module) {
        return;
    }
    open.push(module.clone());
    for used in &graph[module] {
        visit(graph, used, open, finished);
    }
    finished.insert(open.pop().unwrap());
}

#[test]
fn only_the_edge_module_uses_the_runtime_crates() {
    let source = Crate::read();
    let is_runtime = |code: &str, name: &str| {
        let path = format!("{name}::");
        code.match_indices(&path).any(|(at, _)| {
            !code[..at].ends_with(|character: char| {
                character.is_alphanumeric() || "_:".contains(character)
            })
        })
    };
    let mut at_the_edge = 0;
    for (module, code) in &source.modules {
        let names: Vec<&str> = RUNTIME_CRATES
            .into_iter()
            .filter(|name| is_runtime(code, name))
            .collect();
        if module[0] == EDGE {
            at_the_edge += names.len();
        } else {
            assert_eq!(
                names,
                [""; 0],
                "{} uses runtime crates outside src/edge/",
                module.join("::")
            );
        }
    }
    assert!(at_the_edge > 10, "{at_the_edge}");
}

#[test]
fn no_file_has_300_lines_or_more_before_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("mod tests {").next().unwrap();
        let lines = text.lines().count();
        assert!(lines < 300, "{} has {lines} lines", file.display());
    }
}

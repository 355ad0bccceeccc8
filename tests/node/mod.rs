//! Runs a script in Node, for tests against independent implementations in npm packages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Node that npm installed, or else the system's.
fn node(root: &Path) -> PathBuf {
    let installed = root.join("node_modules/.bin/node");
    if installed.exists() {
        installed
    } else {
        "node".into()
    }
}

/// Runs `script`, a module, with `input` as its standard input, and returns its standard output. The working directory is that of
/// the project.
pub fn run(script: &str, input: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(node(root))
        .args(["--input-type=module", "--eval", script])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("Node does not start ({error}). Install Node 20 or later, then run: npm ci")
        });
    // A Node that has failed reads nothing. Its own message is below.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !stderr.contains("ERR_MODULE_NOT_FOUND"),
        "An npm package is missing. Run: npm ci\n{stderr}"
    );
    assert!(output.status.success(), "Node failed: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

//! Creates the bill of materials of a program in the `CycloneDX` format: the crates that it is compiled from.
//!
//! The file is next to the program in the image, where scanners look for it. It has no time and no serial number, so
//! that the same source gives the same image. <https://cyclonedx.org/docs/1.6/json/>

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{Failure, Subject};

/// The output of `cargo metadata` for a package and its dependencies.
#[derive(Deserialize)]
pub(super) struct Resolved {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Use>,
}

/// How a dependency is used: no kind if it is compiled into the program, `build` or `dev` if not.
#[derive(Deserialize)]
struct Use {
    kind: Option<String>,
}

impl Package {
    /// Returns the package URL. <https://github.com/package-url/purl-spec>
    fn url(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn component(&self, what: &str) -> Value {
        let url = self.url();
        let mut component =
            json!({ "type": what, "bom-ref": url, "name": self.name, "version": self.version, "purl": url });
        if let Some(license) = &self.license {
            // Older crates separate licences with a slash, which SPDX does not allow.
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ").replace("  ", " ") }]);
        }
        component
    }
}

/// Returns the bill of materials of the package with the ID `root`.
///
/// # Errors
/// If the output of Cargo does not contain that package.
pub(super) fn bill(resolved: &Resolved, root: &str) -> Result<Vec<u8>, Failure> {
    let packages: BTreeMap<&str, &Package> =
        resolved.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> = resolved.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let root = packages.get(root).ok_or_else(|| {
        Failure::about(Subject::program("cargo metadata"), format!("package {root} not found in the output"))
    })?;

    let mut reached = BTreeSet::from([root.id.as_str()]);
    let mut to_visit = vec![root.id.as_str()];
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while let Some(id) = to_visit.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
        let needs = edges.entry(package.url()).or_default();
        let compiled_in = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|used| used.kind.is_none());
        for dependency in node.deps.iter().filter(compiled_in) {
            needs.extend(packages.get(dependency.pkg.as_str()).map(|package| package.url()));
            if reached.insert(&dependency.pkg) {
                to_visit.push(&dependency.pkg);
            }
        }
    }
    reached.remove(root.id.as_str());
    let components: BTreeMap<String, Value> = reached
        .iter()
        .filter_map(|id| packages.get(id))
        .map(|package| (package.url(), package.component("library")))
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": root.component("application") },
        "components": components.values().collect::<Vec<_>>(),
        "dependencies": edges
            .iter()
            .map(|(of, needs)| json!({ "ref": of, "dependsOn": needs }))
            .collect::<Vec<_>>(),
    });
    serde_json::to_vec_pretty(&document).map_err(|error| Failure::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bill_lists_only_crates_that_are_compiled_in() {
        let package = |name: &str, license: Option<&str>| json!({ "id": format!("path+file:///home/ada/{name}"), "name": name, "version": "1.0.0", "license": license });
        let needs = |name: &str, kinds: &[Option<&str>]| {
            let kinds: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
            json!({ "pkg": format!("path+file:///home/ada/{name}"), "dep_kinds": kinds })
        };
        let node =
            |name: &str, deps: Vec<Value>| json!({ "id": format!("path+file:///home/ada/{name}"), "deps": deps });
        let resolved = json!({
            "packages": [
                package("web", None),
                package("json", Some("MIT/Apache-2.0")),
                package("text", Some("MIT OR Unlicense")),
                package("tests", None),
                package("codegen", None),
                package("of-another-member", None),
            ],
            "resolve": { "nodes": [
                node("web", vec![needs("json", &[None]), needs("tests", &[Some("dev")]), needs("codegen", &[Some("build")])]),
                node("json", vec![needs("text", &[Some("dev"), None])]),
                node("text", Vec::new()),
                node("tests", Vec::new()),
                node("codegen", Vec::new()),
                node("of-another-member", Vec::new()),
            ] },
        });
        let resolved: Resolved = serde_json::from_value(resolved).expect("it has this shape");
        let bill = bill(&resolved, "path+file:///home/ada/web").expect("there is such a package");
        let text = String::from_utf8(bill.clone()).expect("it is text");
        assert!(!text.contains("/home/ada"), "no path of this computer: {text}");
        let bill: Value = serde_json::from_slice(&bill).expect("it is JSON");
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/web@1.0.0");
        let components: Vec<&str> =
            bill["components"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(components, ["json", "text"]);
        assert_eq!(bill["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let edges = bill["dependencies"].as_array().expect("a list");
        assert!(edges.contains(&json!({ "ref": "pkg:cargo/web@1.0.0", "dependsOn": ["pkg:cargo/json@1.0.0"] })));
    }
}

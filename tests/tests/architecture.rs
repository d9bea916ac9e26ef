//! Checks what ARCHITECTURE.md says about who may import whom, from `cargo metadata`.
//!
//! Floors: a crate imports crates of lower floors only. Nevers: what a crate must not reach by any way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Which crates of the workspace a crate may import, directly.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("proto", &["model"]),
    ("runtime", &[]),
    ("storage", &["runtime"]),
    ("engine", &["model", "runtime", "storage"]),
    ("table", &["model", "runtime", "storage"]),
    ("client", &["model", "proto", "runtime"]),
    ("lease", &["model", "runtime", "table"]),
    ("consumer-sdk", &["model", "runtime", "client", "lease"]),
    ("producer-sdk", &["model", "runtime", "client"]),
    ("multilang", &["model", "runtime", "client", "lease", "consumer-sdk"]),
    ("group", &["model", "proto", "runtime", "client", "lease", "consumer-sdk"]),
    ("agent", &["model", "runtime", "client", "producer-sdk"]),
    ("server", &["model", "proto", "runtime", "storage", "engine", "table", "client", "lease", "group"]),
    ("codegen", &[]),
    ("benches", &["model", "proto", "runtime", "storage", "engine", "client"]),
    (
        "cli",
        &["model", "runtime", "client", "lease", "producer-sdk", "multilang", "agent", "server", "benches"],
    ),
    ("tests", &["model", "runtime", "client", "consumer-sdk", "producer-sdk"]),
];

/// What a crate must not reach, through whomever. Crates of the workspace are named by their folder.
const NEVER: &[(&str, &[&str])] = &[
    ("model", &["tokio", "serde", "rocksdb", "hyper"]),
    ("proto", &["tokio", "hyper", "engine", "storage", "client", "server", "rocksdb"]),
    ("runtime", &["rocksdb", "hyper", "serde_json"]),
    ("storage", &["model", "serde", "serde_json", "hyper", "http"]),
    ("engine", &["serde", "serde_json", "minicbor", "hyper", "http", "client", "server"]),
    ("table", &["engine", "serde", "serde_json", "hyper", "http", "client", "server"]),
    ("client", &["engine", "storage", "server", "rocksdb", "librocksdb-sys"]),
    ("lease", &["engine", "client", "server", "aws-sdk-kinesis", "rocksdb", "librocksdb-sys"]),
    ("consumer-sdk", &["engine", "storage", "server", "rocksdb", "librocksdb-sys"]),
    ("producer-sdk", &["engine", "storage", "server", "lease", "rocksdb", "librocksdb-sys"]),
    ("multilang", &["engine", "storage", "server", "rocksdb", "librocksdb-sys"]),
    ("group", &["engine", "storage", "table", "server", "rocksdb", "librocksdb-sys"]),
    ("agent", &["engine", "storage", "server", "lease", "rocksdb", "librocksdb-sys"]),
];

/// Crates that only one folder may import directly, tests left out: they run the SDK as a client like any other.
const ONLY: &[(&str, &str)] = &[
    ("rocksdb", "storage"),
    ("getrandom", "runtime"),
    ("aws-sdk-kinesis", "client"),
    ("aws-sdk-dynamodb", "lease"),
];

struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    fn load() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata =
            MetadataCommand::new().manifest_path(manifest).other_options(["--locked".to_owned()]).exec();
        Self { metadata: metadata.expect("cargo metadata") }
    }

    fn root(&self) -> PathBuf {
        self.metadata.workspace_root.clone().into()
    }

    /// Folder and id of every member.
    fn members(&self) -> BTreeMap<String, PackageId> {
        let packages = self.metadata.workspace_packages();
        let folder = |path: &Path| path.parent()?.file_name()?.to_str().map(str::to_owned);
        packages.iter().map(|p| (folder(p.manifest_path.as_std_path()).unwrap(), p.id.clone())).collect()
    }

    /// Direct dependencies of every package, tests and build scripts left out.
    fn dependencies(&self) -> HashMap<&PackageId, Vec<&PackageId>> {
        let resolve = self.metadata.resolve.as_ref().expect("a resolved graph");
        let normal = |dep: &&cargo_metadata::NodeDep| {
            dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        resolve
            .nodes
            .iter()
            .map(|n| (&n.id, n.deps.iter().filter(normal).map(|d| &d.pkg).collect()))
            .collect()
    }

    fn name(&self, id: &PackageId) -> &str {
        &self.metadata[id].name
    }

    /// What a package leaves to the choice of whoever imports it. In the graph of the workspace it is there all the same
    /// once anybody chose it, be it for a test.
    fn left_to_choice(&self, id: &PackageId) -> BTreeSet<&str> {
        let package = &self.metadata[id];
        let (mut chosen, mut left) = (BTreeSet::new(), vec!["default"]);
        while let Some(feature) = left.pop() {
            let named = package.features.get(feature).into_iter().flatten().map(String::as_str);
            left.extend(named.filter(|named| chosen.insert(*named)));
        }
        let optional = package.dependencies.iter().filter(|dependency| dependency.optional);
        let names = optional.map(|dependency| dependency.name.as_str());
        names.filter(|name| !chosen.contains(format!("dep:{name}").as_str())).collect()
    }

    fn reached_from(&self, id: &PackageId) -> BTreeSet<String> {
        let dependencies = self.dependencies();
        let (mut seen, mut left) = (BTreeSet::new(), vec![id]);
        while let Some(id) = left.pop() {
            let is_ours = self.metadata.workspace_members.contains(id);
            let open = if is_ours { self.left_to_choice(id) } else { BTreeSet::new() };
            for dependency in dependencies.get(id).into_iter().flatten() {
                if open.contains(self.name(dependency)) {
                    continue;
                }
                if seen.insert(self.name(dependency).to_owned()) {
                    left.push(dependency);
                }
            }
        }
        seen
    }
}

fn package_name(name: &str, members: &BTreeMap<String, PackageId>) -> String {
    if members.contains_key(name) { format!("millstream-{name}") } else { name.to_owned() }
}

#[test]
fn crates_import_only_what_lies_below() {
    let workspace = Workspace::load();
    let members = workspace.members();
    let rules: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    assert!(
        members.keys().map(String::as_str).eq(rules.keys().copied()),
        "a folder has no rule: {members:?}"
    );
    let dependencies = workspace.dependencies();
    for (folder, id) in &members {
        for dependency in &dependencies[id] {
            if let Some(imported) = workspace.name(dependency).strip_prefix("millstream-") {
                assert!(rules[folder.as_str()].contains(&imported), "{folder} must not import {imported}");
            }
        }
    }
}

#[test]
fn what_must_never_be_reached_is_not() {
    let workspace = Workspace::load();
    let members = workspace.members();
    for (folder, never) in NEVER {
        let reached = workspace.reached_from(&members[*folder]);
        for name in *never {
            let name = package_name(name, &members);
            assert!(!reached.contains(&name), "{folder} reaches {name}");
        }
    }
}

#[test]
fn some_crates_have_one_importer() {
    let workspace = Workspace::load();
    let dependencies = workspace.dependencies();
    for (folder, id) in workspace.members() {
        for dependency in &dependencies[&id] {
            let name = workspace.name(dependency);
            if let Some((_, only)) = ONLY.iter().find(|(imported, _)| *imported == name) {
                assert_eq!(folder, *only, "{folder} imports {name}");
            }
        }
    }
}

/// The names in ARCHITECTURE.md's "way of one record" are names that the code has.
#[test]
fn the_way_of_one_record_names_what_exists() {
    let root = Workspace::load().root();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## The way of one record").nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let mut checked = 0;
    for quoted in section.split('`').skip(1).step_by(2) {
        let (file, item) = quoted.split_once("::").unwrap_or((quoted, ""));
        if !file.ends_with(".rs") {
            continue;
        }
        let source =
            fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file} is named and missing"));
        let defines = |kind: &str| source.contains(&format!("{kind} {item}"));
        let exists = item.is_empty() || ["fn", "struct", "enum", "trait"].into_iter().any(defines);
        assert!(exists, "{file} has no {item}");
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} names were found");
}

/// Habits that a compiler does not check.
#[test]
fn every_module_says_what_it_is_and_stays_small() {
    let root = Workspace::load().root();
    let mut files = Vec::new();
    for folder in MAY_IMPORT.iter().map(|(folder, _)| root.join(folder)) {
        collect_sources(&folder, &mut files);
    }
    assert!(files.len() > 100);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let shown = file.strip_prefix(&root).unwrap().display();
        let is_tests = file.file_name().unwrap() == "tests.rs";
        assert!(is_tests || text.contains("//! "), "{shown} does not say what it is");
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let lines =
            code.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count();
        assert!(lines <= 500, "{shown} has {lines} lines of code");
        for banned in ["util", "common", "helper", "manager"] {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            assert!(!stem.split('_').any(|word| word == banned || word == format!("{banned}s")), "{shown}");
        }
    }
}

fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["generated", "clients", "node_modules", "target"].contains(&name) {
            collect_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

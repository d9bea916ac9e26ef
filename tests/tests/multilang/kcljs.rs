//! `aws-kcl`, and a record processor on it: unlike Python's, the package in the registry comes without its sample.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_tests::server::binary;
use millstream_tests::{Session, clients};

use crate::daemon::{Program, properties};

/// As `millstream multilang`; `None` where the client is skipped.
pub(crate) fn directly(session: &Session) -> Option<Program> {
    let (_, file) = prepared(session)?;
    let arguments = vec!["multilang".to_owned(), shown(&file)];
    Some(Program { program: binary(), arguments, environment: Vec::new(), is_grandchild: false })
}

/// Under `kcl-bootstrap`, which starts what it takes for Java.
pub(crate) fn launched(session: &Session) -> Option<Program> {
    let (client, file) = prepared(session)?;
    let jars = session.directory().join("jars");
    let made =
        session.command(binary()).args(["multilang", "stub-jars", "--flat"]).arg(&jars).status().unwrap();
    assert!(made.success());
    let arguments = [
        shown(&client.join("node_modules/aws-kcl/bin/kcl-bootstrap")),
        "--properties".to_owned(),
        shown(&file),
        "--java".to_owned(),
        shown(&binary()),
        "--jar-path".to_owned(),
        shown(&jars),
        "--execute".to_owned(),
    ];
    Some(Program {
        program: "node".into(),
        arguments: arguments.into(),
        environment: Vec::new(),
        is_grandchild: true,
    })
}

/// The client, and a properties file for our program, which has to lie where Node finds the package.
fn prepared(session: &Session) -> Option<(PathBuf, PathBuf)> {
    let client = clients::require("kcljs")?;
    let directory = session.directory().join("application");
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join("consumer.js");
    fs::copy(clients::sources().join("kcljs/consumer.js"), &program).unwrap();
    std::os::unix::fs::symlink(client.join("node_modules"), directory.join("node_modules")).unwrap();
    let file = properties(session, &format!("node {}", program.display()), "");
    Some((client, file))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

//! `amazon_kclpy`, installed without Maven, and its sample.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use millstream_tests::server::binary;
use millstream_tests::session::Shown;
use millstream_tests::{Session, clients};

use crate::daemon::{Program, properties};

/// The package in a folder of its own.
pub(crate) struct Installed<'a> {
    session: &'a Session,
    python: PathBuf,
    directory: PathBuf,
}

impl<'a> Installed<'a> {
    /// Installs it with archives of our own; `None` where the client is skipped.
    pub(crate) fn new(session: &'a Session) -> Option<Self> {
        let client = clients::require("kclpy")?;
        let (jars, directory) = (session.directory().join("jars"), session.directory().join("kclpy"));
        let made = session.command(binary()).args(["multilang", "stub-jars"]).arg(&jars).output().unwrap();
        assert_succeeded(&made);
        let python = client.join("venv/bin/python");
        let package = fs::read_dir(client.join("sdist")).unwrap().next().unwrap().unwrap().path();
        let installed = session
            .command(python.clone())
            .args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"])
            .args(["--disable-pip-version-check", "--target"])
            .arg(&directory)
            .arg(package)
            .env("KCL_MVN_REPO_SEARCH_URL", format!("file://{}/", jars.display()))
            .output()
            .unwrap();
        assert_succeeded(&installed);
        Some(Self { session, python, directory })
    }

    /// A program of ours on the package.
    pub(crate) fn script(&self, name: &str) -> String {
        format!("{} {}", self.python.display(), clients::sources().join("kclpy").join(name).display())
    }

    /// As `millstream multilang`; a program of the package is named by its file.
    pub(crate) fn directly(&self, program: &str, more: &str) -> Program {
        let file = properties(self.session, program, more);
        let arguments = vec!["multilang".to_owned(), "--properties-file".to_owned(), shown(&file)];
        Program { program: binary(), arguments, environment: self.environment(), is_grandchild: false }
    }

    /// As the helper says that Java should be started, with a `java` that is none.
    pub(crate) fn launched(&self, program: &str) -> Program {
        let file = properties(self.session, program, "");
        let java = self.session.directory().join("java");
        symlink(binary(), &java).unwrap();
        let told = self
            .session
            .command(self.python.clone())
            .arg(self.directory.join("bin/amazon_kclpy_helper.py"))
            .args(["--print_command", "--java", &shown(&java), "--properties", &shown(&file)])
            .envs(self.environment())
            .output()
            .unwrap();
        assert_succeeded(&told);
        let command = String::from_utf8(told.stdout).unwrap();
        let mut words = command.split_whitespace().map(str::to_owned);
        assert_eq!(words.next(), Some(shown(&java)), "{command}");
        Program {
            program: java,
            arguments: words.collect(),
            environment: self.environment(),
            is_grandchild: false,
        }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = self.directory.join("bin");
        vec![("PYTHONPATH", shown(&self.directory)), ("PATH", format!("{}:{path}", programs.display()))]
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn assert_succeeded(output: &Output) {
    assert!(output.status.success(), "{}", Shown(output));
}

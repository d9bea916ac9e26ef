//! The command line by which a JVM would be asked to run KCL's daemon: what `amazon_kclpy_helper.py` prints and what
//! `kcl-bootstrap` spawns.
//!
//! Options of the JVM are passed over, but for the class path, where properties files are looked up, and system
//! properties. No other class is run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// `-Dname=value`.
pub type SystemProperties = BTreeMap<String, String>;

/// The end of the daemon's class, whose package changed between KCL's versions.
const DAEMON_CLASS: &str = ".multilang.MultiLangDaemon";
/// Options of the JVM whose value is an argument of its own.
const WITH_VALUE: &[&str] = &[
    "--add-modules",
    "--add-exports",
    "--add-opens",
    "--add-reads",
    "--limit-modules",
    "--module-path",
    "--upgrade-module-path",
    "--enable-native-access",
    "--source",
    "-p",
];
const CLASS_PATH: &[&str] = &["-cp", "-classpath", "--class-path"];

/// What is wanted of a JVM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JavaCommand {
    Daemon(DaemonArguments),
    Version,
}

/// A daemon to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonArguments {
    pub properties_file: PathBuf,
    pub log_configuration: Option<PathBuf>,
    /// Directories and archives, in this order.
    pub class_path: Vec<PathBuf>,
    pub system: SystemProperties,
}

/// Whether a program that was started with these arguments, its own name first, stands in for `java`: it is called so,
/// or it is asked to run the daemon's class.
#[must_use]
pub fn is_java(arguments: &[String]) -> bool {
    let Some((program, rest)) = arguments.split_first() else { return false };
    let is_called_java = Path::new(program).file_name() == Some(OsStr::new("java"));
    is_called_java || class_of(rest).is_some_and(|place| rest[place].ends_with(DAEMON_CLASS))
}

/// Understands a command line behind the program's name.
///
/// # Errors
/// If it does not ask for the daemon, or not for a file of properties.
pub fn parse(arguments: &[String]) -> Result<JavaCommand> {
    if arguments.iter().any(|argument| argument == "-version" || argument == "--version") {
        return Ok(JavaCommand::Version);
    }
    let Some(class) = class_of(arguments) else {
        return wrong("no class is named; this stands in for java, to run KCL's MultiLangDaemon");
    };
    if !arguments[class].ends_with(DAEMON_CLASS) {
        return wrong(&format!(
            "{} cannot be run: this stands in for java, and runs KCL's MultiLangDaemon alone",
            arguments[class]
        ));
    }
    let mut daemon = of_daemon(&arguments[class + 1..])?;
    of_jvm(&arguments[..class], &mut daemon);
    Ok(JavaCommand::Daemon(daemon))
}

/// The place of the class among the arguments: the first that is no option.
fn class_of(arguments: &[String]) -> Option<usize> {
    let mut place = 0;
    loop {
        let argument = arguments.get(place)?.as_str();
        place += if CLASS_PATH.contains(&argument) || WITH_VALUE.contains(&argument) {
            2
        } else if argument.starts_with('-') {
            1
        } else {
            return Some(place);
        }
    }
}

fn of_jvm(options: &[String], daemon: &mut DaemonArguments) {
    let mut options = options.iter().map(String::as_str);
    while let Some(option) = options.next() {
        let path = if CLASS_PATH.contains(&option) {
            options.next()
        } else if WITH_VALUE.contains(&option) {
            options.next();
            continue;
        } else {
            option.strip_prefix("--class-path=")
        };
        if let Some(path) = path {
            daemon.class_path = std::env::split_paths(path).collect();
        } else if let Some(property) = option.strip_prefix("-D") {
            let (name, value) = property.split_once('=').unwrap_or((property, ""));
            daemon.system.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// The arguments of the daemon itself.
fn of_daemon(arguments: &[String]) -> Result<DaemonArguments> {
    let mut daemon = DaemonArguments::default();
    // The one behind the option counts, as for KCL.
    let (mut named, mut bare) = (None, None);
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (argument, None),
        };
        let value = match name {
            "-p" | "--properties-file" | "-l" | "--log-configuration" => value.or_else(|| arguments.next()),
            option if option.starts_with('-') => {
                return wrong(&format!("MultiLangDaemon has no option {option}"));
            }
            file => Some(file),
        };
        let Some(value) = value else { return wrong(&format!("{name} has no value")) };
        match name {
            "-l" | "--log-configuration" => daemon.log_configuration = Some(value.into()),
            "-p" | "--properties-file" if named.is_none() => named = Some(value),
            file if file == value && bare.is_none() => bare = Some(value),
            _ => return wrong("more than one properties file is named"),
        }
    }
    let Some(properties) = named.or(bare) else {
        return wrong("no properties file is named (--properties-file FILE)");
    };
    daemon.properties_file = properties.into();
    Ok(daemon)
}

/// Reads a properties file, which lies in a directory of the class path, or else where its name says.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn read_properties(file: &Path, class_path: &[PathBuf]) -> Result<(PathBuf, Vec<u8>)> {
    // Names on the class path are never absolute.
    let relative = file.strip_prefix("/").unwrap_or(file);
    let directories: Vec<PathBuf> = class_path.iter().filter(|entry| entry.is_dir()).cloned().collect();
    let candidates = directories.iter().map(|directory| directory.join(relative));
    let found = candidates.chain([file.to_owned()]).find(|candidate| candidate.is_file());
    let Some(path) = found else {
        return Err(Error::NoProperties { name: file.display().to_string(), directories });
    };
    match std::fs::read(&path) {
        Ok(content) => Ok((path, content)),
        Err(error) => Err(Error::File { path, error }),
    }
}

fn wrong<T>(text: &str) -> Result<T> {
    Err(Error::CommandLine(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "software.amazon.kinesis.multilang.MultiLangDaemon";

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn daemon(text: &str) -> DaemonArguments {
        match parse(&words(text)).unwrap() {
            JavaCommand::Daemon(daemon) => daemon,
            JavaCommand::Version => panic!("{text}"),
        }
    }

    #[test]
    fn the_command_lines_of_the_launchers_are_understood() {
        let kclpy =
            daemon(&format!("-cp /j/a.jar:/j/b.jar:/app {CLASS} --properties-file /app/s.properties"));
        assert_eq!(kclpy.properties_file, Path::new("/app/s.properties"));
        assert_eq!(kclpy.class_path, ["/j/a.jar", "/j/b.jar", "/app"].map(PathBuf::from));
        assert_eq!(kclpy.log_configuration, None);
        let node = daemon(&format!(
            "-Xmx1g -Daws.accessKeyId=id -Dx --add-opens a/b=C -XX:+UseG1GC -cp . {CLASS} -p f -l logback.xml"
        ));
        assert_eq!(node.system["aws.accessKeyId"], "id");
        assert_eq!(node.log_configuration.as_deref(), Some(Path::new("logback.xml")));
        assert_eq!(daemon(&format!("{CLASS} f")).properties_file, Path::new("f"));
        let old = "com.amazonaws.services.kinesis.multilang.MultiLangDaemon";
        let joined = daemon(&format!("--class-path=a:b {old} --properties-file=f"));
        assert_eq!(joined.class_path, ["a", "b"].map(PathBuf::from));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (text, part) in [
            ("-cp x org.example.Main", "org.example.Main"),
            ("-jar app.jar", "app.jar"),
            ("-cp x", "no class"),
            (&format!("{CLASS} --properties-file"), "no value"),
            (&format!("{CLASS} -l x"), "no properties file"),
            (&format!("{CLASS} a b"), "more than one"),
            (&format!("{CLASS} --colour f"), "--colour"),
        ] {
            let error = parse(&words(text)).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(parse(&words("-version")).unwrap(), JavaCommand::Version);
    }

    #[test]
    fn who_is_called_java_or_asked_for_the_daemon_is_java() {
        for text in ["java", "/usr/bin/java -version", &format!("millstream -cp x {CLASS} -p f")] {
            assert!(is_java(&words(text)), "{text}");
        }
        for text in
            ["millstream", "millstream put -x", "millstream multilang -p f", "/opt/java/millstream serve"]
        {
            assert!(!is_java(&words(text)), "{text}");
        }
        assert!(!is_java(&[]));
    }

    #[test]
    fn a_properties_file_is_looked_up_on_the_class_path_first() {
        let (on_path, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let class_path = ["/nowhere".into(), on_path.path().to_owned()];
        let absolute = beside.path().join("p");
        std::fs::write(&absolute, "beside").unwrap();
        assert_eq!(read_properties(&absolute, &class_path).unwrap(), (absolute.clone(), b"beside".to_vec()));
        std::fs::write(on_path.path().join("p"), "on the path").unwrap();
        assert_eq!(read_properties(Path::new("p"), &class_path).unwrap().1, b"on the path");
        let error = read_properties(Path::new("q"), &class_path).unwrap_err().to_string();
        assert!(error.contains('q') && error.contains(&on_path.path().display().to_string()), "{error}");
    }
}

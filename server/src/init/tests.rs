use std::os::unix::fs::PermissionsExt;

use millstream_runtime::SystemClock;
use tempfile::TempDir;

use super::*;

fn surroundings() -> Surroundings {
    Surroundings {
        endpoint: "http://127.0.0.1:1".to_owned(),
        admin: "http://127.0.0.1:2".to_owned(),
        region: "eu-west-1".to_owned(),
    }
}

/// A folder with files of these names, texts and modes.
fn folder(files: &[(&str, &str, u32)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, mode) in files {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
    }
    folder
}

async fn run(folder: &TempDir) -> ShownScripts {
    let scripts = InitScripts::read(Some(folder.path())).unwrap();
    let tasks = TaskSet::default();
    scripts.start(surroundings(), SystemClock::shared(), &tasks);
    scripts.finished().await;
    scripts.show()
}

fn ended(shown: &ShownScripts) -> Vec<(&str, &str, Option<i32>)> {
    shown.scripts.iter().map(|script| (script.name.as_str(), script.state, script.exit_code)).collect()
}

#[tokio::test]
async fn scripts_run_in_the_order_of_their_names_whatever_becomes_of_one() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("out");
    let note = |word: &str| format!("echo {word} >> {}", out.display());
    let folder = folder(&[
        ("20-by-name.sh", &note("b"), 0o644),
        ("10-first", &format!("#!/bin/sh\n{}\nexit 3", note("a")), 0o755),
        ("30-marked.sh", &note("c"), 0o755),
        ("40.py", &format!("open({:?}, 'a').write('d\\n')", out.display()), 0o644),
        (
            "50-variables.sh",
            &note("$AWS_ENDPOINT_URL $AWS_REGION $AWS_DEFAULT_REGION $MILLSTREAM_ADMIN"),
            0o644,
        ),
        ("60-killed.sh", "kill -9 $$", 0o644),
        ("70-nothing", "", 0o755),
        ("README.md", "no script", 0o644),
        (".hidden.sh", "exit 1", 0o755),
    ]);
    let shown = run(&folder).await;
    assert!(shown.finished);
    let expected = [
        ("10-first", "failed", Some(3)),
        ("20-by-name.sh", "succeeded", Some(0)),
        ("30-marked.sh", "succeeded", Some(0)),
        ("40.py", "succeeded", Some(0)),
        ("50-variables.sh", "succeeded", Some(0)),
        ("60-killed.sh", "failed", None),
        ("70-nothing", "failed", None),
    ];
    assert_eq!(ended(&shown), expected);
    let text = fs::read_to_string(&out).unwrap();
    assert_eq!(text, "a\nb\nc\nd\nhttp://127.0.0.1:1 eu-west-1 eu-west-1 http://127.0.0.1:2\n");
}

#[tokio::test]
async fn without_a_folder_there_is_nothing_to_wait_for() {
    let scripts = InitScripts::read(None).unwrap();
    assert!(scripts.is_finished() && scripts.running().is_none());
    let error = InitScripts::read(Some(Path::new("/no/such/folder"))).unwrap_err().to_string();
    assert!(error.starts_with("init_dir: /no/such/folder: "), "{error}");
}

#[tokio::test]
async fn a_stop_ends_a_script_and_what_it_has_started() {
    let folder = folder(&[
        ("1.sh", "trap '' TERM; sleep 1000 & echo $! > \"$0.pid\"; wait; wait", 0o644),
        ("2.sh", "", 0o644),
    ]);
    let scripts = InitScripts::read(Some(folder.path())).unwrap();
    let (tasks, clock) = (TaskSet::default(), SystemClock::shared());
    scripts.start(surroundings(), clock.clone(), &tasks);
    let child = started_by(&folder.path().join("1.sh"), &clock).await;
    assert_eq!(scripts.running().as_deref(), Some("1.sh"));
    let shown = scripts.show();
    assert_eq!(ended(&shown), [("1.sh", "running", None), ("2.sh", "pending", None)]);
    tasks.shutdown();
    assert!(tasks.join(&*clock, Duration::from_secs(10)).await);
    assert!(!scripts.is_finished());
    assert_go(&[child], &clock).await;
}

#[tokio::test]
async fn a_stop_ends_what_finished_scripts_have_left_running() {
    let folder = folder(&[
        ("1.sh", "sleep 1000 & echo $! > \"$0.pid\"", 0o644),
        ("2.sh", "(trap '' TERM; exec sleep 1000) > /dev/null 2>&1 & echo $! > \"$0.pid\"", 0o644),
    ]);
    let scripts = InitScripts::read(Some(folder.path())).unwrap();
    let (tasks, clock) = (TaskSet::default(), SystemClock::shared());
    scripts.start(surroundings(), clock.clone(), &tasks);
    scripts.finished().await;
    assert_eq!(ended(&scripts.show()), [("1.sh", "succeeded", Some(0)), ("2.sh", "succeeded", Some(0))]);
    let mut left = Vec::new();
    for name in ["1.sh", "2.sh"] {
        left.push(started_by(&folder.path().join(name), &clock).await);
    }
    assert!(!left.iter().any(|process| is_gone(process)));
    tasks.shutdown();
    assert!(tasks.join(&*clock, Duration::from_secs(10)).await);
    assert_go(&left, &clock).await;
}

/// The process that a script has noted beside itself.
async fn started_by(script: &Path, clock: &SharedClock) -> String {
    let file = PathBuf::from(format!("{}.pid", script.display()));
    loop {
        match fs::read_to_string(&file) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => clock.sleep(Duration::from_millis(5)).await,
        }
    }
}

/// They were told; the kernel may take a moment.
async fn assert_go(processes: &[String], clock: &SharedClock) {
    let gone = async {
        while !processes.iter().all(|process| is_gone(process)) {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(clock.timeout(Duration::from_secs(10), gone).await, Some(()), "{processes:?}");
}

/// Gone, or dead and not yet waited for by whoever took it over.
fn is_gone(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.is_empty() || status.contains(") Z ")
}

#[test]
fn a_server_on_every_address_is_reached_on_this_machine() {
    for (address, reached) in
        [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")]
    {
        assert_eq!(reachable(address.parse().unwrap()).to_string(), reached);
    }
}

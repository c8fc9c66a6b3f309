//! `holdfast check` against real proxies, working and broken.

use holdfast_testkit::{CheckTarget, Fault, Kind, Options, UpstreamProxy};

use crate::run::{PASSWORD, Ran, holdfast};

struct Scene {
    target: CheckTarget,
    good: UpstreamProxy,
    slow: UpstreamProxy,
    bad: UpstreamProxy,
    socks: UpstreamProxy,
}

async fn scene() -> Scene {
    let start = async |kind, fault| {
        let options = Options::default().credentials("user", PASSWORD).fault(fault);
        UpstreamProxy::start(kind, options).await.expect("a proxy")
    };
    Scene {
        target: CheckTarget::start(200, false).await.expect("a target"),
        good: start(Kind::Http, Fault::None).await,
        slow: start(Kind::Http, Fault::DelayMs(2000)).await,
        bad: start(Kind::Http, Fault::status(502)).await,
        socks: start(Kind::Socks5, Fault::None).await,
    }
}

impl Scene {
    /// A list with everything in it: comments, options, other ways of writing, a duplicate, lines that are none.
    fn list(&self) -> String {
        let port = self.good.addr().port();
        format!(
            "# mine\n{bad}\n{slow} priority=1 tag=eu\n\n{good} # home\n{socks}\n127.0.0.1:{port}:user:{PASSWORD}\n\
             ftp://u:{PASSWORD}@h\nnot a proxy\n",
            bad = self.bad.url(),
            slow = self.slow.url(),
            good = self.good.url(),
            socks = self.socks.url(),
        )
    }

    async fn check(&self, args: &[&str]) -> Ran {
        let url = self.target.url();
        let args = [&["check", "list.txt", "--check-url", &url, "--timeout", "5s"], args].concat();
        holdfast(&args).file("list.txt", &self.list()).done().await
    }
}

fn masked(proxy: &UpstreamProxy) -> String {
    proxy.url().replace(PASSWORD, "***")
}

#[tokio::test]
async fn a_table_shows_the_fastest_first_and_the_broken_last() {
    let scene = scene().await;
    let ran = scene.check(&[]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let rows: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(rows.len(), 5, "{}", ran.stdout);
    assert!(rows[0].starts_with("PROXY ") && rows[0].ends_with("DETAIL"), "{}", rows[0]);
    let healthy = |row: &str| row.contains("  healthy  ");
    assert!(rows[1..4].iter().all(|row| healthy(row)), "{}", ran.stdout);
    assert!(rows[3].starts_with(&masked(&scene.slow)), "{}", ran.stdout);
    assert!(rows[4].starts_with(&masked(&scene.bad)) && rows[4].contains("502"), "{}", ran.stdout);
    for told in [
        "list.txt, line 8:",
        "list.txt, line 9:",
        "1 duplicate is left out",
        "3 healthy, 0 degraded, 1 failed",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn json_and_csv_carry_the_same() {
    let scene = scene().await;
    let ran = scene.check(&["--format", "json", "--concurrency", "1"]).await;
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let rows = rows.as_array().expect("an array");
    assert_eq!(rows.len(), 4);
    let last = &rows[3];
    assert_eq!((&last["status"], &last["line"]), (&"failed".into(), &2.into()), "{last}");
    assert_eq!(last["proxy_url"].as_str(), Some(masked(&scene.bad).as_str()));
    assert!(
        last["error"].as_str().is_some_and(|e| e.contains("502")) && last["response_time_ms"].is_null(),
        "{last}"
    );
    assert!(rows[2]["response_time_ms"].as_u64().is_some_and(|ms| (2000..5000).contains(&ms)), "{}", rows[2]);
    assert!(rows[0]["phases"]["connect_ms"].is_u64() && rows[0]["error"].is_null(), "{}", rows[0]);

    let ran = scene.check(&["--format", "csv"]).await;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("line,proxy_url,status,response_time_ms,"), "{}", lines[0]);
    assert!(lines[4].starts_with(&format!("2,{},failed,,", masked(&scene.bad))), "{}", lines[4]);
}

#[tokio::test]
async fn proxies_come_from_flags_variables_and_standard_input() {
    let scene = scene().await;
    let url = scene.target.url();
    let good = scene.good.url();
    let args = ["check", "--check-url", url.as_str()];

    let ran = holdfast(&args).env("HOLDFAST_PROXIES", format!("{good},\n{}", scene.socks.url())).done().await;
    assert_eq!((ran.status, ran.stdout.lines().count()), (0, 3), "{ran:?}");
    assert!(!ran.stderr.contains("process list"), "{}", ran.stderr);

    let ran = holdfast(&[&args[..], &["-"]].concat()).stdin(&scene.list()).done().await;
    assert_eq!((ran.status, ran.stdout.lines().count()), (0, 5), "{ran:?}");

    // A password on the command line is told once; the flag replaces what the environment names.
    let run = holdfast(&[&args[..], &["--proxy", &good, "--proxy", &scene.slow.url()]].concat());
    let ran = run.env("HOLDFAST_PROXIES", scene.bad.url()).done().await;
    assert_eq!((ran.status, ran.stdout.lines().count()), (0, 3), "{ran:?}");
    assert_eq!(ran.stderr.matches("process list").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("--proxy-file") && ran.stderr.contains("HOLDFAST_PROXIES"), "{}", ran.stderr);
}

#[tokio::test]
async fn the_exit_status_says_whether_any_works() {
    let scene = scene().await;
    let url = scene.target.url();
    let ran = holdfast(&["check", "--check-url", &url, "l"]).file("l", &scene.bad.url()).done().await;
    assert_eq!(ran.status, 1, "{ran:?}");
    // A target that objects leaves the proxy degraded, which works; the status may be what is expected.
    let objector = CheckTarget::start(403, false).await.expect("a target");
    let objecting = objector.url();
    let ran = holdfast(&["check", "--check-url", &objecting, "l"]).file("l", &scene.good.url()).done().await;
    assert!(ran.status == 0 && ran.stdout.contains("degraded"), "{ran:?}");
    let expecting = format!("{objecting} 403");
    let ran = holdfast(&["check", "--check-url", &expecting, "l"]).file("l", &scene.good.url()).done().await;
    assert!(ran.status == 0 && ran.stdout.contains("healthy"), "{ran:?}");
    let ran = holdfast(&["check", "--check-url", &url, "l"]).file("l", "# nothing\n").done().await;
    assert_eq!(ran.status, 1, "{ran:?}");
}

#[tokio::test]
async fn logs_can_be_json() {
    let scene = scene().await;
    let ran = scene.check(&["--log-format", "json"]).await;
    for line in ran.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("every line is an object");
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
    let quiet = scene.check(&["--log-level", "error"]).await;
    assert_eq!(quiet.stderr, "");
}

#[tokio::test]
async fn results_that_cannot_be_written_are_told() {
    let scene = scene().await;
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device that is always full");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["check", "--check-url", &scene.target.url()]).env("HOLDFAST_PROXIES", scene.slow.url());
    command.stdin(std::process::Stdio::null()).stdout(full).stderr(std::process::Stdio::piped());
    let output = command.spawn().expect("it starts").wait_with_output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the results cannot be written to standard output"), "{said}");
}

#[tokio::test]
async fn without_a_direct_way_no_name_is_looked_up_here() {
    let target = CheckTarget::start(200, false).await.expect("a target");
    let options = Options::default().map("live.test", target.addr());
    let proxy = UpstreamProxy::start(Kind::Socks5, options).await.expect("a proxy");
    let (url, list) = ("http://live.test/", proxy.url_with_scheme("socks5"));
    let args = ["check", "--check-url", url, "list.txt"];
    // A name that only the proxy knows.
    let ran = holdfast(&args).file("list.txt", &list).done().await;
    assert_eq!(ran.status, 1, "{ran:?}");
    let ran = holdfast(&args).file("list.txt", &list).env("HOLDFAST_NO_DIRECT", "1").done().await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let ran = holdfast(&[&args[..], &["--no-direct"]].concat()).file("list.txt", &list).done().await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let file = "no_direct = true\n";
    let run = holdfast(&[&args[..], &["--config", "c.toml"]].concat()).file("c.toml", file);
    let ran = run.file("list.txt", &list).done().await;
    assert_eq!(ran.status, 0, "{ran:?}");
}

//! What happens when this machine is at its limits: nobody is blamed for it. Each test runs itself again in a process of
//! its own that may open few files only.

use std::fs::File;
use std::future::Future;
use std::process::Command;
use std::time::Duration;

use holdfast_gateway::Access;
use holdfast_model::{Health, ProxyId, Trigger};
use holdfast_testkit::Kind;

use crate::rig::{Rig, proxy};

const MARK: &str = "HOLDFAST_TEST_STARVED";

fn with_few_files<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    if std::env::var_os(MARK).is_some() {
        return tokio::runtime::Runtime::new().expect("a runtime").block_on(test());
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 96 && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().expect("a path"))
        .arg(format!("starved::{name}"))
        .env(MARK, "1")
        .output()
        .expect("it runs");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
    assert!(said.contains("1 passed"), "{said}");
}

/// Takes every file that is left.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn a_check_that_could_not_be_made_counts_nothing() {
    with_few_files("a_check_that_could_not_be_made_counts_nothing", || async {
        let upstream = proxy(Kind::Http).await;
        let mut rig = Rig::with(vec![upstream.url()], true, Access::Anyone).await;
        rig.checked(1).await;
        let files = take_all();
        let report = rig.pool.check_now(ProxyId(1), Trigger::Manual, Duration::from_secs(5)).await;
        drop(files);
        let finding = report.expect("there is such a proxy").finding();
        assert_eq!(finding.status, Health::Unknown);
        let words = finding.error.expect("it says why");
        assert!(words.contains("this machine cannot open another connection"), "{words}");
        let known = rig.pool.read(|pool| {
            let proxy = pool.get(ProxyId(1)).expect("it is there");
            (proxy.consecutive_failures, proxy.health, proxy.is_convicted(), proxy.last_error.clone())
        });
        assert_eq!(known, (0, Health::Healthy, false, None));
        // The next check is one.
        let report = rig.pool.check_now(ProxyId(1), Trigger::Manual, Duration::from_secs(5)).await;
        assert_eq!(report.expect("there is such a proxy").finding().status, Health::Healthy);
    });
}

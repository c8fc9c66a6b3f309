//! What happens when this machine is at its limits: nobody is blamed for it. Each test runs itself again in a process of
//! its own that may open few files only.

use std::fs::File;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use holdfast_gateway::Access;
use holdfast_model::{Health, ProxyId, Trigger};
use holdfast_testkit::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tracing::{Level, Metadata, Subscriber, span};

use crate::rig::{Rig, proxy};

const MARK: &str = "HOLDFAST_TEST_STARVED";

fn with_few_files<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(test());
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

/// Counts warnings of the listener.
struct Ears(Arc<AtomicUsize>);

impl Subscriber for Ears {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().ends_with("listener")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Relaxed);
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn that_nobody_can_be_let_in_is_said_once() {
    with_few_files("that_nobody_can_be_let_in_is_said_once", || async {
        let said = Arc::<AtomicUsize>::default();
        tracing::subscriber::set_global_default(Ears(Arc::clone(&said))).expect("the first");
        let rig = Rig::with(Vec::new(), true, Access::Anyone).await;
        for streak in 1..=2 {
            // A client that has its own file already.
            let client = TcpSocket::new_v4().expect("a socket");
            let files = take_all();
            let mut client = client.connect(rig.gateway.local_addr()).await.expect("the kernel takes it");
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(said.load(Relaxed), streak, "once in 500 ms");
            drop(files);
            client.write_all(b"nonsense\r\n\r\n").await.expect("written");
            client.read_u8().await.expect("it was let in after all");
        }
    });
}

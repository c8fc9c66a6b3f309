//! The promise of the gateway under load: while the upstream in use is killed, frozen, or makes a slip, no client
//! sees an error, none waits longer than 1.5 s, and only streams on a bad upstream are cut.

use std::path::Path;

use holdfast_bench::load::{Fault, run};
use holdfast_bench::{Kind, find_holdfast};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_notices_that_an_upstream_fails() {
    let holdfast = find_holdfast().expect("the holdfast binary: cargo build -p holdfast");
    let bench = Path::new(env!("CARGO_BIN_EXE_holdfast-bench"));
    let outcomes = tokio::join!(
        run(Kind::Holdfast, Fault::Killed, &holdfast, bench),
        run(Kind::Holdfast, Fault::Frozen, &holdfast, bench),
        run(Kind::Holdfast, Fault::Slips, &holdfast, bench),
    );
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        let outcome = outcome.expect("gateway and upstreams start");
        assert!(outcome.requests > 100, "only {} requests", outcome.requests);
        assert!(outcome.shortfalls().is_empty(), "{:?}: {:#?}", outcome.fault, outcome.shortfalls());
    }
}

//! The measure of many channels, on a few of them and for a few seconds: that it measures, and that the stand-in records
//! as Streamlink does. What it costs is no question here.

use std::path::Path;
use std::time::Duration;

use holdfast_bench::{Crowd, find_holdfast, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_recorded_side_by_side() {
    let holdfast = find_holdfast().expect("the holdfast binary: cargo build -p holdfast");
    let bench = Path::new(env!("CARGO_BIN_EXE_light-streamlink"));
    let crowd = Crowd { channels: 4, real: 1, length: Duration::from_secs(6) };
    let said = record(crowd, &holdfast, bench).await.expect("nothing is lost");
    assert!(said.contains("whole, nothing lost: 4 of 4"), "{said}");
    assert!(said.contains("\n  real-0: "), "{said}");
}

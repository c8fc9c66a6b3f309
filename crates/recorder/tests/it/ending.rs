//! How recordings end.

use std::time::{Duration, Instant};

use holdfast_recorder::{Ended, RecordRequest, Status, StopCause};
use holdfast_testkit::{Fault, ServerFault};

use crate::live_test;
use crate::support::{Stage, children, signal};

live_test! {
    async fn an_ended_playlist_is_over_and_complete() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        stage.origin.end("");
        let last = stage.origin.edge("") - 1;
        let summary = running.end().await;
        assert_eq!((summary.ended, summary.exit_status(), summary.parts.len()), (Ended::StreamEnded, 0, 1), "{summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean() && verdict.last_segment == last, "{verdict}, the last is {last}");
    }
}

/// A Streamlink that is killed behind the end of its stream: what the playlist still holds is fetched all the same.
pub(crate) async fn what_is_left_is_fetched(stage: &Stage, request: RecordRequest) {
    let mut running = stage.start(request);
    running.until_media(8).await;
    let [pid] = children()[..] else { panic!("one Streamlink") };
    signal(pid, "STOP");
    let edge = stage.origin.edge("");
    stage.origin.edge_reaches("", edge + 3).await;
    stage.origin.end("");
    let last = stage.origin.edge("") - 1;
    signal(pid, "KILL");
    let summary = running.end().await;
    assert_eq!((summary.ended, summary.exit_status()), (Ended::StreamEnded, 0), "{summary:?}");
    let verdict = stage.judge(&summary).await;
    assert!(verdict.is_clean() && verdict.last_segment == last, "{verdict}, the last is {last}");
}

live_test! {
    async fn what_an_ended_playlist_still_holds_is_fetched() {
        let stage = Stage::new().await;
        what_is_left_is_fetched(&stage, stage.request("show.ts")).await;
    }
}

live_test! {
    async fn a_playlist_that_is_gone_twice_is_over() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        stage.origin.set_gone("", Some(404));
        let [pid] = children()[..] else { panic!("one Streamlink") };
        signal(pid, "KILL");
        let killed = Instant::now();
        let summary = running.end().await;
        assert!(killed.elapsed() >= Duration::from_secs(5), "one answer is not enough");
        assert_eq!(summary.ended, Ended::StreamEnded, "{summary:?}");
        assert!(summary.reason.contains("404"), "{}", summary.reason);
    }
}

live_test! {
    async fn gone_is_not_believed_while_destinations_are_out_of_reach() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        // A playlist host that every proxy calls dead makes Streamlink say that there are no streams.
        let traffic = std::sync::Arc::clone(&stage.routes.traffic);
        let failing = tokio::spawn(async move {
            loop {
                traffic.lock().expect("unpoisoned").last_unreached = Some(std::time::Instant::now());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        stage.origin.set_gone("", Some(404));
        let [pid] = children()[..] else { panic!("one Streamlink") };
        signal(pid, "KILL");
        tokio::time::sleep(Duration::from_secs(12)).await;
        stage.origin.set_gone("", None);
        failing.abort();
        running.until_status(Status::Recording).await;
        running.control.stop(StopCause::Request);
        assert_eq!(running.end().await.ended, Ended::Stopped);
    }
}

live_test! {
    async fn a_channel_that_is_not_there_is_a_failure_with_a_reason() {
        let stage = Stage::new().await;
        stage.origin.set_gone("", Some(404));
        let summary = stage.start(stage.request("show.ts")).end().await;
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Failed, 4), "{summary:?}");
        let error = summary.error.expect("a reason");
        assert!(error.contains("live.test") && error.contains("404"), "{error}");
        assert!(stage.files().is_empty());
    }
}

live_test! {
    async fn out_of_reach_is_not_over_until_the_patience_ends() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.give_up_after = Duration::from_secs(8);
        let mut running = stage.start(request);
        running.until_media(8).await;
        stage.proxy.set_fault(Fault::Refuse).await;
        let [pid] = children()[..] else { panic!("one Streamlink") };
        signal(pid, "KILL");
        let since = Instant::now();
        let summary = running.end().await;
        assert!(since.elapsed() >= Duration::from_secs(3), "gave up after {:?}", since.elapsed());
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Failed, 4), "{summary:?}");
        assert!(summary.error.as_deref().is_some_and(|e| e.contains("could not be reached")), "{summary:?}");
        assert!(stage.judge(&summary).await.is_clean(), "what was recorded is kept");
    }
}

live_test! {
    async fn without_a_route_from_the_start_it_says_so() {
        let mut stage = Stage::new().await;
        stage.routes.no_route = true;
        let started = Instant::now();
        let summary = stage.start(stage.request("show.ts")).end().await;
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Failed, 5), "{summary:?}");
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert!(stage.proxy.stats().accepted == 0 && stage.files().is_empty());
    }
}

live_test! {
    async fn a_stop_does_not_wait_for_a_segment_in_retry() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(8).await;
        stage.origin.set_fault(ServerFault::StatusFor { suffix: ".ts".into(), status: 503 }).await;
        running.until("silence", |p| p.rate == 0).await;
        let asked = Instant::now();
        running.control.stop(StopCause::Terminate);
        let summary = running.end().await;
        // Streamlink is killed after 4 s; by itself it would try for 51 s.
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        assert_eq!((summary.ended, summary.exit_status(), summary.status), (Ended::Stopped, 143, Status::Stopped));
        assert_eq!(summary.segments_lost, 0, "what was in flight at a stop was never due: {summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
    }
}

live_test! {
    async fn the_wanted_duration_is_kept() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.mp4");
        request.duration = Some(Duration::from_secs(6));
        let summary = stage.start(request).end().await;
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Stopped, 0), "{summary:?}");
        assert!((6.0..=30.0).contains(&summary.duration_s), "{}", summary.duration_s);
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
    }
}

live_test! {
    async fn a_defect_of_the_program_is_a_failure_and_the_file_is_finished() {
        let stage = Stage::new().await;
        let mut running = stage.start(stage.request("show.ts"));
        running.until_media(4).await;
        running.control.stop(StopCause::Defect);
        let summary = running.end().await;
        assert_eq!((summary.ended, summary.exit_status()), (Ended::Failed, 4), "{summary:?}");
        assert!(summary.error.as_deref().is_some_and(|error| error.contains("a defect of holdfast")), "{summary:?}");
        let last = summary.routes.last().expect("a route");
        assert!(last.ended_at.is_some() && last.reason.as_deref() == Some("the recording ended"), "{last:?}");
        assert!(stage.judge(&summary).await.is_clean());
    }
}

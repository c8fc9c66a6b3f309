//! A stream that was over and comes back is one recording.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_recorder::ports::{Liveness, Platform};
use holdfast_recorder::{Ended, Mark, Output, Progress, RecordRequest, Status, StopCause, Summary};
use holdfast_testkit::{Kind, Options, UpstreamProxy, verify};
use tempfile::TempDir;

use crate::asking::Says;
use crate::live_test;
use crate::site::Site;
use crate::support::{Running, TestRoutes, tools};

/// A recording that waits asks by itself for the first time after so long.
const AT_FIRST: Duration = Duration::from_secs(10);

/// A site, a proxy to it, and a directory.
struct Scene {
    site: Site,
    proxy: UpstreamProxy,
    directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let site = Site::start(5000).await;
        let options = Options::default().map("live.test", site.server.addr());
        let proxy = UpstreamProxy::start(Kind::Http, options).await.expect("a proxy");
        Self { site, proxy, directory: tempfile::tempdir().expect("a directory") }
    }

    fn request(&self, url: String, linger: u64) -> RecordRequest {
        let output = Output::file(self.directory.path().join("show.ts"), false).expect("an output");
        let mut request = RecordRequest::new(url, output, tools());
        (request.disk_floor, request.linger) = (1 << 20, Duration::from_secs(linger));
        request
    }

    /// The request of a server that was started again, with what it had stored.
    fn again(&self, stored: &Progress, linger: u64) -> RecordRequest {
        let output = Output::resumed(self.directory.path().join("show.ts")).expect("an output");
        let mut request = RecordRequest { output, ..self.request(self.site.playlist(), linger) };
        request.earlier_parts = stored.parts.iter().map(|part| part.path.clone()).collect();
        let mark = serde_json::to_string(stored.mark.as_ref().expect("a mark")).expect("JSON");
        request.resume = Some(serde_json::from_str::<Mark>(&mark).expect("a mark"));
        request
    }

    fn start(&self, request: RecordRequest) -> Running {
        Running::start(request, TestRoutes::new(&self.proxy.url()))
    }

    /// Waits until the site is asked once more: it is away for longer than its next playlist reaches back.
    async fn until_asked_again(&self) {
        let before = self.site.server.requests().len();
        while self.site.server.requests().len() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// It is one file, it ended with the stream, and all of it is there, up to this source segment.
    async fn is_whole(&self, summary: &Summary, parts: usize, last: usize) {
        let output = summary.output.as_deref().expect("a finished file");
        let verdict = verify::compare(output, self.site.media.frames()).await.expect("a verdict");
        assert!(
            verdict.is_clean() && verdict.last_segment == last,
            "{verdict}, the last is {last}: {summary:?}"
        );
        assert_eq!(
            (summary.ended, summary.status, &summary.error),
            (Ended::StreamEnded, Status::Completed, &None)
        );
        assert_eq!(
            (summary.segments_lost, summary.seconds_lost, summary.parts.len()),
            (0, 0.0, parts),
            "{summary:?}"
        );
        let frames = f64::from(u32::try_from(verdict.video_frames).expect("few"));
        assert!((summary.duration_s - frames / 25.0).abs() < 2.1, "{verdict} {summary:?}");
        let files = std::fs::read_dir(self.directory.path()).expect("readable").count();
        assert_eq!(files, 1, "only the file is left");
    }
}

/// Waits until it waits; with the note about it.
async fn until_it_waits(running: &mut Running) -> String {
    let waits = |p: &Progress| p.note.as_deref().is_some_and(|note| note.contains("waiting until"));
    let seen = running.until("that it waits", waits).await;
    assert_eq!(seen.status, Status::Recovering, "{seen:?}");
    seen.note.expect("a note")
}

/// Waits until so much more play time has come.
async fn until_more(running: &mut Running, seconds: u64) {
    let media = running.progress.borrow().media;
    running.until_media(media.as_secs() + seconds).await;
}

live_test! {
    async fn ended_and_back_with_new_numbers_is_one_file_and_nothing_is_lost() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 40));
        running.until_media(8).await;
        scene.site.end();
        let note = until_it_waits(&mut running).await;
        assert!(note.contains("the playlist says that the stream has ended"), "{note}");
        scene.until_asked_again().await;
        scene.site.comes_back(0);
        running.until_status(Status::Recording).await;
        until_more(&mut running, 8).await;
        let last = scene.site.end();
        // The second wait has its own time, and ends with it.
        until_it_waits(&mut running).await;
        let since = Instant::now();
        let events = running.events.clone();
        let summary = running.end().await;
        assert!(since.elapsed() >= Duration::from_secs(35), "it waits for all its time: {:?}", since.elapsed());
        scene.is_whole(&summary, 2, last).await;
        assert!(summary.reason.contains("the playlist says that the stream has ended"), "{}", summary.reason);
        assert!(events.lock().expect("unpoisoned").is_empty(), "no gap is told");
    }
}

live_test! {
    async fn whoever_was_told_that_it_is_back_ends_the_wait() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 300));
        running.until_media(8).await;
        scene.site.end();
        until_it_waits(&mut running).await;
        // Told too early: the site does not know of it yet.
        let waits = Instant::now();
        running.control.wake();
        scene.until_asked_again().await;
        scene.site.comes_back(0);
        running.control.wake();
        scene.until_asked_again().await;
        assert!(waits.elapsed() < AT_FIRST, "by itself it asks later: {:?}", waits.elapsed());
        running.until_status(Status::Recording).await;
        until_more(&mut running, 4).await;
        let last = scene.site.end();
        until_it_waits(&mut running).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        scene.is_whole(&summary, 2, last).await;
    }
}

live_test! {
    async fn a_page_that_comes_back_with_another_address_goes_on() {
        let scene = Scene::new().await;
        let mut request = scene.request(scene.site.page(), 60);
        // So that the page is asked by Streamlink.
        request.quality = "720p60,best".to_owned();
        let mut running = scene.start(request);
        running.until_media(8).await;
        // Its playlist ends, and with the next broadcast its address is gone.
        scene.site.end();
        until_it_waits(&mut running).await;
        scene.site.comes_back(3000);
        running.until_status(Status::Recording).await;
        until_more(&mut running, 4).await;
        // Everything is gone, as on most sites. What was just being published may never have been seen.
        let seen = scene.site.vanish();
        until_it_waits(&mut running).await;
        scene.site.comes_back(0);
        running.until_status(Status::Recording).await;
        until_more(&mut running, 4).await;
        let last = scene.site.end();
        until_it_waits(&mut running).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let verdict = verify::compare(summary.output.as_deref().expect("a file"), scene.site.media.frames()).await;
        let verdict = verdict.expect("a verdict");
        assert!(verdict.duplicated.is_empty() && verdict.foreign == 0 && verdict.out_of_order == 0, "{verdict}");
        assert!(verdict.segments_missing() <= 2 && verdict.last_segment == last, "{verdict}, gone at {seen}");
        assert_eq!((summary.parts.len(), summary.ended), (3, Ended::StreamEnded), "{summary:?}");
        assert!(summary.segments_lost <= verdict.segments_missing() as u64, "{verdict} {summary:?}");
    }
}

live_test! {
    async fn numbers_that_go_on_after_the_end_leave_no_gap() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 60));
        running.until_media(8).await;
        let ended = scene.site.end();
        until_it_waits(&mut running).await;
        // It numbers by the clock.
        scene.site.comes_back(5000 + ended + 8);
        running.until_status(Status::Recording).await;
        until_more(&mut running, 8).await;
        let last = scene.site.end();
        until_it_waits(&mut running).await;
        running.control.stop(StopCause::Terminate);
        let summary = running.end().await;
        scene.is_whole(&summary, 2, last).await;
    }
}

live_test! {
    async fn handed_over_while_it_is_waited_for_it_is_still_waited_for() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 3600));
        running.until_media(8).await;
        scene.site.end();
        until_it_waits(&mut running).await;
        let progress = running.progress.clone();
        running.control.hand_over(Duration::ZERO);
        let summary = running.end().await;
        assert_eq!((summary.status, &summary.output), (Status::Interrupted, &None), "{summary:?}");
        let mark = progress.borrow().mark.clone().expect("a mark");
        assert!(mark.over.is_some(), "{mark:?}");
    }
}

live_test! {
    async fn a_stop_ends_the_wait_and_the_recording_is_complete() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 3600));
        running.until_media(8).await;
        let last = scene.site.end();
        until_it_waits(&mut running).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        scene.is_whole(&summary, 1, last).await;
        assert!(summary.reason.contains("the playlist says") && summary.stopped_by.is_none(), "{summary:?}");
    }
}

live_test! {
    async fn a_wait_survives_a_crash() {
        let scene = Scene::new().await;
        let mut running = scene.start(scene.request(scene.site.playlist(), 60));
        running.until_media(8).await;
        scene.site.end();
        until_it_waits(&mut running).await;
        let stored = running.vanish().await;
        let over = stored.mark.as_ref().and_then(|mark| mark.over.clone()).expect("the mark says it");
        assert!(over.ended && over.reason.contains("the playlist says"), "{over:?}");
        scene.site.comes_back(0);
        let mut running = scene.start(scene.again(&stored, 60));
        running.until_status(Status::Recording).await;
        until_more(&mut running, 8).await;
        let last = scene.site.end();
        until_it_waits(&mut running).await;
        let stored = running.vanish().await;
        assert_eq!(stored.segments_lost, 0, "{stored:?}");

        // Its time is over when the program is back.
        let began = Instant::now();
        let summary = scene.start(scene.again(&stored, 1)).end().await;
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        scene.is_whole(&summary, 2, last).await;
    }
}

live_test! {
    async fn the_platform_ends_the_wait_too() {
        let scene = Scene::new().await;
        let platform = Says::this(Liveness::Unknown("not yet".to_owned()));
        let mut request = scene.request(scene.site.playlist(), 60);
        request.platform = Some(Arc::clone(&platform) as Arc<dyn Platform>);
        let mut running = scene.start(request);
        running.until_media(8).await;
        platform.now(Liveness::Offline);
        scene.site.vanish();
        let note = until_it_waits(&mut running).await;
        assert!(note.contains("the platform says"), "{note}");
        scene.site.comes_back(0);
        platform.now(Liveness::Live);
        running.until_status(Status::Recording).await;
        until_more(&mut running, 4).await;
        let last = scene.site.end();
        platform.now(Liveness::Offline);
        until_it_waits(&mut running).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let verdict = verify::compare(summary.output.as_deref().expect("a file"), scene.site.media.frames()).await;
        let verdict = verdict.expect("a verdict");
        assert!(verdict.duplicated.is_empty() && verdict.last_segment == last, "{verdict}");
        assert_eq!((summary.parts.len(), summary.ended), (2, Ended::StreamEnded), "{summary:?}");
    }
}

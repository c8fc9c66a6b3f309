//! Streamlink opens less than the site offers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use holdfast_model::Event;
use holdfast_recorder::{RecordRequest, StopCause};
use holdfast_testkit::{HttpServer, Reply};

use crate::live_test;
use crate::support::{Running, Stage};

/// A site whose best quality can be taken away, as a playlist that fails once takes it away from Streamlink.
struct Site {
    server: HttpServer,
    whole: Arc<AtomicBool>,
    /// A route fails while the next question is answered.
    failing: Arc<AtomicBool>,
}

impl Site {
    async fn start(stage: &Stage, whole: bool) -> Self {
        let (whole, failing) = (Arc::new(AtomicBool::new(whole)), Arc::<AtomicBool>::default());
        let (shown, live) = (Arc::clone(&whole), stage.url());
        let (fails, traffic) = (Arc::clone(&failing), Arc::clone(&stage.routes.traffic));
        let variant = move |name: &str, size: &str, bandwidth: u32| {
            let address = live.replace("live.m3u8", &format!("{name}/live.m3u8"));
            format!(
                "#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"{name}\",NAME=\"{name}\",AUTOSELECT=YES,DEFAULT=YES\n\
                 #EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={size},CODECS=\"avc1.64002A,mp4a.40.2\",VIDEO=\"{name}\"\n\
                 {address}\n"
            )
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = HttpServer::start(listen, None, move |_| {
            if fails.swap(false, Ordering::Relaxed) {
                traffic.lock().expect("unpoisoned").last_fault = Some(Instant::now());
            }
            let best = if shown.load(Ordering::Relaxed) {
                variant("1080p60", "1920x1080", 8_000_000)
            } else {
                String::new()
            };
            Reply::ok(
                "application/vnd.apple.mpegurl",
                format!("#EXTM3U\n{best}{}", variant("720p60", "1280x720", 3_000_000)),
            )
        });
        Self { server: server.await.expect("a server"), whole, failing }
    }

    fn request(&self, stage: &Stage) -> RecordRequest {
        let mut request = stage.request("show.ts");
        request.url = format!("{}/master.m3u8", self.server.base_url("127.0.0.1"));
        request
    }

    async fn is_asked(&self, times: usize) {
        let asked = async {
            while self.server.requests().len() < times {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::support::PATIENCE, asked).await.expect("it asks");
    }
}

fn dropped(running: &Running) -> Vec<(String, String)> {
    let events = running.events.lock().expect("unpoisoned");
    let dropped = events.iter().filter_map(|event| match event {
        Event::QualityDropped { opened, offered, .. } => Some((opened.clone(), offered.clone())),
        _ => None,
    });
    dropped.collect()
}

live_test! {
    async fn a_quality_that_a_fault_took_away_is_taken_up_again() {
        // On a busy machine the next Streamlink may need as long for its start as a short playlist lasts.
        let stage = Stage::with_window(20).await;
        let site = Site::start(&stage, false).await;
        site.failing.store(true, Ordering::Relaxed);
        let mut running = stage.start(site.request(&stage));
        running.until("the lesser one", |p| p.quality.as_deref() == Some("720p60")).await;
        site.whole.store(true, Ordering::Relaxed);
        let media = running.until("the better one", |p| p.quality.as_deref() == Some("1080p60")).await.media;
        running.until_media(media.as_secs() + 10).await;
        running.control.stop(StopCause::Request);
        let told = dropped(&running);
        let summary = running.end().await;
        assert_eq!(told, [("720p60".to_owned(), "1080p60".to_owned())]);
        assert_eq!((summary.parts.len(), summary.segments_lost, summary.exit_status()), (2, 0, 0), "{summary:?}");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean(), "{verdict}");
    }
}

live_test! {
    async fn a_later_part_that_opens_less_is_not_left_at_that() {
        let stage = Stage::with_window(20).await;
        let site = Site::start(&stage, true).await;
        let mut running = stage.start(site.request(&stage));
        running.until_media(6).await;
        site.whole.store(false, Ordering::Relaxed);
        let [pid] = crate::support::children()[..] else { panic!("one Streamlink") };
        crate::support::signal(pid, "KILL");
        running.until("the lesser one", |p| p.quality.as_deref() == Some("720p60")).await;
        site.whole.store(true, Ordering::Relaxed);
        running.until("the better one", |p| p.quality.as_deref() == Some("1080p60")).await;
        let mark = running.until("a mark of the third part", |p| p.parts.len() == 3 && p.mark.as_ref().is_some_and(|mark| mark.part == p.parts[2].path)).await.mark;
        let aligned = mark.expect("a mark").aligned;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let paths: Vec<_> = summary.parts.iter().map(|part| part.path.clone()).collect();
        assert_eq!(aligned, paths[1..], "both show what the one before shows");
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean() && summary.segments_lost == 0, "{verdict} {summary:?}");
    }
}

live_test! {
    async fn where_no_better_is_offered_nothing_is_replaced() {
        let stage = Stage::new().await;
        let site = Site::start(&stage, false).await;
        site.failing.store(true, Ordering::Relaxed);
        let mut running = stage.start(site.request(&stage));
        site.is_asked(2).await;
        // Had it been replaced, there would be a second part by then.
        let media = running.progress.borrow().media.as_secs();
        running.until_media(media + 8).await;
        running.control.stop(StopCause::Request);
        assert!(dropped(&running).is_empty());
        let summary = running.end().await;
        assert_eq!((summary.parts.len(), site.server.requests().len()), (1, 2), "{summary:?}");
    }
}

live_test! {
    async fn without_a_fault_nobody_is_asked() {
        let stage = Stage::new().await;
        let site = Site::start(&stage, false).await;
        let mut running = stage.start(site.request(&stage));
        running.until("the lesser one", |p| p.quality.as_deref() == Some("720p60")).await;
        site.whole.store(true, Ordering::Relaxed);
        running.until_media(16).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert_eq!((summary.parts.len(), site.server.requests().len()), (1, 1), "{summary:?}");
    }
}

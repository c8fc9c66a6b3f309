//! What the broadcast was called, in the summary and in the finished file.

use std::time::Duration;

use holdfast_model::{Chapter, Scene};
use holdfast_recorder::StopCause;
use tokio::sync::watch;

use crate::live_test;
use crate::resuming::again;
use crate::support::Stage;

pub(crate) fn scene(title: &str, category: &str) -> Scene {
    Scene { title: Some(title.to_owned()), category: Some(category.to_owned()) }
}

fn titles(chapters: &[Chapter]) -> Vec<&str> {
    chapters.iter().filter_map(|chapter| chapter.title.as_deref()).collect()
}

live_test! {
    async fn a_crash_loses_no_chapter() {
        // On a busy machine the next Streamlink may need as long for its start as a short playlist lasts.
        let stage = Stage::with_window(20).await;
        let (told, scene_now) = watch::channel(Scene::default());
        let mut request = stage.request("show.ts");
        request.scene = Some(scene_now);
        let mut running = stage.start(request);
        running.until_media(2).await;
        told.send_replace(scene("one", "Chess"));
        running.until_media(8).await;
        told.send_replace(scene("two", "Chess"));
        let noted = running.until("two chapters in the mark", |p| {
            p.chapters.len() == 2 && p.mark.as_ref().is_some_and(|mark| mark.chapters.len() == 2)
        });
        let media = noted.await.media;
        running.until_media(media.as_secs() + 4).await;
        let stored = running.vanish().await;

        let mut request = again(&stage, "show.ts", &stored);
        // The title is what it was; the category has changed while nothing ran.
        let (_told, scene_now) = watch::channel(scene("two", "Go"));
        request.scene = Some(scene_now);
        let mut running = stage.start(request);
        running.until("as much again", |p| p.media >= stored.media + Duration::from_secs(8)).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let chapters = &summary.chapters;
        assert_eq!(titles(chapters), ["one", "two", "two"], "{chapters:?}");
        assert_eq!(chapters[2].category.as_deref(), Some("Go"));
        let offsets: Vec<f64> = chapters.iter().map(|chapter| chapter.offset_s).collect();
        assert!(offsets[0] == 0.0 && (8.0..=media.as_secs_f64()).contains(&offsets[1]), "{offsets:?}");
        assert!(offsets[2] >= offsets[1] && offsets[2] < summary.duration_s, "{offsets:?} {}", summary.duration_s);
    }
}

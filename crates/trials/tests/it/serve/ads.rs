//! Advertisements before and within what a channel shows: they are cut out, told as what they are, and no loss. What is
//! on air around them is all there, though a proxy dies while they run.

use chrono::Utc;
use holdfast_trials::eventually;
use serde_json::json;

use super::channels::PATIENCE;
use super::on_air::{LOGIN, OnAir};

/// The advertisements that Streamlink fetched so far, each once.
fn fetched(on_air: &OnAir) -> usize {
    let asked = on_air.twitch().asked("e.hls.ttvnw.net");
    let mut ads: Vec<_> =
        asked.into_iter().map(|asked| asked.path).filter(|path| path.contains("/ad-")).collect();
    ads.dedup();
    ads.len()
}

/// Waits until Streamlink has fetched so many more of them.
async fn fetches(on_air: &OnAir, more: usize) {
    let before = fetched(on_air);
    let all = eventually("advertisements are fetched", PATIENCE, async || {
        Ok((fetched(on_air) >= before + more).then_some(()))
    });
    all.await.unwrap_or_else(|e| panic!("{e:?}\n{}", on_air.play.server.story()));
}

#[tokio::test]
async fn they_are_cut_out_before_and_within_and_a_proxy_may_die_meanwhile() {
    let mut on_air = OnAir::begin_with(8, |twitch| twitch.pre_roll(LOGIN, 30)).await;
    fetches(&on_air, 3).await;
    on_air.twitch().end_ads(LOGIN);
    let before = on_air.twitch().hidden_by_ads(LOGIN).len();
    on_air.play.flows(&on_air.recording).await;
    let cut_out_before = fetched(&on_air);
    on_air.segments(3).await;

    on_air.twitch().ads(LOGIN, 30);
    fetches(&on_air, 1).await;
    let used = on_air.play.scene.carrier().await.expect("it records");
    let ill = [(used, Utc::now())];
    on_air.play.scene.proxies[used].kill().await.expect("killed");
    on_air.segments(5).await;
    on_air.twitch().end_ads(LOGIN);
    let within = on_air.twitch().hidden_by_ads(LOGIN).len() - before;
    on_air.segments(4).await;

    let over = on_air.over().await;
    over.lost_nothing();
    assert_eq!(over.verdict.first_segment, before, "the first behind them\n{}", over.story);
    assert_eq!(over.verdict.segments_missing(), within, "{}", over.story);
    // What was on before anybody watched is nobody's gap.
    let gaps = over.whole["gaps"].as_array().expect("a list");
    let told: Vec<_> = gaps.iter().map(|gap| (&gap["cause"], &gap["segments"])).collect();
    let ads = json!("ads");
    assert_eq!(told, [(&ads, &json!(cut_out_before)), (&ads, &json!(within))], "{}", over.story);
    on_air.play.explains(&over.whole, &ill);
    assert!(over.whole["failovers"].as_u64() >= Some(1), "{}", over.story);
}

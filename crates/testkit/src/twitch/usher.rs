//! usher.ttvnw.net: the master playlist of a channel, for whoever brings an access token of GQL.

use std::fmt::Write as _;

use serde_json::json;

use super::answer::{first, json_reply, pairs};
use super::gql::sign;
use super::playback::{PLAYLIST, PLAYLIST_HOST};
use super::world::World;
use crate::{Asked, Reply};

/// A quality: all of them carry the same media, and which one was fetched is seen by the paths that were asked for.
struct Variant {
    name: &'static str,
    size: &'static str,
    fps: &'static str,
    bandwidth: u32,
}

/// The best, which is what the broadcaster sends, comes first.
const VARIANTS: [Variant; 3] = [
    Variant { name: "1080p60", size: "1920x1080", fps: "60.000", bandwidth: 8_000_000 },
    Variant { name: "720p60", size: "1280x720", fps: "60.000", bandwidth: 3_400_000 },
    Variant { name: "480p", size: "852x480", fps: "30.000", bandwidth: 1_400_000 },
];

/// Whether there is a quality of that name.
pub(super) fn is_variant(name: &str) -> bool {
    VARIANTS.iter().any(|variant| variant.name == name)
}

/// Answers for usher.ttvnw.net.
pub(super) fn answer(world: &World, asked: &Asked) -> Reply {
    let path = &asked.path;
    let login = path.strip_prefix("/api/v2/channel/hls/").or_else(|| path.strip_prefix("/api/channel/hls/"));
    let Some(login) = login.and_then(|login| login.strip_suffix(".m3u8")) else { return Reply::status(404) };
    let query = pairs(asked.query.as_bytes());
    let (token, signature) = (first(&query, "token").unwrap_or_default(), first(&query, "sig"));
    if signature != Some(&sign(token)) || !is_for(token, login) {
        return refused(403, login, "nauth_token_invalid", "Unauthorized: token is not valid");
    }
    let Some(channel) = world.channel(login) else {
        return refused(404, login, "not_found", "Can not find channel");
    };
    match channel.stream() {
        None => refused(404, login, "transcode_does_not_exist", "transcode does not exist"),
        Some(stream) => Reply::ok(PLAYLIST, master(&channel.login, &stream.id)),
    }
}

fn is_for(token: &str, login: &str) -> bool {
    let token: serde_json::Value = serde_json::from_str(token).unwrap_or_default();
    token["channel"].as_str().is_some_and(|channel| channel.eq_ignore_ascii_case(login))
}

fn refused(status: u16, login: &str, code: &str, error: &str) -> Reply {
    let url = format!("https://usher.ttvnw.net/api/v2/channel/hls/{login}.m3u8");
    json_reply(status, &json!([{ "url": url, "error": error, "error_code": code, "type": "error" }]))
}

fn master(login: &str, stream: &str) -> String {
    let mut text = String::from("#EXTM3U\n");
    for (index, variant) in VARIANTS.iter().enumerate() {
        let Variant { name, size, fps, bandwidth } = variant;
        let source = if index == 0 { "source" } else { "transcode" };
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={size},FRAME-RATE={fps},\
             CODECS=\"avc1.4D401F,mp4a.40.2\",IVS-NAME=\"{name}\",IVS-VARIANT-SOURCE=\"{source}\",\
             STABLE-VARIANT-ID=\"{name}\"\nhttps://{PLAYLIST_HOST}/v1/playlist/{stream}/{login}/{name}.m3u8"
        );
    }
    text
}

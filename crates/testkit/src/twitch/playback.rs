//! The hosts that play: media playlists at `a.playlist.ttvnw.net`, segments at `e.hls.ttvnw.net`. Their paths name the
//! broadcast, the channel, the quality and the number in the source, for whoever reads what was asked.

use super::usher::is_variant;
use super::world::World;
use crate::{Asked, Reply};

/// Where media playlists are.
pub(super) const PLAYLIST_HOST: &str = "a.playlist.ttvnw.net";
/// Where segments are.
const SEGMENT_HOST: &str = "e.hls.ttvnw.net";
/// The type of a playlist.
pub(super) const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// Answers for *.playlist.ttvnw.net: `/v1/playlist/STREAM/LOGIN/VARIANT.m3u8`.
pub(super) fn playlist(world: &World, asked: &Asked) -> Reply {
    let parts: Vec<&str> = asked.path.split('/').collect();
    let ["", "v1", "playlist", stream, login, file] = parts[..] else { return Reply::status(404) };
    let Some(variant) = file.strip_suffix(".m3u8").filter(|name| is_variant(name)) else {
        return Reply::status(404);
    };
    let Some(broadcast) = world.broadcast(login, stream) else { return Reply::status(404) };
    let base = format!("https://{SEGMENT_HOST}/v1/segment/{stream}/{login}/{variant}");
    Reply::ok(PLAYLIST, broadcast.playlist(&base))
}

/// Answers for *.hls.ttvnw.net: `/v1/segment/STREAM/LOGIN/VARIANT/NUMBER.ts`, and `ad-NUMBER.ts`.
pub(super) fn segment(world: &World, asked: &Asked) -> Reply {
    let parts: Vec<&str> = asked.path.split('/').collect();
    let ["", "v1", "segment", stream, login, variant, file] = parts[..] else { return Reply::status(404) };
    let number = file
        .strip_suffix(".ts")
        .filter(|_| is_variant(variant))
        .and_then(|name| world.broadcast(login, stream)?.segment(name));
    let bytes = number.and_then(|number| world.options.media.segment(number));
    bytes.map_or_else(|| Reply::status(404), |bytes| Reply::ok("video/mp2t", bytes))
}

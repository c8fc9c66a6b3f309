//! What an address on Twitch leads to. Streamlink takes nearly every page there for a channel, whatever its host and the
//! case of its name, so each spelling of a channel becomes the same address here, and what is no stream is refused:
//! looked at for ever, it would never be live.

use holdfast_model::is_twitch_login;

use super::web::Web;
use super::{AddressError, StreamAddress};

/// Hosts whose pages are those of www.
const HOSTS: [&str; 4] = ["twitch.tv", "www.twitch.tv", "m.twitch.tv", "go.twitch.tv"];
/// Twitch's own pages, which stand where a channel would.
const PAGES: [&str; 19] = [
    "clip",
    "directory",
    "downloads",
    "drops",
    "following",
    "friends",
    "inventory",
    "jobs",
    "login",
    "messages",
    "popout",
    "prime",
    "search",
    "settings",
    "signup",
    "subscriptions",
    "turbo",
    "videos",
    "wallet",
];
/// What stands before the name of a channel on its further pages.
const BEFORE: [&str; 4] = ["embed", "moderator", "popout", "u"];

/// What is recorded from Twitch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Twitch {
    /// A channel, by its name in lower case.
    Channel(String),
    /// A video or a clip: it has no name of its own and is never "live".
    Video,
}

/// The channel of that name, in any case.
///
/// # Errors
/// [`AddressError::Twitch`] if that is a page of Twitch itself.
pub(super) fn channel(name: &str) -> Result<StreamAddress, AddressError> {
    let login = name.to_ascii_lowercase();
    if PAGES.contains(&login.as_str()) {
        return Err(refused("this is a page of Twitch itself", None));
    }
    let url = format!("https://www.twitch.tv/{login}");
    Ok(StreamAddress { url, name: name.to_owned(), twitch: Some(Twitch::Channel(login)) })
}

/// What an address leads to; `None` if that is not on Twitch, or a playlist there.
pub(super) fn read(web: &Web<'_>) -> Option<Result<StreamAddress, AddressError>> {
    let host = web.url.host_str()?.trim_end_matches('.');
    if host != "twitch.tv" && !host.ends_with(".twitch.tv") {
        return None;
    }
    let segments: Vec<&str> = web.url.path().split('/').filter(|part| !part.is_empty()).collect();
    let pages = HOSTS.contains(&host) || ["clips.twitch.tv", "player.twitch.tv"].contains(&host);
    // Streamlink takes no page so deep for a channel.
    if !pages && segments.len() > 1 && segments.last().is_some_and(|last| last.ends_with(".m3u8")) {
        return None;
    }
    Some(page(web, host, &segments))
}

fn page(web: &Web<'_>, host: &str, segments: &[&str]) -> Result<StreamAddress, AddressError> {
    if !web.url.username().is_empty() || web.url.password().is_some() {
        return Err(refused("an address on Twitch has no user and no password", None));
    }
    if web.url.port().is_some() {
        return Err(refused("Twitch answers on the usual ports only", likely(segments)));
    }
    if web.is_prefixed() {
        return Err(refused("pages of Twitch are recorded without hls:// and the like", likely(segments)));
    }
    let player = host == "player.twitch.tv";
    if is_video(host, segments) || player && asked(web, "video").is_some() {
        return Ok(video(web, host, segments));
    }
    match (HOSTS.contains(&host), segments) {
        (_, []) if player => match asked(web, "channel").filter(|name| is_twitch_login(name)) {
            Some(name) => channel(&name),
            None => Err(refused("this address of Twitch's player names no channel", None)),
        },
        (true, [name]) => match login(name) {
            Some(name) => channel(&name),
            None => {
                Err(refused("this is no name of a Twitch channel (1 to 25 letters, digits and '_')", None))
            }
        },
        _ => Err(refused("this page on Twitch is no channel", likely(segments))),
    }
}

/// By the rules of Streamlink.
fn is_video(host: &str, segments: &[&str]) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match segments {
        [_] if host == "clips.twitch.tv" => true,
        _ if !HOSTS.contains(&host) => false,
        ["clip", _] | [_, "clip", _] => true,
        ["v" | "video" | "videos", id] | [_, "v" | "video" | "videos", id] => number(id),
        _ => false,
    }
}

fn video(web: &Web<'_>, host: &str, segments: &[&str]) -> StreamAddress {
    let query = web.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("https://{host}/{}{query}", segments.join("/"));
    let name = segments.last().map_or("video", |last| last).to_owned();
    StreamAddress { url, name, twitch: Some(Twitch::Video) }
}

/// The last value of that name in the query that is not empty: the one that counts for Streamlink.
fn asked(web: &Web<'_>, name: &str) -> Option<String> {
    let found = web.url.query_pairs().filter(|(key, value)| key == name && !value.is_empty());
    found.last().map(|(_, value)| value.into_owned())
}

/// The name of a channel in a path, where letters may be escaped.
fn login(segment: &str) -> Option<String> {
    let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_%".contains(&b));
    let (name, _) = url::form_urlencoded::parse(segment.as_bytes()).next().filter(|_| plain)?;
    is_twitch_login(&name).then(|| name.into_owned())
}

/// The channel that a page belongs to, as far as one can tell.
fn likely(segments: &[&str]) -> Option<String> {
    let (first, rest) = segments.split_first()?;
    let name = if BEFORE.contains(first) { rest.first()? } else { first };
    let one = |name: &String| !["v", "video"].contains(&name.as_str()) && channel(name).is_ok();
    login(name).map(|name| name.to_ascii_lowercase()).filter(one)
}

fn refused(what: &'static str, likely: Option<String>) -> AddressError {
    AddressError::Twitch { what, channel: likely.unwrap_or_else(|| "xqc".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::super::stream_address;
    use super::*;

    #[test]
    fn a_channel_has_one_address_however_it_is_written() {
        for text in [
            "alice",
            "@Alice",
            "twitch.tv/alice",
            "www.twitch.tv/Alice/",
            "https://www.twitch.tv/alice",
            "http://m.twitch.tv:80/alice?desktop-redirect=true",
            "HTTPS://GO.Twitch.TV/ALICE#chat",
            "https://www.twitch.tv:443/alice",
            "www.twitch.tv:443/alice",
            "https://www.twitch.tv./alice",
            "https://www.twitch.tv//alice",
            "https://www.twitch.tv/%61lice",
            "https://%77ww.twitch.tv/al%49ce/?tt=1",
            "https://www.twitch.tv/alice?next=https://elsewhere.test/bob",
            "https://player.twitch.tv/?channel=Alice&parent=example.test",
            "player.twitch.tv?parent=example.test&channel=%61lice",
            "https://player.twitch.tv/?channel=bob&channel=alice&video=",
        ] {
            let read = stream_address(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.url, "https://www.twitch.tv/alice", "{text}");
            assert_eq!(read.twitch, Some(Twitch::Channel("alice".to_owned())), "{text}");
            assert!(read.name.eq_ignore_ascii_case("alice"), "{text}: {}", read.name);
        }
    }

    #[test]
    fn what_is_no_stream_is_refused_with_what_to_give_instead() {
        let alice = "such as alice, or https://www.twitch.tv/alice";
        let example = "such as xqc, or https://www.twitch.tv/xqc";
        for (text, likely) in [
            ("https://www.twitch.tv/alice/videos", alice),
            ("twitch.tv/Alice/about", alice),
            ("https://m.twitch.tv/alice/home", alice),
            ("https://www.twitch.tv/popout/alice/chat", alice),
            ("https://www.twitch.tv/moderator/alice", alice),
            ("https://dashboard.twitch.tv/u/alice/stream-manager", alice),
            ("https://www.twitch.tv:8443/alice", alice),
            ("https://www.twitch.tv:80/alice", alice),
            ("http://www.twitch.tv:443/alice", alice),
            ("hls://https://www.twitch.tv/alice", alice),
            ("httpstream://go.twitch.tv/alice", alice),
            ("https://de.twitch.tv/alice", alice),
            ("https://player.twitch.tv/alice", alice),
            ("https://de.twitch.tv/videos/123", example),
            ("https://www.twitch.tv/directory", example),
            ("Directory", example),
            ("https://www.twitch.tv/directory/category/chess", example),
            ("https://www.twitch.tv", example),
            ("https://www.twitch.tv/?channel=alice", example),
            ("https://www.twitch.tv/al-ice", example),
            ("https://www.twitch.tv/alice%2Fvideos", example),
            ("https://www.twitch.tv/alice=b", example),
            ("https://www.twitch.tv/@alice", example),
            ("https://www.twitch.tv/videos/next", example),
            ("https://player.twitch.tv/?parent=example.test", example),
            ("https://player.twitch.tv/?channel=al-ice", example),
            ("https://clips.twitch.tv/", example),
            ("https://id.twitch.tv/oauth2.m3u8", example),
        ] {
            let error = stream_address(text).err().unwrap_or_else(|| panic!("{text} is taken")).to_string();
            assert!(error.contains(likely), "{text}: {error}");
        }
        for text in ["user@www.twitch.tv/alice", "https://u:hunter2@go.twitch.tv/alice"] {
            let error = stream_address(text).err().unwrap_or_else(|| panic!("{text} is taken")).to_string();
            assert!(error.contains("no user and no password") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn videos_and_playlists_are_no_channels() {
        for (text, url) in [
            ("HTTP://Twitch.tv//videos/123?t=1h", "https://twitch.tv/videos/123?t=1h"),
            ("www.twitch.tv/alice/v/123", "https://www.twitch.tv/alice/v/123"),
            ("https://clips.twitch.tv/Some-Clip", "https://clips.twitch.tv/Some-Clip"),
            ("https://www.twitch.tv/alice/clip/Some-Clip", "https://www.twitch.tv/alice/clip/Some-Clip"),
            (
                "https://player.twitch.tv/?channel=alice&video=v1",
                "https://player.twitch.tv/?channel=alice&video=v1",
            ),
        ] {
            let read = stream_address(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((read.url.as_str(), read.twitch), (url, Some(Twitch::Video)), "{text}");
        }
        for text in ["https://usher.twitch.tv/hls/alice.m3u8", "hls://https://usher.twitch.tv/hls/alice.m3u8"]
        {
            let read = stream_address(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((read.url.as_str(), read.twitch), (text, None));
        }
        let other = stream_address("https://twitch.tv.example.test/alice").map(|read| read.twitch);
        assert_eq!(other.expect("an address"), None);
    }
}

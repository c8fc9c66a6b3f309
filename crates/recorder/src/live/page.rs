//! What a page offers, as Streamlink tells it (`--json`).

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::time::timeout;
use url::Url;

use super::Answer;
use super::ask::LARGEST_ANSWER;
use crate::mask::Masker;

/// For Streamlink to resolve a page: it starts in a second or two and asks several hosts.
const RESOLVE_LIMIT: Duration = Duration::from_secs(45);

/// A playlist to fetch and the headers it wants.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
}

/// What a page offers.
pub(super) struct Page {
    /// The playlist of the wanted quality; `None` if it is no plain HLS.
    pub(super) target: Option<Target>,
    pub(super) metadata: Metadata,
}

/// What Streamlink's plugin knows of the broadcast.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) title: Value,
    pub(super) author: Value,
    pub(super) category: Value,
}

/// What Streamlink prints until it ends; of more than an answer can be no more is kept, or waited for.
pub(super) async fn printed(mut child: Child) -> Result<Vec<u8>, Answer> {
    let stdout = child.stdout.take();
    let answer = async {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(LARGEST_ANSWER as u64 + 1).read_to_end(&mut answer).await?;
        }
        if answer.len() <= LARGEST_ANSWER {
            child.wait().await?;
        }
        Ok::<_, io::Error>(answer)
    };
    match timeout(RESOLVE_LIMIT, answer).await {
        Ok(Ok(answer)) if answer.len() <= LARGEST_ANSWER => Ok(answer),
        Ok(Ok(_)) => Err(Answer::Unclear("Streamlink answered with too much".to_owned())),
        Ok(Err(error)) => Err(Answer::Unclear(format!("Streamlink's answer could not be read: {error}"))),
        Err(_) => Err(Answer::Unreachable("Streamlink found no answer in 45 s".to_owned())),
    }
}

#[derive(Deserialize)]
struct Resolved {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    streams: HashMap<String, ResolvedStream>,
}

#[derive(Deserialize)]
struct ResolvedStream {
    #[serde(rename = "type")]
    kind: String,
    url: Option<String>,
    #[serde(default)]
    headers: HashMap<String, String>,
}

/// Reads what Streamlink answered with `--json`.
pub(super) fn read_page(json: &[u8], quality: &str, masker: &Masker) -> Result<Page, Answer> {
    let resolved: Resolved = serde_json::from_slice(json)
        .map_err(|_| Answer::Unclear("Streamlink gave no answer that can be read".to_owned()))?;
    if let Some(error) = resolved.error {
        return Err(classify(&masker.mask(&error)));
    }
    let metadata = resolved.metadata.unwrap_or_default();
    let wanted = quality.split(',').map(str::trim).chain(["best"]);
    let Some(stream) = wanted.into_iter().find_map(|name| resolved.streams.get(name)) else {
        return if resolved.streams.is_empty() {
            Err(Answer::Gone("the page offers no stream".to_owned()))
        } else {
            Ok(Page { target: None, metadata })
        };
    };
    let url = stream.url.as_deref().filter(|_| stream.kind == "hls").and_then(|u| Url::parse(u).ok());
    let headers = headers(stream.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(Page { target: url.map(|url| Target { url, headers }), metadata })
}

/// The names of the streams in such an answer.
pub(super) fn names(json: &[u8]) -> Option<Vec<String>> {
    let resolved: Resolved = serde_json::from_slice(json).ok()?;
    Some(resolved.streams.into_keys().collect())
}

/// Those that are not the connection's own.
pub(super) fn headers<'a>(given: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let own = given.filter(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !["accept-encoding", "connection", "host"].contains(&name.as_str()) && !name.starts_with("proxy-")
    });
    own.filter_map(|(n, v)| Some((n.parse::<HeaderName>().ok()?, HeaderValue::from_str(v).ok()?))).collect()
}

/// What an error of Streamlink means for the question.
fn classify(error: &str) -> Answer {
    let gone = ["No playable streams found", "404 Client Error", "410 Client Error"];
    let passing =
        ["Unable to open URL", "Timeout", "timed out", "Connection", "Proxy", " Server Error", "Max retries"];
    if let Some(sign) = gone.iter().find(|sign| error.contains(**sign)) {
        return Answer::Gone(if sign.starts_with("No playable") {
            "the page offers no stream".to_owned()
        } else {
            format!("the site says that the stream is gone ({})", &sign[..3])
        });
    }
    let first = error.lines().next().unwrap_or_default().to_owned();
    if passing.iter().any(|sign| error.contains(sign)) {
        Answer::Unreachable(first)
    } else {
        Answer::Unclear(first)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use holdfast_model::Secret;

    use super::*;

    #[test]
    fn errors_of_streamlink_are_told_apart() {
        for (error, gone, unreachable) in [
            ("No playable streams found on this URL: x", true, false),
            (
                "Unable to open URL: https://h/x (404 Client Error: Not Found for url: https://h/x)",
                true,
                false,
            ),
            ("Unable to open URL: https://h/x (502 Server Error: Bad Gateway)", false, true),
            ("Unable to open URL: x (HTTPSConnectionPool: Max retries exceeded (ProxyError))", false, true),
            ("503 Server Error: Service Unavailable for url: https://h/x", false, true),
            ("No plugin can handle URL: x", false, false),
        ] {
            let answer = classify(error);
            assert_eq!(matches!(answer, Answer::Gone(_)), gone, "{answer:?}");
            assert_eq!(matches!(answer, Answer::Unreachable(_)), unreachable, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_waited_for() {
        for (script, expected) in [
            ("echo answer; exit 1", Ok(b"answer\n".to_vec())),
            (
                "head -c 9000000 /dev/zero; exec sleep 40",
                Err(Answer::Unclear("Streamlink answered with too much".to_owned())),
            ),
        ] {
            let mut command = tokio::process::Command::new("/bin/sh");
            command.args(["-c", script]).stdout(Stdio::piped()).kill_on_drop(true);
            let child = command.spawn().expect("it starts");
            let answer = timeout(Duration::from_secs(20), printed(child)).await.expect("it does not wait");
            assert!(answer == expected, "{script}");
        }
    }

    #[test]
    fn the_wanted_quality_is_taken_from_the_answer() {
        let json = br#"{"plugin":"hls","streams":{
            "720p":{"type":"hls","url":"https://h/720.m3u8","headers":{"Referer":"https://h/","Connection":"x"}},
            "best":{"type":"hls","url":"https://h/best.m3u8"},
            "dash":{"type":"dash","url":"https://h/d.mpd"}}}"#;
        let masker = Masker::new(&Secret::new("http://a:bcdef@h:1"), None);
        let target = |quality| read_page(json, quality, &masker).ok().and_then(|page| page.target);
        let url = |quality| target(quality).map(|t| t.url.to_string());
        assert_eq!(url("1080p,720p").as_deref(), Some("https://h/720.m3u8"));
        assert_eq!(url("4k").as_deref(), Some("https://h/best.m3u8"));
        assert_eq!(url("dash"), None);
        assert_eq!(target("720p").expect("a target").headers.len(), 1);
        let json =
            br#"{"plugin":"twitch","metadata":{"id":"1","author":"A","category":null,"title":"T"},"streams":{
            "best":{"type":"hls","url":"https://h/best.m3u8"}}}"#;
        let metadata = read_page(json, "best", &masker).map(|page| page.metadata);
        let metadata = metadata.unwrap_or_default();
        assert_eq!(
            (metadata.title, metadata.author, metadata.category),
            ("T".into(), "A".into(), Value::Null)
        );
        let none = read_page(br#"{"error":"No playable streams found on this URL: x"}"#, "best", &masker);
        assert!(matches!(none, Err(Answer::Gone(_))));
    }
}

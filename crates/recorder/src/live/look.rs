//! Is it live, and what is it called? Streamlink's own check, for whoever does not record.

use std::sync::Arc;

use holdfast_model::Secret;
use serde_json::Value;

use super::Answer;
use super::ask::{Asker, playlist_of};
use super::page::Metadata;
use crate::options::StreamlinkOptions;
use crate::ports::Account;
use crate::tools::Tools;

/// A title longer than this is cut, in characters.
const LONGEST_TEXT: usize = 500;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is live.
    Live {
        /// What the broadcast is called, as far as Streamlink's plugin knows it: at most 500 characters, as each of these.
        title: Option<String>,
        /// Whose it is.
        author: Option<String>,
        /// Its category or game.
        category: Option<String>,
    },
    /// It is not live; how that is known, in words.
    Offline(String),
    /// Nothing could be reached; why, in words.
    Unreachable(String),
    /// An answer came that says nothing, or Streamlink does not know how to ask; what, in words.
    Unclear(String),
}

/// Looks whether a page or a playlist is live, through a lease of this account. Takes some seconds, and 55 at most. One
/// look may be wrong: whoever acts on an [`Look::Offline`] looks twice. Nothing in the answer is secret.
pub async fn look(
    url: &str,
    quality: &str,
    account: Arc<dyn Account>,
    tools: &Tools,
    options: &StreamlinkOptions,
    token: Option<&Secret>,
) -> Look {
    let asker = Asker {
        url: url.to_owned(),
        quality: quality.to_owned(),
        tools: tools.clone(),
        options: options.clone(),
        token: token.cloned(),
        account: Arc::clone(&account),
    };
    let asked = std::time::Instant::now();
    let (answer, metadata) = asker.page_and_playlist().await;
    let traffic = account.traffic();
    let fault = traffic.last_failure().is_some_and(|at| at >= asked);
    // Streamlink has words for it that say less, or nothing of the kind.
    let unreached = traffic.why_unreached.filter(|_| traffic.last_unreached.is_some_and(|at| at >= asked));
    match answer {
        Answer::Playlist { ended: true, .. } => {
            Look::Offline("the playlist says that the stream has ended".to_owned())
        }
        // A host that no route reached makes Streamlink say that there are no streams.
        Answer::Gone(why) if fault => Look::Unreachable(unreached.unwrap_or(why)),
        Answer::Gone(why) => Look::Offline(why),
        Answer::Unreachable(why) => Look::Unreachable(unreached.unwrap_or(why)),
        Answer::Unclear(why) => Look::Unclear(why),
        Answer::SaidOffline => Look::Offline("the platform says that the channel is offline".to_owned()),
        Answer::Playlist { .. } | Answer::Streams | Answer::SaidLive => Look::Live {
            title: text(&metadata.title),
            author: text(&metadata.author),
            category: text(&metadata.category),
        },
    }
}

impl Asker {
    async fn page_and_playlist(&self) -> (Answer, Metadata) {
        let lease = self.account.lease();
        let proxy = lease.proxy_url();
        let page = match self.resolve(&proxy).await {
            Ok(page) => page,
            Err(answer) => return (answer, Metadata::default()),
        };
        let answer = match page.target {
            // Streamlink lists a playlist that has ended like any other (measured).
            Some(target) => match playlist_of(target, &proxy).await {
                answer @ (Answer::Playlist { .. } | Answer::Gone(_)) => answer,
                // The page offers it; that it could not be read just now is for the recording to deal with.
                _ => Answer::Streams,
            },
            None => Answer::Streams,
        };
        (answer, page.metadata)
    }
}

/// A text of a page; others have numbers there, or nothing.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().chars().take(LONGEST_TEXT).collect(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_text() {
        for (json, expected) in [
            (r#"" Chess ""#, Some("Chess")),
            (r#""""#, None),
            ("7", Some("7")),
            ("null", None),
            ("[1]", None),
        ] {
            let value = serde_json::from_str(json).expect("JSON");
            assert_eq!(text(&value).as_deref(), expected, "{json}");
        }
        assert_eq!(text(&Value::String("é".repeat(600))).map(|text| text.chars().count()), Some(500));
    }
}

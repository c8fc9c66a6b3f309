//! Destinations that are reached by no route though there are routes: the site is down, or there is no such host. A channel
//! is looked at every few seconds for as long as that lasts, so it is told once, and once more when it is over. That
//! there is no route at all is another matter, which `decision.rs` tells.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use holdfast_model::{Destination, RecordingId, Via};

use crate::account::Account;
use crate::dial::Seconds;

/// So many are remembered; whoever asks for more hosts that do not exist than that is told of the oldest ones again.
const MOST: usize = 1024;
/// One that nobody has asked for as long is forgotten: it is told anew. Channels are looked at every hour at least.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * 3600);

/// What the routes said that a dial tried, one line each.
#[derive(Debug, Default)]
pub(crate) struct Said(Vec<(Via, String)>);

impl Said {
    /// The last word of each route counts.
    pub(crate) fn add(&mut self, via: Via, words: impl Into<String>) {
        self.0.retain(|(other, _)| *other != via);
        self.0.push((via, words.into()));
    }

    /// All of it in a sentence about this destination.
    pub(crate) fn about(&self, to: &Destination) -> String {
        let proxies = self.0.iter().filter(|(via, _)| *via != Via::Direct).count();
        let through = match proxies {
            0 => String::new(),
            1 => " through 1 proxy".to_owned(),
            many => format!(" through {many} proxies"),
        };
        let directly = match (proxies, proxies < self.0.len()) {
            (_, false) => "",
            (0, true) => " directly",
            (_, true) => " and directly",
        };
        let said: Vec<_> = self.0.iter().map(|(via, words)| format!("{via}: {words}")).collect();
        format!("{to} could not be reached{through}{directly}: {}", said.join("; "))
    }
}

/// Whose dials they are: a recording's, or anybody else's.
type Client = Option<RecordingId>;

/// The destinations that are not reached at present.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<HashMap<(Client, Destination), Outage>>);

#[derive(Debug)]
struct Outage {
    since: Instant,
    last: Instant,
    dials: u64,
}

impl Outages {
    /// A dial reached its destination by no route; `words`: what [`Said`] is about it.
    pub(crate) fn not_reached(&self, account: &Account, to: &Destination, words: &str) {
        let recording = account.recording.map(|id| id.to_string());
        if self.begins(account.recording, to, Instant::now()) {
            tracing::warn!(recording, "{words}");
        } else {
            tracing::debug!(recording, "{words}");
        }
    }

    /// A dial reached it.
    pub(crate) fn reached(&self, account: &Account, to: &Destination) {
        if let Some((lasted, dials)) = self.ends(account.recording, to) {
            let (recording, lasted) = (account.recording.map(|id| id.to_string()), Seconds(lasted));
            tracing::info!(recording, "{to} is reached again, after {lasted} and {dials} dials in vain");
        }
    }

    /// Whether that is news.
    fn begins(&self, client: Client, to: &Destination, now: Instant) -> bool {
        let mut known = self.lock();
        known.retain(|_, outage| now.saturating_duration_since(outage.last) < FORGOTTEN_AFTER);
        if let Some(outage) = known.get_mut(&(client, to.clone())) {
            (outage.last, outage.dials) = (now, outage.dials + 1);
            return false;
        }
        let oldest = || known.iter().min_by_key(|(_, outage)| outage.last).map(|(key, _)| key.clone());
        if known.len() >= MOST
            && let Some(oldest) = oldest()
        {
            known.remove(&oldest);
        }
        known.insert((client, to.clone()), Outage { since: now, last: now, dials: 1 });
        true
    }

    /// How long it lasted, and how many dials failed meanwhile; `None` if it was none.
    fn ends(&self, client: Client, to: &Destination) -> Option<(Duration, u64)> {
        let mut known = self.lock();
        if known.is_empty() {
            // As good as always, and every dial asks.
            return None;
        }
        let outage = known.remove(&(client, to.clone()))?;
        Some((outage.since.elapsed(), outage.dials))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Client, Destination), Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_model::{ProxyId, ProxyUrl};

    use super::*;

    fn to(text: &str) -> Destination {
        text.parse().expect("a destination")
    }

    fn proxy(number: i64) -> Via {
        let url = ProxyUrl::parse(&format!("http://user:secret@h{number}:1")).expect("a proxy");
        Via::Proxy(ProxyId(number), url.masked())
    }

    #[test]
    fn it_is_said_how_many_proxies_were_asked_and_what_they_said() {
        for (said, expected) in [
            (vec![(Via::Direct, "refused")], "h:1 could not be reached directly: direct: refused"),
            (
                vec![(proxy(1), "reset"), (proxy(1), "502")],
                "h:1 could not be reached through 1 proxy: http://user:***@h1:1: 502",
            ),
            (
                vec![(proxy(1), "502"), (proxy(2), "reset"), (Via::Direct, "refused")],
                "h:1 could not be reached through 2 proxies and directly: http://user:***@h1:1: 502; http://user:***@h2:1: reset; direct: refused",
            ),
        ] {
            let mut all = Said::default();
            said.into_iter().for_each(|(via, words)| all.add(via, words));
            assert_eq!(all.about(&to("h:1")), expected);
        }
    }

    #[test]
    fn an_outage_is_news_once_for_each_client_and_destination() {
        let (all, now) = (Outages::default(), Instant::now());
        let recording = Some(RecordingId::new());
        assert_eq!(all.ends(None, &to("a:1")), None);
        assert!(all.begins(None, &to("a:1"), now));
        assert!(!all.begins(None, &to("a:1"), now));
        assert!(all.begins(None, &to("a:2"), now) && all.begins(recording, &to("a:1"), now));
        assert_eq!(all.ends(None, &to("a:1")).map(|(_, dials)| dials), Some(2));
        assert_eq!(all.ends(None, &to("a:1")), None, "it is over");
        assert!(all.begins(None, &to("a:1"), now) && !all.begins(recording, &to("a:1"), now));
    }

    #[test]
    fn it_is_forgotten_when_nobody_asks_any_more() {
        let (all, now) = (Outages::default(), Instant::now());
        assert!(all.begins(None, &to("a:1"), now));
        let later = now + FORGOTTEN_AFTER - Duration::from_secs(1);
        assert!(!all.begins(None, &to("a:1"), later));
        assert!(all.begins(None, &to("b:1"), later + FORGOTTEN_AFTER));
        assert_eq!(all.lock().len(), 1);
        assert!(all.begins(None, &to("a:1"), later + FORGOTTEN_AFTER));
    }

    #[test]
    fn hosts_without_number_do_not_fill_the_memory() {
        let (all, now) = (Outages::default(), Instant::now());
        for number in 0..MOST + 9 {
            let at = now + Duration::from_millis(number as u64);
            assert!(all.begins(None, &to(&format!("h{number}:1")), at));
        }
        assert_eq!(all.lock().len(), MOST);
        assert!(!all.begins(None, &to(&format!("h{}:1", MOST + 8)), now), "the oldest went");
    }
}

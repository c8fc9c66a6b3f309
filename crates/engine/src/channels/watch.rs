//! Looking at channels: Twitch's API for all of its channels at once where there are credentials, Streamlink for each of the
//! others, a few at a time. A channel that is being recorded is not looked at by Streamlink: its recording knows.
//!
//! Where Twitch refuses our credentials, Streamlink looks at those channels that were asked for in vain, exactly as without
//! any. Twitch is asked first all the same: while it is too early to ask again, that costs no request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use holdfast_model::{ChannelId, Scene};
use holdfast_pool::{Choice, Request};
use holdfast_recorder::{Look, StreamlinkOptions, look, site_of};
use holdfast_store::ChannelRow;
use holdfast_twitch::{Stream, TwitchError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Channels;
use super::outage::{Cause, Trouble};
use super::refused::Witness;
use super::standing::Sight;
use crate::routes::GatewayRoutes;
use crate::view::ChannelView;
use crate::{Engine, Refusal};

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);
/// How often the limits are looked through; after each recording they are anyway.
const LIMITS_EVERY: Duration = Duration::from_secs(3600);
/// Looks side by side: each costs a second or two of processor time.
pub(super) const SIDE_BY_SIDE: usize = 2;

/// When each channel is looked at next.
#[derive(Default)]
struct Round {
    due: HashMap<ChannelId, Instant>,
    /// Being looked at by Streamlink.
    looking: HashSet<ChannelId>,
    /// Twitch is being asked.
    asking: bool,
    /// Those of Twitch that Streamlink is to look at, for Twitch refused to be asked; since when.
    instead: HashMap<ChannelId, Instant>,
    /// No request to Twitch before this: it asked for patience.
    not_before: Option<Instant>,
}

/// What a finished look was.
enum Done {
    /// At one channel.
    One(ChannelId),
    /// At those of Twitch.
    Twitch(Asked),
}

/// What came of asking Twitch.
enum Asked {
    /// It answered, or has an outage; how long it wants to be left alone, if it said so.
    Heard(Option<Duration>),
    /// It refuses who is asking: nothing is known of these.
    Refused(Vec<ChannelId>),
}

impl Channels {
    /// This channel is looked at as soon as there is room.
    pub(crate) fn look_soon(&self, id: ChannelId) {
        self.with(id, |channel| channel.look_now = true);
        self.due.notify_one();
    }

    /// All channels of Twitch are.
    pub(super) fn look_soon_on_twitch(&self) {
        let mut all = self.lock();
        let on_twitch = all.values_mut().filter(|channel| channel.row.username.is_some());
        on_twitch.for_each(|channel| channel.look_now = true);
        drop(all);
        self.due.notify_one();
    }
}

impl Engine {
    /// Looks at channels until the server stops.
    pub(crate) async fn watch_channels(self) {
        let mut round = Round::default();
        let mut looks: JoinSet<Done> = JoinSet::new();
        let mut limits_at = Instant::now();
        loop {
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                () = sleep(TICK) => {}
                () = self.inner.channels.due.notified() => {}
                Some(done) = looks.join_next(), if !looks.is_empty() => {
                    if let Ok(done) = done {
                        round.finished(&done);
                    }
                }
            }
            if self.inner.recordings.is_closing() {
                return;
            }
            if limits_at <= Instant::now() {
                limits_at = Instant::now() + LIMITS_EVERY;
                self.heed_limits_soon();
            }
            self.start_due_channels();
            self.look_at_due(&mut round, &mut looks);
        }
    }

    fn look_at_due(&self, round: &mut Round, looks: &mut JoinSet<Done>) {
        let interval = Duration::from_secs(self.inner.channels.settings().channel_check_seconds.into());
        let now = Instant::now();
        let (linked, refused) = (self.twitch().is_some(), self.inner.channels.links.is_refused());
        let (mut due, mut on_twitch, mut ask_twitch) = (Vec::new(), Vec::new(), false);
        let mut channels = self.inner.channels.lock();
        round.due.retain(|id, _| channels.contains_key(id));
        round
            .instead
            .retain(|id, _| channels.get(id).is_some_and(|c| linked && c.standing.recording.is_none()));
        for (id, channel) in channels.iter_mut() {
            let at = round.due.entry(*id).or_insert(now);
            if std::mem::take(&mut channel.look_now) {
                *at = now;
            }
            let is_due = *at <= now;
            if let (true, Some(login)) = (linked, &channel.row.username) {
                ask_twitch |= is_due;
                // One request is for all of them; a look by Streamlink is for one, in its own time.
                if is_due || !refused {
                    on_twitch.push((*id, login.clone()));
                }
                due.extend(
                    round.instead.get(id).filter(|_| !round.looking.contains(id)).map(|at| (*at, *id)),
                );
            } else if is_due && channel.standing.recording.is_some() {
                *at = now + interval;
            } else if is_due && !round.looking.contains(id) {
                due.push((*at, *id));
            }
        }
        drop(channels);
        let patient = round.not_before.is_some_and(|at| now < at);
        if ask_twitch && !patient && !round.asking {
            round.asking = true;
            round.due.extend(on_twitch.iter().map(|(id, _)| (*id, now + interval)));
            let engine = self.clone();
            looks.spawn(async move { Done::Twitch(engine.look_on_twitch(on_twitch).await) });
        }
        // Those that wait longest come first.
        due.sort_unstable();
        for (_, id) in due.into_iter().take(SIDE_BY_SIDE.saturating_sub(round.looking.len())) {
            round.looking.insert(id);
            round.instead.remove(&id);
            round.due.insert(id, now + interval);
            let engine = self.clone();
            looks.spawn(async move {
                engine.look_by_streamlink(id).await;
                Done::One(id)
            });
        }
    }

    /// Looks at one channel now, and answers when that is done.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn check_channel(&self, id: ChannelId) -> Result<ChannelView, Refusal> {
        let engine = self.clone();
        // Whoever asked may hang up: what was seen is told all the same.
        self.carry_out(async move {
            let login = engine.inner.channels.with(id, |channel| channel.row.username.clone());
            match (login.ok_or_else(|| Refusal::no_channel(id))?, engine.twitch()) {
                (Some(login), Some(_)) => {
                    if let Asked::Refused(_) = engine.look_on_twitch(vec![(id, login)]).await {
                        engine.look_by_streamlink(id).await;
                    }
                }
                _ => engine.look_by_streamlink(id).await,
            }
            engine.channel(id)
        })
        .await
    }

    /// Asks Twitch for all of these.
    async fn look_on_twitch(&self, wanted: Vec<(ChannelId, String)>) -> Asked {
        let Some(link) = self.twitch() else { return Asked::Heard(None) };
        let logins: Vec<_> = wanted.iter().map(|(_, login)| login.clone()).collect();
        let found = link.twitch.streams(&logins).await;
        // Whatever was said to credentials that were replaced meanwhile, the present ones are asked for the same again.
        if self.twitch().is_some_and(|present| Arc::ptr_eq(&present, &link)) {
            self.note_twitch(Witness::Api, &found);
        }
        // Also through an outage that comes on top: who looks by Streamlink does so until Twitch takes us again.
        if let Err(error) = &found
            && (error.is_refusal() || self.inner.channels.links.is_refused())
        {
            return Asked::Refused(wanted.into_iter().map(|(id, _)| id).collect());
        }
        let sight = |(id, login): (ChannelId, String)| (id, self.sight_on_twitch(id, &login, &found));
        self.saw(wanted.into_iter().map(sight).collect()).await;
        Asked::Heard(match found {
            Err(TwitchError::RateLimited { until }) => (until - Utc::now()).to_std().ok(),
            _ => None,
        })
    }

    /// What Twitch's answer says of a channel; nothing if Twitch itself told otherwise a moment ago.
    fn sight_on_twitch(
        &self,
        id: ChannelId,
        login: &str,
        found: &Result<HashMap<String, Stream>, TwitchError>,
    ) -> Sight {
        let stream = match found {
            Ok(streams) => streams.get(login),
            Err(error) => return Sight::Unknown(Trouble::new(Cause::Twitch, error.to_string())),
        };
        if self.twitch_told_otherwise(id, stream.is_some()) {
            return Sight::Outdated;
        }
        stream.map_or(Sight::Offline, |stream| Sight::Live {
            id: Some(stream.id.clone()),
            since: Some(stream.started_at),
            scene: Some(Scene { title: stream.title.clone(), category: stream.category.clone() }),
        })
    }

    /// Whether Twitch itself told the opposite a moment ago.
    fn twitch_told_otherwise(&self, id: ChannelId, live: bool) -> bool {
        let told = self.inner.channels.with(id, |channel| channel.told_lately()).flatten();
        told.is_some_and(|told| told != live)
    }

    async fn look_by_streamlink(&self, id: ChannelId) {
        let Ok(_seat) = self.inner.channels.seats.acquire().await else { return };
        let Some(row) = self.inner.channels.with(id, |channel| channel.row.clone()) else { return };
        if let Some(why) = row.locked.as_ref().filter(|_| row.url.expose().is_empty()) {
            return self.saw(vec![(id, Sight::Unknown(Trouble::other(why)))]).await;
        }
        let tools = match &self.inner.recordings.tools {
            Ok(tools) => tools,
            Err(error) => {
                let trouble = Trouble::other(error.to_string());
                return self.saw(vec![(id, Sight::Unknown(trouble))]).await;
            }
        };
        let account = GatewayRoutes::new(self.inner.gateway.recordings.clone()).visitor(&row.tags);
        let options = StreamlinkOptions::parse(&row.streamlink_options).unwrap_or_default();
        let seen =
            look(row.url.expose(), &row.quality, account, tools, &options, row.user_token.as_ref()).await;
        let sight = match seen {
            Look::Live { title, category, .. } => {
                let scene = Scene { title, category };
                let told = scene != Scene::default();
                Sight::Live { id: None, since: None, scene: told.then_some(scene) }
            }
            Look::Offline(_) => Sight::Offline,
            Look::Unreachable(why) => Sight::Unknown(self.trouble_beyond(&row, why)),
            Look::Unclear(why) => Sight::Unknown(Trouble::other(why)),
        };
        let outdated = match sight {
            Sight::Live { .. } => self.twitch_told_otherwise(id, true),
            Sight::Offline => self.twitch_told_otherwise(id, false),
            Sight::Outdated | Sight::Unknown(_) => false,
        };
        self.saw(vec![(id, if outdated { Sight::Outdated } else { sight })]).await;
    }

    /// What is the matter when nothing of this channel could be reached.
    fn trouble_beyond(&self, row: &ChannelRow, why: String) -> Trouble {
        let request = Request { tags: &row.tags, ..Request::default() };
        match self.inner.memory.pool().read(|pool| pool.select(&request)) {
            Choice::Proxy { .. } => {
                Trouble::new(Cause::Site(site_of(row.url.expose()).unwrap_or_default()), why)
            }
            Choice::Direct(_) => Trouble::new(Cause::Way, why),
            // Streamlink takes that for a page without streams, and says so.
            Choice::NoRoute(reason) => Trouble::new(Cause::Way, format!("no route: {reason}")),
        }
    }
}

impl Round {
    fn finished(&mut self, done: &Done) {
        match done {
            Done::One(id) => {
                self.looking.remove(id);
            }
            Done::Twitch(Asked::Heard(patience)) => {
                self.asking = false;
                self.instead.clear();
                self.not_before = patience.map(|span| Instant::now() + span);
            }
            Done::Twitch(Asked::Refused(unseen)) => {
                self.asking = false;
                let now = Instant::now();
                for id in unseen {
                    self.instead.entry(*id).or_insert(now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_twitch_refused_wait_their_turn_until_it_answers() {
        let (mut round, first, second) = (Round::default(), ChannelId(1), ChannelId(2));
        round.asking = true;
        round.finished(&Done::Twitch(Asked::Refused(vec![first])));
        assert!(!round.asking);
        let since = round.instead[&first];
        // Refused again before Streamlink came to it: it waits no longer for that.
        round.finished(&Done::Twitch(Asked::Refused(vec![first, second])));
        assert_eq!((round.instead[&first], round.instead.len()), (since, 2));
        round.finished(&Done::Twitch(Asked::Heard(None)));
        assert!(round.instead.is_empty(), "Twitch has told of all of them");
    }
}

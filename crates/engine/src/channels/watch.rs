//! Looking at channels: Streamlink asks for each whether it is live, a few at a time. A channel that is being recorded is not
//! looked at: its recording knows.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use holdfast_model::{ChannelId, Scene};
use holdfast_recorder::{Look, StreamlinkOptions, look};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Channels;
use super::standing::Sight;
use crate::routes::GatewayRoutes;
use crate::view::ChannelView;
use crate::{Engine, Refusal};

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);
/// How often the limits are looked through; after each recording they are anyway.
const LIMITS_EVERY: Duration = Duration::from_secs(3600);
/// Looks side by side: each costs a second or two of processor time.
const SIDE_BY_SIDE: usize = 2;

/// When each channel is looked at next.
#[derive(Default)]
struct Round {
    due: HashMap<ChannelId, Instant>,
    /// Being looked at.
    looking: HashSet<ChannelId>,
}

impl Channels {
    /// This channel is looked at as soon as there is room.
    pub(crate) fn look_soon(&self, id: ChannelId) {
        self.with(id, |channel| channel.look_now = true);
        self.due.notify_one();
    }
}

impl Engine {
    /// Looks at channels until the server stops.
    pub(crate) async fn watch_channels(self) {
        let mut round = Round::default();
        let mut looks: JoinSet<ChannelId> = JoinSet::new();
        let mut limits_at = Instant::now();
        loop {
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                () = sleep(TICK) => {}
                () = self.inner.channels.due.notified() => {}
                Some(done) = looks.join_next(), if !looks.is_empty() => {
                    if let Ok(id) = done {
                        round.looking.remove(&id);
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

    fn look_at_due(&self, round: &mut Round, looks: &mut JoinSet<ChannelId>) {
        let interval = Duration::from_secs(self.inner.channels.settings().channel_check_seconds.into());
        let now = Instant::now();
        let mut due = Vec::new();
        let mut channels = self.inner.channels.lock();
        round.due.retain(|id, _| channels.contains_key(id));
        for (id, channel) in channels.iter_mut() {
            let at = round.due.entry(*id).or_insert(now);
            if std::mem::take(&mut channel.look_now) {
                *at = now;
            }
            if *at > now || round.looking.contains(id) {
                continue;
            }
            if channel.standing.recording.is_some() {
                *at = now + interval;
            } else {
                due.push((*at, *id));
            }
        }
        drop(channels);
        // Those that wait longest come first.
        due.sort_unstable();
        for (_, id) in due.into_iter().take(SIDE_BY_SIDE.saturating_sub(round.looking.len())) {
            round.looking.insert(id);
            round.due.insert(id, now + interval);
            let engine = self.clone();
            looks.spawn(async move {
                engine.look_by_streamlink(id).await;
                id
            });
        }
    }

    /// Looks at one channel now, and answers when that is done.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn check_channel(&self, id: ChannelId) -> Result<ChannelView, Refusal> {
        self.channel(id)?;
        self.look_by_streamlink(id).await;
        self.channel(id)
    }

    async fn look_by_streamlink(&self, id: ChannelId) {
        let Some(row) = self.inner.channels.with(id, |channel| channel.row.clone()) else { return };
        let tools = match &self.inner.recordings.tools {
            Ok(tools) => tools,
            Err(error) => return self.saw(vec![(id, Sight::Unknown(error.to_string()))]).await,
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
            Look::Unreachable(why) | Look::Unclear(why) => Sight::Unknown(why),
        };
        self.saw(vec![(id, sight)]).await;
    }
}

//! Channels: who goes live, and that it is recorded then, unattended.
//!
//! A look (`watch.rs`: Twitch's API for all of its channels at once, Streamlink for everything else) or a message from
//! Twitch (`eventsub.rs`) becomes a [`Sight`]; `standing.rs` says what it changes, `outage.rs` what is told of looks that
//! fail; `start.rs` begins recordings and hears of their end. `link.rs` is the connection to Twitch, `refused.rs` whether it
//! takes our credentials, `wishes.rs` what people want of channels, `settings.rs` what they want in general (`public_url.rs`:
//! where Twitch delivers), `filename.rs` how a template names files. Everything goes through the gateway, by the rules of the
//! pool.

mod eventsub;
mod filename;
mod link;
mod outage;
mod public_url;
mod refused;
mod settings;
mod standing;
mod start;
mod watch;
mod wishes;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use holdfast_model::{ChannelId, Level, Scene, in_micros};
use holdfast_store::{ChannelRow, ChannelState, Limits, ServerSettingsRow};
use serde_json::json;
use tokio::sync::{Notify, Semaphore, watch as channel};

use crate::journal::{Note, word};
use crate::view::{ChannelStatusView, ChannelView, ContainerView};
use crate::{Engine, Refusal};

pub use eventsub::PATH as EVENTSUB_PATH;
pub use settings::SettingsChange;
pub use wishes::{ChannelChange, ChannelWish};

pub(crate) use eventsub::EventSub;
pub(crate) use link::Links;
pub(crate) use refused::Witness;
pub(crate) use standing::End;
pub(crate) use start::Order;

use outage::{Outages, Told, Trouble};
use standing::{Change, Sight, Standing, Status};

/// For so long what Twitch told by itself counts more than what its API answers.
const TOLD_COUNTS: Duration = Duration::from_secs(180);

/// All channels, in memory and kept up in the store.
pub(crate) struct Channels {
    all: Mutex<BTreeMap<ChannelId, Channel>>,
    settings: Mutex<Arc<ServerSettingsRow>>,
    pub(crate) links: Links,
    pub(crate) eventsub: EventSub,
    outages: Mutex<Outages>,
    /// Something is due before the regular time.
    due: Notify,
    /// Subscriptions with Twitch may have to change.
    resubscribe: Notify,
    /// Looks by Streamlink at a time.
    seats: Semaphore,
    /// One writes down where channels stand at a time, so that no older state overwrites a newer one.
    storing: tokio::sync::Mutex<()>,
    /// One round of deleting at a time.
    pub(crate) deleting: tokio::sync::Mutex<()>,
}

/// One channel: what is stored of it, and where it stands.
struct Channel {
    row: ChannelRow,
    standing: Standing,
    /// What its broadcast is called, for the recording under way.
    scene: channel::Sender<Scene>,
    /// To be looked at before its time.
    look_now: bool,
    /// What Twitch itself told last, and when: that it is live, or no longer.
    told: Option<(bool, Instant)>,
}

impl Channel {
    fn new(row: ChannelRow) -> Self {
        let row = wishes::as_written_today(row);
        let standing = Standing::remembered(&row.state);
        let scene = channel::Sender::new(standing.scene.clone());
        Self { row, standing, scene, look_now: false, told: None }
    }

    /// What Twitch told lately: its API says otherwise for a minute or two.
    fn told_lately(&self) -> Option<bool> {
        self.told.filter(|(_, at)| at.elapsed() < TOLD_COUNTS).map(|(live, _)| live)
    }

    /// What the store keeps of where it stands.
    fn state(&self) -> ChannelState {
        ChannelState {
            display_name: self.row.state.display_name.clone(),
            twitch_id: self.row.state.twitch_id.clone(),
            title: self.standing.scene.title.clone(),
            category: self.standing.scene.category.clone(),
            live_since: self.standing.live.map(in_micros),
            last_checked_at: self.standing.checked_at.map(in_micros),
            broadcast_id: self.standing.broadcast.clone(),
            declined_at: self.standing.declined.map(in_micros),
        }
    }

    fn view(&self) -> ChannelView {
        let Self { row, standing, .. } = self;
        ChannelView {
            id: row.id.0,
            username: row.username.clone(),
            url: row.url_masked.clone(),
            display_name: row.state.display_name.clone(),
            record: row.record,
            quality: row.quality.clone(),
            tags: row.tags.clone(),
            status: match standing.status() {
                Status::Offline => ChannelStatusView::Offline,
                Status::Live => ChannelStatusView::Live,
                Status::Waiting if row.record => ChannelStatusView::Waiting,
                Status::Waiting => ChannelStatusView::Live,
                Status::Recording => ChannelStatusView::Recording,
            },
            live_since: standing.live.map(in_micros),
            title: standing.scene.title.clone(),
            category: standing.scene.category.clone(),
            recording_id: standing.recording,
            last_checked_at: standing.checked_at.map(in_micros),
            waiting_reason: standing.waiting.clone(),
            last_error: standing
                .refused
                .as_ref()
                .or(standing.error.as_ref())
                .or(row.locked.as_ref())
                .cloned(),
            filename_template: row.filename_template.clone(),
            container: row.container.as_deref().and_then(ContainerView::of),
            max_age_days: row.limits.max_age_days,
            max_count: row.limits.max_count,
            max_bytes: row.limits.max_bytes,
            streamlink_options: row.streamlink_options.clone(),
            has_token: row.has_token,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Channels {
    pub(crate) fn new(rows: Vec<ChannelRow>, settings: ServerSettingsRow) -> Self {
        Self {
            all: Mutex::new(rows.into_iter().map(|row| (row.id, Channel::new(row))).collect()),
            settings: Mutex::new(Arc::new(settings)),
            links: Links::default(),
            eventsub: EventSub::default(),
            outages: Mutex::default(),
            due: Notify::new(),
            resubscribe: Notify::new(),
            seats: Semaphore::new(watch::SIDE_BY_SIDE),
            storing: tokio::sync::Mutex::new(()),
            deleting: tokio::sync::Mutex::new(()),
        }
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> Arc<ServerSettingsRow> {
        Arc::clone(&lock(&self.settings))
    }

    fn put_settings(&self, settings: ServerSettingsRow) {
        *lock(&self.settings) = Arc::new(settings);
    }

    /// The limits of each channel.
    pub(crate) fn limits(&self) -> HashMap<ChannelId, Limits> {
        self.lock().values().map(|channel| (channel.row.id, channel.row.limits)).collect()
    }

    /// What a recording of this channel is told of its title and category.
    fn scene(&self, id: ChannelId) -> Option<channel::Receiver<Scene>> {
        self.lock().get(&id).map(|channel| channel.scene.subscribe())
    }

    /// Changes where a channel stands; `None` if it is gone.
    fn with<T>(&self, id: ChannelId, change: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        self.lock().get_mut(&id).map(change)
    }

    /// Takes in how looks went. Who was removed meanwhile is left out; whoever is removed later is forgotten later.
    fn heed(&self, looks: impl Iterator<Item = (ChannelId, Option<Trouble>)>) -> Vec<Told> {
        let mut outages = self.outages();
        outages.heed(looks.filter(|(id, _)| self.lock().contains_key(id)))
    }

    fn outages(&self) -> MutexGuard<'_, Outages> {
        lock(&self.outages)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ChannelId, Channel>> {
        lock(&self.all)
    }
}

impl Engine {
    /// All channels, by name.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelView> {
        let mut all: Vec<_> = self.inner.channels.lock().values().map(Channel::view).collect();
        all.sort_by_cached_key(|view| (view.display_name.to_lowercase(), view.id));
        all
    }

    /// One channel.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn channel(&self, id: ChannelId) -> Result<ChannelView, Refusal> {
        self.inner.channels.with(id, |channel| channel.view()).ok_or_else(|| Refusal::no_channel(id))
    }

    /// Takes over how looks at channels went, stores what changed and tells it.
    async fn saw(&self, sights: Vec<(ChannelId, Sight)>) {
        let trouble = |sight: &Sight| match sight {
            Sight::Unknown(trouble) => Some(trouble.clone()),
            Sight::Live { .. } | Sight::Offline | Sight::Outdated => None,
        };
        let outages = self.inner.channels.heed(sights.iter().map(|(id, sight)| (*id, trouble(sight))));
        self.take_over(sights, outages).await;
    }

    /// The same for what Twitch told by itself, which says nothing of looks.
    async fn heard(&self, id: ChannelId, sight: Sight) {
        self.take_over(vec![(id, sight)], Vec::new()).await;
    }

    async fn take_over(&self, sights: Vec<(ChannelId, Sight)>, outages: Vec<Told>) {
        let now = Utc::now();
        let mut seen = Vec::new();
        let mut notes = Vec::new();
        for (id, sight) in sights {
            let found = self.inner.channels.with(id, |channel| {
                let change = channel.standing.see(sight, now);
                channel.scene.send_if_modified(|scene| {
                    let other = *scene != channel.standing.scene;
                    scene.clone_from(&channel.standing.scene);
                    other
                });
                (change, channel.view())
            });
            let Some((change, view)) = found else { continue };
            seen.push(id);
            notes.extend(note(change, id, &view));
        }
        notes.extend(outages.iter().filter_map(|told| self.note_of_outage(told)));
        self.store_standing(&seen).await;
        for note in notes {
            match note.level {
                _ if !note.logged => {}
                Level::Info => tracing::info!("{}", note.message),
                Level::Warning | Level::Error => tracing::warn!("{}", note.message),
            }
            self.inner.memory.tell(note);
        }
        self.start_due_channels();
    }

    /// Writes down where these channels stand.
    pub(crate) async fn store_standing(&self, ids: &[ChannelId]) {
        let (channels, memory) = (&self.inner.channels, &self.inner.memory);
        let _turn = channels.storing.lock().await;
        let state = |id: &ChannelId| Some((*id, channels.with(*id, |channel| channel.state())?));
        let states: Vec<_> = ids.iter().filter_map(state).collect();
        if memory.heed(memory.store().save_channel_states(&states).await).is_err() {
            // The next look writes it.
            tracing::debug!("where channels stand could not be stored");
        }
    }

    fn note_of_outage(&self, told: &Told) -> Option<Note> {
        let name =
            |id| self.channel(id).map_or_else(|_| "a removed channel".to_owned(), |view| view.display_name);
        let (level, message) = (told.level(), told.words(name));
        if let Some(id) = told.channel() {
            let view = self.channel(id).ok()?;
            return Some(about(id, &view, Note::new("streamer_updated", level, message)));
        }
        let note = Note::new("notice", level, message.clone());
        Some(note.with("message", json!(message)).with("level", json!(word(level))))
    }

    /// Shows how a channel is now, where the event log has another word for what happened.
    fn show_channel(&self, id: ChannelId) {
        if let Ok(view) = self.channel(id) {
            self.inner
                .memory
                .tell(about(id, &view, Note::new("streamer_updated", Level::Info, "")).fleeting());
        }
    }

    /// Tells how a channel is now.
    fn tell_channel(&self, id: ChannelId, kind: &'static str, level: Level, message: impl Into<String>) {
        if let Ok(view) = self.channel(id) {
            self.inner.memory.tell(about(id, &view, Note::new(kind, level, message)));
        }
    }
}

/// Whoever panicked with the lock left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(change: Change, id: ChannelId, view: &ChannelView) -> Option<Note> {
    let name = &view.display_name;
    let note = match change {
        Change::Nothing => return None,
        Change::WentLive => {
            let title = view.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
            Note::new("streamer_online", Level::Info, format!("{name} is live{title}"))
        }
        Change::WentOffline => Note::new("streamer_offline", Level::Info, format!("{name} is offline")),
        Change::Renamed => {
            let title = view.title.as_deref().unwrap_or("no title");
            let category = view.category.as_deref().unwrap_or("no category");
            Note::new("streamer_updated", Level::Info, format!("{name} now: {title} ({category})"))
        }
        // Only that its error is another; of that tells the outage.
        Change::Told => Note::new("streamer_updated", Level::Info, "").fleeting(),
    };
    Some(about(id, view, note))
}

fn about(id: ChannelId, view: &ChannelView, note: Note) -> Note {
    note.channel(id).with("streamer", json!(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_removed_stays_in_no_outage() {
        let channels = Channels::new(Vec::new(), ServerSettingsRow::default());
        let look = (ChannelId(1), Some(Trouble::other("it was removed while it was looked at")));
        // Whoever removes one forgets it under the same lock, and later.
        let under_the_lock = |_: &_| assert!(channels.outages.try_lock().is_err());
        assert_eq!(channels.heed(std::iter::once(look).inspect(under_the_lock)), []);
    }
}

//! Beginning the recordings of channels, and hearing of their end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use holdfast_model::{ChannelId, Level, RecordingId, Scene};
use holdfast_recorder::ports::{Liveness, Platform};
use holdfast_recorder::{Container, RecordRequest, StreamlinkOptions, Template};
use holdfast_twitch::TwitchError;

use super::standing::End;
use crate::view::ContainerView;
use crate::{Engine, Refusal};

/// Everything that a recording is begun with.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) quality: String,
    pub(crate) tags: Vec<String>,
    /// What it is called as long as nothing better is known.
    pub(crate) name: String,
    pub(crate) scene: Scene,
    pub(crate) channel: Option<ChannelId>,
    /// How its file is named; `None`: by its address and the time.
    pub(crate) template: Option<Template>,
    pub(crate) container: Container,
}

impl Order {
    /// For a stream that belongs to no channel.
    pub(crate) fn of_address(url: String, name: String) -> Self {
        Self {
            url,
            quality: "best".to_owned(),
            tags: Vec::new(),
            name,
            scene: Scene::default(),
            channel: None,
            template: None,
            container: Container::Ts,
        }
    }
}

impl Engine {
    /// Starts what is to be recorded now, in the background.
    pub(crate) fn start_due_channels(&self) {
        if self.inner.recordings.is_closing() {
            return;
        }
        let now = Instant::now();
        let mut due = Vec::new();
        for channel in self.inner.channels.lock().values_mut() {
            if channel.standing.wants_recording(channel.row.record, now) {
                channel.standing.begin();
                due.push(channel.row.id);
            }
        }
        for id in due {
            self.inner.tracker.spawn(self.clone().start_channel(id));
        }
    }

    async fn start_channel(self, id: ChannelId) {
        if self.adopt_recording(id).await {
            return;
        }
        let started = match self.order_of(id) {
            Ok(order) => self.begin(order).await,
            Err(error) => Err(error),
        };
        let Err(error) = started else { return };
        let reason = error.to_string();
        let now = Instant::now();
        let waits = matches!(error, Refusal::NoRoute(_));
        let news = self.inner.channels.with(id, |channel| match error {
            Refusal::NoRoute(_) => channel.standing.no_route(&reason, now),
            Refusal::Unavailable(_) => {
                channel.standing.put_off(now);
                false
            }
            _ => channel.standing.refused(&reason, now),
        });
        let (Some(true), Ok(view)) = (news, self.channel(id)) else { return };
        let name = view.display_name;
        let (kind, message) = match waits {
            true => ("streamer_waiting", format!("{name} is live and waits for a route: {reason}")),
            false => ("streamer_updated", format!("{name} is live and is not recorded: {reason}")),
        };
        tracing::warn!("{message}");
        self.tell_channel(id, kind, Level::Warning, message);
    }

    /// What a recording of this address is begun with: that of a channel by the channel's rules.
    pub(crate) fn order_of_address(&self, url: String, name: String) -> Result<Order, Refusal> {
        let of = |channel: &&super::Channel| channel.row.url.expose() == url;
        let channel = self.inner.channels.lock().values().find(of).map(|channel| channel.row.id);
        channel.map_or_else(|| Ok(Order::of_address(url, name)), |id| self.order_of(id))
    }

    /// What a recording of this channel is begun with now.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Conflict`] if its address cannot be read with this secret key.
    pub(crate) fn order_of(&self, id: ChannelId) -> Result<Order, Refusal> {
        let channels = &self.inner.channels;
        let settings = channels.settings();
        let found = channels.with(id, |channel| (channel.row.clone(), channel.standing.scene.clone()));
        let (row, scene) = found.ok_or_else(|| Refusal::no_channel(id))?;
        if row.url.expose().is_empty() {
            return Err(Refusal::Conflict(format!(
                "the address of {} was stored with another secret key: remove the channel and add it again",
                row.state.display_name
            )));
        }
        let template = row.filename_template.as_deref().unwrap_or(&settings.filename_template);
        let container = row.container.as_deref().unwrap_or(&settings.container);
        Ok(Order {
            url: row.url.expose().to_owned(),
            quality: row.quality,
            tags: row.tags,
            name: row.state.display_name,
            scene,
            channel: Some(id),
            template: Some(template_of(template)?),
            container: ContainerView::of(container).unwrap_or(ContainerView::Ts).into(),
        })
    }

    /// Gives a request what the settings and its channel add to it: also one that goes on after a crash.
    pub(crate) fn equip(&self, request: &mut RecordRequest, channel: Option<ChannelId>) {
        let channels = &self.inner.channels;
        request.disk_floor = channels.settings().disk_floor_bytes;
        request.thumbnail = true;
        let Some(id) = channel else { return };
        let Some(row) = channels.with(id, |channel| channel.row.clone()) else { return };
        // They were valid when they were stored; what this version knows no more is left out.
        request.options = StreamlinkOptions::parse(&row.streamlink_options).unwrap_or_default();
        request.token.clone_from(&row.user_token);
        request.channel = Some(row.state.display_name);
        request.scene = channels.scene(id);
        if let Some(login) = row.username {
            request.platform = Some(Arc::new(OnTwitch { engine: self.clone(), channel: id, login }));
        }
        request.linger = Duration::from_secs(channels.settings().channel_linger_seconds.into());
    }

    /// A recording runs.
    pub(crate) fn channel_recorded(&self, channel: ChannelId, recording: RecordingId) {
        self.inner.channels.with(channel, |channel| channel.standing.started(recording));
        self.show_channel(channel);
    }

    /// A person stops a recording: its channel is left alone until the next broadcast.
    pub(crate) fn channel_declined(&self, channel: ChannelId, recording: RecordingId) {
        self.inner.channels.with(channel, |channel| channel.standing.decline(recording, Utc::now()));
    }

    /// A recording ended.
    pub(crate) fn channel_left(&self, channel: ChannelId, recording: RecordingId, how: End, brought: bool) {
        let now = Instant::now();
        let ended =
            self.inner.channels.with(channel, |channel| channel.standing.ended(recording, how, brought, now));
        if ended == Some(true) {
            self.show_channel(channel);
            self.inner.channels.look_soon(channel);
        }
    }

    /// Channels that wait for a route try again: there may be one.
    pub(crate) fn route_appeared(&self) {
        self.inner.channels.lock().values_mut().for_each(|channel| channel.standing.route_appeared());
        self.start_due_channels();
    }
}

/// Twitch, asked whether a channel is live, where there are credentials for it.
struct OnTwitch {
    engine: Engine,
    channel: ChannelId,
    login: String,
}

#[async_trait]
impl Platform for OnTwitch {
    async fn is_live(&self) -> Liveness {
        let told = self.engine.inner.channels.with(self.channel, |channel| channel.told_lately()).flatten();
        if let Some(live) = told {
            return if live { Liveness::Live } else { Liveness::Offline };
        }
        let Some(link) = self.engine.twitch() else {
            return Liveness::Unknown("there are no Twitch credentials".to_owned());
        };
        match link.twitch.streams(std::slice::from_ref(&self.login)).await {
            Ok(streams) if streams.contains_key(&self.login) => Liveness::Live,
            Ok(_) => Liveness::Offline,
            Err(error @ (TwitchError::Unavailable(_) | TwitchError::RateLimited { .. })) => {
                Liveness::Failing(error.to_string())
            }
            // Until a person mends the credentials it knows no more than without any.
            Err(error) => Liveness::Unknown(error.to_string()),
        }
    }
}

/// A stored template; it was valid when it was stored.
fn template_of(text: &str) -> Result<Template, Refusal> {
    Template::parse(text).map_err(|error| {
        Refusal::Conflict(format!(
            "the template of file names cannot be used: {error}; change it in the settings"
        ))
    })
}

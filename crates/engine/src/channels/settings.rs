//! The settings of channels, files and credentials: read, checked (credentials with Twitch itself), stored, put in force.

use holdfast_model::{Level, Secret};
use holdfast_store::ServerSettingsRow;
use serde_json::json;

use super::link::{Link, credentials};
use super::public_url::public_url;
use super::wishes::valid_template;
use crate::journal::Note;
use crate::view::{ContainerView, ServerSettings};
use crate::wish::in_range;
use crate::{Engine, Refusal};

/// The smallest floor that makes sense: a segment or two of everything that runs, in bytes.
const LEAST_FLOOR: u64 = 64 << 20;

/// What is to change; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// The client id of an application registered with Twitch.
    pub twitch_client_id: Option<Option<String>>,
    /// Its client secret.
    pub twitch_client_secret: Option<Option<Secret>>,
    /// The address by which Twitch reaches this server.
    pub public_url: Option<Option<String>>,
    /// How often channels are looked at, in seconds: 10 to 3,600.
    pub channel_check_seconds: Option<u32>,
    /// For how long a channel that went offline may come back into the same recording, in seconds: 0 to 3,600.
    pub channel_linger_seconds: Option<u32>,
    /// How files are named.
    pub filename_template: Option<String>,
    /// The container of finished files.
    pub container: Option<ContainerView>,
    /// Recordings are deleted when they are so many days old.
    pub max_age_days: Option<Option<u32>>,
    /// The oldest are deleted when there are more than so many.
    pub max_count: Option<Option<u32>>,
    /// The oldest are deleted when they take more than so many bytes.
    pub max_bytes: Option<Option<u64>>,
    /// Free room on the disk below which nothing new starts, in bytes: at least 64 MiB.
    pub disk_floor_bytes: Option<u64>,
    /// Whether new credentials are stored without being tried.
    pub untested: bool,
}

impl Engine {
    /// The settings in force.
    #[must_use]
    pub fn server_settings(&self) -> ServerSettings {
        let channels = &self.inner.channels;
        let row = channels.settings();
        ServerSettings {
            twitch: channels.links.view(&row),
            eventsub: channels.eventsub.view(&row),
            twitch_client_id: row.twitch_client_id.clone(),
            has_twitch_client_secret: row.twitch_client_secret.is_some(),
            public_url: row.public_url.clone(),
            channel_check_seconds: row.channel_check_seconds,
            channel_linger_seconds: row.channel_linger_seconds,
            container: ContainerView::of(&row.container).unwrap_or(ContainerView::Ts),
            filename_template: row.filename_template.clone(),
            max_age_days: row.limits.max_age_days,
            max_count: row.limits.max_count,
            max_bytes: row.limits.max_bytes,
            disk_floor_bytes: row.disk_floor_bytes,
        }
    }

    /// Changes some of them. New credentials are tried with Twitch first.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a value out of range or credentials that Twitch refuses, [`Refusal::Conflict`] if Twitch could
    /// not be asked, [`Refusal::Unavailable`].
    pub async fn set_server_settings(&self, change: SettingsChange) -> Result<ServerSettings, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let old = memory.heed(memory.store().server_settings().await)?;
            let untested = change.untested;
            let tried = apply(&old, change.clone())?;
            // The very same ones once more, after a person put them right at Twitch.
            let again = matches!(change.twitch_client_secret, Some(Some(_)))
                && engine.inner.channels.links.is_refused();
            let link = match !untested && (again || has_other_credentials(&tried, &old)) {
                true => engine.try_credentials(&tried).await?,
                false => None,
            };
            let _turn = memory.turn_for_a_wish().await?;
            // What somebody else changed while Twitch was asked stays.
            let old = memory.heed(memory.store().server_settings().await)?;
            let new = apply(&old, change)?;
            memory.heed(memory.store().save_server_settings(&new).await)?;
            let relink = again || has_other_credentials(&new, &old);
            let link = link.filter(|_| !has_other_credentials(&new, &tried));
            engine.adopt_server_settings(new, relink, link);
            let view = engine.server_settings();
            let note = Note::new("settings_changed", Level::Info, "The settings were changed");
            memory.tell(note.with("settings", json!(view)));
            Ok(view)
        })
        .await
    }

    /// Keeps the secret that Twitch signs its messages with.
    pub(super) async fn keep_eventsub_secret(&self, secret: Secret) -> Result<(), Refusal> {
        let memory = &self.inner.memory;
        let _turn = memory.turn_for_a_wish().await?;
        let mut row = memory.heed(memory.store().server_settings().await)?;
        row.eventsub_secret = Some(secret);
        memory.heed(memory.store().save_server_settings(&row).await)?;
        self.inner.channels.put_settings(row);
        Ok(())
    }

    /// A connection that has a token, if there are credentials.
    async fn try_credentials(&self, settings: &ServerSettingsRow) -> Result<Option<Link>, Refusal> {
        let Some(credentials) = credentials(settings) else { return Ok(None) };
        let link = self.link(credentials).map_err(Refusal::Conflict)?;
        match link.twitch.token().await {
            Ok(_) => Ok(Some(link)),
            Err(holdfast_twitch::TwitchError::Credentials(why)) => Err(Refusal::Invalid(why)),
            Err(error) => Err(Refusal::Conflict(format!(
                "the credentials could not be tried and were not stored: {error}"
            ))),
        }
    }

    fn adopt_server_settings(&self, row: ServerSettingsRow, relink: bool, tried: Option<Link>) {
        let channels = &self.inner.channels;
        channels.put_settings(row);
        if relink {
            self.relink(tried);
        }
        channels.due.notify_one();
        channels.resubscribe.notify_one();
        self.heed_limits_soon();
    }
}

fn has_other_credentials(one: &ServerSettingsRow, other: &ServerSettingsRow) -> bool {
    one.twitch_client_id != other.twitch_client_id || one.twitch_client_secret != other.twitch_client_secret
}

fn apply(old: &ServerSettingsRow, change: SettingsChange) -> Result<ServerSettingsRow, Refusal> {
    let mut new = old.clone();
    if let Some(id) = change.twitch_client_id {
        new.twitch_client_id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        // The secret of another application is of no use.
        if new.twitch_client_id != old.twitch_client_id {
            new.twitch_client_secret = None;
            new.locked.twitch_client_secret = false;
        }
    }
    if let Some(secret) = change.twitch_client_secret {
        new.twitch_client_secret = secret.filter(|secret| !secret.expose().is_empty());
        new.locked.twitch_client_secret = false;
    }
    if let Some(url) = change.public_url {
        new.public_url = url.filter(|url| !url.trim().is_empty()).map(|url| public_url(&url)).transpose()?;
    }
    if let Some(seconds) = change.channel_check_seconds {
        new.channel_check_seconds = in_range("channel_check_seconds", seconds, 10, 3600)?;
    }
    if let Some(seconds) = change.channel_linger_seconds {
        new.channel_linger_seconds = in_range("channel_linger_seconds", seconds, 0, 3600)?;
    }
    if let Some(template) = change.filename_template {
        new.filename_template = valid_template(template)?;
    }
    if let Some(container) = change.container {
        new.container = container.word().to_owned();
    }
    if let Some(days) = change.max_age_days {
        new.limits.max_age_days = days;
    }
    if let Some(count) = change.max_count {
        new.limits.max_count = count;
    }
    if let Some(bytes) = change.max_bytes {
        new.limits.max_bytes = bytes;
    }
    if let Some(floor) = change.disk_floor_bytes {
        new.disk_floor_bytes = in_range("disk_floor_bytes", floor, LEAST_FLOOR, i64::MAX as u64)?;
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_client_id_takes_the_secret_of_the_old_one_away() {
        let old = ServerSettingsRow {
            twitch_client_id: Some("one".to_owned()),
            twitch_client_secret: Some(Secret::new("s")),
            ..ServerSettingsRow::default()
        };
        let change = |id: &str| SettingsChange {
            twitch_client_id: Some(Some(id.to_owned())),
            ..SettingsChange::default()
        };
        assert!(apply(&old, change("one")).expect("valid").twitch_client_secret.is_some());
        assert!(apply(&old, change("two")).expect("valid").twitch_client_secret.is_none());
    }
}

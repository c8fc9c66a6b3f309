//! The settings of channels and files: read, checked, stored, put in force.

use holdfast_model::Level;
use holdfast_store::ServerSettingsRow;
use serde_json::json;

use super::wishes::valid_template;
use crate::journal::Note;
use crate::view::{ContainerView, ServerSettings};
use crate::{Engine, Refusal};

/// The smallest floor that makes sense: a segment or two of everything that runs, in bytes.
const LEAST_FLOOR: u64 = 64 << 20;

/// What is to change; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
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
}

impl Engine {
    /// The settings in force.
    #[must_use]
    pub fn server_settings(&self) -> ServerSettings {
        let channels = &self.inner.channels;
        let row = channels.settings();
        ServerSettings {
            channel_check_seconds: row.channel_check_seconds,
            channel_linger_seconds: row.channel_linger_seconds,
            container: ContainerView::of(&row.container).unwrap_or(ContainerView::Ts),
            filename_template: row.filename_template,
            max_age_days: row.limits.max_age_days,
            max_count: row.limits.max_count,
            max_bytes: row.limits.max_bytes,
            disk_floor_bytes: row.disk_floor_bytes,
        }
    }

    /// Changes some of them. They are in force when this returns.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a value out of range, [`Refusal::Unavailable`].
    pub async fn set_server_settings(&self, change: SettingsChange) -> Result<ServerSettings, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            let old = memory.heed(memory.store().server_settings().await)?;
            let new = apply(&old, change)?;
            memory.heed(memory.store().save_server_settings(&new).await)?;
            engine.adopt_server_settings(new);
            let view = engine.server_settings();
            let note = Note::new("settings_changed", Level::Info, "The settings were changed");
            memory.tell(note.with("settings", json!(view)));
            Ok(view)
        })
        .await
    }

    fn adopt_server_settings(&self, row: ServerSettingsRow) {
        let channels = &self.inner.channels;
        *channels.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = row;
        channels.due.notify_one();
        self.heed_limits_soon();
    }
}

fn apply(old: &ServerSettingsRow, change: SettingsChange) -> Result<ServerSettingsRow, Refusal> {
    let mut new = old.clone();
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

fn in_range<T: Copy + PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    low: T,
    high: T,
) -> Result<T, Refusal> {
    if value < low || value > high {
        return Err(Refusal::Invalid(format!("{name} is {value}: it must be between {low} and {high}")));
    }
    Ok(value)
}

//! Table `server_settings`: the settings of channels, files and credentials, in one row, the secrets sealed.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, Iterable as _};

use crate::channels::limits;
use crate::convert::{count, small, text, uncount};
use crate::entity::server_settings::{ActiveModel, Column, Entity};
use crate::{Limits, LockedSecrets, ServerSettingsRow, Store, StoreError};

/// The number of the one row.
const ROW: i64 = 1;

/// The columns with secrets, as they are sealed for.
const CLIENT_SECRET: &str = "twitch_client_secret";
const EVENTSUB_SECRET: &str = "eventsub_secret";

/// Where a column is sealed for.
fn place(column: &str) -> String {
    format!("server_settings/{ROW}/{column}")
}

impl Default for ServerSettingsRow {
    /// What a fresh installation has.
    fn default() -> Self {
        Self {
            twitch_client_id: None,
            twitch_client_secret: None,
            public_url: None,
            eventsub_secret: None,
            locked: LockedSecrets::default(),
            channel_check_seconds: 60,
            channel_linger_seconds: 300,
            filename_template: "{channel}/{date} {title} [{id}]".to_owned(),
            container: "ts".to_owned(),
            limits: Limits::default(),
            disk_floor_bytes: 1 << 30,
        }
    }
}

impl Store {
    /// The settings as they are now; the defaults if somebody deleted the row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn server_settings(&self) -> Result<ServerSettingsRow, StoreError> {
        self.reading(async {
            let Some(found) = Entity::find_by_id(ROW).one(&self.reader).await? else {
                return Ok(ServerSettingsRow::default());
            };
            let open = |column: &str, sealed: Option<String>| {
                let opened = sealed.map(|sealed| self.vault.open(&place(column), &sealed));
                let locked = matches!(opened, Some(Err(_)));
                (opened.and_then(Result::ok), locked)
            };
            let (client, no_client) = open(CLIENT_SECRET, found.twitch_client_secret_encrypted);
            let (eventsub, no_eventsub) = open(EVENTSUB_SECRET, found.eventsub_secret_encrypted);
            Ok(ServerSettingsRow {
                twitch_client_secret: client,
                eventsub_secret: eventsub,
                locked: LockedSecrets { twitch_client_secret: no_client, eventsub_secret: no_eventsub },
                twitch_client_id: found.twitch_client_id,
                public_url: found.public_url,
                channel_check_seconds: small(found.channel_check_seconds).clamp(10, 3600),
                channel_linger_seconds: small(found.channel_linger_seconds).min(3600),
                filename_template: found.filename_template,
                container: found.container,
                limits: limits(found.max_age_days, found.max_count, found.max_bytes),
                disk_floor_bytes: uncount(found.disk_floor_bytes),
            })
        })
        .await
    }

    /// Writes the settings whole, but for secrets that are [locked](ServerSettingsRow::locked) and not given anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_server_settings(&self, settings: &ServerSettingsRow) -> Result<(), StoreError> {
        let seal = |column: &str, secret: Option<&holdfast_model::Secret>| {
            secret.map(|secret| self.vault.seal(&place(column), secret.expose())).transpose()
        };
        let model = ActiveModel {
            id: Set(ROW),
            twitch_client_id: Set(settings.twitch_client_id.as_deref().map(text)),
            twitch_client_secret_encrypted: Set(seal(CLIENT_SECRET, settings.twitch_client_secret.as_ref())?),
            public_url: Set(settings.public_url.as_deref().map(text)),
            eventsub_secret_encrypted: Set(seal(EVENTSUB_SECRET, settings.eventsub_secret.as_ref())?),
            channel_check_seconds: Set(settings.channel_check_seconds.into()),
            channel_linger_seconds: Set(settings.channel_linger_seconds.into()),
            filename_template: Set(text(&settings.filename_template)),
            container: Set(text(&settings.container)),
            max_age_days: Set(settings.limits.max_age_days.map(i64::from)),
            max_count: Set(settings.limits.max_count.map(i64::from)),
            max_bytes: Set(settings.limits.max_bytes.map(count)),
            disk_floor_bytes: Set(count(settings.disk_floor_bytes)),
        };
        let written = |column: &Column| match column {
            Column::Id => false,
            Column::TwitchClientSecretEncrypted => {
                settings.twitch_client_secret.is_some() || !settings.locked.twitch_client_secret
            }
            Column::EventsubSecretEncrypted => {
                settings.eventsub_secret.is_some() || !settings.locked.eventsub_secret
            }
            _ => true,
        };
        let again = OnConflict::column(Column::Id).update_columns(Column::iter().filter(written)).to_owned();
        self.writing(async {
            Entity::insert(model).on_conflict(again).exec_without_returning(&self.writer).await?;
            Ok(())
        })
        .await
    }
}

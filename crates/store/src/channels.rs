//! Table `streamers`: the channels, their addresses and tokens sealed.

use holdfast_model::{ChannelId, Secret};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, QueryOrder as _};

use crate::bulk;
use crate::convert::{count, masked, micros, now, small, tags, text, uncount, untags};
use crate::entity::channel::{ActiveModel, Column, Entity, Model};
use crate::{ChannelEdit, ChannelRow, ChannelState, Limits, NewChannelRow, Store, StoreError, Vault};

/// Why a channel cannot be recorded, for people.
const NO_ADDRESS: &str = "its address cannot be decrypted with this secret key: start with the key it was stored with, \
                          or remove the channel and add it again";
/// Why a channel is recorded without its token, for people.
const NO_TOKEN: &str = "its Twitch token cannot be decrypted with this secret key: start with the key it was stored with, \
                        or enter the token again";

/// Where a column of a channel is sealed for.
fn place(id: i64, column: &str) -> String {
    format!("streamers/{id}/{column}")
}

impl Store {
    /// All channels, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn channels(&self) -> Result<Vec<ChannelRow>, StoreError> {
        self.reading(async {
            let found = Entity::find().order_by_asc(Column::Id).all(&self.reader).await?;
            Ok(found.into_iter().map(|model| row(model, &self.vault)).collect())
        })
        .await
    }

    /// Adds a channel and answers with what was stored.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether it was added. [`StoreError::Duplicate`] if a channel has this
    /// address or this name on Twitch already.
    pub async fn add_channel(&self, new: &NewChannelRow) -> Result<ChannelRow, StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            refuse_twin(&Entity::find().all(&transaction).await?, new, &self.vault)?;
            let mut model = new_model(new).insert(&transaction).await?;
            // What is sealed is bound to the id of its row, so it can be written only when there is one.
            let id = model.id;
            model.url_encrypted = Some(self.vault.seal(&place(id, "url"), new.url.expose())?);
            model.user_token_encrypted = sealed_token(&self.vault, id, new.user_token.as_ref())?;
            let sealed = ActiveModel {
                id: Set(id),
                url_encrypted: Set(model.url_encrypted.clone()),
                user_token_encrypted: Set(model.user_token_encrypted.clone()),
                ..Default::default()
            };
            sealed.update(&transaction).await?;
            transaction.commit().await?;
            Ok(row(model, &self.vault))
        })
        .await
    }

    /// Changes what a person asked to change. `None`: there is no such channel.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn edit_channel(
        &self,
        id: ChannelId,
        edit: &ChannelEdit,
    ) -> Result<Option<ChannelRow>, StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            let Some(model) = Entity::find_by_id(id.0).one(&transaction).await? else { return Ok(None) };
            let changed = edited(model, edit, &self.vault)?.update(&transaction).await?;
            transaction.commit().await?;
            Ok(Some(row(changed, &self.vault)))
        })
        .await
    }

    /// Removes a channel. Its recordings stay and belong to none. False if there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_channel(&self, id: ChannelId) -> Result<bool, StoreError> {
        self.writing(async { Ok(Entity::delete_by_id(id.0).exec(&self.writer).await?.rows_affected > 0) })
            .await
    }

    /// Writes where channels stand, each whole, all or none. Those that are gone are skipped; of two states of a channel
    /// the last one counts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_channel_states(&self, states: &[(ChannelId, ChannelState)]) -> Result<(), StoreError> {
        self.writing(async {
            let transaction = self.begin().await?;
            let changes = states.iter().map(|(id, state)| (id.0, state_model(state)));
            bulk::write::<Entity>(&transaction, &changes.collect(), |_, fresh| fresh).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }
}

/// Addresses lie sealed, each differently, so no index of the database could do this. There is one writer: nobody adds one
/// in between.
fn refuse_twin(known: &[Model], new: &NewChannelRow, vault: &Vault) -> Result<(), StoreError> {
    let is_twin = |model: &&Model| {
        new.username.is_some() && model.username == new.username
            || url(model, vault).as_ref() == Some(&new.url)
    };
    known.iter().find(is_twin).map_or(Ok(()), |twin| {
        let text = format!("this channel is there already, as {} (number {})", twin.display_name, twin.id);
        Err(StoreError::Duplicate(masked(&text)))
    })
}

fn new_model(new: &NewChannelRow) -> ActiveModel {
    let now = now();
    ActiveModel {
        id: NotSet,
        username: Set(new.username.as_deref().map(text)),
        url: Set(masked(&new.url_masked)),
        url_encrypted: Set(None),
        display_name: Set(text(&new.display_name)),
        record: Set(new.record),
        quality: Set(text(&new.quality)),
        tags: Set(tags(&new.tags)),
        title: Set(None),
        category: Set(None),
        live_since: Set(None),
        last_checked_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        twitch_id: Set(None),
        filename_template: Set(new.filename_template.as_deref().map(text)),
        container: Set(new.container.as_deref().map(text)),
        max_age_days: Set(new.limits.max_age_days.map(i64::from)),
        max_count: Set(new.limits.max_count.map(i64::from)),
        max_bytes: Set(new.limits.max_bytes.map(count)),
        streamlink_options: Set(tags(&new.streamlink_options)),
        user_token_encrypted: Set(None),
        broadcast_id: Set(None),
        declined_at: Set(None),
    }
}

fn sealed_token(vault: &Vault, id: i64, token: Option<&Secret>) -> Result<Option<String>, StoreError> {
    token.map(|token| vault.seal(&place(id, "user_token"), token.expose())).transpose()
}

fn edited(old: Model, edit: &ChannelEdit, vault: &Vault) -> Result<ActiveModel, StoreError> {
    let id = old.id;
    let mut model = old.into_active_model();
    if let Some(name) = &edit.display_name {
        model.display_name = Set(text(name));
    }
    if let Some(record) = edit.record {
        model.record = Set(record);
    }
    if let Some(quality) = &edit.quality {
        model.quality = Set(text(quality));
    }
    if let Some(new) = &edit.tags {
        model.tags = Set(tags(new));
    }
    if let Some(template) = &edit.filename_template {
        model.filename_template = Set(template.as_deref().map(text));
    }
    if let Some(container) = &edit.container {
        model.container = Set(container.as_deref().map(text));
    }
    if let Some(days) = edit.max_age_days {
        model.max_age_days = Set(days.map(i64::from));
    }
    if let Some(number) = edit.max_count {
        model.max_count = Set(number.map(i64::from));
    }
    if let Some(bytes) = edit.max_bytes {
        model.max_bytes = Set(bytes.map(count));
    }
    if let Some(options) = &edit.streamlink_options {
        model.streamlink_options = Set(tags(options));
    }
    if let Some(token) = &edit.user_token {
        model.user_token_encrypted = Set(sealed_token(vault, id, token.as_ref())?);
    }
    model.updated_at = Set(now());
    Ok(model)
}

fn state_model(state: &ChannelState) -> ActiveModel {
    ActiveModel {
        display_name: Set(text(&state.display_name)),
        twitch_id: Set(state.twitch_id.as_deref().map(text)),
        title: Set(state.title.as_deref().map(text)),
        category: Set(state.category.as_deref().map(text)),
        live_since: Set(state.live_since.map(micros)),
        last_checked_at: Set(state.last_checked_at.map(micros)),
        broadcast_id: Set(state.broadcast_id.as_deref().map(text)),
        declined_at: Set(state.declined_at.map(micros)),
        ..Default::default()
    }
}

/// Its address, if it can be decrypted.
fn url(model: &Model, vault: &Vault) -> Option<Secret> {
    vault.open(&place(model.id, "url"), model.url_encrypted.as_deref()?).ok()
}

fn row(model: Model, vault: &Vault) -> ChannelRow {
    let url = url(&model, vault);
    let token = model
        .user_token_encrypted
        .as_deref()
        .map(|sealed| vault.open(&place(model.id, "user_token"), sealed));
    let locked = match (&url, &token) {
        (None, _) => Some(NO_ADDRESS),
        (_, Some(Err(_))) => Some(NO_TOKEN),
        _ => None,
    };
    ChannelRow {
        id: ChannelId(model.id),
        username: model.username,
        url: url.unwrap_or_else(|| Secret::new("")),
        url_masked: model.url,
        locked: locked.map(str::to_owned),
        record: model.record,
        quality: model.quality,
        tags: untags(&model.tags),
        filename_template: model.filename_template,
        container: model.container,
        limits: limits(model.max_age_days, model.max_count, model.max_bytes),
        streamlink_options: untags(&model.streamlink_options),
        has_token: token.is_some(),
        user_token: token.and_then(Result::ok),
        state: ChannelState {
            display_name: model.display_name,
            twitch_id: model.twitch_id,
            title: model.title,
            category: model.category,
            live_since: model.live_since,
            last_checked_at: model.last_checked_at,
            broadcast_id: model.broadcast_id,
            declined_at: model.declined_at,
        },
        created_at: model.created_at,
        updated_at: model.updated_at,
    }
}

/// Limits from their three columns. One below 0 makes no sense, and is none: read as 0 it would delete everything.
pub(crate) fn limits(days: Option<i64>, number: Option<i64>, bytes: Option<i64>) -> Limits {
    let [days, number, bytes] = [days, number, bytes].map(|limit| limit.filter(|limit| *limit >= 0));
    Limits { max_age_days: days.map(small), max_count: number.map(small), max_bytes: bytes.map(uncount) }
}

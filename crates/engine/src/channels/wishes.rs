//! What people want of channels: adding, changing, removing them, and a look at once. Stored first, then applied, then
//! told.

use holdfast_model::{ChannelId, Level, Secret};
use holdfast_recorder::{StreamAddress, StreamlinkOptions, Template, Twitch, mask_url, stream_address};
use holdfast_store::{ChannelEdit, ChannelRow, Limits, NewChannelRow};

use super::{Channel, Channels};
use crate::view::{ChannelView, ContainerView};
use crate::{Engine, Refusal};

/// A channel to be added.
#[derive(Clone, Debug, Default)]
pub struct ChannelWish {
    /// The name of a Twitch channel, or an address that Streamlink knows.
    pub stream: String,
    /// Its name for people; `None`: by its address.
    pub display_name: Option<String>,
    /// Whether to record it; `None`: yes.
    pub record: Option<bool>,
    /// What Streamlink is asked for; `None`: best.
    pub quality: Option<String>,
    /// Tags that its proxies must carry.
    pub tags: Vec<String>,
    /// How its files are named; `None`: as in the settings.
    pub filename_template: Option<String>,
    /// The container of its files; `None`: as in the settings.
    pub container: Option<ContainerView>,
    /// When its recordings are deleted.
    pub limits: Limits,
    /// More options for Streamlink.
    pub streamlink_options: Vec<String>,
    /// A Twitch user token.
    pub token: Option<Secret>,
}

/// What is to change about a channel; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether to record it.
    pub record: Option<bool>,
    /// What Streamlink is asked for.
    pub quality: Option<String>,
    /// Tags that its proxies must carry.
    pub tags: Option<Vec<String>>,
    /// How its files are named.
    pub filename_template: Option<Option<String>>,
    /// The container of its files.
    pub container: Option<Option<ContainerView>>,
    /// Its recordings are deleted when they are so many days old.
    pub max_age_days: Option<Option<u32>>,
    /// The oldest are deleted when there are more than so many.
    pub max_count: Option<Option<u32>>,
    /// The oldest are deleted when they take more than so many bytes.
    pub max_bytes: Option<Option<u64>>,
    /// More options for Streamlink.
    pub streamlink_options: Option<Vec<String>>,
    /// A Twitch user token.
    pub token: Option<Option<Secret>>,
}

impl Engine {
    /// Adds a channel. It is looked at at once.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Conflict`] if it is there already, [`Refusal::Unavailable`].
    pub async fn add_channel(&self, wish: ChannelWish) -> Result<ChannelView, Refusal> {
        let row = new_row(wish)?;
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            engine.inner.channels.refuse_twin(&row)?;
            let stored = memory.heed(memory.store().add_channel(&row).await)?;
            let id = stored.id;
            engine.inner.channels.lock().insert(id, Channel::new(stored));
            engine.adopt_recording(id).await;
            let message = format!("Channel {} was added", row.display_name);
            engine.tell_channel(id, "streamer_added", Level::Info, message);
            engine.channels_changed();
            engine.channel(id)
        })
        .await
    }

    /// Changes a channel. A recording under way keeps what it was begun with.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn edit_channel(&self, id: ChannelId, change: ChannelChange) -> Result<ChannelView, Refusal> {
        let edit = edit(change)?;
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            engine.channel(id)?;
            let stored = memory.heed(memory.store().edit_channel(id, &edit).await)?;
            let stored = stored.ok_or_else(|| Refusal::no_channel(id))?;
            engine.inner.channels.with(id, |channel| {
                if stored.record && !channel.row.record {
                    channel.standing.wanted();
                }
                channel.row = as_written_today(stored);
            });
            engine.heed_limits_soon();
            let name = engine.channel(id)?.display_name;
            let message = format!("Channel {name} was changed");
            engine.tell_channel(id, "streamer_updated", Level::Info, message);
            engine.channels_changed();
            engine.channel(id)
        })
        .await
    }

    /// Removes a channel. A recording of it that is under way goes on; its recordings stay.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn remove_channel(&self, id: ChannelId) -> Result<(), Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            let view = engine.channel(id)?;
            memory.heed(memory.store().remove_channel(id).await)?;
            engine.inner.channels.lock().remove(&id);
            engine.inner.channels.outages().forget(id);
            engine.inner.recordings.forget_channel(id);
            let message = format!("Channel {} was removed", view.display_name);
            let note = crate::journal::Note::new("streamer_removed", Level::Info, message);
            memory.tell(super::about(id, &view, note));
            engine.channels_changed();
            Ok(())
        })
        .await
    }

    /// Whoever looks at channels, and whoever subscribes to them, has to look anew.
    fn channels_changed(&self) {
        self.inner.channels.due.notify_one();
        self.inner.channels.resubscribe.notify_one();
        self.start_due_channels();
    }
}

impl Channels {
    /// The store knows a channel that is written the same; here those are found as well that an earlier version stored as they
    /// were typed.
    fn refuse_twin(&self, new: &NewChannelRow) -> Result<(), Refusal> {
        let all = self.lock();
        let Some(twin) = all.values().find(|channel| channel.row.url == new.url) else { return Ok(()) };
        let Channel { row, .. } = twin;
        Err(Refusal::Conflict(format!(
            "this channel is there already, as {} (number {})",
            row.state.display_name, row.id
        )))
    }
}

/// The same channel with its address as it would be stored today: earlier versions stored some spellings of a channel of
/// Twitch as if they were other sites.
pub(super) fn as_written_today(mut row: ChannelRow) -> ChannelRow {
    // What cannot be read (a lost key) or would not be taken today stays what it is.
    let Ok(StreamAddress { url, twitch, .. }) = stream_address(row.url.expose()) else { return row };
    if let Some(Twitch::Channel(login)) = twitch {
        row.username = Some(login);
    }
    row.url_masked = mask_url(&url);
    row.url = Secret::new(url);
    row
}

fn new_row(wish: ChannelWish) -> Result<NewChannelRow, Refusal> {
    let read = stream_address(&wish.stream).map_err(|error| Refusal::Invalid(error.to_string()))?;
    let StreamAddress { url, name, twitch } = read;
    let username = match twitch {
        Some(Twitch::Channel(login)) => Some(login),
        Some(Twitch::Video) => {
            return Err(Refusal::Invalid(
                "this is a video or a clip on Twitch, which is never live: give the name of a channel, such as xqc, or record it by 'holdfast record'"
                    .to_owned(),
            ));
        }
        None => None,
    };
    Ok(NewChannelRow {
        display_name: wish.display_name.filter(|n| !n.is_empty()).or(username.clone()).unwrap_or(name),
        username,
        url_masked: mask_url(&url),
        url: Secret::new(url),
        record: wish.record.unwrap_or(true),
        quality: wish
            .quality
            .filter(|quality| !quality.trim().is_empty())
            .unwrap_or_else(|| "best".to_owned()),
        tags: wish.tags,
        filename_template: wish.filename_template.map(valid_template).transpose()?,
        container: wish.container.map(|container| container.word().to_owned()),
        limits: wish.limits,
        streamlink_options: valid_options(wish.streamlink_options)?,
        user_token: wish.token.as_ref().map(valid_token).transpose()?.flatten(),
    })
}

fn edit(change: ChannelChange) -> Result<ChannelEdit, Refusal> {
    let display_name = change.display_name.map(|name| name.trim().to_owned());
    if display_name.as_ref().is_some_and(String::is_empty) {
        return Err(Refusal::Invalid("display_name is empty: give the channel a name".to_owned()));
    }
    Ok(ChannelEdit {
        display_name,
        record: change.record,
        quality: change.quality.map(|q| if q.trim().is_empty() { "best".to_owned() } else { q }),
        tags: change.tags,
        filename_template: change
            .filename_template
            .map(|template| template.filter(|text| !text.is_empty()).map(valid_template).transpose())
            .transpose()?,
        container: change.container.map(|container| container.map(|c| c.word().to_owned())),
        max_age_days: change.max_age_days,
        max_count: change.max_count,
        max_bytes: change.max_bytes,
        streamlink_options: change.streamlink_options.map(valid_options).transpose()?,
        user_token: match change.token {
            None => None,
            Some(None) => Some(None),
            Some(Some(token)) => Some(valid_token(&token)?),
        },
    })
}

pub(super) fn valid_template(text: String) -> Result<String, Refusal> {
    match Template::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Refusal::Invalid(format!("filename_template: {error}"))),
    }
}

fn valid_options(options: Vec<String>) -> Result<Vec<String>, Refusal> {
    match StreamlinkOptions::parse(&options) {
        Ok(_) => Ok(options),
        Err(error) => Err(Refusal::Invalid(format!("streamlink_options: {error}"))),
    }
}

/// A token as Twitch gives it: letters and digits, nothing that could end a line of Streamlink's configuration. An empty one
/// is none.
fn valid_token(token: &Secret) -> Result<Option<Secret>, Refusal> {
    let text = token.expose().trim();
    let text = text.strip_prefix("OAuth ").or_else(|| text.strip_prefix("oauth:")).unwrap_or(text);
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > 200 || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Refusal::Invalid(
            "token is no Twitch user token: it has letters and digits only (the value of the cookie auth-token)".to_owned(),
        ));
    }
    Ok(Some(Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cannot_carry_a_line() {
        let check = |text: &str| valid_token(&Secret::new(text)).map(|t| t.map(|t| t.expose().to_owned()));
        assert_eq!(check(" OAuth abc123 "), Ok(Some("abc123".to_owned())));
        assert_eq!(check(""), Ok(None));
        let refused = check("s3cret\nplayer=x").expect_err("two lines").to_string();
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}

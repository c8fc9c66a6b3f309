//! What people may say about a channel, with the limits that the API's description names too.

use holdfast_engine::view::ContainerView;
use holdfast_engine::{ChannelChange, ChannelWish, Limits};
use holdfast_model::{Secret, is_twitch_login};
use utoipa::ToSchema;

use crate::fields::Fields;
use crate::input::Read;
use crate::problem::Problem;
use crate::proxy_input::Tag;
use crate::recordings::argument;
use crate::tags::tags;

/// The longest template of file names, in characters.
pub(crate) const TEMPLATE: usize = 300;
/// The longest span of days or count of recordings.
pub(crate) const MANY: u32 = 1_000_000;
/// The longest token, in characters.
const TOKEN: usize = 300;
/// The longest name for people, in characters.
pub(crate) const NAME: usize = 200;
/// The most options for Streamlink, and the longest of them, in characters.
const OPTIONS: (usize, usize) = (32, 500);

/// A channel to be added: a Twitch name or an address.
#[derive(ToSchema)]
#[schema(as = NewStreamer)]
pub(crate) struct AddChannel {
    /// The name of a Twitch channel.
    #[schema(max_length = 25, pattern = "^[A-Za-z0-9_]{1,25}$", examples("xqc"))]
    username: Option<String>,
    /// Any address that Streamlink knows; instead of `username`.
    #[schema(max_length = 2048, pattern = "^[^-\\s][^\\s]*$", examples("https://www.youtube.com/@channel"))]
    url: Option<String>,
    /// Everything that can be changed about one: its properties are added to the description by hand.
    #[schema(ignore)]
    rules: EditChannel,
}

/// What is to change about a channel; what is not given stays as it is.
#[derive(ToSchema)]
#[schema(as = EditStreamer)]
pub(crate) struct EditChannel {
    /// Its name for people.
    #[schema(max_length = 200)]
    display_name: Option<String>,
    /// Whether it is recorded when it is live; true if not given for a new one.
    record: Option<bool>,
    /// What Streamlink is asked for; `best` if not given for a new one.
    #[schema(max_length = 100, pattern = "^[^-\\s][^\\s]*$", examples("best"))]
    quality: Option<String>,
    /// Only proxies that carry all of these are used.
    #[schema(max_items = 32, value_type = Option<Vec<Tag>>)]
    tags: Option<Vec<String>>,
    /// How its files are named, such as `{channel}/{date} {title} [{id}]`; null: as in the settings.
    #[schema(max_length = 300, value_type = Option<String>)]
    filename_template: Option<Option<String>>,
    /// `ts`, `mkv` or `mp4`; null: as in the settings.
    #[schema(value_type = Option<ContainerView>)]
    container: Option<Option<ContainerView>>,
    /// Its recordings are deleted when they are so many days old; null: not for their age.
    #[schema(minimum = 1, maximum = 1000000, value_type = Option<u32>)]
    max_age_days: Option<Option<u32>>,
    /// The oldest of them are deleted when there are more than so many; null: not for their number.
    #[schema(minimum = 1, maximum = 1000000, value_type = Option<u32>)]
    max_count: Option<Option<u32>>,
    /// The oldest of them are deleted when they are larger than so many bytes together; null: not for their size.
    #[schema(minimum = 1, value_type = Option<u64>)]
    max_bytes: Option<Option<u64>>,
    /// More options for Streamlink, from a list of safe ones; a wrong one is answered with the list.
    #[schema(max_items = 32, examples(json!(["--twitch-supported-codecs=h264,av1"])))]
    streamlink_options: Option<Vec<String>>,
    /// A Twitch user token (for channels that are for subscribers, or without advertisements); null takes it away. It is
    /// never shown again.
    #[schema(max_length = 300, value_type = Option<String>)]
    token: Option<Option<Secret>>,
}

impl Read for EditChannel {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            display_name: fields.text("display_name", NAME)?,
            record: fields.flag("record")?,
            quality: argument(fields, "quality", 100)?,
            tags: tags(fields)?,
            filename_template: fields.optional_text("filename_template", TEMPLATE)?,
            container: container(fields)?,
            max_age_days: fields.optional_number("max_age_days", 1..=MANY)?,
            max_count: fields.optional_number("max_count", 1..=MANY)?,
            max_bytes: fields.optional_bytes("max_bytes")?,
            streamlink_options: options(fields)?,
            token: fields.optional_text("token", TOKEN)?.map(|token| token.map(Secret::new)),
        })
    }
}

impl Read for AddChannel {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            username: fields.text("username", 100)?,
            url: argument(fields, "url", 2048)?,
            rules: EditChannel::read(fields)?,
        })
    }
}

/// `ts`, `mkv` or `mp4`; `Some(None)` for null.
fn container(fields: &mut Fields) -> Result<Option<Option<ContainerView>>, Problem> {
    let Some(word) = fields.optional_text("container", 8)? else { return Ok(None) };
    word.map(|word| known_container(&word)).transpose().map(Some)
}

/// The container of that name.
pub(crate) fn known_container(word: &str) -> Result<ContainerView, Problem> {
    serde_json::from_value(word.into()).map_err(|_| Problem::bad("container must be ts, mkv or mp4"))
}

fn options(fields: &mut Fields) -> Result<Option<Vec<String>>, Problem> {
    let options = fields.words("streamlink_options")?;
    let (most, longest) = OPTIONS;
    let odd = |option: &String| option.chars().count() > longest || option.chars().any(char::is_control);
    match options {
        Some(options) if options.len() > most || options.iter().any(odd) => Err(Problem::bad(format!(
            "streamlink_options must have at most {most} entries of at most {longest} characters, without control characters"
        ))),
        options => Ok(options),
    }
}

impl TryFrom<AddChannel> for ChannelWish {
    type Error = Problem;

    fn try_from(asked: AddChannel) -> Result<Self, Problem> {
        let AddChannel { username, url, rules } = asked;
        let stream = match (username, url) {
            (Some(name), None) if is_twitch_login(name.strip_prefix('@').unwrap_or(&name)) => name,
            (Some(_), None) => {
                return Err(Problem::bad(
                    "username is no name of a Twitch channel, which has 1 to 25 letters, digits and '_': for other sites give url",
                ));
            }
            (None, Some(url)) => url,
            _ => return Err(Problem::bad("give either username (a Twitch channel) or url (any site)")),
        };
        Ok(Self {
            stream,
            display_name: rules.display_name,
            record: rules.record,
            quality: rules.quality,
            tags: rules.tags.unwrap_or_default(),
            filename_template: rules.filename_template.flatten(),
            container: rules.container.flatten(),
            limits: Limits {
                max_age_days: rules.max_age_days.flatten(),
                max_count: rules.max_count.flatten(),
                max_bytes: rules.max_bytes.flatten(),
            },
            streamlink_options: rules.streamlink_options.unwrap_or_default(),
            token: rules.token.flatten(),
        })
    }
}

impl From<EditChannel> for ChannelChange {
    fn from(asked: EditChannel) -> Self {
        Self {
            display_name: asked.display_name,
            record: asked.record,
            quality: asked.quality,
            tags: asked.tags,
            filename_template: asked.filename_template,
            container: asked.container,
            max_age_days: asked.max_age_days,
            max_count: asked.max_count,
            max_bytes: asked.max_bytes,
            streamlink_options: asked.streamlink_options,
            token: asked.token,
        }
    }
}

//! What people may say about a proxy, with the limits that the API's description names too.

use holdfast_engine::{ProxyChange, ProxyWish, Span};
use holdfast_model::{ProxyId, ProxyUrl};
use utoipa::{IntoParams, ToSchema};

use crate::fields::{Fields, required};
use crate::input::Read;
use crate::problem::Problem;
use crate::tags::tags;
use crate::time::time;

/// The greatest priority: what fits a column of 31 bits.
const LAST_PRIORITY: u32 = i32::MAX as u32;
/// The longest label, in characters.
const LABEL: usize = 200;
/// The longest proxy URL, in characters.
const URL: usize = 2048;

/// A proxy to be added.
#[derive(ToSchema)]
#[schema(as = NewProxy)]
pub(crate) struct AddProxy {
    /// `http://`, `https://`, `socks5://` (local DNS) or `socks5h://` (remote DNS), then `user:password@` if it wants
    /// one (percent-encoded), the host, and a port if it is not 80, 443 or 1080.
    #[schema(
        max_length = 2048,
        pattern = "^(https?|socks5h?)://[^/?#]+/?$",
        examples("http://user:password@proxy.example:3128")
    )]
    proxy_url: String,
    /// 0 (if not given) is asked first.
    #[schema(minimum = 0, maximum = 2147483647)]
    priority: Option<u32>,
    /// A name for people. No control characters.
    #[schema(max_length = 200)]
    label: Option<String>,
    /// Recordings that name tags take only proxies that carry all of them.
    #[schema(max_items = 32, value_type = Option<Vec<Tag>>)]
    tags: Option<Vec<String>>,
    /// False: not used until a person enables it. True if not given.
    enabled: Option<bool>,
}

/// A tag.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_.:-]{1,64}$", examples("eu"))]
pub(crate) struct Tag(#[expect(dead_code, reason = "only describes the items of a list")] String);

impl Read for AddProxy {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            proxy_url: required("proxy_url", fields.text("proxy_url", URL)?)?,
            priority: fields.number("priority", 0..=LAST_PRIORITY)?,
            label: fields.text("label", LABEL)?,
            tags: tags(fields)?,
            enabled: fields.flag("enabled")?,
        })
    }
}

impl TryFrom<AddProxy> for ProxyWish {
    type Error = Problem;

    fn try_from(asked: AddProxy) -> Result<Self, Problem> {
        let AddProxy { proxy_url, priority, label, tags, enabled } = asked;
        Ok(Self {
            url: parse_url(&proxy_url)?,
            label: label.filter(|label| !label.is_empty()),
            tags: tags.unwrap_or_default(),
            priority: priority.unwrap_or(0),
            enabled: enabled.unwrap_or(true),
        })
    }
}

/// What is to change about a proxy; what is not given stays as it is. In the query string or in the body.
#[derive(ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EditProxy {
    /// Another address, or another user or password: what is known of the old one is forgotten.
    #[schema(max_length = 2048, pattern = "^(https?|socks5h?)://[^/?#]+/?$", nullable = false)]
    #[param(max_length = 2048, pattern = "^(https?|socks5h?)://[^/?#]+/?$", nullable = false)]
    proxy_url: Option<String>,
    /// A name for people; empty or null takes it away.
    #[schema(max_length = 200, value_type = Option<String>)]
    #[param(max_length = 200, value_type = Option<String>, nullable = false)]
    label: Option<Option<String>>,
    /// All of its tags. In the query string repeated, or with commas between.
    #[schema(max_items = 32, value_type = Option<Vec<Tag>>)]
    #[param(max_items = 32, value_type = Option<Vec<Tag>>, nullable = false)]
    tags: Option<Vec<String>>,
    /// 0 is asked first.
    #[schema(minimum = 0, maximum = 2147483647)]
    #[param(minimum = 0, maximum = 2147483647, nullable = false)]
    priority: Option<u32>,
    /// Whether it may be used.
    #[param(nullable = false)]
    enabled: Option<bool>,
}

impl Read for EditProxy {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            proxy_url: fields.text("proxy_url", URL)?,
            label: fields.optional_text("label", LABEL)?,
            tags: tags(fields)?,
            priority: fields.number("priority", 0..=LAST_PRIORITY)?,
            enabled: fields.flag("enabled")?,
        })
    }
}

impl EditProxy {
    /// Whoever sends a proxy back as it was shown, with its password hidden, does not want another address.
    pub(crate) fn forget_shown_url(&mut self, shown: &str) {
        self.proxy_url.take_if(|url| url == shown);
    }
}

impl TryFrom<EditProxy> for ProxyChange {
    type Error = Problem;

    fn try_from(asked: EditProxy) -> Result<Self, Problem> {
        let EditProxy { proxy_url, label, tags, priority, enabled } = asked;
        let url = proxy_url.as_deref().map(parse_url).transpose()?;
        Ok(Self { url, label, tags, priority, enabled })
    }
}

fn parse_url(text: &str) -> Result<ProxyUrl, Problem> {
    ProxyUrl::parse(text).map_err(|error| Problem::bad(error.to_string()))
}

/// A proxy's new place.
#[derive(ToSchema)]
pub(crate) struct Priority {
    /// 0 is asked first.
    #[schema(minimum = 0, maximum = 2147483647)]
    pub(crate) priority: u32,
}

impl Read for Priority {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let priority = fields.number("priority", 0..=LAST_PRIORITY)?;
        Ok(Self { priority: required("priority", priority)? })
    }
}

/// All proxies in their new order.
#[derive(ToSchema)]
pub(crate) struct Order {
    /// The id of every proxy, once each, the first to be asked first.
    #[schema(value_type = Vec<i64>)]
    pub(crate) ids: Vec<ProxyId>,
}

impl Read for Order {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let ids = required("ids", fields.integers("ids")?)?;
        Ok(Self { ids: ids.into_iter().map(ProxyId).collect() })
    }
}

/// Whom a route is wanted for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BestFor {
    /// Only proxies that carry all of these. Repeated, or with commas between.
    #[param(max_items = 32, value_type = Option<Vec<Tag>>, nullable = false)]
    pub(crate) tags: Vec<String>,
}

impl Read for BestFor {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { tags: tags(fields)?.unwrap_or_default() })
    }
}

/// A stretch of time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Stretch {
    /// Not earlier than this (RFC 3339, such as `2026-01-31T12:00:00Z`).
    #[param(value_type = Option<String>, format = "date-time", nullable = false)]
    from: Option<chrono::DateTime<chrono::Utc>>,
    /// Not later than this.
    #[param(value_type = Option<String>, format = "date-time", nullable = false)]
    to: Option<chrono::DateTime<chrono::Utc>>,
}

impl Read for Stretch {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { from: time(fields, "from")?, to: time(fields, "to")? })
    }
}

impl From<Stretch> for Span {
    fn from(Stretch { from, to }: Stretch) -> Self {
        Self { from, to }
    }
}

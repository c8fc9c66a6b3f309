//! Limits of a channel delete recordings as soon as they are in force. What they would delete is shown first, and done
//! only when a person says so.

use crate::size;
use crate::text::clean;
use crate::types::{ChannelWish, Condemned, Limits, Preview};
use crate::{Api, ClientError};

/// So many recordings are named at most; the rest is counted.
const NAMED: usize = 20;

/// Refuses a change of this channel whose limits would delete something now.
///
/// # Errors
/// With what would be deleted; if the server cannot be asked.
pub(super) async fn delete_nothing(api: &Api, id: i64, wish: &ChannelWish<'_>) -> Result<(), ClientError> {
    let tightens = [
        wish.max_age_days.flatten().is_some(),
        wish.max_count.flatten().is_some(),
        wish.max_bytes.flatten().is_some(),
    ];
    if !tightens.contains(&true) {
        return Ok(());
    }
    let now = api.channel(id).await?.limits;
    let then = Limits {
        max_age_days: wish.max_age_days.unwrap_or(now.max_age_days),
        max_count: wish.max_count.unwrap_or(now.max_count),
        max_bytes: wish.max_bytes.unwrap_or(now.max_bytes),
    };
    let preview = api.would_delete(id, then).await?;
    if preview.items.is_empty() { Ok(()) } else { Err(ClientError::Failed(refusal(&preview))) }
}

fn refusal(preview: &Preview) -> String {
    let count = preview.items.len();
    let recordings = if count == 1 { "1 recording".to_owned() } else { format!("{count} recordings") };
    let mut text = format!(
        "nothing was changed, for this would delete {recordings} ({}) at once:\n",
        size::shown(preview.bytes)
    );
    preview.items.iter().take(NAMED).for_each(|one| text.push_str(&line(one)));
    if count > NAMED {
        text.push_str(&format!("  and {} more\n", count - NAMED));
    }
    text.push_str("Add --yes to do it. What is to stay can be marked as kept in the page");
    text
}

fn line(one: &Condemned) -> String {
    let day = one.started_at.get(..10).unwrap_or(&one.started_at);
    format!("  {} {} ({}): {}\n", clean(day), clean(&one.path), size::shown(one.bytes), clean(&one.reason))
}

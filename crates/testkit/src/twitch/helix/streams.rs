//! Who is live.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::people::is_login;
use super::{MOST, Page};
use crate::twitch::answer::{all, json_reply, pairs, problem};
use crate::twitch::broadcast::Broadcast;
use crate::twitch::world::{Channel, World};
use crate::{Asked, Reply};

/// In a page, unless the request says otherwise.
const USUAL_PAGE: usize = 20;

/// `GET /helix/streams?user_id=…&user_login=…`; without both, everybody who is live.
pub(super) fn streams(world: &World, asked: &Asked) -> Reply {
    let query = pairs(asked.query.as_bytes());
    let (ids, logins) = (all(&query, "user_id"), all(&query, "user_login"));
    if ids.len() > MOST || logins.len() > MOST || !logins.iter().all(|login| is_login(login)) {
        return problem(
            400,
            "The parameters \"user_id\" and \"user_login\" must name at most 100 users each",
        );
    }
    let page = match Page::asked(&query, USUAL_PAGE) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let wanted = |channel: &&Channel| {
        (ids.is_empty() && logins.is_empty())
            || ids.contains(&channel.id.as_str())
            || logins.iter().any(|login| login.eq_ignore_ascii_case(&channel.login))
    };
    let live = world.channels().iter().filter(wanted);
    let live = live.filter_map(|channel| channel.stream().map(|broadcast| stream(channel, broadcast)));
    json_reply(200, &page.cut(live.collect()))
}

fn stream(channel: &Channel, broadcast: &Broadcast) -> Value {
    json!({
        "id": broadcast.id,
        "user_id": channel.id,
        "user_login": channel.login,
        "user_name": channel.name,
        "game_id": channel.game_id(),
        "game_name": channel.category,
        "type": "live",
        "title": channel.title,
        "viewer_count": 7,
        "started_at": broadcast.started_at().to_rfc3339_opts(SecondsFormat::Secs, true),
        "language": "en",
        "thumbnail_url": "",
        "tag_ids": [],
        "tags": [],
        "is_mature": false,
    })
}

//! Users and their channels.

use serde_json::{Value, json};

use super::MOST;
use crate::twitch::answer::{all, json_reply, pairs, problem};
use crate::twitch::world::{Channel, World};
use crate::{Asked, Reply};

/// `GET /helix/users?id=…&login=…`; unknown ones are left out.
pub(super) fn users(world: &World, asked: &Asked) -> Reply {
    let query = pairs(asked.query.as_bytes());
    let (ids, logins) = (all(&query, "id"), all(&query, "login"));
    let named = ids.len() + logins.len();
    if named == 0 || named > MOST || !logins.iter().all(|login| is_login(login)) {
        return problem(400, "The parameters \"id\" and \"login\" must name 1 to 100 users");
    }
    let wanted = |channel: &&Channel| {
        ids.contains(&channel.id.as_str())
            || logins.iter().any(|login| login.eq_ignore_ascii_case(&channel.login))
    };
    let data: Vec<Value> = world.channels().iter().filter(wanted).map(user).collect();
    json_reply(200, &json!({ "data": data }))
}

/// What Twitch takes as a name.
pub(super) fn is_login(login: &str) -> bool {
    (1..=25).contains(&login.len()) && login.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn user(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "login": channel.login,
        "display_name": channel.name,
        "type": "",
        "broadcaster_type": "partner",
        "description": "",
        "profile_image_url": "",
        "offline_image_url": "",
        "view_count": 0,
        "created_at": "2016-12-14T20:32:28Z",
    })
}

/// `GET /helix/channels?broadcaster_id=…`; unknown ones are left out.
pub(super) fn channels(world: &World, asked: &Asked) -> Reply {
    let query = pairs(asked.query.as_bytes());
    let ids = all(&query, "broadcaster_id");
    if ids.is_empty() || ids.len() > MOST {
        return problem(400, "The parameter \"broadcaster_id\" must be given 1 to 100 times");
    }
    let wanted = world.channels().iter().filter(|channel| ids.contains(&channel.id.as_str()));
    json_reply(200, &json!({ "data": wanted.map(channel).collect::<Vec<_>>() }))
}

fn channel(channel: &Channel) -> Value {
    json!({
        "broadcaster_id": channel.id,
        "broadcaster_login": channel.login,
        "broadcaster_name": channel.name,
        "broadcaster_language": "en",
        "game_id": channel.game_id(),
        "game_name": channel.category,
        "title": channel.title,
        "delay": 0,
        "tags": [],
        "content_classification_labels": [],
        "is_branded_content": false,
    })
}

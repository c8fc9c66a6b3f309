//! gql.twitch.tv, as far as Streamlink's plugin asks it: the access token of a stream, and what a broadcast is called.

use serde_json::{Value, json};

use super::answer::{header, json_reply};
use super::sign::hex_hmac;
use super::world::World;
use crate::{Asked, Reply};

/// The client id of Twitch's own page, which the plugin uses.
const WEB_CLIENT_ID: &str = "kimne78kx3ncx6brgo4mv6wki5h1ko";
/// What access tokens are signed with; nobody else knows it.
const KEY: &str = "the pretended Twitch";

/// Answers for gql.twitch.tv.
pub(super) fn answer(world: &World, asked: &Asked) -> Reply {
    if (asked.method.as_str(), asked.path.as_str()) != ("POST", "/gql") {
        return refused(404, "Not Found", "");
    }
    if header(asked, "client-id") != Some(WEB_CLIENT_ID) {
        return refused(400, "Bad Request", "The \"Client-ID\" header is missing from the request.");
    }
    if header(asked, "authorization").is_some_and(|given| !knows(world, given)) {
        return refused(401, "Unauthorized", "The \"Authorization\" token is invalid.");
    }
    match serde_json::from_slice::<Value>(&asked.body) {
        Ok(Value::Array(queries)) => {
            json_reply(200, &queries.iter().map(|query| resolve(world, query)).collect())
        }
        Ok(query) => json_reply(200, &resolve(world, &query)),
        Err(_) => refused(400, "Bad Request", "The request body is not JSON."),
    }
}

fn refused(status: u16, error: &str, message: &str) -> Reply {
    json_reply(status, &json!({ "error": error, "status": status, "message": message }))
}

fn knows(world: &World, given: &str) -> bool {
    given.strip_prefix("OAuth ").is_some_and(|token| world.user_token.as_deref() == Some(token))
}

fn resolve(world: &World, query: &Value) -> Value {
    let variable = |name: &str| query["variables"][name].as_str().unwrap_or_default();
    match query["operationName"].as_str() {
        Some("PlaybackAccessToken") if query["variables"]["isLive"] == json!(true) => {
            json!({ "data": { "streamPlaybackAccessToken": access_token(world, variable("login")) } })
        }
        Some("PlaybackAccessToken") => json!({ "data": { "videoPlaybackAccessToken": null } }),
        Some("ChannelShell") => shell(world, variable("login")),
        Some("StreamMetadata") => metadata(world, variable("channelLogin")),
        _ => json!({ "errors": [{ "message": "PersistedQueryNotFound" }] }),
    }
}

/// Null when nobody is live under that name.
fn access_token(world: &World, login: &str) -> Option<Value> {
    let channel = world.channel(login)?;
    let stream = channel.stream()?;
    let value = json!({
        "adblock": false,
        "authorization": { "forbidden": false, "reason": "" },
        "channel": channel.login,
        "channel_id": channel.id.parse::<u64>().unwrap_or_default(),
        "chansub": { "restricted_bitrates": [], "view_until": 1_924_905_600 },
        "expires": stream.started_at().timestamp() + 86_400,
        "geoblock_reason": "",
        "hide_ads": world.user_token.is_some(),
        "server_ads": true,
        "show_ads": true,
    })
    .to_string();
    let signature = sign(&value);
    Some(json!({ "value": value, "signature": signature, "__typename": "PlaybackAccessToken" }))
}

/// The signature of an access token: 40 digits.
pub(super) fn sign(token: &str) -> String {
    hex_hmac(KEY, &[token.as_bytes()])[..40].to_owned()
}

fn shell(world: &World, login: &str) -> Value {
    let user = match world.channel(login) {
        None => {
            json!({ "__typename": "UserDoesNotExist", "reason": "UNKNOWN", "userDoesNotExist": "UNKNOWN" })
        }
        Some(channel) => json!({
            "__typename": "User",
            "id": channel.id,
            "login": channel.login,
            "displayName": channel.name,
            "stream": channel.stream().map(|stream| json!({ "id": stream.id, "viewersCount": 7 })),
        }),
    };
    json!({ "data": { "userOrError": user } })
}

fn metadata(world: &World, login: &str) -> Value {
    let user = world.channel(login).map(|channel| {
        let game = (!channel.category.is_empty())
            .then(|| json!({ "id": channel.game_id(), "name": channel.category }));
        let stream = channel.stream().map(|stream| {
            json!({ "id": stream.id, "type": "live", "createdAt": stream.started_at(), "game": game })
        });
        let last = channel.broadcasts.last();
        let last = last.map(|broadcast| json!({ "id": broadcast.id, "title": channel.title }));
        json!({ "id": channel.id, "lastBroadcast": last, "stream": stream })
    });
    json!({ "data": { "user": user } })
}

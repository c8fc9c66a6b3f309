//! id.twitch.tv: app tokens for client credentials, and whether one is good.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::answer::{first, header, json_reply, pairs, problem};
use super::sign::hex_hmac;
use super::world::World;
use crate::{Asked, Reply};

/// The app tokens that were given out.
#[derive(Debug)]
pub(super) struct Tokens {
    /// When each ends.
    ends: HashMap<String, DateTime<Utc>>,
    /// In order.
    pub(super) issued: Vec<String>,
    /// Of the next ones.
    pub(super) lifetime: TimeDelta,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { ends: HashMap::new(), issued: Vec::new(), lifetime: TimeDelta::days(60) }
    }
}

impl Tokens {
    /// How long a token is good still; `None` when it is not.
    pub(super) fn left(&self, token: &str) -> Option<TimeDelta> {
        self.ends.get(token).map(|end| *end - Utc::now()).filter(|left| *left > TimeDelta::zero())
    }

    /// None of those given out so far is good any longer.
    pub(super) fn revoke(&mut self) {
        self.ends.clear();
    }

    fn issue(&mut self, secret: &str) -> String {
        let number = self.issued.len().to_string();
        let token = hex_hmac(secret, &[b"app token ", number.as_bytes()])[..30].to_owned();
        self.ends.insert(token.clone(), Utc::now() + self.lifetime);
        self.issued.push(token.clone());
        token
    }
}

/// Answers for id.twitch.tv.
pub(super) fn answer(world: &mut World, asked: &Asked) -> Reply {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/oauth2/token") => issue(world, asked),
        ("GET", "/oauth2/validate") => validate(world, asked),
        ("GET" | "HEAD", "/oauth2/keys") => {
            let key =
                json!({ "alg": "RS256", "e": "AQAB", "kid": "1", "kty": "RSA", "n": "AQAB", "use": "sig" });
            json_reply(200, &json!({ "keys": [key] }))
        }
        _ => problem(404, "not found"),
    }
}

/// The parameters may be in the body or in the query: Twitch takes both.
fn issue(world: &mut World, asked: &Asked) -> Reply {
    let mut given = pairs(&asked.body);
    given.extend(pairs(asked.query.as_bytes()));
    let options = &world.options;
    match (first(&given, "client_id"), first(&given, "client_secret"), first(&given, "grant_type")) {
        (None, ..) => problem(400, "missing client id"),
        (_, None, _) => problem(400, "missing client secret"),
        (.., None) => problem(400, "missing grant type"),
        (Some(id), ..) if id != options.client_id => problem(400, "invalid client"),
        (_, Some(secret), _) if secret != options.client_secret => problem(403, "invalid client secret"),
        (_, Some(secret), Some("client_credentials")) => {
            let access_token = world.tokens.issue(secret);
            let expires_in = world.tokens.lifetime.num_seconds();
            let body =
                json!({ "access_token": access_token, "expires_in": expires_in, "token_type": "bearer" });
            json_reply(200, &body)
        }
        _ => problem(400, "Invalid grant type"),
    }
}

fn validate(world: &World, asked: &Asked) -> Reply {
    let given = header(asked, "authorization").and_then(|value| value.split_once(' '));
    let left = given
        .filter(|(scheme, _)| matches!(*scheme, "OAuth" | "Bearer"))
        .and_then(|(_, token)| world.tokens.left(token));
    match left {
        None => json_reply(401, &json!({ "status": 401, "message": "invalid access token" })),
        Some(left) => {
            let expires_in = left.num_seconds();
            let body =
                json!({ "client_id": world.options.client_id, "scopes": [], "expires_in": expires_in });
            json_reply(200, &body)
        }
    }
}

//! api.twitch.tv: who may ask, and what. The rest of the rooms here are one resource each.

mod pages;
mod people;
mod streams;

use std::sync::Arc;

pub(super) use pages::Page;

use super::answer::{header, problem};
use super::eventsub;
use super::stage::Stage;
use super::world::World;
use crate::{Asked, Reply};

/// The most values a request may name, and the most a page may hold.
const MOST: usize = 100;

/// Answers for api.twitch.tv.
pub(super) fn answer(stage: &Arc<Stage>, world: &mut World, asked: &Asked) -> Reply {
    if let Err(refusal) = admit(world, asked) {
        return refusal;
    }
    let answer = |world: &mut World| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/helix/users") => people::users(world, asked),
        ("GET", "/helix/channels") => people::channels(world, asked),
        ("GET", "/helix/streams") => streams::streams(world, asked),
        (_, "/helix/eventsub/subscriptions") => eventsub::answer(stage, world, asked),
        _ => problem(404, ""),
    };
    // The bucket is taken out while the answer is made: both are parts of the world.
    let mut bucket = std::mem::take(&mut world.bucket);
    let reply = bucket.spend(chrono::Utc::now(), || answer(world));
    world.bucket = bucket;
    reply
}

/// A client is who brings a good app token and the id that it was given to.
fn admit(world: &World, asked: &Asked) -> Result<(), Reply> {
    let token = header(asked, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| problem(401, "OAuth token is missing"))?;
    let client = header(asked, "client-id").ok_or_else(|| problem(401, "Client ID is missing"))?;
    if world.tokens.left(token).is_none() {
        return Err(problem(401, "Invalid OAuth token"));
    }
    if client != world.options.client_id {
        return Err(problem(401, "Client ID and OAuth token do not match"));
    }
    Ok(())
}

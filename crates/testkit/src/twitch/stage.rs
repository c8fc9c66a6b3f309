//! What the server and the controls share, and which room answers for which host.

use std::sync::{Arc, Mutex, MutexGuard};

use super::eventsub::Subscriptions;
use super::glitch::strike;
use super::world::World;
use super::{gql, helix, playback, token, usher};
use crate::{Asked, Reply};

/// The pretended Twitch without its socket.
pub(super) struct Stage {
    world: Mutex<World>,
    pub(super) subscriptions: Subscriptions,
}

impl Stage {
    pub(super) fn new(world: World) -> Self {
        Self { world: Mutex::new(world), subscriptions: Subscriptions::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no holder of this lock panics")
    }

    /// The answer to a request, by the host that it names.
    pub(super) fn answer(self: &Arc<Self>, asked: &Asked) -> Reply {
        let host = asked.host.split(':').next().unwrap_or_default().to_lowercase();
        let mut world = self.world();
        if let Some(reply) = strike(&mut world.glitches, &host, asked) {
            return reply;
        }
        match host.as_str() {
            "id.twitch.tv" => token::answer(&mut world, asked),
            "api.twitch.tv" => helix::answer(self, &mut world, asked),
            "gql.twitch.tv" => gql::answer(&world, asked),
            "usher.ttvnw.net" => usher::answer(&world, asked),
            _ if host.ends_with(".playlist.ttvnw.net") => playback::playlist(&world, asked),
            _ if host.ends_with(".hls.ttvnw.net") => playback::segment(&world, asked),
            _ => Reply::status(404),
        }
    }
}

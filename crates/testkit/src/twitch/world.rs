//! Who is on the pretended Twitch, who of them is live, and what is wrong. Everything that the rooms of this module
//! answer from, behind one lock.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::TwitchOptions;
use super::broadcast::{Broadcast, Reel};
use super::eventsub::{Delivery, Message};
use super::glitch::Glitch;
use super::rate::Bucket;
use super::token::Tokens;

/// Somebody with a page.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) title: String,
    /// Empty when there is none.
    pub(super) category: String,
    pub(super) broadcasts: Vec<Broadcast>,
    /// Whether Twitch says that it is live.
    pub(super) listed: bool,
}

impl Channel {
    /// Twitch's id of the category; empty when there is none.
    pub(super) fn game_id(&self) -> &'static str {
        if self.category.is_empty() { "" } else { "509658" }
    }

    /// The broadcast that is live by Twitch's word. Not when its media is used up: then it has gone offline by itself.
    pub(super) fn stream(&self) -> Option<&Broadcast> {
        self.broadcasts.last().filter(|broadcast| self.listed && !broadcast.is_used_up())
    }
}

/// All there is.
pub(super) struct World {
    pub(super) options: TwitchOptions,
    channels: Vec<Channel>,
    pub(super) glitches: Vec<Glitch>,
    pub(super) tokens: Tokens,
    pub(super) bucket: Bucket,
    /// The token of a viewer that GQL accepts.
    pub(super) user_token: Option<String>,
    /// The last message to each subscription, by its id.
    pub(super) sent: HashMap<String, Message>,
    pub(super) deliveries: Vec<Delivery>,
    /// Where `https://` callbacks are really posted to.
    pub(super) front: Option<SocketAddr>,
    serial: u64,
}

impl World {
    pub(super) fn new(options: TwitchOptions) -> Self {
        Self {
            tokens: Tokens::default(),
            bucket: Bucket::default(),
            options,
            channels: Vec::new(),
            glitches: Vec::new(),
            user_token: None,
            sent: HashMap::new(),
            deliveries: Vec::new(),
            front: None,
            serial: 0,
        }
    }

    /// A number that was not given out before.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Everybody, the oldest first.
    pub(super) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Somebody by login, whatever the case.
    pub(super) fn channel(&self, login: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.login.eq_ignore_ascii_case(login))
    }

    /// Somebody by login; made when there is nobody of that name.
    pub(super) fn channel_mut(&mut self, login: &str) -> &mut Channel {
        let login = login.to_lowercase();
        let index = match self.channels.iter().position(|channel| channel.login == login) {
            Some(index) => index,
            None => {
                self.channels.push(Channel {
                    id: (71_000_000 + self.channels.len()).to_string(),
                    name: login.clone(),
                    login,
                    title: String::new(),
                    category: String::new(),
                    broadcasts: Vec::new(),
                    listed: false,
                });
                self.channels.len() - 1
            }
        };
        &mut self.channels[index]
    }

    /// Begins a broadcast, behind the source segments of the one before.
    pub(super) fn begin(&mut self, login: &str) {
        let id = (42_000_000_000 + self.next_serial()).to_string();
        let options = &self.options;
        let (window, opening) = (options.window, options.opening.unwrap_or(options.window));
        let (all, segment_seconds) = (options.media.len(), options.media.segment_seconds());
        let end = all - options.ad_segments;
        let channel = self.channel_mut(login);
        let begin = channel.broadcasts.last().map_or(0, Broadcast::edge);
        let begin = if begin + opening < end { begin } else { 0 };
        let reel = Reel { content: begin..end, ads: end..all, window, opening, segment_seconds };
        channel.broadcasts.iter_mut().for_each(Broadcast::end);
        channel.broadcasts.push(Broadcast::new(id, reel));
        channel.listed = true;
    }

    /// A broadcast by its id.
    pub(super) fn broadcast(&self, login: &str, id: &str) -> Option<&Broadcast> {
        self.channel(login)?.broadcasts.iter().find(|broadcast| broadcast.id == id)
    }
}

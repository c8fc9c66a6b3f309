//! The strings behind the scenery: who is live, what goes wrong, and what was asked.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::Twitch;
use super::broadcast::Broadcast;
use super::glitch::Glitch;
use super::rate::Bucket;
use super::world::Channel;
use crate::{Asked, SegmentFrames};

/// Channels. A login that nobody has is somebody's from the first time that it is named here. What is done to a broadcast
/// (its end, advertisements) panics for a channel that was never live.
impl Twitch {
    /// Somebody who may go live later, with the name that is shown.
    pub fn add_channel(&self, login: &str, display_name: &str) {
        self.edit(login, |channel| display_name.clone_into(&mut channel.name));
    }

    /// Twitch's id of somebody.
    pub fn user_id(&self, login: &str) -> String {
        self.edit(login, |channel| channel.id.clone())
    }

    /// Begins a broadcast, everywhere at once. It goes on in the source where the channel's last one ended, so that a
    /// recording of both can be judged as one run; when that leaves too little, at the beginning. If the channel was live,
    /// its old playlists end, as when an encoder is started anew.
    pub fn go_live(&self, login: &str, title: &str, category: &str) {
        self.edit(login, |channel| {
            title.clone_into(&mut channel.title);
            category.clone_into(&mut channel.category);
        });
        self.stage.world().begin(login);
    }

    /// Ends it, everywhere at once: the playlists get EXT-X-ENDLIST, usher answers 404, GQL and Helix know no stream.
    pub fn go_offline(&self, login: &str) {
        self.end_playlists(login);
        self.set_listed(login, false);
    }

    /// Ends the playlists only: Twitch goes on saying that the channel is live, as it does for up to a minute.
    pub fn end_playlists(&self, login: &str) {
        self.edit_broadcast(login, Broadcast::end);
    }

    /// Whether Twitch says that the channel is live (Helix, GQL, usher); its playlists are as they are.
    pub fn set_listed(&self, login: &str, listed: bool) {
        self.edit(login, |channel| channel.listed = listed);
    }

    /// What the broadcast is called from now on.
    pub fn set_title(&self, login: &str, title: &str) {
        self.edit(login, |channel| title.clone_into(&mut channel.title));
    }

    /// What it is about from now on; empty for nothing.
    pub fn set_category(&self, login: &str, category: &str) {
        self.edit(login, |channel| category.clone_into(&mut channel.category));
    }

    /// The next so many segments are advertisements, stitched into the playlist in place of what is really going on.
    pub fn ads(&self, login: &str, segments: usize) {
        self.edit_broadcast(login, |broadcast| broadcast.mid_roll(segments));
    }

    /// All that is in the playlist and the next so many segments are advertisements: what a viewer gets who has just
    /// come. To be called right after [`Self::go_live`], before anybody has seen the playlist.
    pub fn pre_roll(&self, login: &str, segments: usize) {
        self.edit_broadcast(login, |broadcast| broadcast.pre_roll(segments));
    }

    /// Advertisements end with the newest segment, however long they were meant to be: for a test that waits until they
    /// have been seen, instead of guessing how long that takes.
    pub fn end_ads(&self, login: &str) {
        self.edit_broadcast(login, Broadcast::end_ads);
    }

    /// A test that ends what never began should stop there, not wait for its end.
    fn edit_broadcast(&self, login: &str, change: impl FnOnce(&mut Broadcast)) {
        assert!(self.edge(login) > 0, "{login} was never live");
        self.edit(login, |channel| channel.broadcasts.last_mut().map(change));
    }

    fn edit<T>(&self, login: &str, change: impl FnOnce(&mut Channel) -> T) -> T {
        change(self.stage.world().channel_mut(login))
    }
}

/// What was played, for the judge.
impl Twitch {
    /// The frames of everything that can be content, by the numbers of the source: for `verify::compare`. A frame of an
    /// advertisement is not among them and counts as foreign.
    pub fn source(&self) -> Vec<SegmentFrames> {
        let world = self.stage.world();
        let frames = world.options.media.frames();
        frames[..frames.len() - world.options.ad_segments].to_vec()
    }

    /// The source segments that were published so far but hidden by advertisements, over all broadcasts: what a
    /// recording may lack.
    pub fn hidden_by_ads(&self, login: &str) -> Vec<usize> {
        self.edit(login, |channel| channel.broadcasts.iter().flat_map(Broadcast::hidden).collect())
    }

    /// One past the newest source segment that a channel has published; 0 before its first broadcast.
    pub fn edge(&self, login: &str) -> usize {
        self.edit(login, |channel| channel.broadcasts.last().map_or(0, Broadcast::edge))
    }

    /// Waits until a channel has published the source segments up to `count` (time itself is the subject here).
    pub async fn edge_reaches(&self, login: &str, count: usize) {
        while self.edge(login) < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What goes wrong.
impl Twitch {
    /// Something goes wrong from now on, until it is mended; the same thing once more replaces itself.
    pub fn glitch(&self, glitch: Glitch) {
        let mut world = self.stage.world();
        world.glitches.retain(|other| !other.same(&glitch));
        world.glitches.push(glitch);
    }

    /// That goes right again.
    pub fn mend(&self, glitch: &Glitch) {
        self.stage.world().glitches.retain(|other| !other.same(glitch));
    }

    /// Everything goes right again.
    pub fn mend_all(&self) {
        self.stage.world().glitches.clear();
    }

    /// The API gives so many points a minute (800 at first), beginning with a full minute.
    pub fn set_rate_limit(&self, points: u32) {
        self.stage.world().bucket = Bucket::new(points);
    }

    /// The API's points are used up for so long: 429, and `Ratelimit-Reset` says until when.
    pub fn exhaust_rate_limit(&self, lasting: Duration) {
        let lasting = TimeDelta::from_std(lasting).expect("a test waits for minutes at most");
        self.stage.world().bucket.exhaust(Utc::now() + lasting);
    }

    /// App tokens are good for so long, those that are given out from now on (60 days at first).
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        let lifetime = TimeDelta::from_std(lifetime).expect("a test's token lives for years at most");
        self.stage.world().tokens.lifetime = lifetime;
    }

    /// No app token that was given out so far is good any longer: 401.
    pub fn revoke_tokens(&self) {
        self.stage.world().tokens.revoke();
    }

    /// The client has another secret from now on; the tokens that were given out stay good.
    pub fn set_client_secret(&self, secret: &str) {
        secret.clone_into(&mut self.stage.world().options.client_secret);
    }

    /// The viewer's token that GQL accepts as `Authorization: OAuth …`. Any other is refused with 401, none is fine.
    pub fn set_user_token(&self, token: Option<&str>) {
        self.stage.world().user_token = token.map(str::to_owned);
    }
}

/// What was seen.
impl Twitch {
    /// The client id and secret that are good.
    pub fn credentials(&self) -> (String, String) {
        let world = self.stage.world();
        (world.options.client_id.clone(), world.options.client_secret.clone())
    }

    /// The app tokens that were given out, in order: for looking whether one leaked.
    pub fn app_tokens(&self) -> Vec<String> {
        self.stage.world().tokens.issued.clone()
    }

    /// The requests for one host, in order ([`crate::HttpServer::requests`] has all, and
    /// [`crate::HttpServer::accepts_not_from`] says whether one came without a proxy).
    pub fn asked(&self, host: &str) -> Vec<Asked> {
        let named =
            |asked: &Asked| asked.host.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case(host));
        self.requests().into_iter().filter(named).collect()
    }
}

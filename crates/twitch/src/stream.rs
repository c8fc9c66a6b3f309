//! Who is live, and which channels there are: a hundred names a request, however many are asked for.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use holdfast_model::is_twitch_login;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::Call;
use crate::{Twitch, TwitchError};

/// Twitch refuses a request with more.
const NAMES_A_REQUEST: usize = 100;

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Twitch's number for it, which stays when it is renamed.
    pub id: String,
    /// Its name in addresses, in lower case.
    pub login: String,
    /// Its name for people.
    pub display_name: String,
}

/// A broadcast that is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The broadcast's own number.
    pub id: String,
    /// The channel's number.
    pub user_id: String,
    /// The channel's name in addresses, in lower case.
    pub login: String,
    /// The channel's name for people.
    pub display_name: String,
    /// What it is called; `None` if it has no title.
    pub title: Option<String>,
    /// The game or category; `None` if there is none.
    pub category: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

/// As Twitch writes it.
#[derive(Deserialize)]
struct Live {
    id: String,
    user_id: String,
    user_login: String,
    user_name: String,
    title: String,
    game_name: String,
    started_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Answered<T> {
    data: Vec<T>,
}

impl Twitch {
    /// The channels with these names, in no particular order. Names are compared without regard to case; a name that
    /// nobody has, or that nobody can have, is simply not in the answer.
    ///
    /// # Errors
    /// [`TwitchError`]; then nothing is known of any of them.
    pub async fn users(&self, logins: &[String]) -> Result<Vec<User>, TwitchError> {
        self.named("users", "login", &[], logins).await
    }

    /// Those of these channels that are live, by their name in lower case. A channel that is not in the answer is
    /// offline, or there is none with this name.
    ///
    /// # Errors
    /// [`TwitchError`]; then nothing is known of any of them.
    pub async fn streams(&self, logins: &[String]) -> Result<HashMap<String, Stream>, TwitchError> {
        // Without `first` Twitch shows 20 of them.
        let live: Vec<Live> = self.named("streams", "user_login", &[("first", "100")], logins).await?;
        Ok(live.into_iter().map(Stream::from).map(|stream| (stream.login.clone(), stream)).collect())
    }

    async fn named<T: DeserializeOwned>(
        &self,
        path: &'static str,
        key: &'static str,
        more: &[(&'static str, &'static str)],
        logins: &[String],
    ) -> Result<Vec<T>, TwitchError> {
        let logins: BTreeSet<String> = logins
            .iter()
            .filter(|login| is_twitch_login(login))
            .map(|login| login.to_ascii_lowercase())
            .collect();
        let logins: Vec<&str> = logins.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for some in logins.chunks(NAMES_A_REQUEST) {
            let query = more.iter().copied().chain(some.iter().map(|login| (key, *login))).collect();
            let answer = self.call(&Call::get(path, query, path)).await?;
            found.extend(answer.read::<Answered<T>>(path)?.data);
        }
        Ok(found)
    }
}

impl From<Live> for Stream {
    fn from(live: Live) -> Self {
        Self {
            id: live.id,
            user_id: live.user_id,
            login: live.user_login.to_ascii_lowercase(),
            display_name: live.user_name,
            title: told(live.title),
            category: told(live.game_name),
            started_at: live.started_at,
        }
    }
}

/// Twitch writes an empty text where there is nothing.
pub(crate) fn told(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

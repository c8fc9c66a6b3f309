//! The pool and its rows, kept in step. A person's change is stored first and then applied; what checks find is applied
//! first, because traffic cannot wait, and stored by the journal before anybody hears of it. What somebody edits in the
//! tables by hand is found by comparing a row with what was last read or written: only what differs is adopted, so a
//! finding that is not stored yet is never undone.

mod away;
mod convert;
mod drill;
mod reread;
mod settings;
mod views;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use std::time::Duration;

use holdfast_gateway::PoolHandle;
use holdfast_model::{Level, ProxyId, in_micros};
use holdfast_pool::{Adopted, Edit, Pool};
use holdfast_store::{Batch, ProxyRow, ProxyState, ProxyTotals, SettingsRow, Store, StoreError};
use serde_json::json;
use tokio::sync::{MutexGuard as AsyncGuard, watch};

pub(crate) use convert::pool_settings;
use convert::{new_proxy, remembered, span, state};

use crate::Refusal;
use crate::gateways::Gateways;
use crate::journal::{Journal, Note, STATISTICS};

/// How long a wish waits for its turn.
const WISH_LIMIT: Duration = Duration::from_secs(5);

/// The rows, and the pool that lives by them.
pub(crate) struct Memory {
    store: Store,
    pool: PoolHandle,
    gateway: OnceLock<Gateways>,
    journal: OnceLock<Journal>,
    /// Proxies whose rows are to be read again.
    wanted: Mutex<HashSet<ProxyId>>,
    /// One change of the rows at a time.
    gate: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
    /// Why the database is away, while it is.
    away: watch::Sender<Option<String>>,
}

/// The rows as they were last read or written.
struct Known {
    proxies: HashMap<ProxyId, ProxyRow>,
    settings: SettingsRow,
    /// States whose commit got no answer.
    uncertain: HashMap<ProxyId, ProxyState>,
    /// What each had carried when this process started to count.
    carried: HashMap<ProxyId, ProxyTotals>,
}

impl Memory {
    /// Reads what is stored. The pool is filled by [`Self::fill`].
    pub(crate) async fn load(store: Store, pool: PoolHandle) -> Result<(Self, Vec<ProxyRow>), StoreError> {
        let settings = store.settings().await?;
        let rows = store.proxies().await?;
        let known =
            Known { proxies: HashMap::new(), settings, uncertain: HashMap::new(), carried: HashMap::new() };
        let memory = Self {
            store,
            pool,
            gateway: OnceLock::new(),
            journal: OnceLock::new(),
            wanted: Mutex::default(),
            gate: tokio::sync::Mutex::new(()),
            known: Mutex::new(known),
            away: watch::Sender::new(None),
        };
        Ok((memory, rows))
    }

    /// Whom to tell, and whose tunnels to cut.
    pub(crate) fn join(&self, gateway: Gateways, journal: Journal) {
        let _ = self.gateway.set(gateway);
        let _ = self.journal.set(journal);
    }

    /// Says it once if passwords cannot be read: the proxies are failed, and if direct connections are allowed, that is
    /// how everything goes now.
    pub(crate) fn tell_of_locked(&self) {
        let locked = self.lock().proxies.values().filter(|row| row.locked.is_some()).count();
        if locked > 0 {
            let message = format!(
                "The passwords of {locked} proxies cannot be read with the present key: they are not used. \
                 Bring back the key, or set their URLs again"
            );
            tracing::error!("{message}");
            let note = Note::new("notice", Level::Error, message.clone());
            self.tell(note.with("message", json!(message)).with("level", json!("error")));
        }
    }

    /// Puts the stored proxies and settings into the pool.
    pub(crate) fn fill(&self, rows: &[ProxyRow]) {
        let settings = pool_settings(&self.lock().settings);
        self.pool.change(|pool, now| pool.set_settings(settings, now));
        self.take_in(rows);
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn pool(&self) -> &PoolHandle {
        &self.pool
    }

    /// Waits for the turn to change rows.
    pub(crate) async fn turn(&self) -> AsyncGuard<'_, ()> {
        self.gate.lock().await
    }

    /// Waits for the turn to carry out a person's wish; not long, and not while the database is away.
    pub(crate) async fn turn_for_a_wish(&self) -> Result<AsyncGuard<'_, ()>, Refusal> {
        let refused = |why: &str| Refusal::Unavailable(format!("nothing was changed: {why}"));
        if self.is_away().is_some() {
            // Perhaps it is back, and nobody has looked since.
            self.look_after().await;
        }
        if let Some(why) = self.is_away() {
            return Err(refused(&why));
        }
        let turn = tokio::time::timeout(WISH_LIMIT, self.turn()).await;
        let turn = turn.map_err(|_| refused("the database is busy or away"))?;
        // Whoever was before may have found out.
        self.is_away().map_or(Ok(turn), |why| Err(refused(&why)))
    }

    /// Adds proxies that have just been stored or found, all at one moment: a pool that is half filled would take the
    /// first of them for the only one.
    pub(crate) fn take_in(&self, rows: &[ProxyRow]) {
        let mut known = self.lock();
        for row in rows {
            known.carried.insert(row.id, row.totals);
            known.proxies.insert(row.id, row.clone());
        }
        drop(known);
        self.pool.change(|pool, now| {
            for row in rows {
                pool.restore(new_proxy(row), remembered(row), now);
                if let Some(why) = &row.locked {
                    pool.lock(row.id, why, now);
                }
            }
            Vec::new()
        });
    }

    /// Forgets a proxy that is no longer stored. Its tunnels are cut.
    pub(crate) fn forget(&self, id: ProxyId, why: &str) {
        let mut known = self.lock();
        known.proxies.remove(&id);
        known.carried.remove(&id);
        drop(known);
        self.pool.change(|pool, _| {
            pool.remove(id);
            Vec::new()
        });
        self.cut(id, why);
    }

    /// Brings pool and knowledge in line with a row, whoever wrote it; false if nothing in it was new.
    pub(crate) fn absorb(&self, row: ProxyRow) -> bool {
        let mut known = self.lock();
        if known.uncertain.get(&row.id).is_some_and(|state| says(&row, state))
            && let Some(old) = known.proxies.get_mut(&row.id)
        {
            // Our own, from a commit whose answer was lost. What a hand changed besides is still found below.
            (old.enabled, old.auto_disabled) = (row.enabled, row.auto_disabled);
            old.health = row.health.clone();
        }
        let Some(old) = known.proxies.insert(row.id, row.clone()) else {
            drop(known);
            self.take_in(&[row]);
            return true;
        };
        drop(known);
        let edit = Edit {
            url: (row.url != old.url || row.locked != old.locked).then(|| row.url.clone()),
            label: (row.label != old.label).then(|| row.label.clone()),
            tags: (row.tags != old.tags).then(|| row.tags.clone()),
            priority: (row.priority != old.priority).then_some(row.priority),
        };
        let switched = (row.enabled, row.auto_disabled) != (old.enabled, old.auto_disabled);
        let adopted = Adopted {
            enabled: switched.then_some((row.enabled, row.auto_disabled)),
            health: (row.health.status != old.health.status).then_some(row.health.status),
            consecutive_failures: (row.health.consecutive_failures != old.health.consecutive_failures)
                .then_some(row.health.consecutive_failures),
            response_time: (row.health.response_time_ms != old.health.response_time_ms)
                .then_some(row.health.response_time_ms.map(span)),
            average_response_time: (row.health.average_response_time_ms
                != old.health.average_response_time_ms)
                .then_some(row.health.average_response_time_ms.map(span)),
        };
        let edited =
            edit.url.is_some() || edit.label.is_some() || edit.tags.is_some() || edit.priority.is_some();
        if !edited && adopted == Adopted::default() {
            return false;
        }
        let (id, new_url) = (row.id, edit.url.is_some());
        self.pool.change(|pool, now| {
            if new_url && pool.get(id).is_some_and(|p| p.url == row.url) {
                // The same address with a password that can be read again, or no longer.
                pool.restore(new_proxy(&row), remembered(&row), now);
            } else if edited {
                pool.edit(id, edit, now);
            }
            if let Some(why) = &row.locked {
                pool.lock(id, why, now);
                return Vec::new();
            }
            pool.adopt(id, &adopted, now)
        });
        if new_url {
            self.cut(id, "the proxy got another address");
        } else if switched && !row.enabled {
            self.cut(id, "the proxy was disabled");
        }
        true
    }

    /// The same because a person wants something; not while the database is away.
    pub(crate) async fn refresh_for_a_wish(&self) -> Result<(), Refusal> {
        drop(self.turn_for_a_wish().await?);
        Ok(self.refresh().await?)
    }

    /// Reads everything again: rows added, edited or deleted by hand, and the settings.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        let settings = self.heed(self.store.settings().await)?;
        let rows = self.heed(self.store.proxies().await)?;
        self.absorb_settings(&settings);
        let there: HashSet<_> = rows.iter().map(|row| row.id).collect();
        let gone: Vec<_> = self.lock().proxies.keys().copied().filter(|id| !there.contains(id)).collect();
        for id in gone {
            let note = self.removed_note(id, "was deleted from the table by hand");
            self.forget(id, "the proxy was removed");
            self.tell(note);
        }
        for row in rows {
            let id = row.id;
            let is_new = !self.lock().proxies.contains_key(&id);
            if self.absorb(row) {
                self.tell_edited(id, is_new);
            }
        }
        Ok(())
    }

    /// Stores a batch together with what the pool knows of these proxies now, and learns what is stored. Under the
    /// turn, and after a look at the rows, so that neither a wish nor a hand is undone by an older finding.
    pub(crate) async fn commit(
        &self,
        batch: &mut Batch,
        changed: &HashSet<ProxyId>,
    ) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        if !changed.is_empty() {
            let rows = self.heed(self.rows(changed).await)?;
            self.adopt_rows(changed.clone(), rows);
        }
        batch.states = self.states(changed);
        let done = self.store.commit(batch).await;
        let mut known = self.lock();
        // Without an answer nobody knows whether this is in the rows now; it is no hand's work if it is.
        known.uncertain = batch.states.iter().map(|state| (state.id, state.clone())).collect();
        drop(known);
        self.heed(done)?;
        let mut known = self.lock();
        known.uncertain.clear();
        for state in &batch.states {
            if let Some(row) = known.proxies.get_mut(&state.id) {
                (row.enabled, row.auto_disabled) = (state.enabled, state.auto_disabled);
                row.health = state.health.clone();
                row.updated_at = in_micros(chrono::Utc::now());
            }
        }
        Ok(())
    }

    /// Reads again how many recordings a proxy had, after a recording's routes were stored.
    pub(crate) async fn recount(&self, id: ProxyId) {
        if let Ok(Some(row)) = self.heed(self.store.proxy(id).await)
            && let Some(known) = self.lock().proxies.get_mut(&id)
        {
            known.totals.total_recordings = row.totals.total_recordings;
            known.totals.failed_recordings = row.totals.failed_recordings;
        }
        self.tell(Note::new(STATISTICS, Level::Info, "").proxy(id).fleeting());
    }

    /// What the pool knows of these proxies, to be stored.
    fn states(&self, ids: &HashSet<ProxyId>) -> Vec<ProxyState> {
        self.pool.read(|pool| {
            ids.iter().filter_map(|id| pool.get(*id)).filter(|p| !p.is_locked()).map(state).collect()
        })
    }

    /// Why the password of a proxy cannot be read, if so.
    pub(crate) fn locked(&self, id: ProxyId) -> Option<String> {
        self.lock().proxies.get(&id)?.locked.clone()
    }

    /// Passes an answer of the store on, and notes what it says of the database.
    pub(crate) fn heed<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Unavailable(why)) = &answer {
            self.away(why);
        }
        answer
    }

    /// Ends the connections over a proxy.
    pub(crate) fn cut(&self, id: ProxyId, why: &str) {
        if let Some(gateway) = self.gateway.get() {
            gateway.cut_proxy(id, why);
        }
    }

    /// Tells of something.
    pub(crate) fn tell(&self, note: Note) {
        if let Some(journal) = self.journal.get() {
            journal.add(note);
        }
    }

    /// What to tell of a proxy that goes.
    pub(crate) fn removed_note(&self, id: ProxyId, how: &str) -> Note {
        let url = self.lock().proxies.get(&id).map(|row| row.url.masked().to_string()).unwrap_or_default();
        let note = Note::new("proxy_removed", Level::Info, format!("Proxy {url} {how}"));
        note.proxy(id).with("proxy_url", json!(url))
    }

    fn tell_edited(&self, id: ProxyId, is_new: bool) {
        let url = self.lock().proxies.get(&id).map(|row| row.url.masked().to_string()).unwrap_or_default();
        let (kind, what) = if is_new { ("proxy_added", "found in") } else { ("proxy_updated", "changed in") };
        self.tell(
            Note::new(kind, Level::Info, format!("Proxy {url} was {what} the table by hand")).proxy(id),
        );
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a row says what a state says, in all that the pool would adopt.
fn says(row: &ProxyRow, state: &ProxyState) -> bool {
    let of_row = (row.enabled, row.auto_disabled, row.health.status, row.health.consecutive_failures);
    let of_state =
        (state.enabled, state.auto_disabled, state.health.status, state.health.consecutive_failures);
    of_row == of_state
}

/// Keeps the memory as a trait object for the gateway.
pub(crate) fn for_gateway(memory: &Arc<Memory>) -> Arc<dyn holdfast_gateway::Memory> {
    Arc::<Memory>::clone(memory)
}

/// Whether a proxy with this address is in the pool already.
pub(crate) fn is_known(
    pool: &Pool,
    url: &holdfast_model::ProxyUrl,
    except: Option<ProxyId>,
) -> Option<ProxyId> {
    pool.proxies().find(|p| p.url == *url && Some(p.id) != except).map(|p| p.id)
}

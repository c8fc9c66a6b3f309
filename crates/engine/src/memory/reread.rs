//! Reading rows again beside the checks, for what somebody edited by hand. Checks come in swarms: all of a thousand
//! proxies at once when the line is down, and every few seconds again. Whoever has the turn therefore reads for all that
//! wait by then, and a person's wish never waits behind more than one such reading.

use std::collections::HashSet;
use std::sync::PoisonError;

use async_trait::async_trait;
use holdfast_model::ProxyId;
use holdfast_store::{ProxyRow, StoreError};

use super::Memory;

/// So many rows are read one by one; more by one query for all.
const ONE_BY_ONE: usize = 16;

#[async_trait]
impl holdfast_gateway::Memory for Memory {
    async fn reread(&self, id: ProxyId) {
        if self.is_away().is_some() {
            return;
        }
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        let _turn = self.turn().await;
        let wanted = self.take_wanted(id);
        if wanted.is_empty() {
            return;
        }
        if let Ok(settings) = self.heed(self.store.settings().await) {
            self.absorb_settings(&settings);
        }
        let Ok(rows) = self.heed(self.rows(&wanted).await) else { return };
        self.adopt_rows(wanted, rows);
    }
}

impl Memory {
    /// All that are to be read, unless somebody has read this one meanwhile.
    fn take_wanted(&self, id: ProxyId) -> HashSet<ProxyId> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.contains(&id) { std::mem::take(&mut *wanted) } else { HashSet::new() }
    }

    /// The rows of these proxies, and perhaps of others.
    pub(super) async fn rows(&self, wanted: &HashSet<ProxyId>) -> Result<Vec<ProxyRow>, StoreError> {
        if wanted.len() > ONE_BY_ONE {
            return self.store.proxies().await;
        }
        let mut rows = Vec::with_capacity(wanted.len());
        for id in wanted {
            rows.extend(self.store.proxy(*id).await?);
        }
        Ok(rows)
    }

    /// Takes over what was changed in them by hand; the caller has the turn.
    pub(super) fn adopt_rows(&self, mut wanted: HashSet<ProxyId>, rows: Vec<ProxyRow>) {
        for row in rows {
            let id = row.id;
            if wanted.remove(&id) && self.absorb(row) {
                self.tell_edited(id, false);
            }
        }
        for id in wanted {
            if self.lock().proxies.contains_key(&id) {
                let note = self.removed_note(id, "was deleted from the table by hand");
                self.forget(id, "the proxy was removed");
                self.tell(note);
            }
        }
    }
}

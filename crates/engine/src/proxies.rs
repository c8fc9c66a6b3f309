//! What people do to the proxies: each change is stored, then applied to the pool, then told.

use std::collections::HashSet;
use std::time::Duration;

use holdfast_model::{Level, ProxyId, ProxyUrl, Secret, parse_list};
use holdfast_pool::Pool;
use serde_json::json;

use crate::journal::Note;
use crate::memory::is_known;
use crate::view::{Imported, ProxyList, ProxyView, Rejected, SystemStatusView};
use crate::{Engine, ProxyChange, ProxyWish, Refusal};

/// How long a reveal waits to be written down.
const WRITTEN_LIMIT: Duration = Duration::from_secs(5);

impl Engine {
    /// All proxies by priority, and how the pool is as a whole.
    #[must_use]
    pub fn proxies(&self) -> ProxyList {
        let memory = &self.inner.memory;
        let proxies = memory.views(&self.inner.gateway.load());
        let system_status = SystemStatusView::from(memory.pool().read(Pool::system_status));
        ProxyList { proxies, system_status }
    }

    /// One proxy.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn proxy(&self, id: ProxyId) -> Result<ProxyView, Refusal> {
        let view = self.inner.memory.view(id, &self.inner.gateway.load());
        view.ok_or_else(|| Refusal::no_proxy(id))
    }

    /// Adds a proxy. Its first check starts at once.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if it is there already, [`Refusal::Unavailable`].
    pub async fn add_proxy(&self, wish: ProxyWish) -> Result<ProxyId, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let _turn = engine.inner.memory.turn_for_a_wish().await?;
            engine.refuse_duplicate(&wish.url, None)?;
            let added = engine.store_new(vec![wish], "added").await?;
            added.first().copied().ok_or_else(|| Refusal::Unavailable("the database gave no id".to_owned()))
        })
        .await
    }

    /// Adds all proxies of a list, one a line. What is there already is left out.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]; then nothing was added.
    pub async fn import_proxies(&self, text: &str) -> Result<Imported, Refusal> {
        let (engine, (entries, rejected)) = (self.clone(), parse_list(text));
        self.carry_out(async move {
            let _turn = engine.inner.memory.turn_for_a_wish().await?;
            let mut seen: HashSet<ProxyUrl> =
                engine.inner.memory.pool().read(|pool| pool.proxies().map(|p| p.url.clone()).collect());
            let all = entries.len();
            let new: Vec<_> = entries
                .into_iter()
                .filter(|entry| seen.insert(entry.url.clone()))
                .map(|entry| ProxyWish {
                    url: entry.url,
                    label: None,
                    tags: entry.tags,
                    priority: entry.priority.unwrap_or_default(),
                    enabled: true,
                })
                .collect();
            let (added, duplicates) = (new.len(), all - new.len());
            if !new.is_empty() {
                engine.store_new(new, "imported").await?;
            }
            let rejected = rejected.into_iter().map(|line| Rejected { line: line.line, detail: line.detail });
            Ok(Imported { added, duplicates, rejected: rejected.collect() })
        })
        .await
    }

    /// Changes a proxy.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Conflict`] if the new URL is there already, [`Refusal::Unavailable`].
    pub async fn edit_proxy(&self, id: ProxyId, change: ProxyChange) -> Result<ProxyView, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let turn = memory.turn_for_a_wish().await?;
            engine.proxy(id)?;
            if let Some(url) = &change.url {
                engine.refuse_duplicate(url, Some(id))?;
            }
            engine.edit_row(id, change).await?;
            drop(turn);
            engine.proxy(id)
        })
        .await
    }

    /// Switches a proxy on or off, whichever it is not. Says which it is now.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn toggle_proxy(&self, id: ProxyId) -> Result<bool, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let _turn = engine.inner.memory.turn_for_a_wish().await?;
            let enabled = !engine.proxy(id)?.enabled;
            engine.edit_row(id, ProxyChange { enabled: Some(enabled), ..ProxyChange::default() }).await?;
            Ok(enabled)
        })
        .await
    }

    /// Removes a proxy; its tunnels are cut. Recordings that used it keep its masked name.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn remove_proxy(&self, id: ProxyId) -> Result<(), Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            engine.proxy(id)?;
            let note = memory.removed_note(id, "was removed");
            memory.heed(memory.store().remove_proxy(id).await)?;
            memory.forget(id, "the proxy was removed");
            memory.tell(note);
            Ok(())
        })
        .await
    }

    /// The whole URL, password included. That somebody asked is written into the event log first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Conflict`] if the password cannot be read, [`Refusal::Unavailable`].
    pub async fn reveal_proxy(&self, id: ProxyId) -> Result<Secret, Refusal> {
        let memory = &self.inner.memory;
        let url = memory.pool().read(|pool| pool.get(id).map(|p| p.url.clone()));
        let url = url.ok_or_else(|| Refusal::no_proxy(id))?;
        if let Some(why) = memory.locked(id) {
            return Err(Refusal::Conflict(why));
        }
        let told = format!("The password of {} was revealed", url.masked());
        let note = Note::new("proxy_revealed", Level::Warning, told).proxy(id);
        let note = note.with("proxy_url", json!(url.masked()));
        if memory.is_away().is_some() || !self.inner.journal.add_and_wait(note, WRITTEN_LIMIT).await {
            let why = "what cannot be written into the event log is not revealed: the database is away";
            return Err(Refusal::Unavailable(why.to_owned()));
        }
        Ok(url.expose())
    }

    /// Gives the proxies the priorities 0, 1, 2 … in this order.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if not every proxy is named once, [`Refusal::Unavailable`].
    pub async fn reorder_proxies(&self, ids: Vec<ProxyId>) -> Result<(), Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let memory = &engine.inner.memory;
            let _turn = memory.turn_for_a_wish().await?;
            let known: HashSet<_> = memory.pool().read(|pool| pool.proxies().map(|p| p.id).collect());
            let named: HashSet<_> = ids.iter().copied().collect();
            if named != known || ids.len() != known.len() {
                return Err(Refusal::Invalid(format!(
                    "ids must name each of the {} proxies once, in the new order",
                    known.len()
                )));
            }
            memory.heed(memory.store().reorder(&ids).await)?;
            for row in memory.heed(memory.store().proxies().await)? {
                let id = row.id;
                if memory.absorb(row) {
                    engine.tell_of(id, "proxy_updated", "was moved");
                }
            }
            Ok(())
        })
        .await
    }

    /// Stores an edit and brings the pool in line. The caller holds the turn.
    async fn edit_row(&self, id: ProxyId, edit: ProxyChange) -> Result<(), Refusal> {
        let memory = &self.inner.memory;
        let enabled = edit.enabled;
        let row = memory.heed(memory.store().edit_proxy(id, &edit).await)?;
        let row = row.ok_or_else(|| Refusal::no_proxy(id))?;
        memory.absorb(row);
        if let Some(on) = enabled {
            memory.pool().change(|pool, now| pool.set_enabled(id, on, now));
            if !on {
                memory.cut(id, "the proxy was disabled by a person");
            }
        }
        let what = match enabled {
            Some(true) => "was enabled",
            Some(false) => "was disabled",
            None => "was changed",
        };
        self.tell_of(id, "proxy_updated", what);
        Ok(())
    }

    async fn store_new(&self, mut wishes: Vec<ProxyWish>, how: &str) -> Result<Vec<ProxyId>, Refusal> {
        let memory = &self.inner.memory;
        for wish in &mut wishes {
            wish.label.take_if(|label| label.is_empty());
        }
        let rows = memory.heed(memory.store().add_proxies(&wishes).await)?;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        memory.take_in(&rows);
        for id in &ids {
            self.tell_of(*id, "proxy_added", &format!("was {how}"));
        }
        Ok(ids)
    }

    fn refuse_duplicate(&self, url: &ProxyUrl, except: Option<ProxyId>) -> Result<(), Refusal> {
        match self.inner.memory.pool().read(|pool| is_known(pool, url, except)) {
            Some(id) => Err(Refusal::Conflict(format!("{} is there already, as proxy {id}", url.masked()))),
            None => Ok(()),
        }
    }

    fn tell_of(&self, id: ProxyId, kind: &'static str, what: &str) {
        let memory = &self.inner.memory;
        let url = memory.pool().read(|pool| pool.get(id).map(|p| p.url.masked().to_string()));
        let message = format!("Proxy {} {what}", url.unwrap_or_default());
        memory.tell(Note::new(kind, Level::Info, message).proxy(id));
    }
}

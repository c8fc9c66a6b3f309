//! The settings of the proxy system: known here, in force in the pool.

use holdfast_model::Level;
use holdfast_pool::{Choice, Pool, Request};
use holdfast_store::SettingsRow;
use serde_json::json;

use super::{Memory, pool_settings};
use crate::journal::Note;
use crate::view::Config;

impl Memory {
    /// The settings in force.
    pub(crate) fn settings(&self) -> SettingsRow {
        self.lock().settings.clone()
    }

    /// Puts other settings in force.
    pub(crate) fn absorb_settings(&self, settings: &SettingsRow) -> bool {
        let mut known = self.lock();
        if known.settings == *settings {
            return false;
        }
        let old = std::mem::replace(&mut known.settings, settings.clone());
        drop(known);
        self.pool.change(|pool, now| pool.set_settings(pool_settings(settings), now));
        if let Some(reason) = self.no_longer_direct(&old, settings)
            && let Some(gateway) = self.gateway.get()
        {
            gateway.cut_direct(reason);
        }
        let note = Note::new("config_changed", Level::Info, "The settings of the proxy system were changed");
        self.tell(note.with("config", json!(Config::from(settings))));
        true
    }

    /// Why connections that go direct are to be cut after a change of the settings, if they are.
    fn no_longer_direct(&self, old: &SettingsRow, new: &SettingsRow) -> Option<&'static str> {
        let allowed = |row: &SettingsRow| row.fallback_to_direct_connection || !row.enable_proxy;
        if allowed(old) && !allowed(new) {
            return Some("direct connections were forbidden");
        }
        // A kept-alive connection would go on without a proxy for the whole recording.
        let by_proxy = |pool: &Pool| matches!(pool.select(&Request::default()), Choice::Proxy { .. });
        let on = !old.enable_proxy && new.enable_proxy && self.pool.read(by_proxy);
        on.then_some("the proxy system was switched on")
    }
}

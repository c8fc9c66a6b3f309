//! The drill in the pool, and that those who show the proxy hear of its beginning and its end. Nothing of it is stored.

use chrono::{DateTime, Utc};
use holdfast_model::{Level, ProxyId};

use super::Memory;
use crate::journal::{HEALTH, Note};

impl Memory {
    /// Treats a proxy as failed until [`Self::end_drill`], which is to come at `until`.
    pub(crate) fn drill(&self, id: ProxyId, until: DateTime<Utc>) {
        self.pool.change(|pool, now| {
            pool.drill(id, until, now);
            Vec::new()
        });
        self.tell_of_drill(id);
    }

    /// The drill that was to end at `until` is over, unless a later one goes on.
    pub(crate) fn end_drill(&self, id: ProxyId, until: DateTime<Utc>) {
        let mut ended = false;
        self.pool.change(|pool, now| {
            ended = pool.end_drill(id, until, now);
            Vec::new()
        });
        if ended {
            self.tell_of_drill(id);
        }
    }

    fn tell_of_drill(&self, id: ProxyId) {
        self.tell(Note::new(HEALTH, Level::Info, "").proxy(id).fleeting());
    }
}

//! The register of leases: which user and password at the gateway belong to whom.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use holdfast_model::{Event, Secret};
use tokio::sync::broadcast;

use crate::account::{Account, Lease};

/// Every lease that is valid now, by user name. One user has several while a recording runs a child and a live
/// check side by side.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    by_user: RwLock<HashMap<String, Vec<Arc<Lease>>>>,
    open: Option<Arc<Lease>>,
}

/// Who may use the gateway besides the recordings.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nobody: every connection needs the credentials of a lease.
    #[default]
    LeasesOnly,
    /// Whoever can connect.
    Anyone,
    /// Whoever gives this user and password.
    Password(String, Secret),
}

impl Leases {
    /// `events`: where failovers of the standing leases are announced.
    pub(crate) fn new(access: Access, events: broadcast::Sender<Event>) -> Self {
        let standing = |password| {
            let account = Arc::new(Account::new(None, Vec::new(), events));
            Arc::new(Lease { account, password, ended: Default::default() })
        };
        match access {
            Access::LeasesOnly => Self::default(),
            Access::Anyone => Self { open: Some(standing(Secret::new(""))), ..Self::default() },
            Access::Password(user, password) => {
                let leases = Self::default();
                leases.add(&user, standing(password));
                leases
            }
        }
    }

    pub(crate) fn add(&self, user: &str, lease: Arc<Lease>) {
        let mut map = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        map.entry(user.to_owned()).or_default().push(lease);
    }

    pub(crate) fn end(&self, user: &str, lease: &Arc<Lease>) {
        lease.ended.cancel();
        let mut map = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(leases) = map.get_mut(user) {
            leases.retain(|other| !Arc::ptr_eq(other, lease));
            if leases.is_empty() {
                map.remove(user);
            }
        }
    }

    /// Who is behind these credentials. With an open gateway wrong ones are as good as none.
    pub(crate) fn find(&self, credentials: Option<&(String, Secret)>) -> Option<Arc<Lease>> {
        let named = credentials.and_then(|(user, password)| {
            let map = self.by_user.read().unwrap_or_else(PoisonError::into_inner);
            map.get(user)?.iter().find(|lease| lease.password == *password).cloned()
        });
        named.or_else(|| self.open.clone())
    }
}

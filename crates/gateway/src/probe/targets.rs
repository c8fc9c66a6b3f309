//! Where a check gets its targets from. Most are the same for good; those that need a token of somebody else change while
//! the program runs, and a token that is no longer good must be told from a proxy that is not.

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};

use super::CheckTarget;

/// What a target said that did not like what the check brought along.
#[derive(Clone, Copy, Debug)]
pub struct Objection<'a> {
    /// The status of its answer.
    pub status: StatusCode,
    /// The headers of its answer.
    pub headers: &'a HeaderMap,
}

/// Says what checks ask for.
#[async_trait]
pub trait Targets: Send + Sync {
    /// What a check that begins now asks for, at least one target.
    fn now(&self) -> Vec<CheckTarget>;

    /// A target that was sent headers of its own objected. `Some`: that says nothing of the proxy, ask this one instead;
    /// `None`: it does. The check waits for it, so it should not take long.
    async fn instead(&self, _target: &CheckTarget, _objection: Objection<'_>) -> Option<CheckTarget> {
        None
    }

    /// A target answered as it should, what it was sent along included.
    fn accepted(&self, _target: &CheckTarget) {}
}

/// The same for good.
impl Targets for Vec<CheckTarget> {
    fn now(&self) -> Vec<CheckTarget> {
        self.clone()
    }
}

//! Taking turns at the database, and giving up in time.
//!
//! Waiting for those who came before is no sign that the database is away: on a slow disk a hundred changes take their
//! time. Waiting for the database is. So everybody waits for a turn as long as it takes, and for an answer only so
//! long. And when somebody ahead got no answer, and nobody got one since, those who waited behind give up with him,
//! instead of each finding out in his turn, one limit after the other.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::StoreError;

/// For one whole operation, once it is its turn.
const WORK_LIMIT: Duration = Duration::from_secs(10);

/// Work under way. Boxed, since the futures of queries are big and would make those of our callers bigger.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Those who want the same connections. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    places: Arc<Semaphore>,
    /// How often somebody got no answer.
    failures: Arc<AtomicU64>,
    /// Whether the last who came out got no answer.
    away: Arc<AtomicBool>,
}

impl Queue {
    /// So many at a time.
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), failures: Arc::default(), away: Arc::default() }
    }

    /// Does the work when it is its turn, 10 s at most. What was begun and not committed is rolled back.
    pub(crate) fn run<'a, T: Send + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Work<'a, T> {
        let before = self.failures.load(Ordering::Relaxed);
        let work = within(WORK_LIMIT, work);
        Box::pin(async move {
            let _place =
                self.places.acquire().await.map_err(|error| StoreError::unavailable(error.to_string()))?;
            if self.failures.load(Ordering::Relaxed) != before && self.away.load(Ordering::Relaxed) {
                return Err(StoreError::unavailable("it did not answer others who were first"));
            }
            let answer = work.await;
            let away = matches!(answer, Err(StoreError::Unavailable(_)));
            self.failures.fetch_add(u64::from(away), Ordering::Relaxed);
            self.away.store(away, Ordering::Relaxed);
            answer
        })
    }
}

/// Does the work, or gives up.
pub(crate) fn within<'a, T: Send + 'a>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
) -> Work<'a, T> {
    let work = Box::pin(work);
    Box::pin(async move {
        // The clock starts now, and not when the work was put into the queue.
        let late =
            |_| Err(StoreError::unavailable(format!("it did not answer within {} s", limit.as_secs())));
        tokio::time::timeout(limit, work).await.unwrap_or_else(late)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_queue_that_moves_is_no_failure() {
        let queue = Queue::new(1);
        let work = |seconds: u64| {
            let queue = queue.clone();
            let sleep = async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(())
            };
            tokio::spawn(async move { queue.run(sleep).await })
        };
        let all: Vec<_> = (0..20).map(|_| work(9)).collect();
        for one in all {
            assert_eq!(one.await.expect("no panic"), Ok(()));
        }
        assert!(matches!(work(11).await.expect("no panic"), Err(StoreError::Unavailable(_))));
        assert_eq!(work(9).await.expect("no panic"), Ok(()), "those who come later try for themselves");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_stuck_gives_up_as_one() {
        let queue = Queue::new(1);
        let started = tokio::time::Instant::now();
        let all: Vec<_> = (0..20)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.run(std::future::pending::<Result<(), _>>()).await })
            })
            .collect();
        for one in all {
            assert!(matches!(one.await.expect("no panic"), Err(StoreError::Unavailable(_))));
        }
        assert!(started.elapsed() < Duration::from_secs(11), "{:?}", started.elapsed());
    }
}

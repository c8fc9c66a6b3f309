//! Which recordings the limits delete: by age, by number and by size, of each channel and of all. Pure in
//! [`condemned`]; the rest asks the store and deletes as a person would.
//!
//! Recordings that are kept on purpose are never deleted, and do not count. Only what has ended is looked at.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_model::{ChannelId, RecordingId};
use holdfast_store::{FinishedRow, Limits};

use crate::view::{CondemnedView, RetentionPreview};
use crate::{Engine, Refusal};

/// A recording to be deleted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condemned {
    id: RecordingId,
    reason: String,
}

/// Which of these recordings go; `all` are the oldest first, and so is the answer.
fn condemned(
    all: &[FinishedRow],
    of_channel: &HashMap<ChannelId, Limits>,
    of_all: &Limits,
    now: DateTime<Utc>,
) -> Vec<Condemned> {
    let mut reasons: HashMap<RecordingId, String> = HashMap::new();
    for (channel, limits) in of_channel {
        let mine: Vec<_> = all.iter().filter(|row| !row.keep && row.streamer_id == Some(*channel)).collect();
        apply(&mine, limits, "the channel's", now, &mut reasons);
    }
    let rest: Vec<_> = all.iter().filter(|row| !row.keep).collect();
    apply(&rest, of_all, "the", now, &mut reasons);
    let condemned = |row: &FinishedRow| Some(Condemned { id: row.id, reason: reasons.remove(&row.id)? });
    all.iter().filter_map(condemned).collect()
}

/// Adds what these limits condemn among `rows`, which are the oldest first. What is condemned already is gone and takes no
/// room.
fn apply(
    rows: &[&FinishedRow],
    limits: &Limits,
    whose: &str,
    now: DateTime<Utc>,
    reasons: &mut HashMap<RecordingId, String>,
) {
    if let Some(days) = limits.max_age_days {
        let before = now - TimeDelta::days(days.into());
        for row in rows.iter().filter(|row| row.ended_at < before) {
            reasons.entry(row.id).or_insert_with(|| format!("older than {days} days, {whose} limit"));
        }
    }
    let left: Vec<_> = rows.iter().filter(|row| !reasons.contains_key(&row.id)).collect();
    if let Some(count) = limits.max_count {
        // One that failed before its first byte is no recording that takes the place of another.
        let filled: Vec<_> = left.iter().filter(|row| row.bytes > 0).collect();
        let surplus = filled.len().saturating_sub(count as usize);
        for row in &filled[..surplus] {
            reasons.insert(row.id, format!("more than {count} recordings, {whose} limit"));
        }
    }
    if let Some(most) = limits.max_bytes {
        let left: Vec<_> = left.iter().filter(|row| !reasons.contains_key(&row.id)).collect();
        let mut total: u64 = left.iter().map(|row| row.bytes).sum();
        for row in left {
            if total <= most {
                break;
            }
            total -= row.bytes;
            reasons.insert(row.id, format!("more than {} together, {whose} limit", size(most)));
        }
    }
}

/// Bytes in a word or two.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")];
    let unit = UNITS.iter().find(|(unit, _)| bytes >= *unit);
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, name)| format!("{:.1} {name}", bytes as f64 / *unit as f64),
    )
}

impl Engine {
    /// What the limits in force would delete now; with `instead`, what these would delete besides, in place of the limits of
    /// this channel, or of all.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such channel, [`Refusal::Unavailable`].
    pub async fn retention_preview(
        &self,
        instead: Option<(Option<ChannelId>, Limits)>,
    ) -> Result<RetentionPreview, Refusal> {
        if let Some((Some(id), _)) = instead {
            self.channel(id)?;
        }
        let rows = self.finished().await?;
        let goes_anyway: HashSet<_> = match instead {
            Some(_) => self.condemned(&rows, None).into_iter().map(|condemned| condemned.id).collect(),
            None => HashSet::new(),
        };
        let condemned = self.condemned(&rows, instead);
        let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let view = |condemned: Condemned| {
            let row = rows.get(&condemned.id)?;
            Some(CondemnedView {
                recording_id: row.id,
                channel: row.channel.clone(),
                path: row.path.display().to_string(),
                bytes: row.bytes,
                started_at: row.started_at,
                reason: condemned.reason,
            })
        };
        let new = condemned.into_iter().filter(|condemned| !goes_anyway.contains(&condemned.id));
        let items: Vec<_> = new.filter_map(view).collect();
        Ok(RetentionPreview { bytes: items.iter().map(|item| item.bytes).sum(), items })
    }

    async fn finished(&self) -> Result<Vec<FinishedRow>, Refusal> {
        let memory = &self.inner.memory;
        Ok(memory.heed(memory.store().finished_recordings().await)?)
    }

    /// Which of these go, by the limits in force or with others in the place of some.
    fn condemned(
        &self,
        rows: &[FinishedRow],
        instead: Option<(Option<ChannelId>, Limits)>,
    ) -> Vec<Condemned> {
        let mut of_channel = self.inner.channels.limits();
        let mut of_all = self.inner.channels.settings().limits;
        match instead {
            Some((Some(id), limits)) => drop(of_channel.insert(id, limits)),
            Some((None, limits)) => of_all = limits,
            None => {}
        }
        condemned(rows, &of_channel, &of_all, Utc::now())
    }

    /// The same in the background.
    pub(crate) fn heed_limits_soon(&self) {
        let engine = self.clone();
        self.inner.tracker.spawn(async move { engine.heed_limits().await });
    }

    /// Deletes what the limits condemn. One at a time; what is used meanwhile is left for the next time.
    pub(crate) async fn heed_limits(&self) {
        let _turn = self.inner.channels.deleting.lock().await;
        // A disk that is not mounted has lost nothing.
        if !self.inner.recordings.directory.is_dir() {
            return;
        }
        let found = match self.finished().await {
            Ok(rows) => self.condemned(&rows, None),
            Err(error) => return tracing::warn!("old recordings were not looked through: {error}"),
        };
        for Condemned { id, reason } in found {
            if self.inner.stop.is_cancelled() {
                return;
            }
            if let Err(error) = self.delete(id, Some(&reason)).await {
                tracing::warn!("recording {} was not deleted ({reason}): {error}", id.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const DAY: i64 = 86_400;

    fn row(days_ago: i64, channel: i64, bytes: u64, keep: bool) -> FinishedRow {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds((100 - days_ago) * DAY);
        FinishedRow {
            id: RecordingId::new(),
            streamer_id: Some(ChannelId(channel)),
            channel: None,
            path: PathBuf::new(),
            bytes,
            started_at: at,
            ended_at: at,
            keep,
        }
    }

    fn check(rows: &[FinishedRow], of_one: Limits, of_all: Limits, expected: &[usize]) {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let found = condemned(rows, &HashMap::from([(ChannelId(1), of_one)]), &of_all, now);
        let places = |c: &Condemned| rows.iter().position(|row| row.id == c.id).expect("one of them");
        assert_eq!(found.iter().map(places).collect::<Vec<_>>(), expected, "{found:?}");
    }

    #[test]
    fn limits_condemn_the_oldest_and_never_what_is_kept() {
        let rows = [
            row(9, 1, 10, false),
            row(8, 2, 10, false),
            row(7, 1, 10, true),
            row(6, 1, 10, false),
            row(1, 1, 10, false),
        ];
        let none = Limits::default;
        let days = |days| Limits { max_age_days: Some(days), ..none() };
        let count = |count| Limits { max_count: Some(count), ..none() };
        let bytes = |bytes| Limits { max_bytes: Some(bytes), ..none() };
        check(&rows, none(), none(), &[]);
        check(&rows, days(5), none(), &[0, 3]);
        check(&rows, none(), days(5), &[0, 1, 3]);
        check(&rows, count(1), none(), &[0, 3]);
        check(&rows, count(0), none(), &[0, 3, 4]);
        check(&rows, none(), count(2), &[0, 1]);
        let empty = [row(9, 1, 10, false), row(8, 1, 0, false), row(7, 1, 0, false)];
        check(&empty, count(1), none(), &[]);
        check(&rows, bytes(20), none(), &[0]);
        check(&rows, bytes(19), none(), &[0, 3]);
        check(&rows, none(), bytes(39), &[0]);
        check(&rows, count(2), bytes(20), &[0, 1]);
        check(
            &rows,
            none(),
            Limits { max_age_days: Some(8), max_count: Some(2), max_bytes: Some(10) },
            &[0, 1, 3],
        );
    }
}

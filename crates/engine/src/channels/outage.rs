//! What is told of looks that fail. When Twitch is down or there is no way to anywhere, every look at every channel fails,
//! each with words of its own: that is one outage, and each channel still shows its own error. Pure.
//!
//! - The first that fails is told by its name. Whoever fails for the same cause before one of them is looked at a second time
//!   belongs to it, and then all of them are told once; whoever fails later is another outage. So what fails for good draws
//!   nobody in.
//! - When one works again the others get one look each, and then it is told who works and who does not.
//! - Who was not looked at meanwhile is not counted: nobody knows.
//!
//! What a channel first failed for counts until a look at it works: the words may change with every try.

use std::collections::BTreeSet;

use holdfast_model::{ChannelId, Level};

/// Names in one sentence; the others are counted.
const NAMED: usize = 3;

/// What several channels may fail for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Twitch's API gives no answer, which is asked for all of its channels at once.
    Twitch,
    /// This site could not be reached, though a proxy works.
    Site(String),
    /// No proxy works, or there is none: it may be the way to all sites.
    Way,
    /// Anything else, in these words.
    Other(String),
}

/// Why a look failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) cause: Cause,
    /// In words.
    pub(crate) why: String,
}

impl Trouble {
    pub(crate) fn new(cause: Cause, why: impl Into<String>) -> Self {
        Self { cause, why: why.into() }
    }

    /// That is a cause of its own.
    pub(crate) fn other(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { cause: Cause::Other(why.clone()), why }
    }
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Looking at these fails, at the last of them for this reason.
    Fail(BTreeSet<ChannelId>, String),
    /// Looking at these works again, and at `left` it still fails.
    Work { again: BTreeSet<ChannelId>, left: BTreeSet<ChannelId> },
}

impl Told {
    /// The one channel that it is about, if it is one.
    pub(crate) fn channel(&self) -> Option<ChannelId> {
        let (Self::Fail(about, _) | Self::Work { again: about, .. }) = self;
        about.first().filter(|_| about.len() == 1).copied()
    }

    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Fail(..) => Level::Warning,
            Self::Work { .. } => Level::Info,
        }
    }

    /// In words.
    pub(crate) fn words(&self, name: impl Fn(ChannelId) -> String) -> String {
        match self {
            Self::Fail(ids, why) => {
                let are = if ids.len() == 1 { "is" } else { "are" };
                format!("Whether {} {are} live could not be found out: {why}", listed(ids, name))
            }
            Self::Work { again, left } if left.is_empty() => {
                format!("{} can be looked at again", listed(again, name))
            }
            Self::Work { again, left } => {
                format!("{} can be looked at again, {} cannot", listed(again, &name), listed(left, &name))
            }
        }
    }
}

/// One by its name, several by their number and the names of the first.
fn listed(ids: &BTreeSet<ChannelId>, name: impl Fn(ChannelId) -> String) -> String {
    let names: Vec<_> = ids.iter().take(NAMED).map(|id| name(*id)).collect();
    match ids.len() {
        1 => names.concat(),
        count if count > NAMED => {
            format!("{count} channels ({} and {} more)", names.join(", "), count - NAMED)
        }
        count => format!("{count} channels ({})", names.join(", ")),
    }
}

/// The channels that cannot be looked at.
#[derive(Default)]
pub(crate) struct Outages(Vec<Outage>);

/// Channels that fail together.
struct Outage {
    cause: Cause,
    /// Why the last that joined failed.
    why: String,
    /// Others may join.
    open: bool,
    failing: BTreeSet<ChannelId>,
    /// Works again, which was not told yet.
    again: BTreeSet<ChannelId>,
    /// Fails, which was not told yet.
    untold: BTreeSet<ChannelId>,
    /// Was looked at in this round.
    looked: BTreeSet<ChannelId>,
}

impl Outages {
    /// Takes in how looks went, those that belong together at once.
    pub(crate) fn heed(
        &mut self,
        looks: impl IntoIterator<Item = (ChannelId, Option<Trouble>)>,
    ) -> Vec<Told> {
        let mut all = Vec::new();
        let mut looks: Vec<_> = looks.into_iter().collect();
        // Who is looked at a second time ends a round, so the others come first.
        looks.sort_by_key(|(id, _)| self.of(*id).map(|outage| outage.looked.contains(id)));
        for (id, trouble) in looks {
            match (self.of(id), trouble) {
                (Some(outage), trouble) => all.extend(outage.looked_at(id, trouble.is_none())),
                (None, Some(trouble)) => self.join(id, trouble),
                (None, None) => {}
            }
        }
        all.extend(self.0.iter_mut().filter_map(Outage::news));
        self.0.retain(|outage| !outage.failing.is_empty());
        all
    }

    fn of(&mut self, id: ChannelId) -> Option<&mut Outage> {
        self.0.iter_mut().find(|outage| outage.failing.contains(&id) || outage.again.contains(&id))
    }

    /// This channel is gone.
    pub(crate) fn forget(&mut self, id: ChannelId) {
        for outage in &mut self.0 {
            for set in [&mut outage.failing, &mut outage.again, &mut outage.untold, &mut outage.looked] {
                set.remove(&id);
            }
        }
    }

    fn join(&mut self, id: ChannelId, Trouble { cause, why }: Trouble) {
        let one = BTreeSet::from([id]);
        match self.0.iter_mut().find(|outage| outage.open && outage.cause == cause) {
            Some(outage) => {
                outage.why = why;
                for set in [&mut outage.failing, &mut outage.untold, &mut outage.looked] {
                    set.insert(id);
                }
            }
            None => self.0.push(Outage {
                cause,
                why,
                open: true,
                failing: one.clone(),
                again: BTreeSet::new(),
                untold: one.clone(),
                looked: one,
            }),
        }
    }
}

impl Outage {
    /// One of its channels was looked at; a second time ends the round.
    fn looked_at(&mut self, id: ChannelId, works: bool) -> Option<Told> {
        let second = self.looked.contains(&id);
        if !works && self.again.remove(&id) {
            self.failing.insert(id);
        }
        let told = if second { self.end_round() } else { None };
        if works && self.failing.remove(&id) {
            if self.again.is_empty() {
                // What failed before says nothing any more: each gets its look.
                self.looked.clear();
            }
            self.again.insert(id);
        }
        self.looked.insert(id);
        told
    }

    /// What need not wait for the end of the round: that it begins, and that everybody had a look since one worked.
    fn news(&mut self) -> Option<Told> {
        if !self.untold.is_empty() && self.untold == self.failing {
            return self.tell_newcomers();
        }
        let all_had_theirs = !self.again.is_empty() && self.failing.is_subset(&self.looked);
        if all_had_theirs { self.end_round() } else { None }
    }

    fn end_round(&mut self) -> Option<Told> {
        let looked = std::mem::take(&mut self.looked);
        if std::mem::take(&mut self.open) {
            return self.tell_newcomers();
        }
        if self.again.is_empty() {
            return None;
        }
        self.failing.retain(|id| looked.contains(id));
        Some(Told::Work { again: std::mem::take(&mut self.again), left: self.failing.clone() })
    }

    fn tell_newcomers(&mut self) -> Option<Told> {
        let any = !std::mem::take(&mut self.untold).is_empty();
        any.then(|| Told::Fail(self.failing.clone(), self.why.clone()))
    }
}

#[cfg(test)]
mod tests;

//! One outage, one event. When Twitch is down or there is no way to anywhere, every look at every channel fails, each with
//! words of its own. What fails for the same cause at more than one channel is told once, and once when it works again; each
//! channel still shows its own error. Pure.
//!
//! What a channel first failed for counts until a look at it works: the words may change with every try.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_model::{ChannelId, Level};

/// What several channels may fail for together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Twitch's API gives no answer, which is asked for all of its channels at once.
    Twitch,
    /// A site could not be reached.
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
    /// Looking at this channel fails.
    Fails(ChannelId, String),
    /// And works again.
    Works(ChannelId),
    /// Looking at so many channels fails.
    AllFail(usize, String),
    /// At so many it works again, and at so many of them it does not.
    AllWork(usize, usize),
}

impl Told {
    /// The one channel that it is about, if it is one.
    pub(crate) fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Fails(id, _) | Self::Works(id) => Some(*id),
            Self::AllFail(..) | Self::AllWork(..) => None,
        }
    }

    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Fails(..) | Self::AllFail(..) => Level::Warning,
            Self::Works(..) | Self::AllWork(..) => Level::Info,
        }
    }

    /// In words; `name`: of the one channel.
    pub(crate) fn words(&self, name: &str) -> String {
        match self {
            Self::Fails(_, why) => format!("Whether {name} is live could not be found out: {why}"),
            Self::Works(_) => format!("{name} can be looked at again"),
            Self::AllFail(count, why) => {
                format!("Whether {count} channels are live could not be found out: {why}")
            }
            Self::AllWork(count, left) => {
                let plural = if *count == 1 { "" } else { "s" };
                let but = if *left > 0 { format!(", {left} cannot") } else { String::new() };
                format!("{count} channel{plural} can be looked at again{but}")
            }
        }
    }
}

/// The channels that cannot be looked at.
#[derive(Default)]
pub(crate) struct Outages {
    failing: BTreeMap<ChannelId, Failing>,
    /// What was told for several, and all channels that failed for it since.
    together: BTreeMap<Cause, BTreeSet<ChannelId>>,
}

struct Failing {
    trouble: Trouble,
    /// It was told of this channel.
    told: bool,
}

impl Outages {
    /// Takes in how looks went, those that belong together at once.
    pub(crate) fn heed(&mut self, looks: Vec<(ChannelId, Option<Trouble>)>) -> Vec<Told> {
        let mut all = Vec::new();
        let mut causes = BTreeSet::new();
        for (id, trouble) in looks {
            match trouble {
                Some(trouble) => {
                    let failing = self.failing.entry(id).or_insert(Failing { trouble, told: false });
                    causes.insert(failing.trouble.cause.clone());
                }
                None => {
                    let told = self.failing.remove(&id).is_some_and(|failing| failing.told);
                    all.extend(told.then_some(Told::Works(id)));
                }
            }
        }
        all.extend(causes.into_iter().flat_map(|cause| self.fails(&cause)));
        all.extend(self.work_again());
        all
    }

    /// This channel is gone.
    pub(crate) fn forget(&mut self, id: ChannelId) {
        self.failing.remove(&id);
        for members in self.together.values_mut() {
            members.remove(&id);
        }
    }

    fn members(&self, cause: &Cause) -> BTreeSet<ChannelId> {
        let of = self.failing.iter().filter(|(_, failing)| failing.trouble.cause == *cause);
        of.map(|(id, _)| *id).collect()
    }

    /// What there is to tell of those that fail for this cause.
    fn fails(&mut self, cause: &Cause) -> Option<Told> {
        let members = self.members(cause);
        if let Some(known) = self.together.get_mut(cause) {
            known.extend(members);
            return None;
        }
        let count = members.len();
        let last = *members.last()?;
        if count > 1 {
            self.together.insert(cause.clone(), members);
        }
        let failing = self.failing.get_mut(&last)?;
        let why = failing.trouble.why.clone();
        match count {
            1 if std::mem::replace(&mut failing.told, true) => None,
            1 => Some(Told::Fails(last, why)),
            _ => {
                // Its end is told with that of the others.
                self.of(cause).for_each(|failing| failing.told = false);
                Some(Told::AllFail(count, why))
            }
        }
    }

    /// An outage of several is over when one of them is left at most; that one is told of by itself when it works.
    fn work_again(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        for cause in self.together.keys().cloned().collect::<Vec<_>>() {
            let left = self.members(&cause).len();
            if left > 1 {
                continue;
            }
            self.of(&cause).for_each(|failing| failing.told = true);
            let count = self.together.remove(&cause).map_or(0, |known| known.len());
            all.push(Told::AllWork(count.saturating_sub(left), left));
        }
        all.retain(|told| !matches!(told, Told::AllWork(0, _)));
        all
    }

    fn of(&mut self, cause: &Cause) -> impl Iterator<Item = &mut Failing> {
        self.failing.values_mut().filter(move |failing| failing.trouble.cause == *cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> ChannelId {
        ChannelId(number)
    }

    fn looks(ids: &[i64], cause: Option<Cause>, why: &str) -> Vec<(ChannelId, Option<Trouble>)> {
        let trouble = cause.map(|cause| Trouble::new(cause, why));
        ids.iter().map(|number| (id(*number), trouble.clone())).collect()
    }

    fn fail(outages: &mut Outages, ids: &[i64], cause: Cause, why: &str) -> Vec<Told> {
        outages.heed(looks(ids, Some(cause), why))
    }

    fn work(outages: &mut Outages, ids: &[i64]) -> Vec<Told> {
        outages.heed(looks(ids, None, ""))
    }

    #[test]
    fn an_outage_of_twitch_is_told_once_in_whatever_words() {
        let mut all = Outages::default();
        assert_eq!(work(&mut all, &[1, 2, 3]), []);
        let told = fail(&mut all, &[1, 2, 3], Cause::Twitch, "it answers 503");
        assert_eq!(told, [Told::AllFail(3, "it answers 503".to_owned())]);
        for why in ["it answers 502", "no answer in 15 s"] {
            assert_eq!(fail(&mut all, &[1, 2, 3, 4], Cause::Twitch, why), [], "{why}");
        }
        assert_eq!(work(&mut all, &[1, 2, 3, 4]), [Told::AllWork(4, 0)]);
        assert_eq!(work(&mut all, &[1, 2, 3, 4]), []);
    }

    #[test]
    fn one_channel_is_told_by_its_name() {
        let mut all = Outages::default();
        assert_eq!(fail(&mut all, &[1], Cause::Way, "refused"), [Told::Fails(id(1), "refused".to_owned())]);
        assert_eq!(fail(&mut all, &[1], Cause::Way, "reset"), []);
        assert_eq!(fail(&mut all, &[1], Cause::Other("odd".to_owned()), "odd"), [], "it is told already");
        assert_eq!(work(&mut all, &[1]), [Told::Works(id(1))]);
        assert_eq!(work(&mut all, &[1]), []);
    }

    #[test]
    fn what_fails_one_after_the_other_becomes_one_outage() {
        let mut all = Outages::default();
        assert_eq!(fail(&mut all, &[1], Cause::Way, "a").len(), 1);
        assert_eq!(fail(&mut all, &[2], Cause::Way, "b"), [Told::AllFail(2, "b".to_owned())]);
        assert_eq!(fail(&mut all, &[3], Cause::Way, "c"), []);
        assert_eq!(work(&mut all, &[1]), [], "it is not over");
        assert_eq!(fail(&mut all, &[1], Cause::Way, "d"), [], "nor is it another");
        assert_eq!(work(&mut all, &[2]), []);
        assert_eq!(work(&mut all, &[3]), [Told::AllWork(2, 1)]);
        assert_eq!(fail(&mut all, &[1], Cause::Way, "e"), []);
        assert_eq!(work(&mut all, &[1]), [Told::Works(id(1))]);
    }

    #[test]
    fn different_causes_are_different_events() {
        let mut all = Outages::default();
        let odd = || Cause::Other("Streamlink has no plugin for it".to_owned());
        assert_eq!(fail(&mut all, &[1], Cause::Way, "a").len(), 1);
        assert_eq!(fail(&mut all, &[2], odd(), "b"), [Told::Fails(id(2), "b".to_owned())]);
        assert_eq!(fail(&mut all, &[3, 4], Cause::Twitch, "c"), [Told::AllFail(2, "c".to_owned())]);
        assert_eq!(work(&mut all, &[3, 4]), [Told::AllWork(2, 0)]);
        assert_eq!(work(&mut all, &[1, 2]), [Told::Works(id(1)), Told::Works(id(2))]);
    }

    #[test]
    fn a_channel_that_is_removed_holds_up_no_end() {
        let mut all = Outages::default();
        fail(&mut all, &[1, 2, 3], Cause::Way, "a");
        work(&mut all, &[1]);
        all.forget(id(2));
        assert_eq!(work(&mut all, &[1]), [Told::AllWork(1, 1)]);
        all.forget(id(3));
        assert_eq!(work(&mut all, &[3]), []);
    }
}

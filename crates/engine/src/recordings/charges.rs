//! The convictions that count against proxies for one recording, on their way into the store. One that is taken back (it was
//! the target, or our own line) comes off again, unless another stands. Pure.

use std::collections::HashMap;

use holdfast_model::ProxyId;

/// By proxy.
#[derive(Debug, Default)]
pub(super) struct Charges(HashMap<ProxyId, Charge>);

#[derive(Debug, Default)]
struct Charge {
    /// Convictions that were not taken back.
    standing: u32,
    /// The latest of them still can be.
    open: bool,
    /// The store counts it.
    stored: bool,
    /// It did so before: for an earlier run of this recording, about which nothing is known here.
    inherited: bool,
}

impl Charges {
    /// The proxy was convicted while the recording used it. That it is its own fault after all is no second conviction.
    pub(super) fn convict(&mut self, id: ProxyId) {
        let charge = self.0.entry(id).or_default();
        if !std::mem::replace(&mut charge.open, true) {
            charge.standing += 1;
        }
    }

    /// The proxy works again: what it was convicted of is over, and stands.
    pub(super) fn settle(&mut self, id: ProxyId) {
        self.0.entry(id).and_modify(|charge| charge.open = false);
    }

    /// Its latest conviction is taken back.
    pub(super) fn acquit(&mut self, id: ProxyId) {
        if let Some(charge) = self.0.get_mut(&id)
            && std::mem::take(&mut charge.open)
        {
            charge.standing -= 1;
        }
    }

    /// What the store is to be told, and whether the proxy counts as convicted.
    pub(super) fn due(&self) -> Vec<(ProxyId, bool)> {
        let due = self.0.iter().filter(|(_, charge)| !charge.inherited);
        let due = due.map(|(id, charge)| (*id, charge.standing > 0, charge.stored));
        due.filter(|(_, counts, stored)| counts != stored).map(|(id, counts, _)| (id, counts)).collect()
    }

    /// That is stored; `changed`: it was not so before.
    pub(super) fn stored(&mut self, id: ProxyId, counts: bool, changed: bool) {
        if let Some(charge) = self.0.get_mut(&id) {
            charge.stored = counts;
            charge.inherited |= counts && !changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ProxyId = ProxyId(1);
    const NOTHING: [bool; 0] = [];

    fn store(charges: &mut Charges) -> Vec<bool> {
        let due = charges.due();
        due.iter().for_each(|(id, counts)| charges.stored(*id, *counts, true));
        due.into_iter().map(|(_, counts)| counts).collect()
    }

    #[test]
    fn a_conviction_that_is_taken_back_comes_off_again() {
        let mut charges = Charges::default();
        charges.acquit(ID);
        assert_eq!(store(&mut charges), NOTHING);
        charges.convict(ID);
        charges.convict(ID);
        assert_eq!(store(&mut charges), [true]);
        assert_eq!(store(&mut charges), NOTHING, "once");
        charges.acquit(ID);
        charges.acquit(ID);
        assert_eq!(store(&mut charges), [false]);
        // Before the store has heard of it, it never hears of it.
        charges.convict(ID);
        charges.acquit(ID);
        assert_eq!(store(&mut charges), NOTHING);
    }

    #[test]
    fn an_earlier_conviction_stands() {
        let mut charges = Charges::default();
        charges.convict(ID);
        charges.settle(ID);
        charges.convict(ID);
        assert_eq!(store(&mut charges), [true]);
        charges.acquit(ID);
        assert_eq!(store(&mut charges), NOTHING);
        charges.settle(ID);
        charges.acquit(ID);
        assert_eq!(store(&mut charges), NOTHING, "too late");
    }

    #[test]
    fn what_an_earlier_run_was_counted_for_stays() {
        let mut charges = Charges::default();
        charges.convict(ID);
        assert_eq!(charges.due(), [(ID, true)]);
        charges.stored(ID, true, false);
        charges.acquit(ID);
        assert_eq!(charges.due(), []);
    }
}

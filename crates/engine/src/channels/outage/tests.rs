//! What is told as looks fail and work again.

use super::*;

fn ids(numbers: &[i64]) -> BTreeSet<ChannelId> {
    numbers.iter().map(|number| ChannelId(*number)).collect()
}

fn fail(outages: &mut Outages, numbers: &[i64], cause: Cause, why: &str) -> Vec<Told> {
    let trouble = Trouble::new(cause, why);
    outages.heed(numbers.iter().map(|number| (ChannelId(*number), Some(trouble.clone()))))
}

fn work(outages: &mut Outages, numbers: &[i64]) -> Vec<Told> {
    outages.heed(numbers.iter().map(|number| (ChannelId(*number), None)))
}

/// That these fail is told.
fn fails(numbers: &[i64], why: &str) -> Vec<Told> {
    vec![Told::Fail(ids(numbers), why.to_owned())]
}

/// That these work is told, and that the others do not.
fn works(again: &[i64], left: &[i64]) -> Vec<Told> {
    vec![Told::Work { again: ids(again), left: ids(left) }]
}

fn site(host: &str) -> Cause {
    Cause::Site(host.to_owned())
}

#[test]
fn an_outage_of_twitch_is_told_once_in_whatever_words() {
    let mut all = Outages::default();
    assert_eq!(work(&mut all, &[1, 2, 3]), []);
    assert_eq!(
        fail(&mut all, &[1, 2, 3], Cause::Twitch, "it answers 503"),
        fails(&[1, 2, 3], "it answers 503")
    );
    for why in ["it answers 502", "no answer in 15 s"] {
        assert_eq!(fail(&mut all, &[1, 2, 3], Cause::Twitch, why), [], "{why}");
    }
    assert_eq!(work(&mut all, &[1, 2, 3]), works(&[1, 2, 3], &[]));
    assert_eq!(work(&mut all, &[1, 2, 3]), []);
}

#[test]
fn one_channel_is_told_by_its_name() {
    let mut all = Outages::default();
    assert_eq!(fail(&mut all, &[1], Cause::Way, "refused"), fails(&[1], "refused"));
    assert_eq!(fail(&mut all, &[1], Cause::Way, "reset"), []);
    assert_eq!(fail(&mut all, &[1], Cause::Other("odd".to_owned()), "odd"), [], "it is told already");
    assert_eq!(work(&mut all, &[1]), works(&[1], &[]));
    assert_eq!(work(&mut all, &[1]), []);
}

#[test]
fn what_fails_one_after_the_other_is_told_when_the_round_is_over() {
    let mut all = Outages::default();
    assert_eq!(fail(&mut all, &[4], Cause::Way, "a"), fails(&[4], "a"));
    assert_eq!(fail(&mut all, &[2], Cause::Way, "b"), []);
    assert_eq!(fail(&mut all, &[3], Cause::Way, "c"), []);
    assert_eq!(fail(&mut all, &[4], Cause::Way, "d"), fails(&[2, 3, 4], "c"), "why the last of them failed");
    assert_eq!(fail(&mut all, &[2], Cause::Way, "e"), []);
    assert_eq!(work(&mut all, &[3]), [], "who failed before has a look to come");
    assert_eq!(work(&mut all, &[4]), []);
    assert_eq!(fail(&mut all, &[2], Cause::Way, "f"), works(&[3, 4], &[2]));
    assert_eq!(work(&mut all, &[3, 4]), []);
    assert_eq!(work(&mut all, &[2]), works(&[2], &[]));
}

#[test]
fn what_is_over_within_its_first_round_is_told_of_all() {
    let mut all = Outages::default();
    fail(&mut all, &[1], Cause::Way, "a");
    fail(&mut all, &[2], Cause::Way, "b");
    assert_eq!(work(&mut all, &[1]), fails(&[1, 2], "b"));
    assert_eq!(work(&mut all, &[2]), works(&[1, 2], &[]));
}

#[test]
fn two_dead_sites_silence_nobody() {
    let mut all = Outages::default();
    for (number, host) in [(1, "gone.test"), (99, "away.test")] {
        assert_eq!(fail(&mut all, &[number], site(host), host), fails(&[number], host));
    }
    // They may as well fail together from the start, when nobody knows why.
    fail(&mut all, &[97], Cause::Way, "dead");
    fail(&mut all, &[98], Cause::Way, "dead");
    let dead = |all: &mut Outages| fail(all, &[1, 97, 98, 99], Cause::Way, "still dead");
    assert_eq!(dead(&mut all), fails(&[97, 98], "dead"));
    assert_eq!(dead(&mut all), []);
    let others: Vec<i64> = (2..52).collect();
    assert_eq!(work(&mut all, &others), []);
    let mut told = Vec::new();
    for number in &others {
        told.extend(fail(&mut all, &[*number], Cause::Way, "no route"));
    }
    assert_eq!(told, fails(&[2], "no route"));
    assert_eq!(dead(&mut all), []);
    assert_eq!(fail(&mut all, &[2], Cause::Way, "no route"), fails(&others, "no route"));
    let told: Vec<_> = others.iter().flat_map(|number| work(&mut all, &[*number])).collect();
    assert_eq!(told, works(&others, &[]));
    assert_eq!(work(&mut all, &[1]), works(&[1], &[]));
}

#[test]
fn a_blip_beside_one_that_fails_for_good_is_told_by_its_name() {
    let mut all = Outages::default();
    fail(&mut all, &[9], site("h"), "dead");
    fail(&mut all, &[9], site("h"), "dead");
    for _ in 0..2 {
        assert_eq!(fail(&mut all, &[1], site("h"), "reset"), fails(&[1], "reset"));
        assert_eq!(fail(&mut all, &[9], site("h"), "dead"), []);
        assert_eq!(work(&mut all, &[1]), works(&[1], &[]));
    }
}

#[test]
fn who_was_not_looked_at_is_not_counted() {
    let mut all = Outages::default();
    fail(&mut all, &[1, 2, 3], Cause::Way, "a");
    assert_eq!(work(&mut all, &[1]), []);
    assert_eq!(work(&mut all, &[2]), []);
    // 3 is being recorded meanwhile.
    assert_eq!(work(&mut all, &[1]), works(&[1, 2], &[]));
    assert_eq!(work(&mut all, &[1, 2]), [], "that is over");
    assert_eq!(fail(&mut all, &[3], Cause::Way, "b"), fails(&[3], "b"), "of it that was not told");
}

#[test]
fn one_that_works_only_once_does_not_work_again() {
    let mut all = Outages::default();
    fail(&mut all, &[1, 2], Cause::Way, "a");
    assert_eq!(work(&mut all, &[1]), []);
    assert_eq!(fail(&mut all, &[1], Cause::Way, "b"), []);
    assert_eq!(fail(&mut all, &[2], Cause::Way, "b"), []);
    assert_eq!(work(&mut all, &[1]), []);
    assert_eq!(work(&mut all, &[2]), works(&[1, 2], &[]));
}

#[test]
fn a_look_by_hand_makes_no_outage_of_its_own() {
    let mut all = Outages::default();
    assert_eq!(fail(&mut all, &[1], Cause::Twitch, "503"), fails(&[1], "503"));
    assert_eq!(fail(&mut all, &[1, 2, 3], Cause::Twitch, "502"), fails(&[1, 2, 3], "502"));
    assert_eq!(work(&mut all, &[2]), []);
    assert_eq!(work(&mut all, &[1, 2, 3]), works(&[1, 2, 3], &[]));
}

#[test]
fn different_causes_are_different_outages() {
    let mut all = Outages::default();
    let odd = || Cause::Other("Streamlink has no plugin for it".to_owned());
    assert_eq!(fail(&mut all, &[1], site("a"), "a"), fails(&[1], "a"));
    assert_eq!(fail(&mut all, &[2], site("b"), "b"), fails(&[2], "b"));
    assert_eq!(fail(&mut all, &[3], odd(), "c"), fails(&[3], "c"));
    assert_eq!(fail(&mut all, &[4, 5], Cause::Twitch, "d"), fails(&[4, 5], "d"));
    assert_eq!(work(&mut all, &[4, 5]), works(&[4, 5], &[]));
    assert_eq!(work(&mut all, &[1, 2]), [works(&[1], &[]), works(&[2], &[])].concat());
}

#[test]
fn a_channel_that_is_removed_holds_up_no_end() {
    let mut all = Outages::default();
    fail(&mut all, &[1, 2, 3], Cause::Way, "a");
    work(&mut all, &[1]);
    work(&mut all, &[3]);
    all.forget(ChannelId(2));
    assert_eq!(work(&mut all, &[7]), works(&[1, 3], &[]));
    // Nor does it keep the next from being told.
    fail(&mut all, &[1], Cause::Way, "a");
    fail(&mut all, &[2], Cause::Way, "b");
    all.forget(ChannelId(1));
    assert_eq!(work(&mut all, &[7]), fails(&[2], "b"));
    // Nor is another told twice for it.
    fail(&mut all, &[3], Cause::Way, "c");
    all.forget(ChannelId(3));
    assert_eq!(fail(&mut all, &[2], Cause::Way, "d"), []);
}

#[test]
fn channels_are_named() {
    let name = |id: ChannelId| format!("c{id}");
    let fails = |numbers: &[i64]| Told::Fail(ids(numbers), "why".to_owned());
    for (told, channel, expected) in [
        (fails(&[1]), Some(1), "Whether c1 is live could not be found out: why"),
        (fails(&[1, 2]), None, "Whether 2 channels (c1, c2) are live could not be found out: why"),
        (
            fails(&[1, 2, 3, 4, 5]),
            None,
            "Whether 5 channels (c1, c2, c3 and 2 more) are live could not be found out: why",
        ),
        (works(&[1], &[]).remove(0), Some(1), "c1 can be looked at again"),
        (works(&[1], &[2]).remove(0), Some(1), "c1 can be looked at again, c2 cannot"),
        (
            works(&[1, 2], &[3, 4]).remove(0),
            None,
            "2 channels (c1, c2) can be looked at again, 2 channels (c3, c4) cannot",
        ),
    ] {
        assert_eq!(told.words(name), expected);
        assert_eq!(told.channel(), channel.map(ChannelId));
    }
}

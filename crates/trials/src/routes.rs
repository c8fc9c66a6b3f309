//! Judges which routes a recording took. Not by their number: on a busy machine a proxy may be slow to answer, and then
//! another one that was asked later overtakes it. By the cause: why each was left, and why the next was taken.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use crate::scene::Scene;

/// Why a proxy in order may be left: it was slow for a moment, or a better one was fast again.
const BUSY: [&str; 3] = ["did not answer", "no answer", A_BETTER_ONE];
/// Left without a sign of failure.
const A_BETTER_ONE: &str = "a better route is available";

/// What a conviction says: see `line` in the log module of the app.
const CONVICTIONS: [&str; 3] = ["Proxy failed: ", "Proxy cannot reach ", "Proxy auto-disabled "];

/// Whether a line of the log says that a proxy was convicted.
pub fn convicts(line: &str) -> bool {
    CONVICTIONS.iter().any(|words| line.contains(words))
        || line.contains("Proxy health: ") && line.contains(" - failed")
}

/// What is known when a recording is over.
pub struct Case<'a> {
    /// Where it was made.
    pub scene: &'a Scene,
    /// The ids of its proxies, in order of priority, as the log names them.
    pub ids: &'a [i64],
    /// Those that were given a fault, and when.
    pub ill: &'a [(usize, DateTime<Utc>)],
    /// Whether something went wrong beyond the proxies: one may be left for that, and taken for ill until it is known.
    pub beyond: bool,
    /// The log, as detailed as it gets.
    pub log: &'a str,
}

impl Case<'_> {
    /// What a recording says of its routes is consistent, and there was a cause for each change: no proxy was passed over
    /// but one that is ill or was suspected, and none in order was left, cut or convicted as if it were ill.
    ///
    /// # Errors
    /// The change without a cause.
    pub fn explains(&self, recording: &Value) -> Result<()> {
        let routes = recording["routes"].as_array().context("no routes")?;
        let mut failovers = 0;
        for (place, route) in routes.iter().enumerate() {
            let index = self.proxy(route)?;
            for better in 0..index {
                ensure!(
                    self.is_ill(better) || self.was_suspect(better, time(&route["started_at"])),
                    "proxy {index} was taken, and nothing was wrong with {better}: {route}"
                );
            }
            if place + 1 == routes.len() {
                continue;
            }
            let reason =
                route["reason"].as_str().with_context(|| format!("left without a reason: {route}"))?;
            failovers += u64::from(reason != A_BETTER_ONE);
            let busy = BUSY.iter().any(|words| reason.contains(words));
            ensure!(busy || self.beyond || self.is_ill(index), "proxy {index} was in order: {route}");
        }
        ensure!(recording["failovers"] == failovers, "{failovers} failovers by the reasons");
        let mine = |line: &str, index: usize| line.contains(&self.scene.proxies[index].addr().to_string());
        for line in self.log.lines() {
            let cut = line.contains("tunnel cut") && !line.contains("the gateway stops");
            let justified = || self.ill.iter().any(|(index, _)| mine(line, *index));
            let convicted = convicts(line) && !self.beyond;
            ensure!(!(cut || convicted) || justified(), "a proxy in order: {line}");
        }
        Ok(())
    }

    /// A proxy that was in use when it fell ill was left because of that.
    ///
    /// # Errors
    /// If it was not.
    pub fn was_left(&self, recording: &Value) -> Result<()> {
        let routes = recording["routes"].as_array().context("no routes")?;
        for (index, at) in self.ill {
            let mut stretches = Vec::new();
            for route in routes {
                if self.proxy(route)? == *index {
                    let ended =
                        time(&route["ended_at"]).filter(|_| !std::ptr::eq(route, &routes[routes.len() - 1]));
                    stretches.push((time(&route["started_at"]), ended, &route["reason"]));
                }
            }
            let in_use =
                stretches.iter().any(|(from, to, _)| *from <= Some(*at) && to.is_none_or(|to| to > *at));
            let left = stretches.iter().any(|(_, to, reason)| *to > Some(*at) && *reason != A_BETTER_ONE);
            ensure!(!in_use || left, "proxy {index} fell ill at {at} and was not left: {stretches:?}");
        }
        Ok(())
    }

    /// Whether a check found out that this proxy is ill.
    pub fn was_convicted(&self, index: usize) -> bool {
        let address = self.scene.proxies[index].addr().to_string();
        self.log.lines().any(|line| convicts(line) && line.contains(&address))
    }

    /// The proxy of a route, which is named with its password masked.
    fn proxy(&self, route: &Value) -> Result<usize> {
        let via = route["via"].as_str().unwrap_or_default();
        let found =
            self.scene.proxies.iter().position(|proxy| via.ends_with(&format!(":***@{}", proxy.addr())));
        found.with_context(|| format!("a route through nobody: {route}"))
    }

    fn is_ill(&self, index: usize) -> bool {
        self.ill.iter().any(|(ill, _)| *ill == index)
    }

    /// Whether it was suspected, or taken for ill, before a route was taken.
    fn was_suspect(&self, index: usize, before: Option<DateTime<Utc>>) -> bool {
        let words = format!("proxy is suspect proxy={} ", self.ids[index]);
        let address = self.scene.proxies[index].addr().to_string();
        let about = |line: &&str| line.contains(&words) || convicts(line) && line.contains(&address);
        self.log.lines().filter(about).any(|line| said_at(line).is_some_and(|at| Some(at) <= before))
    }
}

/// When a line of the log was written; the trials have it told in UTC.
pub(crate) fn said_at(line: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(line.get(..23)?, "%Y-%m-%d %H:%M:%S%.3f");
    time.ok().map(|time| time.and_utc())
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.to_utc())
}

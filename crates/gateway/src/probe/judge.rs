//! What an answer means: section 5 of the contract, as plain data.

use holdfast_model::{Blame, Verdict};
use http::header::LOCATION;
use url::Url;

use super::hop::{Answer, Hop};
use super::target::{destination_of, path_of};
use super::{CheckTarget, MAX_REDIRECTS};

/// What follows from an answer.
pub(super) enum Step {
    /// Ask there.
    Follow(Box<Hop>),
    /// That is all.
    Done(Verdict, Option<String>),
}

/// Judges one answer. A redirect is followed unless it is the very answer that was expected.
pub(super) fn answer(target: &CheckTarget, hop: &Hop, answer: &Answer) -> Step {
    let status = answer.status.as_u16();
    if status == 407 && answer.by_proxy {
        let words = "407 from the proxy: wrong user or password".to_owned();
        return Step::Done(Verdict::Failed(Blame::Proxy), Some(words));
    }
    if target.expected == Some(status) {
        return Step::Done(Verdict::Healthy, None);
    }
    if let Some(next) = redirect(hop, answer) {
        return Step::Follow(Box::new(next));
    }
    last(target.expected, status, answer.by_proxy)
}

fn last(expected: Option<u16>, status: u16, by_proxy: bool) -> Step {
    let verdict = match status {
        200..=299 if expected.is_none() => Verdict::Healthy,
        407 => Verdict::Failed(Blame::Target),
        200..=499 => Verdict::Degraded,
        _ => Verdict::Failed(Blame::Target),
    };
    let who = if by_proxy && status >= 500 { "the proxy or the target" } else { "the target" };
    let words = match (verdict, expected) {
        (Verdict::Healthy, _) => None,
        (_, Some(expected)) => Some(format!("{who} answered {status} instead of {expected}")),
        (_, None) => Some(format!("{who} answered {status}")),
    };
    Step::Done(verdict, words)
}

/// Where a redirect leads, if it is one that can be followed and there were not too many.
fn redirect(hop: &Hop, answer: &Answer) -> Option<Hop> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) || hop.redirects >= MAX_REDIRECTS {
        return None;
    }
    let location = std::str::from_utf8(answer.headers.get(LOCATION)?.as_bytes()).ok()?;
    let url = hop.url.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    path_of(&url).parse::<http::Uri>().ok()?;
    let destination = destination_of(&url).ok()?;
    // A token is for the host it was made for.
    let headers = if same_origin(&url, &hop.url) { hop.headers.clone() } else { Vec::new() };
    Some(Hop { url, destination, headers, redirects: hop.redirects + 1 })
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn judge(
        url: &str,
        status: u16,
        expected: Option<u16>,
        location: Option<&str>,
        by_proxy: bool,
    ) -> String {
        let mut target = CheckTarget::parse(url).expect(url);
        target.expected = expected;
        let seen = Answer {
            status: StatusCode::from_u16(status).expect("valid"),
            headers: location
                .map(|l| (LOCATION, HeaderValue::from_bytes(l.as_bytes()).expect("valid")))
                .into_iter()
                .collect::<HeaderMap>(),
            took: Duration::ZERO,
            by_proxy,
        };
        match answer(&target, &Hop::first(&target), &seen) {
            Step::Follow(hop) => format!("-> {}", hop.url),
            Step::Done(verdict, words) => format!("{verdict:?} {}", words.unwrap_or_default()),
        }
    }

    fn check(status: u16, expected: Option<u16>, location: Option<&str>, by_proxy: bool, want: &str) {
        let got = judge("http://a.test/x", status, expected, location, by_proxy);
        assert_eq!(got.trim(), want, "{status} {expected:?} {location:?} {by_proxy}");
    }

    #[test]
    fn answers_are_judged_by_the_contract() {
        check(200, None, None, false, "Healthy");
        check(206, None, None, false, "Healthy");
        check(401, Some(401), None, false, "Healthy");
        check(503, Some(503), None, false, "Healthy");
        check(302, Some(302), Some("/y"), false, "Healthy");
        check(200, Some(401), None, false, "Degraded the target answered 200 instead of 401");
        check(403, None, None, false, "Degraded the target answered 403");
        check(304, None, None, false, "Degraded the target answered 304");
        check(502, None, None, false, "Failed(Target) the target answered 502");
        check(502, None, None, true, "Failed(Target) the proxy or the target answered 502");
        check(407, None, None, true, "Failed(Proxy) 407 from the proxy: wrong user or password");
        check(407, Some(407), None, true, "Failed(Proxy) 407 from the proxy: wrong user or password");
        check(407, None, None, false, "Failed(Target) the target answered 407");
        check(101, None, None, false, "Failed(Target) the target answered 101");
        check(999, None, None, false, "Failed(Target) the target answered 999");
    }

    #[test]
    fn redirects_lead_on_or_count_as_they_are() {
        check(302, None, Some("/y?z#f"), false, "-> http://a.test/y?z#f");
        check(308, None, Some("//b.test:81/"), false, "-> http://b.test:81/");
        check(302, None, Some("ftp://b.test/"), false, "Degraded the target answered 302");
        check(302, None, Some("javascript:alert(1)"), false, "Degraded the target answered 302");
        check(302, None, Some("http://b.test:0/"), false, "Degraded the target answered 302");
        check(302, None, None, false, "Degraded the target answered 302");
    }
}

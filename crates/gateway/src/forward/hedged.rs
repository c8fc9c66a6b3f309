//! GET and HEAD without a body: each try is a whole exchange up to the head of the answer, and the race repeats
//! and doubles them like dials. An origin that merely thinks for longer than a try may last is not punished: the
//! request is asked anew elsewhere, but the old one stays open, and whichever answers first is taken.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use holdfast_model::Blame;
use http::Response;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;

use super::exchange::{Exchange, failure, head_within};
use super::{Answered, Body, Call, is_absolute, is_gateway_error};
use crate::answer::Answer;
use crate::connect;
use crate::dial::{DialError, Fault, Limits, Phase};
use crate::race::{LATE, Landing, Route, Try, Won, race};

struct Hedge<'a> {
    call: &'a Call<'a>,
    /// The first 502, 503 or 504 of an HTTP proxy: its own word or the origin's, the next proxy will tell.
    doubtful: Mutex<Option<Answered>>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Response<Body>, Answer> {
    let hedge = Hedge { call, doubtful: Mutex::default() };
    let begun = Instant::now();
    let attempt = |route| hedge.attempt(route);
    let lost = match Box::pin(race(&call.context.pool, &call.lease.account, call.to(), attempt)).await {
        Ok(won) => return call.finish(won),
        Err(lost) => lost,
    };
    // There was no other proxy to ask, or none that knew better.
    let doubtful = hedge.doubtful.into_inner().unwrap_or_else(PoisonError::into_inner);
    match doubtful {
        Some(answered) => call.finish(won(answered, begun)),
        None => Err(connect::answer(call.to(), lost)),
    }
}

fn won(answered: Answered, begun: Instant) -> Won<Answered> {
    let landing = Landing { route: answered.route.clone(), begun, doubts: Vec::new() };
    Won { value: answered, landing }
}

impl Hedge<'_> {
    /// One try over one route.
    async fn attempt(&self, route: Route) -> Try<'_, Answered> {
        let mut exchange = match self.ask(&route).await {
            Ok(exchange) => exchange,
            Err(error) => return Try::Done(Err(error)),
        };
        match head_within(&mut exchange, &route, Limits::TRAFFIC.reply).await {
            Ok(response) => Try::Done(self.judge(Answered { response, exchange, route })),
            Err(error) if matches!(error.fault, Fault::Timeout(_)) => {
                let rest = async move {
                    let response = head_within(&mut exchange, &route, LATE).await?;
                    self.judge(Answered { response, exchange, route })
                };
                Try::Late(error, Box::pin(rest))
            }
            Err(error) => Try::Done(Err(error)),
        }
    }

    async fn ask(&self, route: &Route) -> Result<Exchange, DialError> {
        let opened = self.call.open(route).await?;
        let proxy = match route {
            Route::Proxy(_, url) if is_absolute(route) => Some(url),
            _ => None,
        };
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let protocol = |words: String| failure(route, Fault::Protocol(words));
        let request = self.call.plain.request(proxy, body).map_err(|answer| protocol(answer.body()))?;
        Exchange::start(self.call.context, opened, request).await.map_err(|error| protocol(error.to_string()))
    }

    /// Whether an answer is one for the client.
    fn judge(&self, answered: Answered) -> Result<Answered, DialError> {
        let (status, absolute) = (answered.response.status(), is_absolute(&answered.route));
        if let Some(error) = refused(&answered.route, &answered.response) {
            return Err(error);
        }
        if absolute && is_gateway_error(status) {
            let mut doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
            if doubtful.is_none() {
                let route = answered.route.clone();
                *doubtful = Some(answered);
                let error = failure(&route, Fault::Status(status.as_u16()));
                return Err(DialError { blame: Blame::Target, ..error });
            }
        }
        Ok(answered)
    }
}

/// Answers that no client must see: a 407 is meant for us, and nothing was asked that 101 could answer.
pub(super) fn refused(route: &Route, response: &Response<Incoming>) -> Option<DialError> {
    let fault = match response.status().as_u16() {
        407 if is_absolute(route) => Fault::WrongCredentials,
        code @ (101 | 407) => Fault::Status(code),
        _ => return None,
    };
    Some(DialError { phase: Phase::Request, ..failure(route, fault) })
}

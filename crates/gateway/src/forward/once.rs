//! Requests that must not be sent twice. The connection is raced, since no byte of the request is written before
//! one stands; from the first byte on there is no way back, and a failure is told to the client.

use std::time::Duration;

use holdfast_pool::SuspicionCause;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::exchange::{Exchange, failure, fault};
use super::hedged::refused;
use super::{Answered, Body, Call, is_absolute, is_gateway_error};
use crate::answer::Answer;
use crate::connect;
use crate::dial::{DialError, Fault, Opened};
use crate::race::{Lost, Route, Won, race};

/// How long the head of an answer is waited for, the upload included. The watch cuts a silent proxy long before.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn run(call: &Call<'_>, body: Incoming) -> Result<Response<Body>, Answer> {
    let won = dial(call).await.map_err(|lost| connect::answer(call.to(), lost))?;
    let tunnel = call.register(&won.landing)?;
    let (route, opened) = (won.landing.route, won.value);
    let proxy = match &route {
        Route::Proxy(_, url) if is_absolute(&route) => Some(url),
        _ => None,
    };
    let request = call.plain.request(proxy, body.map_err(Into::into).boxed_unsync())?;
    let started = Exchange::start(call.context, opened, request).await;
    let mut exchange = started.map_err(|error| failed(call, &route, &failure(&route, fault(&error))))?;
    exchange.attach(&tunnel);
    let response = match tokio::time::timeout(PATIENCE, exchange.head()).await {
        Ok(Ok(response)) => response,
        // The client broke off in the middle of its own body: nobody is to blame, and nobody reads this.
        Ok(Err(error)) if error.is_user() => return Err(Answer::malformed("the request's body broke off")),
        Ok(Err(error)) => return Err(failed(call, &route, &failure(&route, fault(&error)))),
        Err(_) => return Err(failed(call, &route, &failure(&route, Fault::Timeout(PATIENCE)))),
    };
    if let Some(error) = refused(&route, &response) {
        return Err(failed(call, &route, &error));
    }
    if is_absolute(&route) && is_gateway_error(response.status()) {
        let code = response.status().as_u16();
        call.suspect(&route, SuspicionCause::ServerError(code), &format!("answered {code}"));
    }
    Ok(call.relay(Answered { response, exchange, route }, tunnel))
}

async fn dial(call: &Call<'_>) -> Result<Won<Opened>, Lost> {
    let attempt = |route: Route| async move { call.open(&route).await.into() };
    race(&call.context.pool, &call.lease.account, call.to(), attempt).await
}

/// The request is lost; it may have been carried out, so the client must decide whether to ask again.
fn failed(call: &Call<'_>, route: &Route, error: &DialError) -> Answer {
    let cause = match error.fault {
        Fault::WrongCredentials => SuspicionCause::WrongCredentials,
        Fault::Timeout(_) => SuspicionCause::Unanswered,
        _ => SuspicionCause::Reset,
    };
    call.suspect(route, cause, &error.to_string());
    Answer::all_failed(format!(
        "{}: {error}; the request is not repeated, as it may have been carried out",
        call.to()
    ))
}

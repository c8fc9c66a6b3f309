//! Plain requests (`GET http://…`). To HTTP proxies they go in absolute form, through SOCKS proxies and directly in
//! origin form. What can be repeated without harm is raced like a dial until the head of an answer is there
//! ([`hedged`]); anything else is sent once, over a connection that was raced ([`once`]). From then on the answer
//! is an open way like a tunnel: metered, watched, cut, and when it breaks the client sees a reset.

mod body;
mod client;
mod exchange;
mod headers;
mod hedged;
mod once;
mod tap;

use std::sync::Arc;

use bytes::Bytes;
use holdfast_model::{Destination, Scheme};
use holdfast_pool::{Suspicion, SuspicionCause};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Incoming};

use crate::account::Lease;
use crate::answer::Answer;
use crate::context::Context;
use crate::dial::{DialError, Limits, Opened};
use crate::race::{Landing, Route, Won};
use crate::tunnels::OpenTunnel;
use body::{Link, Relayed};
use exchange::Exchange;
use headers::Plain;

pub(crate) use client::Client;

/// What may go wrong with a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Forwards one plain request. The request carries its connection's [`Client`] in its extensions.
pub(crate) async fn forward(
    context: &Arc<Context>,
    lease: &Arc<Lease>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let client = request.extensions_mut().remove::<Arc<Client>>().unwrap_or_default();
    let (parts, body) = request.into_parts();
    let plain = match headers::prepare(parts) {
        Ok(plain) => plain,
        Err(answer) => return crate::plain::own(&answer),
    };
    let call = Call { context, lease, client: &client, plain: &plain };
    match Box::pin(call.run(body)).await {
        Ok(response) => response,
        Err(answer) => {
            client.released();
            crate::plain::own(&answer)
        }
    }
}

/// One plain request on its way.
struct Call<'a> {
    context: &'a Arc<Context>,
    lease: &'a Arc<Lease>,
    client: &'a Arc<Client>,
    plain: &'a Plain,
}

/// An upstream's answer, with the exchange that still carries its body.
struct Answered {
    response: Response<Incoming>,
    exchange: Exchange,
    route: Route,
}

impl Call<'_> {
    async fn run(&self, body: Incoming) -> Result<Response<Body>, Answer> {
        self.context.admit(&self.plain.destination)?;
        let repeatable = matches!(self.plain.method(), &Method::GET | &Method::HEAD) && body.is_end_stream();
        let answer = async { if repeatable { hedged::run(self).await } else { once::run(self, body).await } };
        tokio::select! {
            answer = answer => answer,
            // One connection may carry requests of several leases; the listener watches the first one's only.
            () = self.lease.ended.cancelled() => Err(Answer::no_route("the recording has ended")),
        }
    }

    fn to(&self) -> &Destination {
        &self.plain.destination
    }

    /// Opens a connection over `route` on which this request can be written.
    async fn open(&self, route: &Route) -> Result<Opened, DialError> {
        let (dialer, limits) = (self.context.pool.dialer(), Limits::TRAFFIC);
        match route {
            Route::Proxy(_, url) if is_absolute(route) => dialer.to_proxy(url, limits).await,
            Route::Proxy(_, url) => dialer.tunnel(url, self.to(), limits, self.context.pool.names()).await,
            Route::Direct(_) => self.context.open_direct(self.to()).await,
        }
    }

    /// Registers a connection that won.
    fn register(&self, landing: &Landing) -> Result<OpenTunnel, Answer> {
        let tunnel = self.context.register(self.lease, landing, self.to())?;
        self.client.carries(&tunnel);
        Ok(tunnel)
    }

    /// Turns an upstream's answer into the client's.
    fn relay(&self, answered: Answered, tunnel: OpenTunnel) -> Response<Body> {
        let (mut parts, incoming) = answered.response.into_parts();
        headers::clean_response(&mut parts);
        let link = Link {
            context: Arc::clone(self.context),
            client: Arc::clone(self.client),
            exchange: answered.exchange,
            tunnel,
        };
        Response::from_parts(parts, Relayed::new(incoming, link).boxed_unsync())
    }

    fn finish(&self, mut won: Won<Answered>) -> Result<Response<Body>, Answer> {
        if is_gateway_error(won.value.response.status()) {
            // This route reached no more than those before it.
            won.landing.doubts.clear();
        }
        let tunnel = self.register(&won.landing)?;
        won.value.exchange.attach(&tunnel);
        Ok(self.relay(won.value, tunnel))
    }

    fn suspect(&self, route: &Route, cause: SuspicionCause, words: &str) {
        self.lease.account.trouble(&route.via(), words);
        if let Route::Proxy(id, _) = route {
            self.context.pool.suspect(*id, &Suspicion { cause, destination: Some(self.to().clone()) });
        }
    }
}

/// True if the proxy itself reads the request: it wants the whole URL, and an error may be its own.
fn is_absolute(route: &Route) -> bool {
    matches!(route, Route::Proxy(_, url) if matches!(url.scheme(), Scheme::Http | Scheme::Https))
}

/// An answer that a proxy gives when it did not reach the origin, unless it is the origin's own.
fn is_gateway_error(status: http::StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

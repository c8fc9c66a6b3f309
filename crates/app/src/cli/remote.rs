//! The commands that speak to a running server: `proxy`, `channel` and `import`. What they do stands in the crate `client`.

use holdfast_client::{ChannelArgs, ClientError, ImportArgs, Io, ProxyArgs};

use super::{Context, Failure};

/// `holdfast proxy …`
pub(super) async fn proxy(args: &ProxyArgs, cx: Context) -> Result<u8, Failure> {
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout());
    let mut io = Io { input: &mut input, out: &mut out, server: cx.settings.server.as_deref() };
    Box::pin(holdfast_client::proxy::run(args, &mut io)).await.map_err(failure)
}

/// `holdfast channel …`
pub(super) async fn channel(args: &ChannelArgs, cx: Context) -> Result<u8, Failure> {
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout());
    let mut io = Io { input: &mut input, out: &mut out, server: cx.settings.server.as_deref() };
    Box::pin(holdfast_client::channel::run(args, &mut io)).await.map_err(failure)
}

/// `holdfast import …`
pub(super) async fn import(args: &ImportArgs, cx: Context) -> Result<u8, Failure> {
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout());
    let mut io = Io { input: &mut input, out: &mut out, server: cx.settings.server.as_deref() };
    Box::pin(holdfast_client::import::run(args, &mut io)).await.map_err(failure)
}

fn failure(error: ClientError) -> Failure {
    Failure { status: error.exit_status(), error: error.into() }
}

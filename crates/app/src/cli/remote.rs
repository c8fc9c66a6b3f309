//! The commands that speak to a running server: `proxy`, `channel` and `import`. What they do stands in the crate `client`.

use holdfast_client::{ChannelArgs, ClientError, ImportArgs, Io, ProxyArgs};

use super::{Context, Failure};
use crate::term;

/// `holdfast proxy …`
pub(super) async fn proxy(args: &ProxyArgs, cx: Context) -> Result<u8, Failure> {
    over_the_api(cx, async |io| holdfast_client::proxy::run(args, io).await).await
}

/// `holdfast channel …`
pub(super) async fn channel(args: &ChannelArgs, cx: Context) -> Result<u8, Failure> {
    over_the_api(cx, async |io| holdfast_client::channel::run(args, io).await).await
}

/// `holdfast import …`
pub(super) async fn import(args: &ImportArgs, cx: Context) -> Result<u8, Failure> {
    over_the_api(cx, async |io| holdfast_client::import::run(args, io).await).await
}

/// Runs one of them on this terminal.
async fn over_the_api(
    cx: Context,
    run: impl AsyncFnOnce(&mut Io<'_>) -> Result<u8, ClientError>,
) -> Result<u8, Failure> {
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout());
    let columns = term::columns(&out);
    let mut io = Io { input: &mut input, out: &mut out, columns, server: cx.settings.server.as_deref() };
    Box::pin(run(&mut io)).await.map_err(failure)
}

fn failure(error: ClientError) -> Failure {
    Failure { status: error.exit_status(), error: error.into() }
}

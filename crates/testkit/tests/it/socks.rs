//! SOCKS5 and the TLS kind of proxy, seen through curl: a client that was not written by us.

use holdfast_testkit::{Ca, CheckTarget, Fault, Kind, Options, UpstreamProxy};
use tokio::process::Command;

/// The HTTP status curl got through a proxy within `limit` seconds, or its exit code.
async fn curl(limit: &str, proxy_url: &str, url: &str) -> Result<u16, i32> {
    let ca = Ca::shared().unwrap().pem_path();
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", limit, "--noproxy", ""]);
    curl.arg("--cacert").arg(&ca).arg("--proxy-cacert").arg(&ca).args(["-x", proxy_url, url]);
    let output = curl.output().await.unwrap();
    if !output.status.success() {
        return Err(output.status.code().unwrap());
    }
    Ok(String::from_utf8(output.stdout).unwrap().parse().unwrap())
}

#[tokio::test]
async fn every_kind_with_credentials_over_tls() {
    for kind in [Kind::Http, Kind::Https, Kind::Socks5] {
        let target = CheckTarget::start(200, true).await.unwrap();
        let url = format!("https://live.test:{}/", target.addr().port());
        let options = Options::default().credentials("u%@r", "p@:/ss").map("live.test", target.addr());
        let proxy = UpstreamProxy::start(kind, options).await.unwrap();
        assert_eq!(curl("5", &proxy.url(), &url).await, Ok(200), "{kind:?}");
        assert!(target.accepts_not_from(&[&proxy]).is_empty(), "{kind:?}");
        assert_eq!(proxy.requests()[0].destination, format!("live.test:{}", target.addr().port()));
        proxy.set_fault(Fault::WrongAuth).await;
        assert!(curl("5", &proxy.url(), &url).await.is_err(), "{kind:?}");
        proxy.set_fault(Fault::status(503)).await;
        assert!(curl("5", &proxy.url(), &url).await.is_err(), "{kind:?}");
    }
}

#[tokio::test]
async fn socks_with_names_resolved_by_the_client() {
    let target = CheckTarget::start(200, true).await.unwrap();
    let proxy = UpstreamProxy::start(Kind::Socks5, Options::default()).await.unwrap();
    let url = format!("https://localhost:{}/", target.addr().port());
    assert_eq!(curl("5", &proxy.url_with_scheme("socks5"), &url).await, Ok(200));
    assert_eq!(proxy.requests()[0].destination, target.addr().to_string());
    for fault in [Fault::FragmentedHead, Fault::DelayMs(100)] {
        proxy.set_fault(fault).await;
        assert_eq!(curl("5", &proxy.url(), &url).await, Ok(200));
    }
    for fault in [Fault::SilentConnect, Fault::SilentAfterAccept, Fault::SilentAfterConnect] {
        proxy.set_fault(fault).await;
        assert_eq!(curl("0.5", &proxy.url(), &url).await, Err(28), "a timeout");
    }
}

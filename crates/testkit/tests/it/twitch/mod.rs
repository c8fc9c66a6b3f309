//! The pretended Twitch, asked as clients ask it: over TLS, through a proxy that knows its names.

mod api;
mod control;
mod eventsub;
mod gql;
mod plugin;

use holdfast_testkit::{Ca, Kind, Media, Options, Twitch, TwitchOptions, UpstreamProxy};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::client::{connect, head, soon};

/// A Twitch, and the only way to it.
struct Scene {
    twitch: Twitch,
    proxy: UpstreamProxy,
}

/// An answer.
struct Got {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect(&self.text)
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn scene(options: impl FnOnce(TwitchOptions) -> TwitchOptions) -> Scene {
    let media = Media::ready(120).await.unwrap();
    let twitch = Twitch::start(options(TwitchOptions::new(media))).await.unwrap();
    let proxy = UpstreamProxy::start(Kind::Http, twitch.map(Options::default())).await.unwrap();
    Scene { twitch, proxy }
}

impl Scene {
    /// One request: `GET https://host/path`, with headers.
    async fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Got {
        let url = url::Url::parse(url).unwrap();
        let host = url.host_str().unwrap().to_owned();
        let mut request = hyper::Request::builder().method(method).header("Host", &host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let path = url[url::Position::BeforePath..].to_owned();
        let request = request.uri(path).body(Full::new(body.into())).unwrap();
        soon(async {
            let mut tunnel = TcpStream::connect(self.proxy.addr()).await.unwrap();
            let opening = connect(format!("{host}:443"), "");
            tokio::io::AsyncWriteExt::write_all(&mut tunnel, opening.as_bytes()).await.unwrap();
            assert!(head(&mut tunnel).await.starts_with("HTTP/1.1 200 "), "{host} is not mapped");
            let tls = tokio_rustls::TlsConnector::from(Ca::shared().unwrap().client_config().unwrap());
            let tls = tls.connect(host.try_into().unwrap(), tunnel).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.unwrap();
            tokio::spawn(connection);
            let response = sender.send_request(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let text = body.collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&text).into_owned();
            Got { status: parts.status.as_u16(), headers: parts.headers, text }
        })
        .await
    }

    async fn get(&self, url: &str) -> Got {
        self.ask("GET", url, &[], "").await
    }

    /// An app token.
    async fn token(&self) -> String {
        let (id, secret) = self.twitch.credentials();
        let got = self.ask_for_token(&id, &secret).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask_for_token(&self, id: &str, secret: &str) -> Got {
        let form = format!("client_id={id}&client_secret={secret}&grant_type=client_credentials");
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", "https://id.twitch.tv/oauth2/token", &kind, form).await
    }

    /// A request to the API with a token.
    async fn helix(&self, method: &str, path: &str, token: &str, body: impl Into<Bytes>) -> Got {
        let (id, _) = self.twitch.credentials();
        let bearer = format!("Bearer {token}");
        let headers = [("client-id", id.as_str()), ("authorization", &bearer)];
        self.ask(method, &format!("https://api.twitch.tv/helix/{path}"), &headers, body).await
    }
}

//! Reads the head of a proxy's answer to CONNECT out of raw bytes. Pure, so that it can be fuzzed: whatever a
//! proxy sends, the result is a status or a sentence.

/// The longest reply head that is read, in bytes. Squid's error pages come with about 600; hyper stops at 400 K,
/// which is too much to hold for a stranger.
pub const MAX_REPLY_HEAD: usize = 32 * 1024;

/// A whole reply head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectReply {
    /// The status, 200 to 999 (interim 1xx replies are passed over).
    pub status: u16,
    /// Where the head ends; what follows belongs to the tunnel.
    pub head_len: usize,
}

/// Why the bytes are no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not HTTP/1.
    #[error("its answer to CONNECT is not HTTP ({0})")]
    NotHttp(String),
    /// Longer than [`MAX_REPLY_HEAD`], or with more than 128 header lines.
    #[error("the head of its answer to CONNECT is too long")]
    TooLong,
}

/// Looks for a whole reply head at the start of `bytes`; `None` if more bytes are needed.
///
/// # Errors
/// [`ReplyError`] if no further bytes can make it a reply.
pub fn parse_connect_reply(bytes: &[u8]) -> Result<Option<ConnectReply>, ReplyError> {
    let mut skipped = 0;
    loop {
        let rest = &bytes[skipped..];
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut headers);
        match httparse::ParserConfig::default()
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .ignore_invalid_headers_in_responses(true)
            .parse_response(&mut response, rest)
        {
            Ok(httparse::Status::Complete(len)) => match response.code {
                // RFC 9110 section 15.2: any number of interim replies may come before the final one.
                Some(100..=199) => skipped += len,
                Some(status) if status >= 200 => {
                    return Ok(Some(ConnectReply { status, head_len: skipped + len }));
                }
                _ => return Err(ReplyError::NotHttp("a status below 100".to_owned())),
            },
            Ok(httparse::Status::Partial) if bytes.len() >= MAX_REPLY_HEAD => {
                return Err(ReplyError::TooLong);
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(ReplyError::TooLong),
            Err(error) => return Err(ReplyError::NotHttp(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, expect: Result<Option<(u16, usize)>, &str>) {
        let got = parse_connect_reply(bytes.as_bytes());
        match expect {
            Ok(reply) => assert_eq!(got.map(|r| r.map(|r| (r.status, r.head_len))), Ok(reply), "{bytes:?}"),
            Err(part) => {
                let error = got.expect_err(bytes).to_string();
                assert!(error.contains(part), "{bytes:?}: {error}");
            }
        }
    }

    #[test]
    fn replies_are_read_as_proxies_really_send_them() {
        check("HTTP/1.1 200 Connection established\r\n\r\n", Ok(Some((200, 39))));
        check("HTTP/1.0 200\r\n\r\nearly", Ok(Some((200, 16))));
        check("HTTP/1.1  200  OK\r\n\r\n", Ok(Some((200, 21))));
        check("HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", Ok(Some((204, 36))));
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Ok(Some((200, 44))));
        check("HTTP/1.1 407 Auth\r\nbad header line\r\n\r\n", Ok(Some((407, 38))));
        check("HTTP/1.1 200 OK\nServer: x\n\n", Ok(Some((200, 27))));
        check("HTTP/1.1 200 O", Ok(None));
        check("", Ok(None));
        check("SSH-2.0-OpenSSH\r\n", Err("not HTTP"));
        check("HTTP/2.0 200 OK\r\n\r\n", Err("not HTTP"));
        check("\x05\x00", Err("not HTTP"));
    }

    #[test]
    fn endless_heads_are_refused() {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(MAX_REPLY_HEAD));
        assert_eq!(parse_connect_reply(head.as_bytes()), Err(ReplyError::TooLong));
        let lines = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(200));
        assert_eq!(parse_connect_reply(lines.as_bytes()), Err(ReplyError::TooLong));
    }
}

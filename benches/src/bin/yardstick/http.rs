//! Requests, as far as the generator makes them.

/// One whole request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The key of a WebSocket upgrade.
    pub(crate) upgrade_key: Option<&'a str>,
    /// The bearer token.
    pub(crate) token: Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// Bytes of the whole request.
    pub(crate) len: usize,
}

impl<'a> Request<'a> {
    /// The request at the start of `bytes`; `None` until it is there whole.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head_len = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
        let head = str::from_utf8(&bytes[..head_len]).ok()?;
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let mut request = Self { method: first.next()?, path: first.next()?, ..Self::default() };
        let mut body_len = 0;
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            match name {
                _ if name.eq_ignore_ascii_case("content-length") => body_len = value.parse().ok()?,
                _ if name.eq_ignore_ascii_case("sec-websocket-key") => request.upgrade_key = Some(value),
                _ if name.eq_ignore_ascii_case("authorization") => {
                    request.token = value.strip_prefix("Bearer ")
                }
                _ => {}
            }
        }
        request.len = head_len + body_len;
        request.body = bytes.get(head_len..request.len)?;
        Some(request)
    }
}

/// An answer with a JSON body.
pub(crate) fn answer(status: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len}\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_seen_only_whole() {
        let bytes =
            b"POST /rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 2\r\n\r\n{}rest";
        let whole = bytes.len() - 4;
        assert!((0..whole).all(|cut| Request::parse(&bytes[..cut]).is_none()));
        let request = Request::parse(bytes).unwrap();
        assert_eq!((request.method, request.path, request.token), ("POST", "/rooms", Some("t")));
        assert_eq!((request.body, request.len, request.upgrade_key), (&b"{}"[..], whole, None));
    }
}

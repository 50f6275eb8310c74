//! Finding the tokens of a request.

use std::fmt;

use axum::{
    extract::Query,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

/// The subprotocol that carries a token: a browser can set no header on a socket, but names subprotocols.
const BEARER_PROTOCOL: &str = "chat.bearer.";

/// The tokens of one request, each once.
#[derive(Default)]
pub(crate) struct Tokens {
    /// Those that somebody put there on purpose.
    pub(crate) explicit: Vec<String>,
    /// Those of cookies, which a browser adds whether wanted or not.
    pub(crate) ambient: Vec<String>,
}

impl Tokens {
    /// The tokens that a REST request may carry.
    pub(crate) fn of_request(parts: &Parts, cookie: &str, query: bool) -> Self {
        let mut tokens = Self::default();
        tokens.take_bearer(&parts.headers);
        if query {
            tokens.take_query(parts);
        }
        tokens.take_cookies(&parts.headers, cookie);
        tokens
    }

    /// Whether a REST request carries one that somebody put there on purpose.
    pub(crate) fn are_explicit(parts: &Parts, query: bool) -> bool {
        !Self::of_request(parts, "", query).explicit.is_empty()
    }

    /// The tokens that an upgrade request may carry.
    pub(crate) fn of_upgrade<'a>(
        parts: &Parts,
        cookie: &str,
        protocols: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut tokens = Self::default();
        tokens.take_bearer(&parts.headers);
        tokens.take_query(parts);
        for token in protocols.filter_map(|protocol| protocol.strip_prefix(BEARER_PROTOCOL)) {
            tokens.add(token.to_owned());
        }
        tokens.take_cookies(&parts.headers, cookie);
        tokens
    }

    /// A token of a frame: it goes before those of the request.
    pub(crate) fn put_first(&mut self, token: String) {
        self.ambient.retain(|known| *known != token);
        self.explicit.retain(|known| *known != token);
        self.explicit.insert(0, token);
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.explicit.len() + self.ambient.len()
    }

    fn take_bearer(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(header::AUTHORIZATION) {
            if let Some(token) = bearer(value) {
                self.add(token.to_owned());
            }
        }
    }

    fn take_query(&mut self, parts: &Parts) {
        if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            for (_, token) in pairs.into_iter().filter(|(name, _)| name == "token") {
                self.add(token);
            }
        }
    }

    fn take_cookies(&mut self, headers: &HeaderMap, name: &str) {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        for cookie in lines.flat_map(|line| line.split(';')) {
            let Some((key, value)) = cookie.trim().split_once('=') else { continue };
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let known = |list: &[String]| list.iter().any(|known| known == value);
            if key == name && !value.is_empty() && !known(&self.explicit) && !known(&self.ambient) {
                self.ambient.push(value.to_owned());
            }
        }
    }

    fn add(&mut self, token: String) {
        if !token.is_empty() && !self.explicit.contains(&token) {
            self.explicit.push(token);
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} explicit, {} ambient)", self.explicit.len(), self.ambient.len())
    }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::Tokens;
    use axum::http::Request;

    #[test]
    fn finds_each_token_once_wherever_it_stands() {
        let (parts, ()) = Request::get("/ws?x=1&token=q%2Bq&token=same")
            .header("authorization", "bearer  h")
            .header("authorization", "Basic x")
            .header("cookie", "a=b; chat_token=\"c\"; other=x")
            .header("cookie", "chat_token=same")
            .body(())
            .unwrap()
            .into_parts();
        let protocols = ["chat.v1", "chat.bearer.p", "chat.bearer."];
        let mut tokens = Tokens::of_upgrade(&parts, "chat_token", protocols.into_iter());
        assert_eq!(tokens.explicit, ["h", "q+q", "same", "p"]);
        assert_eq!(tokens.ambient, ["c"]);
        tokens.put_first("c".to_owned());
        assert_eq!(tokens.explicit[0], "c");
        assert!(tokens.ambient.is_empty());
        let rest = Tokens::of_request(&parts, "chat_token", false);
        assert_eq!(
            (rest.explicit, rest.ambient),
            (vec!["h".to_owned()], vec!["c".to_owned(), "same".to_owned()])
        );
        let rest = Tokens::of_request(&parts, "chat_token", true);
        assert_eq!((rest.explicit.len(), rest.ambient), (3, vec!["c".to_owned()]));
        assert!(!format!("{tokens:?}").contains("same"));
    }
}

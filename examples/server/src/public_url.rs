//! Where browsers find this server.

use std::{fmt, str::FromStr};

use axum::http::Uri;

use crate::config::ConfigError;

/// `http://host`, `https://host`, either with a port; no slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    origin: String,
    is_https: bool,
}

impl PublicUrl {
    /// Whether it is reached by TLS, whoever ends that.
    pub(crate) const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Where the files are that front ends of other wire formats fetch: beside those formats' paths, at the root.
    pub(crate) fn files(&self) -> String {
        format!("{}/attachments", self.origin)
    }
}

impl FromStr for PublicUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::PublicUrl;
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        // A path would be cut off by whoever passes requests on, and cookies are for the paths that come here.
        let is_root = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        if !is_root || uri.host().is_none_or(str::is_empty) || authority.contains('@') {
            return Err(wrong());
        }
        let scheme = if is_https { "https" } else { "http" };
        Ok(Self { origin: format!("{scheme}://{}", authority.to_ascii_lowercase()), is_https })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::PublicUrl;

    #[test]
    fn a_scheme_and_a_host_and_nothing_else() {
        for (text, files, is_https) in [
            ("https://chat.example.org", "https://chat.example.org/attachments", true),
            ("https://Chat.Example.org/", "https://chat.example.org/attachments", true),
            ("HTTP://localhost:8080", "http://localhost:8080/attachments", false),
            ("http://[::1]:8080", "http://[::1]:8080/attachments", false),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.files().as_str(), url.is_https()), (files, is_https), "{text}");
        }
        for bad in [
            "",
            "/",
            "chat.example.org",
            "chat.example.org:443",
            "ftp://chat.example.org",
            "https://",
            "https://:443",
            "https://ann@chat.example.org",
            "https://chat.example.org/chat",
            "https://chat.example.org/?x",
            "https://chat.example.org/#x",
            "https://chat example",
            "https://chat.example\r\nx",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}

//! Where a server's API is.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::Fallible;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) addr: SocketAddr,
    /// For the `Host` header.
    pub(crate) host: String,
    /// The path the API is mounted at, without a slash at its end.
    pub(crate) mount: String,
}

impl Base {
    pub(crate) fn parse(url: &str) -> Fallible<Self> {
        let rest = url.strip_prefix("http://").ok_or("only http:// can be measured")?;
        let (host, mount) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let addr = with_port.to_socket_addrs()?.next().ok_or("the host has no address")?;
        let mount = format!("/{mount}").trim_end_matches('/').to_owned();
        Ok(Self { addr, host: host.to_owned(), mount })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_kept_and_a_root_is_none() {
        let base = Base::parse("http://127.0.0.1:8080/api/v1/").unwrap();
        assert_eq!(base.addr, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((&*base.host, &*base.mount), ("127.0.0.1:8080", "/api/v1"));
        assert_eq!(Base::parse("http://127.0.0.1").unwrap().mount, "");
        assert!(Base::parse("https://127.0.0.1").is_err());
    }
}

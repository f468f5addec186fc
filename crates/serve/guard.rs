//! Who may ask: this machine's own pages, and whoever has the token where others can reach the port.
//!
//! A page of another site cannot read an answer, since none allows it to; it cannot ask in the user's name either, since
//! browsers say where a request comes from; and a name that it made point at this machine is not ours.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{COOKIE, HOST, ORIGIN};
use hyper::{HeaderMap, Method, StatusCode, Uri};

/// Why a request is not answered, in words that say what to do.
pub(crate) type Refusal = (StatusCode, &'static str);

pub(crate) struct Guard {
    address: SocketAddr,
    /// Wanted from everyone, if others can reach the port.
    token: Option<String>,
}

/// What a request that may be answered gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    Answer,
    /// The token came with the address: it moves to a cookie, so that it stands in no history and no log.
    Cookie(String),
}

impl Guard {
    pub fn new(address: SocketAddr, token: Option<String>) -> Guard {
        Guard { address, token }
    }

    /// Errors: what the request lacks.
    pub fn admit(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Admitted, Refusal> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = header(HOST.as_str()).unwrap_or_default();
        if !self.is_ours(host) {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                "open the address that `corpus serve` has printed",
            ));
        }
        if header(ORIGIN.as_str()).is_some_and(|origin| origin.strip_prefix("http://") != Some(host)) {
            return Err((StatusCode::FORBIDDEN, "a page of another origin may not ask"));
        }
        // A link from elsewhere may open a page, and nothing but that.
        let is_visit = *method == Method::GET && header("sec-fetch-dest") == Some("document");
        let from = header("sec-fetch-site").unwrap_or("none");
        if !(from == "none" || from == "same-origin" || is_visit) {
            return Err((StatusCode::FORBIDDEN, "a page of another site may not ask"));
        }
        let Some(token) = &self.token else { return Ok(Admitted::Answer) };
        let cookies = header(COOKIE.as_str()).unwrap_or_default().split(';').map(str::trim);
        let name = self.cookie();
        if cookies
            .filter_map(|cookie| cookie.strip_prefix(&name)?.strip_prefix('='))
            .any(|it| same(it, token))
        {
            return Ok(Admitted::Answer);
        }
        let mut given = uri.query().unwrap_or_default().split('&');
        if given.any(|pair| pair.strip_prefix("token=").is_some_and(|it| same(it, token))) {
            return Ok(Admitted::Cookie(format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/")));
        }
        Err((StatusCode::UNAUTHORIZED, "open the address that `corpus serve` has printed, with its token"))
    }

    /// Cookies do not tell ports apart.
    fn cookie(&self) -> String {
        format!("corpus_{}", self.address.port())
    }

    /// The name by which it was asked is one of this machine's. With a token any name will do: nobody else knows that.
    fn is_ours(&self, host: &str) -> bool {
        if self.token.is_some() {
            return !host.is_empty();
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let ip = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let is_loopback = ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        (is_loopback || name.eq_ignore_ascii_case("localhost")) && port == Some(self.address.port())
    }
}

/// Compares without telling by the time it takes how much is the same.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(guard: &Guard, method: Method, uri: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        match guard.admit(&method, &uri.parse().unwrap(), &map) {
            Ok(Admitted::Answer) => 200,
            Ok(Admitted::Cookie(_)) => 303,
            Err((status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let guard = Guard::new("127.0.0.1:8000".parse().unwrap(), None);
        let get = |host| asked(&guard, Method::GET, "/", &[("host", host)]);
        for host in ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST:8000"] {
            assert_eq!(get(host), 200, "{host}");
        }
        for host in ["evil.example:8000", "127.0.0.1", "localhost:8001", "127.0.0.1.evil.example:8000", ""] {
            assert_eq!(get(host), 421, "{host}");
        }
        assert_eq!(asked(&guard, Method::GET, "/", &[]), 421);
    }

    #[test]
    fn other_origins_may_link_and_nothing_else() {
        let guard = Guard::new("127.0.0.1:8000".parse().unwrap(), None);
        let host = ("host", "localhost:8000");
        for (method, headers, expected) in [
            (Method::POST, vec![("origin", "http://localhost:8000"), ("sec-fetch-site", "same-origin")], 200),
            (Method::POST, vec![("origin", "https://evil.example")], 403),
            (Method::POST, vec![("origin", "null")], 403),
            (Method::POST, vec![("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")], 403),
            (Method::GET, vec![("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")], 200),
            (Method::GET, vec![("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")], 403),
            (Method::GET, vec![("sec-fetch-site", "same-site"), ("sec-fetch-dest", "empty")], 403),
        ] {
            assert_eq!(
                asked(&guard, method, "/", &[&headers[..], &[host]].concat()),
                expected,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn beyond_this_machine_a_token_is_wanted() {
        let guard = Guard::new("0.0.0.0:8000".parse().unwrap(), Some("abc123".to_owned()));
        let get =
            |uri, cookie| asked(&guard, Method::GET, uri, &[("host", "node7:8000"), ("cookie", cookie)]);
        assert_eq!(get("/", ""), 401);
        assert_eq!(get("/?token=abc124", "corpus_8000=abc12"), 401);
        assert_eq!(get("/live.json", "corpus_8001=abc123"), 401);
        assert_eq!(get("/?token=abc123", ""), 303);
        assert_eq!(get("/live.json", "other=1; corpus_8000=abc123"), 200);
    }
}

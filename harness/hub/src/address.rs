//! Addresses, and which of them belong together: only encrypted ones, but for this machine itself and for files whose
//! digest was published elsewhere.

use ureq::http::Uri;

use crate::error::FetchError;

/// The longest address that is asked.
const MAX_LENGTH: usize = 8192;

/// An absolute address of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    is_https: bool,
    /// Whether it may be asked without encryption, and so may what it redirects to.
    may_be_plain: bool,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
    /// From the first `/`, with the query.
    path: String,
}

impl Address {
    /// Reads an absolute address.
    pub(crate) fn parse(text: &str) -> Result<Self, FetchError> {
        Address::parse_as(text, false)
    }

    /// Reads the address of a file whose digest is known: it shows whether somebody changed the file on its way.
    pub(crate) fn parse_plain_too(text: &str) -> Result<Self, FetchError> {
        Address::parse_as(text, true)
    }

    fn parse_as(text: &str, may_be_plain: bool) -> Result<Self, FetchError> {
        let refuse = |why| FetchError::Address { found: without_user(&printable(text)), why };
        if MAX_LENGTH < text.len() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("it is too long or has characters that no address has"));
        }
        let (text, _) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = text.parse().map_err(|_| refuse("it is no address"))?;
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it carries a user's name"));
        }
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse("it is neither https:// nor http://")),
        };
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(refuse("it names no host"));
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str().ends_with(':')
                || authority.as_str().len() == authority.host().len() =>
            {
                if is_https {
                    443
                } else {
                    80
                }
            }
            None => return Err(refuse("its port is no number")),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let address = Address { is_https, may_be_plain, host, port, path };
        if !is_https && !may_be_plain && !address.is_loopback() {
            return Err(refuse("it is not encrypted (https://), and not of this machine"));
        }
        Ok(address)
    }

    /// The address of something below this one; `path` is encoded already.
    pub(crate) fn below(&self, path: &str) -> Self {
        let base = self.path.split('?').next().unwrap_or("").trim_end_matches('/');
        Address { path: format!("{base}/{path}"), ..self.clone() }
    }

    /// Where a `Location` or `Link` leads that was found at this address.
    pub(crate) fn join(&self, location: &str) -> Result<Self, FetchError> {
        let has_scheme = location.split('/').next().is_some_and(|start| start.contains(':'));
        let parse = |text: &str| Address::parse_as(text, self.may_be_plain);
        let target = if has_scheme {
            parse(location)?
        } else if location.starts_with("//") {
            let scheme = if self.is_https { "https" } else { "http" };
            parse(&format!("{scheme}:{location}"))?
        } else {
            let folder = match location.starts_with('/') {
                true => "",
                false => self
                    .path
                    .split('?')
                    .next()
                    .unwrap_or("")
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder),
            };
            let separator = if location.starts_with('/') { "" } else { "/" };
            parse(&format!("{}{folder}{separator}{location}", self.origin()))?
        };
        if self.is_https && !target.is_https {
            let why = "it is not encrypted, and what led to it is";
            return Err(FetchError::Address { found: target.to_string(), why });
        }
        Ok(target)
    }

    /// Whether both are of the same scheme, host and port.
    pub(crate) fn is_same_origin(&self, other: &Address) -> bool {
        (self.is_https, &self.host, self.port) == (other.is_https, &other.host, other.port)
    }

    /// The host's name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The whole address, for a request alone: its query may be secret.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin(), self.path)
    }

    fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    fn is_loopback(&self) -> bool {
        let is_local_v4 = self.host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
        is_local_v4 || self.host == "localhost" || self.host == "[::1]"
    }
}

impl std::fmt::Display for Address {
    /// Without the query, which may hold a signature.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.split('?').next().unwrap_or("");
        let is_usual = self.port == if self.is_https { 443 } else { 80 };
        let scheme = if self.is_https { "https" } else { "http" };
        match is_usual {
            true => write!(f, "{scheme}://{}{path}", self.host),
            false => write!(f, "{scheme}://{}:{}{path}", self.host, self.port),
        }
    }
}

/// A text of a server's or a user's, made fit for a terminal: without a query, without control characters.
pub(crate) fn printable(text: &str) -> String {
    let (text, _) = text.split_once('?').unwrap_or((text, ""));
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(200).map(visible).collect()
}

/// An address without the name and password that somebody wrote into it.
fn without_user(text: &str) -> String {
    let start = text.find("//").map_or(0, |at| at + 2);
    let end = text[start..].find('/').map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    }
}

/// Encodes one part of a path: everything but letters, digits and `-_.~`.
pub(crate) fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let parsed = Address::parse(text).ok();
        assert_eq!(parsed.map(|address| address.url()).as_deref(), expected, "{text}");
    }

    #[test]
    fn only_encrypted_addresses_and_those_of_this_machine_are_asked() {
        check("https://huggingface.co", Some("https://huggingface.co:443/"));
        check("HTTPS://Huggingface.CO:8443/a?b=c#d", Some("https://huggingface.co:8443/a?b=c"));
        check("http://127.0.0.1:80/a", Some("http://127.0.0.1:80/a"));
        check("http://localhost:3000", Some("http://localhost:3000/"));
        check("http://[::1]:3000/x", Some("http://[::1]:3000/x"));
        for text in [
            "http://huggingface.co",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1/",
            "https://user:password@host/",
            "ftp://host/",
            "file:///etc/passwd",
            "https://",
            "/a",
            "host",
            "https://a b/",
            "https://host/\u{1b}[2J",
            "https://host/\r\nX: y",
            "https://host:99999/",
            "",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_location_is_followed_from_where_it_was_found() {
        let from = Address::parse("http://localhost:80/a/b?c=/d").unwrap();
        for (location, expected) in [
            ("/x", "http://localhost:80/x"),
            ("x?y", "http://localhost:80/a/x?y"),
            ("//127.0.0.1:81/x", "http://127.0.0.1:81/x"),
            ("https://cdn.example.org/x?s=1", "https://cdn.example.org:443/x?s=1"),
        ] {
            assert_eq!(from.join(location).unwrap().url(), expected);
        }
        assert!(from.join("http://example.org/").is_err());
        let encrypted = Address::parse("https://example.org/").unwrap();
        assert!(encrypted.join("http://127.0.0.1/").is_err(), "from encrypted to not");
    }

    #[test]
    fn a_file_with_a_known_digest_may_come_unencrypted() {
        let plain = Address::parse_plain_too("http://example.org/a").unwrap();
        assert_eq!(
            plain.join("http://cdn.example.org/b").unwrap().url(),
            "http://cdn.example.org:80/b"
        );
        let encrypted = Address::parse_plain_too("https://example.org/a").unwrap();
        assert!(encrypted.join("http://example.org/a").is_err(), "from encrypted to not");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let address = |text: &str| Address::parse(text).unwrap();
        let hub = address("https://huggingface.co/a");
        assert!(hub.is_same_origin(&address("https://HUGGINGFACE.co:443/b")));
        for other in [
            "https://huggingface.co:444/",
            "https://cdn.huggingface.co/",
            "https://huggingface.co.evil.org/",
        ] {
            assert!(!hub.is_same_origin(&address(other)), "{other}");
        }
        assert!(
            !address("http://localhost:443/").is_same_origin(&address("https://localhost:443/"))
        );
    }

    #[test]
    fn a_signature_is_never_shown() {
        let address =
            Address::parse("https://cdn.example.org/file?X-Amz-Signature=secret").unwrap();
        assert_eq!(address.to_string(), "https://cdn.example.org/file");
        assert_eq!(printable("bad\u{1b}[2J?secret"), "bad\u{fffd}[2J");
        for text in
            ["https://user:password@host/x@y", "user:password@host", "https://user:pass@word@host"]
        {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("host") && !error.contains("user:") && !error.contains("word@"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_part_of_a_path_is_encoded() {
        assert_eq!(encoded("refs/pr/1 +é"), "refs%2Fpr%2F1%20%2B%C3%A9");
    }
}

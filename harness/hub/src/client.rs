//! One request and its answer: where the token goes, which redirects are followed, how long is waited.

use std::{fmt, io::Read, time::Duration};

use ureq::{
    Agent, Body, Proxy,
    http::{HeaderMap, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    address::{Address, printable},
    error::FetchError,
};

/// How many redirects of one request are followed.
const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// The most that is read of an answer that says what is wrong.
const MAX_MESSAGE: u64 = 4096;

/// How a hub is reached.
#[derive(Clone)]
pub struct ClientSettings {
    /// The hub's address.
    pub endpoint: String,
    /// What shows the hub who asks. It goes to the hub and to no other host.
    pub token: Option<String>,
    /// The address of a proxy; this machine itself is never asked through it.
    pub proxy: Option<String>,
    /// Hosts that are not asked through the proxy, as in `NO_PROXY`.
    pub no_proxy: Vec<String>,
    /// How long a server may say nothing before the connection counts as cut.
    pub silence: Duration,
    /// What the program calls itself.
    pub user_agent: String,
    /// Whether nothing may be asked at all.
    pub is_offline: bool,
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A client of one hub.
pub struct Client {
    agent: Agent,
    endpoint: Address,
    authorization: Option<String>,
    is_offline: bool,
}

/// The rest of a file that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest<'e> {
    /// How many bytes are there already.
    pub(crate) from: u64,
    /// What the file was tagged with when they came; of another one the server is to send everything.
    pub(crate) etag: Option<&'e str>,
}

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Where it came from, after all redirects.
    pub(crate) address: Address,
}

/// A request without an answer.
pub(crate) enum CallError {
    /// Another attempt may fare better.
    Cut(Address, Box<ureq::Error>),
    /// No attempt will.
    Fatal(FetchError),
}

impl Client {
    /// Makes a client. It trusts the certificates that this machine's administrator trusts; where there are
    /// none, those that Mozilla does, which are built in.
    ///
    /// # Errors
    ///
    /// An address that is never asked, of the hub or of the proxy.
    pub fn new(settings: &ClientSettings) -> Result<Self, FetchError> {
        let endpoint = Address::parse(&settings.endpoint)?;
        let tls = TlsConfig::builder().root_certs(roots()).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Each is looked at before it is followed.
            .max_redirects(0)
            .proxy(proxy(settings)?)
            .tls_config(tls)
            .user_agent(&settings.user_agent)
            // Bytes are hashed as they come, so nobody may pack them.
            .accept_encoding("identity")
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(settings.silence))
            .timeout_per_write(Some(settings.silence))
            .build()
            .new_agent();
        let authorization = settings.token.as_ref().map(|token| format!("Bearer {token}"));
        Ok(Client { agent, endpoint, authorization, is_offline: settings.is_offline })
    }

    /// The hub's address.
    pub(crate) fn endpoint(&self) -> &Address {
        &self.endpoint
    }

    /// Asks for what stands at an address, or for the rest of it, and follows redirects.
    pub(crate) fn get(&self, address: &Address, rest: Option<Rest>) -> Result<Answer, CallError> {
        let mut address = address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.call(&address, rest)?;
            let location = answer.headers.get(header::LOCATION);
            let (301 | 302 | 303 | 307 | 308, Some(location)) = (answer.status, location) else {
                return Ok(answer);
            };
            let location = location.to_str().unwrap_or("\u{fffd}");
            address = address.join(location).map_err(|error| {
                let what = format!("a redirect that is not followed: {error}");
                CallError::Fatal(FetchError::Hostile { address: address.to_string(), what })
            })?;
        }
        let what = format!("more than {MAX_REDIRECTS} redirects");
        Err(CallError::Fatal(FetchError::Hostile { address: address.to_string(), what }))
    }

    fn call(&self, address: &Address, rest: Option<Rest>) -> Result<Answer, CallError> {
        if self.is_offline {
            return Err(CallError::Fatal(FetchError::Offline { address: address.to_string() }));
        }
        let mut request = self.agent.get(address.url());
        if let Some(authorization) = &self.authorization
            && address.is_same_origin(&self.endpoint)
        {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(Rest { from, etag }) = rest {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(etag) = etag {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        match request.call() {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let (status, headers) = (parts.status.as_u16(), parts.headers);
                Ok(Answer { status, headers, body, address: address.clone() })
            }
            Err(error) if is_cut(&error) => Err(CallError::Cut(address.clone(), Box::new(error))),
            Err(error) => Err(CallError::Fatal(FetchError::Unreachable {
                address: address.to_string(),
                source: Box::new(error),
            })),
        }
    }
}

impl Answer {
    /// A header's text, if there is one and it is plain.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the server says of an error, fit for a terminal.
    pub(crate) fn message(mut self) -> String {
        if let Some(message) = self.header("x-error-message") {
            return printable(message);
        }
        let is_text =
            self.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        let mut bytes = Vec::new();
        // What cannot be read is left out; the status is not.
        let _ = self.body.as_reader().take(MAX_MESSAGE).read_to_end(&mut bytes);
        let text =
            if is_text { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() };
        printable(text.trim())
    }
}

/// Whether the same request may fare better a moment later.
fn is_cut(error: &ureq::Error) -> bool {
    match error {
        // So rustls says that it does not trust a certificate.
        ureq::Error::Io(error) => error.kind() != std::io::ErrorKind::InvalidData,
        ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

fn roots() -> RootCerts {
    let of_machine = rustls_native_certs::load_native_certs().certs;
    match of_machine.is_empty() {
        true => RootCerts::WebPki,
        false => of_machine.iter().map(|found| Certificate::from_der(found).to_owned()).into(),
    }
}

/// The proxy that was asked for, and none for this machine. The crate would read the environment itself.
fn proxy(settings: &ClientSettings) -> Result<Option<Proxy>, FetchError> {
    let Some(text) = &settings.proxy else { return Ok(None) };
    let refuse = |error| FetchError::Proxy(Box::new(error));
    let proxy = Proxy::new(text).map_err(refuse)?;
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let (Some(name), Some(password)) = (proxy.username(), proxy.password()) {
        builder = builder.username(name).password(password);
    }
    for host in ["localhost", "127.*", "::1", "[::1]"] {
        builder = builder.no_proxy(host);
    }
    for host in settings.no_proxy.iter().map(|host| host.trim()).filter(|host| !host.is_empty()) {
        // A host stands for those below it as well, as everywhere but in the crate.
        builder = builder.no_proxy(host).no_proxy(&format!(".{}", host.trim_start_matches('.')));
    }
    builder.build().map(Some).map_err(refuse)
}

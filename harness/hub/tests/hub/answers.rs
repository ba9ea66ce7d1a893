//! Answers other than 200, redirects, and no answer at all.

use std::net::TcpListener;

use clsrl_hub::FetchError;
use tempfile::TempDir;

use super::{
    Fetching, USED, assert_is_model, good,
    server::{Length, Model, Reply, Seen, Server},
};

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Serves a model that answers so when it is asked for its first revision.
fn serve(reply: Reply) -> Server {
    Model::new(10).serve(move |seen, usual| if is_first(seen) { reply.clone() } else { usual })
}

fn is_first(seen: &Seen) -> bool {
    seen.path.contains("/revision/")
}

fn check(reply: Reply, word: &str, is_expected: fn(&FetchError) -> bool) {
    let server = serve(reply);
    let cache = dir();
    let mut fetching = Fetching::new(&server, cache.path());
    let error = fetching.expect_error(word);
    assert!(is_expected(&error), "{error:?}");
    assert_eq!(server.seen().len(), 1, "it is not asked again");
    assert_eq!(fetching.waits, [0; 0]);
}

#[test]
fn who_may_not_have_it_is_told_why() {
    check(Reply::new(401, ""), "does not hand out", |error| {
        matches!(error, FetchError::Denied { status: 401, .. })
    });
    check(Reply::new(403, "no").with("Content-Type", "text/plain"), "(403): no", |error| {
        matches!(error, FetchError::Denied { is_gated: false, .. })
    });
    let gated =
        Reply::new(403, "").with("X-Error-Code", "GatedRepo").with("X-Error-Message", "ask first");
    check(gated, "(403)", |error| matches!(error, FetchError::Denied { is_gated: true, .. }));
    check(Reply::new(404, ""), "or shows it to others only (404)", |error| {
        matches!(error, FetchError::NotFound { .. })
    });
    let hidden = Reply::new(401, "").with("X-Error-Code", "RepoNotFound");
    check(hidden, "org/tiny", |error| matches!(error, FetchError::NotFound { status: 401, .. }));
    check(Reply::new(410, ""), "(410)", |error| matches!(error, FetchError::NotFound { .. }));
    check(Reply::new(418, ""), "answered 418", |error| matches!(error, FetchError::Status { .. }));
    check(Reply::new(204, ""), "answered 204", |error| matches!(error, FetchError::Status { .. }));
}

#[test]
fn a_message_cannot_write_on_the_terminal() {
    let message = "\u{1b}[2Jgone".repeat(1000);
    let server = serve(Reply::new(403, message).with("Content-Type", "text/plain"));
    let error = Fetching::new(&server, dir().path()).expect_error("gone").to_string();
    assert!(!error.contains('\u{1b}') && error.len() < 1000, "{error:?}");
}

#[test]
fn a_file_that_is_denied_ends_the_fetch() {
    let server = Model::new(10).serve(|seen, reply| match seen.path.contains("/resolve/") {
        true => Reply::new(403, "").with("X-Error-Code", "GatedRepo"),
        false => reply,
    });
    let error = Fetching::new(&server, dir().path()).expect_error("`chat_template.json`");
    assert!(matches!(error, FetchError::Denied { is_gated: true, .. }));
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let (cache, model) = (dir(), Model::new(10));
    let server = model.clone().serve(|seen, reply| match (is_first(seen), seen.nth) {
        (true, 0) => Reply::new(429, "").with("Retry-After", "7"),
        (true, 1) => Reply::new(503, "").with("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),
        (true, 2) => Reply::new(500, ""),
        _ => reply,
    });
    let mut fetching = Fetching::new(&server, cache.path());
    let fetched = fetching.run().unwrap();
    assert_is_model(&fetched.dir, &model, &USED);
    assert_eq!(fetching.waits, [7, 2, 4]);
}

#[test]
fn a_server_that_wants_an_hour_is_not_waited_for() {
    check(Reply::new(429, "").with("Retry-After", "3600"), "asks to wait 3600 s", |error| {
        matches!(error, FetchError::Busy { seconds: 3600, .. })
    });
    check(
        Reply::new(429, "").with("Retry-After", "18446744073709551615"),
        "asks to wait",
        |error| matches!(error, FetchError::Busy { .. }),
    );
}

#[test]
fn a_server_in_trouble_is_asked_six_times() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = serve(Reply::new(status, ""));
        let cache = dir();
        let mut fetching = Fetching::new(&server, cache.path());
        assert!(matches!(
            fetching.expect_error(&format!("answered {status}")),
            FetchError::GaveUp { .. }
        ));
        assert_eq!(server.seen().len(), 6);
        assert_eq!(fetching.waits, [1, 2, 4, 8, 16]);
    }
}

#[test]
fn a_busy_file_server_is_waited_for_too() {
    let (cache, model) = (dir(), Model::new(10));
    let server =
        model.clone().serve(|seen, reply| match (seen.path.starts_with("/cdn/"), seen.nth) {
            (true, 0) => Reply::new(429, "").with("Retry-After", "3"),
            _ => reply,
        });
    let mut fetching = Fetching::new(&server, cache.path());
    assert_is_model(&fetching.run().unwrap().dir, &model, &USED);
    assert_eq!(fetching.waits, [3]);
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let (cache, model) = (dir(), Model::new(10));
    let cdn = model.clone().serve(good);
    // The same machine by another name is another host, and so is the same name with another port.
    for url in [cdn.other_url(), cdn.url()] {
        let cache = dir();
        let cdn_url = url.clone();
        let hub = model.clone().serve(move |seen, reply| {
            match seen.path.contains("/resolve/") && reply.status == 302 {
                true => Reply::new(302, "")
                    .with("Location", &format!("{cdn_url}/cdn/model.safetensors")),
                false => reply,
            }
        });
        let mut fetching = Fetching::new(&hub, cache.path());
        fetching.token = Some("hf_secret".to_owned());
        fetching.run().unwrap();
        assert!(
            hub.seen().iter().all(|seen| seen.header("authorization") == Some("Bearer hf_secret"))
        );
    }
    assert_eq!(cdn.seen().len(), 2);
    assert!(cdn.seen().iter().all(|seen| seen.header("authorization").is_none()));
    let mut fetching = Fetching::new(&cdn, cache.path());
    fetching.run().unwrap();
    assert!(
        cdn.seen().iter().all(|seen| seen.header("authorization").is_none()),
        "without a token there is none"
    );
}

#[test]
fn the_token_goes_along_to_the_hub_itself_and_comes_back_to_it() {
    let (cache, model) = (dir(), Model::new(10));
    let hub = model.clone().serve(|seen, reply| {
        if let Some(rest) = seen.path.strip_prefix("/moved") {
            let name = rest.rsplit('/').next().unwrap();
            return Reply::new(200, Model::new(10).content(name));
        }
        match seen.path.contains("/resolve/") {
            true => Reply::new(307, "").with("Location", &format!("/moved{}", seen.path)),
            false => reply,
        }
    });
    let mut fetching = Fetching::new(&hub, cache.path());
    fetching.token = Some("hf_secret".to_owned());
    assert_is_model(&fetching.run().unwrap().dir, &model, &USED);
    let moved: Vec<Seen> =
        hub.seen().into_iter().filter(|seen| seen.path.starts_with("/moved")).collect();
    assert_eq!(moved.len(), USED.len());
    assert!(moved.iter().all(|seen| seen.header("authorization") == Some("Bearer hf_secret")));
}

#[test]
fn a_redirect_without_end_or_to_what_is_not_encrypted_is_not_followed() {
    check_redirect("/api/models/org/tiny/revision/main", "more than 5 redirects");
    check_redirect("http://example.org/secret?signature=x", "`http://example.org/secret`");
    check_redirect("file:///etc/passwd", "is not asked");
    check_redirect("ftp://example.org/", "is not asked");
    check_redirect("https://user:password@example.org/", "user's name");
    check_redirect("/a b", "characters");
}

fn check_redirect(location: &str, word: &str) {
    let server = serve(Reply::new(302, "").with("Location", location));
    let cache = dir();
    let mut fetching = Fetching::new(&server, cache.path());
    let error = fetching.expect_error(word).to_string();
    assert!(!error.contains("signature") && !error.contains("password@"), "{error}");
    assert!(server.seen().len() <= 6);
}

#[test]
fn nobody_there_is_told_at_once() {
    let cache = dir();
    // A port that no other test is given.
    let mut fetching = Fetching::from("http://127.0.0.1:9".to_owned(), cache.path());
    assert!(matches!(fetching.expect_error("cannot be reached"), FetchError::Unreachable { .. }));
    assert_eq!(fetching.waits, [0; 0]);
}

#[test]
fn a_server_that_falls_silent_counts_as_cut() {
    let (cache, model) = (dir(), Model::new(10));
    let server = model.clone().serve(|seen, reply| match (is_first(seen), seen.nth) {
        (true, 0) => reply.of_length(Length::Silence),
        _ => reply,
    });
    let mut fetching = Fetching::new(&server, cache.path());
    // What a loaded machine is silent for as well is tried again as often.
    fetching.silence = std::time::Duration::from_secs(2);
    assert_is_model(&fetching.run().unwrap().dir, &model, &USED);
    assert_eq!(fetching.waits[0], 1);
    assert!(server.seen().iter().any(|seen| is_first(seen) && seen.nth == 1));
}

#[test]
fn what_speaks_no_http_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(6) {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
        }
    });
    let cache = dir();
    let mut fetching = Fetching::from(format!("http://127.0.0.1:{port}"), cache.path());
    assert!(matches!(fetching.expect_error("6 attempts"), FetchError::GaveUp { .. }));
}

#[test]
fn an_endpoint_that_is_not_encrypted_is_not_asked() {
    for endpoint in ["http://example.org", "example.org", "", "https://token@example.org"] {
        let cache = dir();
        let mut fetching = Fetching::from(endpoint.to_owned(), cache.path());
        assert!(matches!(fetching.expect_error("is not asked"), FetchError::Address { .. }));
    }
}

#[test]
fn a_proxy_is_asked_for_others_and_never_for_this_machine() {
    let proxy = Server::start(|_| Reply::new(403, ""));
    let (cache, model) = (dir(), Model::new(10));
    let server = model.clone().serve(good);
    let mut fetching = Fetching::new(&server, cache.path());
    fetching.proxy = Some(proxy.url());
    assert_is_model(&fetching.run().unwrap().dir, &model, &USED);
    assert!(proxy.seen().is_empty());
    fetching.endpoint = "https://example.org".to_owned();
    fetching.token = Some("hf_secret".to_owned());
    assert!(fetching.run().is_err());
    let seen = proxy.seen();
    assert_eq!(seen[0].path, "example.org:443");
    assert!(
        seen.iter().all(|seen| seen.header("authorization").is_none()),
        "it is for the hub alone"
    );
    fetching.proxy = Some("no proxy".to_owned());
    assert!(matches!(fetching.run(), Err(FetchError::Proxy(_))));
}

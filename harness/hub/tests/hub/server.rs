//! A hub on this machine, of one model, that can be told to misbehave in any way.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The model's commit unless a test says otherwise.
pub const COMMIT: &str = "895c3a49bc3fa70a340399125c650a463535e71c";

/// The most that an endless body has: a client that reads all of it has failed its test.
const ENDLESS: usize = 1 << 28;

/// A request as the server got it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    /// By lower-case names.
    pub headers: BTreeMap<String, String>,
    /// How many requests of this path came before.
    pub nth: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer, the truth or not.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// After how many bytes of the body the connection is cut.
    pub cut: Option<usize>,
    pub length: Length,
}

/// What an answer says of its length.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    True,
    Of(usize),
    /// The body ends with the connection, and goes on for long after its own end.
    Endless,
    Chunked,
    /// Nothing is ever sent.
    Silence,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into(), cut: None, length: Length::True }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    pub fn cut_after(self, n_bytes: usize) -> Self {
        Reply { cut: Some(n_bytes), ..self }
    }

    pub fn of_length(self, length: Length) -> Self {
        Reply { length, ..self }
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server on a port of its own; it ends when it is dropped.
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let server = Server { port, seen: Arc::clone(&seen), stop: Arc::clone(&stop) };
        let handler: Arc<Handler> = Arc::new(handler);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                // A client that goes away in the middle is none of the server's business.
                thread::spawn(move || stream.map(|stream| serve(stream, &*handler, &seen)));
            }
        });
        server
    }

    /// The server's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same server under the name of another host.
    pub fn other_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests whose path ends so.
    pub fn seen_of(&self, end: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path.ends_with(end)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it up.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(mut stream: TcpStream, handler: &Handler, all: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(()) };
    let is_head = line.starts_with("HEAD");
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let seen = {
        let mut all = all.lock().unwrap();
        let nth = all.iter().filter(|seen| seen.path == path).count();
        let seen = Seen { path, headers, nth };
        all.push(seen.clone());
        seen
    };
    let reply = handler(&seen);
    if matches!(reply.length, Length::Silence) {
        // Until the client goes away.
        reader.read_line(&mut String::new())?;
        return Ok(());
    }
    send(&mut stream, &reply, is_head)?;
    stream.shutdown(Shutdown::Write)?;
    // Closing with unread bytes would reset the connection before the client has read everything.
    reader.read_line(&mut String::new())?;
    Ok(())
}

fn send(stream: &mut TcpStream, reply: &Reply, is_head: bool) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    match reply.length {
        Length::True => head += &format!("Content-Length: {}\r\n", reply.body.len()),
        Length::Of(n_bytes) => head += &format!("Content-Length: {n_bytes}\r\n"),
        Length::Chunked => head += "Transfer-Encoding: chunked\r\n",
        Length::Endless | Length::Silence => {}
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if is_head {
        return Ok(());
    }
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len())];
    match reply.length {
        Length::Chunked => {
            for chunk in body.chunks(1000) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        Length::Endless => {
            stream.write_all(body)?;
            (0..ENDLESS / (1 << 16)).try_for_each(|_| stream.write_all(&[b'x'; 1 << 16]))
        }
        _ => stream.write_all(body),
    }
}

/// A model as a hub has it.
#[derive(Debug, Clone)]
pub struct Model {
    pub id: String,
    pub commit: String,
    /// Content by path, and whether it is a large file, which another host hands out.
    pub files: BTreeMap<String, (Vec<u8>, bool)>,
    /// Name in a cache by path, worked out once: a loaded machine hashes slowly.
    blobs: BTreeMap<String, String>,
}

impl Model {
    /// A model with all its weights, of so many bytes, in one file.
    pub fn new(n_bytes: usize) -> Self {
        let mut model = Model {
            id: "org/tiny".to_owned(),
            commit: COMMIT.to_owned(),
            files: BTreeMap::new(),
            blobs: BTreeMap::new(),
        };
        for name in [
            "config.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "chat_template.json",
            "README.md",
        ] {
            model.add(name, format!("{{\"name\": \"{name}\"}}\n").into_bytes(), false);
        }
        model.add("model.safetensors", bytes(n_bytes), true);
        model.add("pytorch_model.bin", b"a pickle".to_vec(), true);
        model.add("modeling.py", b"import os".to_vec(), false);
        model.add("onnx/model.onnx", b"onnx".to_vec(), true);
        model
    }

    pub fn add(&mut self, name: &str, content: Vec<u8>, is_large: bool) {
        let blob = if is_large { sha256(&content) } else { git_sha1(&content) };
        self.blobs.insert(name.to_owned(), blob);
        self.files.insert(name.to_owned(), (content, is_large));
    }

    pub fn content(&self, name: &str) -> &[u8] {
        &self.files[name].0
    }

    /// The file's name in a cache.
    pub fn blob(&self, name: &str) -> String {
        self.blobs[name].clone()
    }

    /// The list of files, as JSON.
    pub fn tree(&self) -> String {
        let entries: Vec<String> = self.files.keys().map(|path| self.entry(path)).collect();
        format!("[{}]", entries.join(","))
    }

    /// A file of the list, as JSON.
    pub fn entry(&self, path: &str) -> String {
        let (content, is_large) = &self.files[path];
        let size = content.len();
        let (oid, lfs) = match is_large {
            // Nobody asks for the digest of a large file's pointer.
            true => {
                let sha256 = self.blob(path);
                let lfs = format!(r#","lfs":{{"oid":"{sha256}","size":{size},"pointerSize":134}}"#);
                (COMMIT.to_owned(), lfs)
            }
            false => (self.blob(path), String::new()),
        };
        format!(r#"{{"type":"file","path":"{path}","size":{size},"oid":"{oid}"{lfs}}}"#)
    }

    /// What a good hub answers; large files are at `/cdn/`, below `cdn`.
    pub fn answer(&self, seen: &Seen, cdn: &str) -> Reply {
        let (path, id) = (seen.path.split('?').next().unwrap(), &self.id);
        if let Some(revision) = path.strip_prefix(&format!("/api/models/{id}/revision/")) {
            return match ["main", "v1", &self.commit].contains(&revision) {
                true => Reply::new(
                    200,
                    format!(r#"{{"id":"{id}","sha":"{}","siblings":[]}}"#, self.commit),
                ),
                false => Reply::new(404, "{}").with("X-Error-Code", "RevisionNotFound"),
            };
        }
        let tree = path.strip_prefix(&format!("/api/models/{id}/tree/"));
        if tree.is_some_and(|revision| revision == "main" || revision == self.commit) {
            return Reply::new(200, self.tree()).with("Content-Type", "application/json");
        }
        if let Some(name) = path.strip_prefix(&format!("/{id}/resolve/{}/", self.commit)) {
            let Some((content, is_large)) = self.files.get(name) else {
                return Reply::new(404, "").with("X-Error-Code", "EntryNotFound");
            };
            let etag = format!("\"{}\"", self.blob(name));
            let reply = match is_large {
                true => Reply::new(302, "")
                    .with("Location", &format!("{cdn}/cdn/{name}?signature=secret"))
                    .with("X-Linked-Etag", &etag)
                    .with("X-Linked-Size", &content.len().to_string()),
                false => ranged(content, seen, &etag),
            };
            return reply.with("X-Repo-Commit", &self.commit);
        }
        match path.strip_prefix("/cdn/").and_then(|name| self.files.get(name)) {
            Some((content, _)) => ranged(content, seen, "\"cdn-tag\""),
            None => Reply::new(404, "{}").with("X-Error-Code", "RepoNotFound"),
        }
    }

    /// A server of this model; `trouble` is asked first what to answer.
    pub fn serve(self, trouble: impl Fn(&Seen, Reply) -> Reply + Send + Sync + 'static) -> Server {
        let port = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&port);
        let server = Server::start(move |seen| {
            let cdn = format!("http://localhost:{}", shared.lock().unwrap());
            trouble(seen, self.answer(seen, &cdn))
        });
        *port.lock().unwrap() = server.port;
        server
    }
}

/// A file, or the rest of it that was asked for.
pub fn ranged(content: &[u8], seen: &Seen, etag: &str) -> Reply {
    let size = content.len();
    let from = seen
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let is_same = seen.header("if-range").is_none_or(|tag| tag == etag);
    let reply = match from.filter(|_| is_same) {
        Some(from) if from < size => Reply::new(206, &content[from..])
            .with("Content-Range", &format!("bytes {from}-{}/{size}", size - 1)),
        Some(_) => Reply::new(416, "").with("Content-Range", &format!("bytes */{size}")),
        None => Reply::new(200, content),
    };
    reply.with("ETag", etag).with("Accept-Ranges", "bytes")
}

/// So many bytes that look like nothing.
pub fn bytes(n_bytes: usize) -> Vec<u8> {
    let mut state: u32 = 12345;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n_bytes).map(|_| next()).collect()
}

pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub fn git_sha1(content: &[u8]) -> String {
    hex(&Sha1::new_with_prefix(format!("blob {}\0", content.len()).as_bytes())
        .chain_update(content)
        .finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

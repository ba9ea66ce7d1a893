//! A headless Chromium that tests drive over its DevTools pipe: JSON messages that end in a NUL.
//!
//! The browser listens on file descriptor 3 and answers on 4; a shell lays them on the child's standard
//! input and output, so that no socket is needed.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than the slowest answer of a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Value,
    n_calls: u64,
    /// What the page has asked the network for, and what it has complained of.
    requests: Vec<String>,
    complaints: Vec<String>,
    is_loaded: bool,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser with an empty page, or says in one line that there is none.
    pub(super) fn start() -> Option<Self> {
        let name = std::env::var("CLSRL_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        if !Command::new(&name)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            eprintln!("skipped: `{name}` does not start; CLSRL_CHROMIUM names another Chromium");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let script = "browser=$1; profile=$2; exec \"$browser\" --headless --no-sandbox --disable-gpu \
            --remote-debugging-pipe --disable-background-networking --no-first-run \
            --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars \
            --user-data-dir=\"$profile\" about:blank 3<&0 4>&1 >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh", &name])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let (send, from) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                if send.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            to,
            from,
            session: Value::Null,
            n_calls: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
            is_loaded: false,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", attach)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file, and waits until it has loaded.
    pub(super) fn open(&mut self, path: &Path) {
        self.is_loaded = false;
        self.call("Page.navigate", json!({ "url": format!("file://{}", path.display()) }));
        while !self.is_loaded {
            let event = self.from.recv_timeout(PATIENCE).unwrap();
            self.hear(&event);
        }
    }

    /// Opens a file anew at a fragment of its address.
    pub(super) fn reopen(&mut self, path: &Path, fragment: &str) {
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        while self.evaluate("document.readyState") != "complete" {}
        self.is_loaded = false;
        self.call(
            "Page.navigate",
            json!({ "url": format!("file://{}{fragment}", path.display()) }),
        );
        while !self.is_loaded {
            let event = self.from.recv_timeout(PATIENCE).unwrap();
            self.hear(&event);
        }
    }

    /// What an expression is worth, as JSON. A promise is waited for.
    pub(super) fn evaluate(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key that writes nothing, or Enter.
    pub(super) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            "End" => (35, None),
            "Home" => (36, None),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            other => panic!("no code is known of the key {other}"),
        };
        let mut event =
            json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if let Some(text) = text {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Types a text where the focus is.
    pub(super) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Clicks into the middle of the first element that a selector finds.
    pub(super) fn click(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Moves the mouse onto the first element that a selector finds.
    pub(super) fn hover(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Where an element is once it has been scrolled to, and the page has heard of that.
    fn middle(&mut self, selector: &str) -> [f64; 2] {
        let middle = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({selector:?}); \
             element.scrollIntoView({{ block: 'center' }}); \
             return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {{ \
             const at = element.getBoundingClientRect(); \
             done([at.left + at.width / 2, at.top + at.height / 2]); }}))); }})()"
        ));
        [0, 1].map(|axis| middle[axis].as_f64().unwrap())
    }

    /// Makes the system prefer `light` or `dark`.
    pub(super) fn prefer(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Gives the page so many pixels.
    pub(super) fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What is seen, as the base64 of a PNG.
    pub(super) fn screenshot(&mut self) -> String {
        let image = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        image["data"].as_str().unwrap().to_owned()
    }

    /// The page as it would be printed, as the base64 of a PDF.
    pub(super) fn print(&mut self) -> String {
        let printed = self.call("Page.printToPDF", json!({ "printBackground": false }));
        printed["data"].as_str().unwrap().to_owned()
    }

    /// Everything that was asked of the network since the start.
    pub(super) fn requests(&self) -> &[String] {
        &self.requests
    }

    /// Errors and warnings since the start, of the console, the browser and uncaught exceptions.
    pub(super) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.n_calls += 1;
        let mut message = json!({ "id": self.n_calls, "method": method, "params": params });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("the browser does not answer {method}");
            });
            if answer["id"] == self.n_calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.hear(&answer);
        }
    }

    fn hear(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.is_loaded = true,
            Some("Network.requestWillBeSent") => {
                self.requests.push(params["request"]["url"].as_str().unwrap().to_owned());
            }
            Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => {
                self.complaints.push(params.to_string());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The shell has become the browser; what it started ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

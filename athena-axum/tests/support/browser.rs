//! A real browser, by the `DevTools` protocol over a pipe: no port, no driver, no library.
//!
//! One process serves all tests of a binary; each test has a context of its own, with its own cookies and caches. The
//! shell puts our pipes on the descriptors that the browser reads from and writes to. It ends when they do.

#[path = "base64.rs"]
mod base64;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a condition may take that usually holds within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
const PROGRAM: &str = "chromium-headless-shell";

/// The browser that all tests share.
pub struct Browser {
    input: Mutex<ChildStdin>,
    next: AtomicU64,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    answers: Mutex<HashMap<u64, Sender<Value>>>,
    pages: Mutex<HashMap<String, Sender<Value>>>,
}

impl Browser {
    /// Started by whoever comes first.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Browser> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let pipes = r#"exec "$0" "$@" 3<&0 4>&1 >/dev/null 2>&1"#;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(pipes).arg(PROGRAM);
        let flags = [
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "about:blank",
        ];
        let mut child =
            shell.args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let heard = Arc::new(Heard::default());
        let listening = Arc::clone(&heard);
        thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(message) = message else { break };
                listening.hear(serde_json::from_slice(&message).expect("the protocol is JSON"));
            }
            drop(listening);
            let _ = child.wait();
        });
        Self { input: Mutex::new(input), next: AtomicU64::new(1), heard }
    }

    /// A page in a context of its own.
    pub fn page(&'static self) -> Page {
        let context =
            self.ask(None, "Target.createBrowserContext", json!({ "disposeOnDetach": true }));
        let context = text(&context["browserContextId"]);
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(&self.ask(None, "Target.createTarget", target)["targetId"]);
        let attached = json!({ "targetId": target, "flatten": true });
        let session = text(&self.ask(None, "Target.attachToTarget", attached)["sessionId"]);
        let (sender, events) = channel();
        self.heard.pages.lock().unwrap().insert(session.clone(), sender);
        let page = Page { browser: self, session, target, events, seen: Mutex::default() };
        for domain in ["Runtime", "Log", "Page", "Network", "Accessibility", "DOM"] {
            page.ask(&format!("{domain}.enable"), json!({}));
        }
        page.size(1280, 900);
        page
    }

    fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = channel();
        self.heard.answers.lock().unwrap().insert(id, sender);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input
            .lock()
            .unwrap()
            .write_all(&bytes)
            .expect("the browser is there: scripts/test-deps.sh installs it");
        let answer: Value =
            answer.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }
}

impl Heard {
    fn hear(&self, message: Value) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(sender) = self.answers.lock().unwrap().remove(&id) {
                let _ = sender.send(message);
            }
        } else if let Some(session) = message["sessionId"].as_str()
            && let Some(page) = self.pages.lock().unwrap().get(session)
        {
            let _ = page.send(message);
        }
    }
}

/// One page, with all that it has told.
pub struct Page {
    browser: &'static Browser,
    session: String,
    target: String,
    events: Receiver<Value>,
    seen: Mutex<Vec<Value>>,
}

impl Page {
    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.browser.ask(Some(&self.session), method, params)
    }

    pub fn open(&self, url: &str) {
        let opened = self.ask("Page.navigate", json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {}", opened["errorText"]);
        self.wait(&format!("location.href === {url:?} && document.readyState === 'complete'"));
    }

    /// What an expression comes to, awaited.
    pub fn eval(&self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", asked);
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is truthy, and tells how long that took.
    pub fn wait(&self, expression: &str) -> Duration {
        let begin = Instant::now();
        while !self.eval(&format!("!!({expression})")).as_bool().unwrap_or_default() {
            let text = || self.eval("document.body.innerText.slice(0, 3000)");
            assert!(begin.elapsed() < PATIENCE, "in vain: {expression}\n{}", text());
            thread::sleep(Duration::from_millis(20));
        }
        begin.elapsed()
    }

    pub fn text(&self, selector: &str) -> String {
        let found = self.eval(&format!("document.querySelector({selector:?})?.innerText ?? null"));
        found.as_str().unwrap_or_else(|| panic!("there is no `{selector}`")).to_owned()
    }

    pub fn key(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            " " => (32, " "),
            _ => (0, key),
        };
        let down =
            json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text });
        self.ask("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.ask("Input.dispatchKeyEvent", up);
    }

    pub fn write(&self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
    }

    pub fn size(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the reader prefers, such as `("prefers-color-scheme", "dark")`.
    pub fn prefers(&self, features: &[(&str, &str)]) {
        let features: Vec<_> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Keeps a picture of the upper part of the page.
    pub fn picture(&self, path: &Path, height: u32) {
        let width = self.eval("document.documentElement.clientWidth");
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
        let shot = self.ask("Page.captureScreenshot", asked);
        std::fs::write(path, base64::decoded(&text(&shot["data"]))).unwrap();
    }

    /// What was told so far.
    pub fn events(&self) -> Vec<Value> {
        let mut seen = self.seen.lock().unwrap();
        seen.extend(self.events.try_iter());
        seen.clone()
    }

    /// What stands in the console: messages, exceptions, what the browser complains of.
    pub fn console(&self) -> Vec<String> {
        let told = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        let events = self.events().into_iter();
        events
            .filter(|it| told.contains(&&*text(&it["method"])))
            .map(|it| it["params"].to_string())
            .collect()
    }

    /// Addresses that were asked for.
    pub fn requests(&self) -> Vec<String> {
        let sent =
            self.events().into_iter().filter(|it| it["method"] == "Network.requestWillBeSent");
        sent.map(|it| text(&it["params"]["request"]["url"])).collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.browser.ask(None, "Target.closeTarget", json!({ "targetId": self.target }));
        }
        self.browser.heard.pages.lock().unwrap().remove(&self.session);
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

//! One HTTP exchange, blocking: enough to ask a server and to pretend to be one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Longer than any answer here takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// Sends one request. HTTP/1.0, so that the answer is not chunked and ends with the connection.
pub(crate) fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\n{headers}Content-Length: {len}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer[end + 4..].to_vec() })
}

/// A server whose answer can be changed, and that keeps what it was sent.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answer: String,
    requests: usize,
    bodies: Vec<String>,
}

impl Fake {
    /// Answers every request with `answer`, as text 0.0.4.
    pub(crate) fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = State { answer: answer.to_owned(), ..State::default() };
        let fake = Self { port, state: Arc::new(Mutex::new(state)) };
        let serving = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fake = serving.clone();
                thread::spawn(move || fake.connection(stream));
            }
        });
        fake
    }

    /// From now on every request is answered with this.
    pub(crate) fn answer(&self, text: &str) {
        self.state.lock().expect("no panic holds it").answer = text.to_owned();
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().expect("no panic holds it").requests
    }

    /// The bodies that came, in order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.state.lock().expect("no panic holds it").bodies.clone()
    }

    fn connection(&self, mut stream: TcpStream) {
        while let Some(body) = read_request(&mut stream) {
            let answer = {
                let mut state = self.state.lock().expect("no panic holds it");
                state.requests += 1;
                state.bodies.push(body);
                state.answer.clone()
            };
            let len = answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len}\r\n\r\n"
            );
            let written = stream.write_all(head.as_bytes());
            if written.and_then(|()| stream.write_all(answer.as_bytes())).is_err() {
                return;
            }
        }
    }
}

/// The body of the next request; `None` when the other side is gone.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let len: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|len| len.trim().parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + len {
                return Some(String::from_utf8_lossy(&bytes[end + 4..end + 4 + len]).into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

//! Fakes on loopback: a target to scrape, and an Alertmanager.
//!
//! Each has a free port and threads of its own, and ends when it is dropped. Both are one
//! [`FakeServer`], which answers every request with what it was last told to, keeps what it was
//! asked, and speaks just enough HTTP/1.1: kept connections, bodies with a length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A request larger than this is not answered.
const REQUEST_LIMIT_BYTES: usize = 16 << 20;

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there was none.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, its name in lower case; empty if it was not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// What is answered to every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 and the like.
    pub status: u16,
    /// `Content-Type`; none is sent if it is empty.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A server whose answer can be changed, and that keeps what it was asked.
pub struct FakeServer {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    stopped: AtomicBool,
    talk: Mutex<Talk>,
    asked: Condvar,
}

struct Talk {
    response: Response,
    requests: Vec<Request>,
}

impl State {
    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeServer {
    /// Starts one on a free port.
    pub fn start(response: Response) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let talk = Mutex::new(Talk { response, requests: Vec::new() });
        let stopped = AtomicBool::new(false);
        let state = Arc::new(State { stopped, talk, asked: Condvar::new() });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || serve(&serving, stream));
            }
        });
        Self { address, state }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Answers with this from now on.
    pub fn respond(&self, response: Response) {
        self.state.talk().response = response;
    }

    /// Everything it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.talk().requests.clone()
    }

    /// Waits until it was asked `count` times, but not longer than `limit`; whether it was.
    pub fn wait_for(&self, count: usize, limit: Duration) -> bool {
        let waiting = |talk: &mut Talk| talk.requests.len() < count;
        let waited = self.state.asked.wait_timeout_while(self.state.talk(), limit, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // The connection wakes the listening thread, which then ends; without one it has ended.
        drop(TcpStream::connect(self.address));
    }
}

/// Answers the requests of one connection until either side ends it.
fn serve(state: &State, mut stream: TcpStream) {
    let mut unread = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut unread) {
        if state.stopped.load(Ordering::SeqCst) {
            return;
        }
        let is_last = request.header("connection").eq_ignore_ascii_case("close");
        let response = {
            let mut talk = state.talk();
            talk.requests.push(request);
            talk.response.clone()
        };
        state.asked.notify_all();
        if write_response(&mut stream, &response).is_err() || is_last {
            return;
        }
    }
}

fn write_response(stream: &mut TcpStream, response: &Response) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} -\r\n", response.status);
    if !response.content_type.is_empty() {
        head += &format!("Content-Type: {}\r\n", response.content_type);
    }
    head += &format!("Content-Length: {}\r\n\r\n", response.body.len());
    stream.write_all(&[head.as_bytes(), &response.body].concat())
}

/// Reads the next request; `None` if the other side is gone or does not speak HTTP. `unread` holds
/// what was read too much.
fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let mut buffer = [0; 16 << 10];
    while unread.len() <= REQUEST_LIMIT_BYTES {
        if let Some((request, len)) = parse_request(unread) {
            unread.drain(..len);
            return Some(request);
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => unread.extend_from_slice(&buffer[..n]),
        }
    }
    None
}

/// The request `bytes` begin with, if it is whole, and its length.
fn parse_request(bytes: &[u8]) -> Option<(Request, usize)> {
    let body_at = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..body_at]);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method, path, headers, body: Vec::new() };
    let body_len = request.header("content-length").parse().unwrap_or(0);
    let end = body_at.checked_add(body_len)?;
    request.body = bytes.get(body_at..end)?.to_vec();
    Some((request, end))
}

/// A target to scrape.
pub struct FakeTarget {
    /// What serves it.
    pub server: FakeServer,
}

impl FakeTarget {
    /// Serves this text, in the text format 0.0.4, on every path.
    pub fn start(text: &str) -> Self {
        Self { server: FakeServer::start(exposition(text)) }
    }

    /// Serves this text from now on.
    pub fn set_text(&self, text: &str) {
        self.server.respond(exposition(text));
    }

    /// Answers with this status and nothing else from now on.
    pub fn fail(&self, status: u16) {
        self.server.respond(empty(status));
    }

    /// How often it was scraped.
    pub fn scrapes(&self) -> usize {
        self.server.state.talk().requests.len()
    }
}

fn exposition(text: &str) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8".to_owned();
    Response { status: 200, content_type, body: text.as_bytes().to_vec() }
}

fn empty(status: u16) -> Response {
    Response { status, content_type: String::new(), body: Vec::new() }
}

/// An Alertmanager: it takes alerts and tells what it took.
pub struct FakeAlertmanager {
    /// What serves it.
    pub server: FakeServer,
}

impl FakeAlertmanager {
    /// Takes everything.
    pub fn start() -> Self {
        Self { server: FakeServer::start(empty(200)) }
    }

    /// Refuses everything with this status from now on; 200 takes again.
    pub fn fail(&self, status: u16) {
        self.server.respond(empty(status));
    }

    /// The JSON bodies posted to `/api/v2/alerts`, refused ones too.
    pub fn posted(&self) -> Vec<String> {
        let posts = self.server.requests().into_iter();
        posts
            .filter(|post| post.method == "POST" && post.path.ends_with("/api/v2/alerts"))
            .map(|post| String::from_utf8_lossy(&post.body).into_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Sends requests over one connection, the last of which must ask to close it; returns all
    /// that was answered.
    fn talk(server: &FakeServer, requests: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(requests.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_target_serves_its_text_until_it_gets_another() {
        let target = FakeTarget::start("a 1\n");
        let type_line = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
        let ok = |text| format!("HTTP/1.1 200 -\r\n{type_line}Content-Length: 4\r\n\r\n{text}");
        let get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(talk(&target.server, &get.repeat(2)), ok("a 1\n").repeat(2));
        target.set_text("a 2\n");
        assert_eq!(talk(&target.server, get), ok("a 2\n"));
        target.fail(503);
        assert_eq!(talk(&target.server, get), "HTTP/1.1 503 -\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(target.scrapes(), 4);
        assert_eq!(target.server.requests()[0].header("host"), "x");
        assert!(target.server.wait_for(4, LIMIT) && !target.server.wait_for(5, Duration::ZERO));
    }

    #[test]
    fn an_alertmanager_keeps_what_was_posted_to_it() {
        let manager = FakeAlertmanager::start();
        let post = |path, body: &str| {
            format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        };
        let requests = post("/api/v2/alerts", "[1]") + &post("/x", "[2]");
        talk(&manager.server, &(requests + &post("/prefix/api/v2/alerts", "[]")));
        assert_eq!(manager.posted(), ["[1]", "[]"]);
        manager.fail(500);
        let answer = talk(&manager.server, &post("/api/v2/alerts", "[3]"));
        assert!(answer.starts_with("HTTP/1.1 500"));
        assert_eq!(manager.posted(), ["[1]", "[]", "[3]"]);
    }

    #[test]
    fn a_dropped_server_answers_no_more() {
        let target = FakeTarget::start("a 1\n");
        let address = target.server.address();
        drop(target);
        // The listening thread may take a moment to see it; it takes no second connection.
        let refused = || match TcpStream::connect(&address) {
            Err(_) => true,
            Ok(mut stream) => {
                let sent = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
                sent.is_err() || !matches!(stream.read(&mut [0; 1]), Ok(1))
            }
        };
        assert!(refused());
    }
}

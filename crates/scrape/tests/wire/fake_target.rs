//! A target on loopback that says what a test wants it to say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the target answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// `200` with this body, as text.
    Text(String),
    /// These bytes, headers and all.
    Raw(Vec<u8>),
    /// Nothing, ever.
    Silence,
}

struct Inner {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

pub(crate) struct FakeTarget {
    pub(crate) address: String,
    inner: Arc<Inner>,
}

impl FakeTarget {
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let inner = Arc::new(Inner {
            answer: Mutex::new(Answer::Text(body.to_owned())),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, inner }
    }

    pub(crate) fn say(&self, body: &str) {
        self.answer(Answer::Text(body.to_owned()));
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, inner: Arc<Inner>) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if !text.ends_with("\r\n\r\n") {
            continue;
        }
        let request = std::mem::take(&mut text);
        inner.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let answer = inner.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reply = match answer {
            Answer::Silence => continue,
            Answer::Raw(bytes) => bytes,
            Answer::Text(body) => response("text/plain; version=0.0.4", "", body.as_bytes()),
        };
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// A `200` with this body.
pub(crate) fn response(content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let content_type = match content_type {
        "" => String::new(),
        some => format!("content-type: {some}\r\n"),
    };
    let head =
        format!("HTTP/1.1 200 OK\r\n{content_type}{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

//! A fake Alertmanager on loopback: it keeps what it is sent, and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A test waits no longer than this for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What came and what is answered.
pub(crate) struct FakeAlertmanager {
    /// Host and port.
    pub(crate) address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Its first line.
    pub(crate) line: String,
    /// Its body.
    pub(crate) body: serde_json::Value,
}

impl FakeAlertmanager {
    /// Listens on a free port, and answers with `status`.
    pub(crate) async fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let received = Arc::new(Mutex::default());
        let shared = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, status, Arc::clone(&shared)));
            }
        });
        Self { address, received }
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panics with it").clone()
    }

    /// Waits until so many requests came.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let enough = async {
            while self.received().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(in_time, "{count} requests expected, got {:?}", self.received());
        self.received()
    }
}

async fn serve(
    mut stream: TcpStream,
    status: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let head_len = loop {
            if let Some(at) = read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            (stream.read_buf(&mut read).await.ok()? > 0).then_some(())?;
        };
        let head = String::from_utf8_lossy(&read[..head_len]).to_lowercase();
        let line = head.lines().next()?.to_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let whole_len = head_len + length.parse::<usize>().ok()?;
        while read.len() < whole_len {
            (stream.read_buf(&mut read).await.ok()? > 0).then_some(())?;
        }
        let body = serde_json::from_slice(&read[head_len..whole_len]).ok()?;
        received.lock().ok()?.push(Received { line, body });
        read.drain(..whole_len);
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

//! The client against a real socket: what goes over the wire, and what comes of it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::{HttpClient, HttpOptions, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(10);

/// A server that answers each request by `answer(request, how many came before)`; it counts its
/// connections, and closes one after an answer that says so.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: impl Fn(&str, usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (Arc::clone(&connections), Arc::new(answer));
        let requests = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&requests)));
            }
        });
        Self { url, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&str, usize) -> Vec<u8>>,
    requests: Arc<AtomicUsize>,
) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
            body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0)
        });
        if complete {
            let reply = answer(&text, requests.fetch_add(1, Ordering::SeqCst));
            let closes = reply.is_empty() || String::from_utf8_lossy(&reply).contains("n: close");
            if stream.write_all(&reply).await.is_err() || closes {
                return;
            }
            text.clear();
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => text.push_str(&String::from_utf8_lossy(&buffer[..n])),
        }
    }
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
    reply += headers;
    reply += "\r\n";
    [reply.as_bytes(), body].concat()
}

fn client() -> HttpClient {
    HttpClient::new(HttpOptions::default())
}

async fn failure(client: &HttpClient, url: &str) -> String {
    client.get(url, &[], LONG).await.expect_err("must fail").to_string()
}

#[tokio::test]
async fn requests_share_one_connection_and_say_who_asks() {
    let server = Server::start(|request, _| ok("", request.as_bytes())).await;
    let client = client();
    for _ in 0..3 {
        let url = format!("{}/a?b=c", server.url);
        let response = client.get(&url, &[("X-Own", "1")], LONG).await.expect("an answer");
        let request = String::from_utf8_lossy(&response.body).into_owned();
        assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-own: 1\r\n") && request.contains("user-agent: Ferula/"));
        assert!(request.contains(&format!("host: {}\r\n", &server.url[7..])), "{request}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_died_resting_is_replaced() {
    // The first answer does not say that the connection closes; it just does.
    let server = Server::start(|_, count| match count {
        1 => Vec::new(),
        _ => ok("", b"fine"),
    })
    .await;
    let client = client();
    for _ in 0..3 {
        let response = client.get(&server.url, &[], LONG).await.expect("an answer");
        assert_eq!(&*response.body, b"fine");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_post_carries_its_body() {
    let server = Server::start(|request, _| ok("", request.as_bytes())).await;
    let answer = client().post(&server.url, "application/json", "[1,2]", LONG).await;
    let body = answer.expect("an answer").body;
    let request = String::from_utf8_lossy(&body);
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n[1,2]"));
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
}

#[tokio::test]
async fn redirects_are_followed_unless_told_otherwise() {
    let server = Server::start(|request, _| match request {
        r if r.starts_with("GET /old") => {
            b"HTTP/1.1 302 Found\r\nlocation: new?x=1\r\ncontent-length: 0\r\n\r\n".to_vec()
        }
        r if r.starts_with("GET /loop") => {
            b"HTTP/1.1 308 Again\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n".to_vec()
        }
        r => ok("", r.lines().next().unwrap_or_default().as_bytes()),
    })
    .await;
    let old = format!("{}/old", server.url);
    let response = client().get(&old, &[], LONG).await.expect("an answer");
    assert_eq!(&*response.body, b"GET /new?x=1 HTTP/1.1");
    let stays = HttpClient::new(HttpOptions { follow_redirects: false, ..HttpOptions::default() });
    let response = stays.get(&old, &[], LONG).await.expect("an answer");
    assert_eq!(response.status_text(), "302 Found");
    let url = format!("{}/loop", server.url);
    let expected = format!("Get \"{url}\": stopped after 10 redirects");
    assert_eq!(failure(&client(), &url).await, expected);
}

#[tokio::test]
async fn failures_are_told_in_go_s_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let hangs_up = Server::start(|_, _| Vec::new()).await;
    let babbles = Server::start(|_, _| b"hello there, connection: close\r\n\r\n".to_vec()).await;
    for (url, expected) in [
        (
            format!("http://{address}/m"),
            format!("Get \"http://{address}/m\": dial tcp {address}: connect: connection refused"),
        ),
        (
            "http://nowhere.invalid:80/".to_owned(),
            "Get \"http://nowhere.invalid:80/\": dial tcp: lookup nowhere.invalid: no such host"
                .to_owned(),
        ),
        (
            "https://a:secret@localhost/".to_owned(),
            "Get \"https://a:xxxxx@localhost/\": unsupported protocol scheme \"https\": only http \
             is supported, not yet https"
                .to_owned(),
        ),
        (hangs_up.url.clone(), format!("Get \"{}\": EOF", hangs_up.url)),
        (
            babbles.url.clone(),
            format!(
                "Get \"{}\": malformed HTTP response: invalid HTTP version parsed",
                babbles.url
            ),
        ),
    ] {
        assert_eq!(failure(&client(), &url).await, expected);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let error = client().get(&url, &[], Duration::from_millis(20)).await.expect_err("no answer");
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), format!("Get \"{url}\": context deadline exceeded"));
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

#[tokio::test]
async fn the_limit_holds_before_and_after_decompression() {
    let server = Server::start(|request, _| match request {
        r if r.starts_with("GET /gzip") => ok("content-encoding: gzip\r\n", &gzip(&[b'a'; 1000])),
        r if r.starts_with("GET /chunked") => {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            format!("{head}5\r\naaaaa\r\n6\r\nbbbbbb\r\n0\r\n\r\n").into_bytes()
        }
        _ => ok("", &[b'a'; 100]),
    })
    .await;
    let client = client();
    for (path, limit, expected) in [
        ("/plain", 101, Ok(100)),
        ("/plain", 100, Err("body size limit exceeded")),
        ("/chunked", 12, Ok(11)),
        ("/chunked", 11, Err("body size limit exceeded")),
        ("/gzip", 1001, Ok(1000)),
        ("/gzip", 1000, Err("body size limit exceeded")),
    ] {
        let url = format!("{}{path}", server.url);
        let request = Request {
            method: http::Method::GET,
            url: &url,
            headers: &[],
            body: bytes::Bytes::new(),
            timeout: LONG,
            max_body_bytes: limit,
        };
        let found = match client.send(request).await {
            Ok(response) => response.decoded().map(|body| body.len()).map_err(|e| e.to_string()),
            Err(error) => Err(error.failure.to_string()),
        };
        assert_eq!(found, expected.map_err(str::to_owned), "{path} {limit}");
    }
}

#[tokio::test]
async fn what_only_claims_to_be_gzip_is_refused() {
    let server = Server::start(|_, _| ok("content-encoding: gzip\r\n", b"plain")).await;
    let response = client().get(&server.url, &[], LONG).await.expect("an answer");
    let error = response.decoded().expect_err("not gzip").to_string();
    assert!(error.starts_with("gzip: "), "{error}");
}

//! Limits: queries at a time, their time, bodies, heads; clients that hang up; requests that make no
//! sense.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use api::Options;
use testkit::http::encoded;

use crate::house::{House, NOW, all_on};

/// A query that would take far longer than any test waits.
pub(crate) fn endless() -> String {
    let term = |n: u32| format!("max_over_time((vector({n}) + time())[2000000s:1s])");
    (0..400).map(term).collect::<Vec<_>>().join(" or ")
}

/// Asks for a query and does not wait for the answer.
pub(crate) fn begin(house: &House, query: &str) -> TcpStream {
    post(house, "/api/v1/query", &format!("query={}", encoded(query)))
}

/// Posts a form and does not wait for the answer.
pub(crate) fn post(house: &House, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&house.address).expect("it listens");
    let len = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it takes everything");
    stream.write_all(body.as_bytes()).expect("it takes everything");
    stream
}

/// Waits until so many queries are under way.
pub(crate) fn running(house: &House, count: u32) {
    let line = format!("prometheus_engine_queries {count}");
    house.until("/metrics", |metrics| metrics.lines().any(|l| l == line));
}

#[test]
fn a_query_ends_when_its_client_hangs_up_and_the_next_has_its_turn() {
    let house = House::with(&[], Options { max_concurrency: 1, ..Options::default() });
    let client = begin(&house, &endless());
    running(&house, 1);
    assert_eq!(
        house.told("/api/v1/query?query=1&timeout=10ms"),
        (
            503,
            r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#
                .to_owned()
        )
    );
    drop(client);
    running(&house, 0);
    assert_eq!(house.query("1").0, 200);
}

#[test]
fn the_written_answer_counts_as_what_a_query_holds() {
    let names: Vec<String> = (0..60).map(|i| format!("m{{i=\"{i}\"}}")).collect();
    let samples: Vec<(&str, i64, f64)> =
        names.iter().map(|name| (name.as_str(), 220_000, 1.25)).collect();
    let (start, end) = (NOW / 1000 - 220, NOW / 1000);
    let path = format!("/api/v1/query_range?query=m&start={start}&end={end}&step=0.02");
    // Held by itself the result is 660,060 samples; its text is as much again.
    for (max_samples, status) in [(600_000, 422), (700_000, 422), (2_000_000, 200)] {
        let house = House::of_few_samples(&samples, max_samples);
        let told = house.told(&path);
        assert_eq!(told.0, status, "{max_samples}");
        if status != 200 {
            let error =
                "query processing would load too many samples into memory in query execution";
            let body = format!(r#"{{"status":"error","errorType":"execution","error":"{error}"}}"#);
            assert_eq!(told.1, body, "{max_samples}");
        }
    }
}

#[test]
fn a_query_without_time_times_out() {
    let house = House::of(&[("up", 1000, 1.0)]);
    for timeout in ["0", "-1", "0s"] {
        let (status, body) = house.told(&format!("/api/v1/query?query=up&timeout={timeout}"));
        assert!(status == 503 && body.contains("\"errorType\":\"timeout\""), "{timeout}: {body}");
    }
}

#[test]
fn other_requests_are_answered_while_all_queries_wait() {
    let house = House::with(&[], Options { max_concurrency: 1, ..Options::default() });
    let _client = begin(&house, &endless());
    running(&house, 1);
    for path in ["/-/healthy", "/-/ready", "/metrics", "/api/v1/status/buildinfo"] {
        assert_eq!(house.get(path).status, 200, "{path}");
    }
}

#[test]
fn what_is_too_large_is_refused_with_the_limit() {
    let house = House::with(&[], all_on());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let large = vec![b'a'; (10 << 20) + 1];
    let told = house.ask("POST", "/api/v1/query", form, &large);
    assert_eq!(told.status, 400);
    assert!(
        told.text().contains("cannot read the form: 10485760 bytes at most"),
        "{}",
        told.text()
    );
    let deep = format!("query={}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let told = house.ask("POST", "/api/v1/query", form, deep.as_bytes());
    assert_eq!(told.status, 400);
    assert!(told.text().contains("expression nests deeper than 100 levels"), "{}", told.text());
    let long = format!("/api/v1/query?query={}", "a".repeat(70_000));
    assert_eq!(house.get(&long).status, 414);
    let many: String = (0..200).map(|i| format!("X-{i}: y\r\n")).collect();
    assert_eq!(house.ask("GET", "/-/ready", &many, b"").status, 431);
    assert_eq!(house.get("/-/ready").status, 200);
}

#[test]
fn a_request_that_does_not_arrive_is_not_waited_for() {
    let options = Options { read_timeout: Duration::from_millis(100), ..all_on() };
    let house = House::with(&[], options);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nquery";
    for (request, told) in [
        ("GET /-/ready HTTP/1.1\r\nHost:".to_owned(), ""),
        (
            format!("POST /api/v1/query HTTP/1.0\r\n{form}"),
            "cannot read the form: it did not arrive within 0.1 s",
        ),
        (
            "POST /api/v1/write HTTP/1.0\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
            "it did not arrive within 0.1 s",
        ),
    ] {
        let mut stream = TcpStream::connect(&house.address).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it takes everything");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an end");
        assert!(answer.is_empty() == told.is_empty() && answer.contains(told), "{answer}");
    }
}

/// Requests as they stand on the wire, and the status of the answer.
const ODD: &[(&[u8], &str)] = &[
    (b"GET /api/v1/query?query=%00 HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/query?query=%ff HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/query?query=%zz HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/query?query=1&time=%F0%9F%A5%80 HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/query?query=1&time=1e300 HTTP/1.0\r\n\r\n", "200"),
    (b"GET /api/v1/query_range?query=1&start=-1e300&end=1e300&step=1e-9 HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/query_range?query=1&start=0&end=0&step=9e9 HTTP/1.0\r\n\r\n", "200"),
    (b"GET /api/v1/query?query=up[9223372036854775807s] HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/label/%FF/values HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/label/U__%F0%9F%A5%80_/values HTTP/1.0\r\n\r\n", "200"),
    (b"GET /api/v1/labels?start=1&end=0 HTTP/1.0\r\n\r\n", "200"),
    (b"GET /api/v1/series?match[]={__name__=~\"(\"} HTTP/1.0\r\n\r\n", "400"),
    (b"GET /federate?match[]={ HTTP/1.0\r\n\r\n", "400"),
    (b"GET /api/v1/status/tsdb?limit=99999999999999999999 HTTP/1.0\r\n\r\n", "400"),
    (b"GET * HTTP/1.0\r\n\r\n", "404"),
    (b"OPTIONS * HTTP/1.0\r\n\r\n", "404"),
    (b"CONNECT nowhere:1 HTTP/1.0\r\n\r\n", "404"),
    (b"BREW /api/v1/query HTTP/1.0\r\n\r\n", "405"),
    (b"POST /api/v1/query HTTP/1.0\r\nContent-Length: x\r\n\r\n", "400"),
    (b"POST /api/v1/write HTTP/1.0\r\nContent-Length: 3\r\n\r\n\xff\xff\xff", "400"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client\r\n\r\n", "400"),
    (b"\r\n\r\nwhat\r\n\r\n", "400"),
];

#[test]
fn requests_that_make_no_sense_are_answered_and_harm_nothing() {
    let house = House::with(&[("up", 1000, 1.0)], all_on());
    for (request, status) in ODD {
        let mut stream = TcpStream::connect(&house.address).expect("it listens");
        stream.write_all(request).expect("it takes everything");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an end");
        let answer = String::from_utf8_lossy(&answer);
        let request = String::from_utf8_lossy(request);
        let told = answer.split(' ').nth(1);
        assert_eq!(told, Some(*status), "{request}\n{answer}");
    }
    let at = NOW / 1000 - 1;
    let data = format!(
        r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"up"}},"value":[{at},"1"]}}]}}"#
    );
    let (_, body) = house.told(&format!("/api/v1/query?query=up&time={at}"));
    assert_eq!(body, format!("{{\"status\":\"success\",\"data\":{data}}}"));
}

//! Methods, paths, origins: what is refused, where clients are sent, what browsers may see.

use api::Options;

use crate::house::{House, all_on};

/// Method, path, status, `Allow`.
const METHODS: &[(&str, &str, u16, &str)] = &[
    ("HEAD", "/-/healthy", 200, ""),
    ("HEAD", "/-/ready", 200, ""),
    ("HEAD", "/api/v1/query?query=1", 405, "GET, OPTIONS, POST"),
    ("HEAD", "/metrics", 405, "GET, OPTIONS"),
    ("PUT", "/api/v1/query?query=1", 405, "GET, OPTIONS, POST"),
    ("DELETE", "/api/v1/series?match[]=up", 405, "GET, OPTIONS, POST"),
    ("POST", "/api/v1/rules", 405, "GET, OPTIONS"),
    ("POST", "/api/v1/label/job/values", 405, "GET, OPTIONS"),
    ("GET", "/api/v1/write", 405, "OPTIONS, POST"),
    ("GET", "/api/v1/admin/tsdb/snapshot", 405, "OPTIONS, POST, PUT"),
    ("GET", "/api/v1/status/active_queries/1", 405, "DELETE, OPTIONS, POST"),
    ("POST", "/-/healthy", 405, "GET, HEAD, OPTIONS"),
    ("OPTIONS", "/-/healthy", 200, "GET, HEAD, OPTIONS"),
    ("OPTIONS", "/api/v1/query", 204, ""),
    ("OPTIONS", "/api/v1/nope", 204, ""),
    ("GET", "/api/v1/nope", 404, ""),
    ("GET", "/api/v2/query", 404, ""),
    ("GET", "/nope", 404, ""),
    ("POST", "/nope", 404, ""),
];

#[test]
fn a_method_that_is_not_for_a_path_is_refused_with_those_that_are() {
    let house = House::with(&[], all_on());
    for (method, path, status, allow) in METHODS {
        let told = house.ask(method, path, "", b"");
        assert_eq!((told.status, told.header("allow")), (*status, *allow), "{method} {path}");
    }
    assert_eq!(house.told("/nope"), (404, "404 page not found\n".to_owned()));
    let head = house.ask("HEAD", "/-/ready", "", b"");
    assert_eq!(head.body, b"");
}

#[test]
fn a_path_with_empty_parts_points_to_the_one_without() {
    let house = House::of(&[]);
    for (method, path, status, location) in [
        ("GET", "//api/v1/query?query=1", 301, "/api/v1/query?query=1"),
        ("GET", "/api//v1/labels", 301, "/api/v1/labels"),
        ("GET", "/api/v1/query/../labels", 301, "/api/v1/labels"),
        ("POST", "//api/v1/query?time=1", 308, "/api/v1/query?time=1"),
        ("GET", "//example.org/a", 301, "/example.org/a"),
    ] {
        let told = house.ask(method, path, "", b"");
        assert_eq!((told.status, told.header("location")), (status, location), "{method} {path}");
    }
}

#[test]
fn browsers_may_ask_from_origins_that_match() {
    let options =
        Options { cors_origin: "https://(a|b)\\.example".to_owned(), ..Options::default() };
    let house = House::with(&[], options);
    for (origin, allowed) in [
        ("https://a.example", "https://a.example"),
        ("https://a.example.org", ""),
        ("http://a.example", ""),
    ] {
        let header = format!("Origin: {origin}\r\n");
        for method in ["GET", "OPTIONS"] {
            let told = house.ask(method, "/api/v1/query?query=1", &header, b"");
            assert_eq!(told.header("access-control-allow-origin"), allowed, "{method} {origin}");
            assert_eq!(told.header("access-control-allow-methods"), "GET, POST, OPTIONS");
            assert!(told.headers.contains(&("vary".to_owned(), "Origin".to_owned())), "{told:?}");
        }
        let page = house.ask("GET", "/metrics", &header, b"");
        assert_eq!(page.header("access-control-allow-origin"), "", "only the API is for others");
    }
}

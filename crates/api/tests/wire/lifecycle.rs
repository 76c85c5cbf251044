//! Health, readiness, reload, quit, the routes' prefix.

use std::thread;

use api::{Command, Options};

use crate::house::{House, all_on};

#[test]
fn it_is_healthy_before_it_is_ready() {
    let house = House::starting(&[], Options::default());
    assert_eq!(house.told("/-/healthy"), (200, "Prometheus Server is Healthy.\n".to_owned()));
    assert_eq!(house.get("/-/ready").status, 503);
    assert_eq!(house.get("/api/v1/query?query=1").status, 503);
    house.open();
    assert_eq!(house.told("/-/ready"), (200, "Prometheus Server is Ready.\n".to_owned()));
    assert_eq!(house.ask("HEAD", "/-/ready", "", b"").status, 200);
    assert_eq!(house.get("/api/v1/query?query=1").status, 200);
    house.state.stop();
    assert_eq!(house.get("/-/ready").status, 503);
}

#[test]
fn a_reload_tells_what_came_of_it() {
    let mut house = House::with(&[], all_on());
    let address = house.address.clone();
    for (result, status, body) in [
        (Ok(()), 200, ""),
        (Err("line 3: no".to_owned()), 500, "failed to reload config: line 3: no\n"),
    ] {
        let address = address.clone();
        let asked =
            thread::spawn(move || testkit::http::ask(&address, "POST", "/-/reload", "", b""));
        let Some(Command::Reload(answer)) = house.command() else {
            panic!("a reload was asked for")
        };
        answer.send(result).expect("somebody waits");
        let told = asked.join().expect("no panic").expect("an answer");
        assert_eq!((told.status, told.text().as_str()), (status, body));
    }
    assert_eq!(house.ask("GET", "/-/reload", "", b"").status, 405);
    assert_eq!(house.ask("POST", "/-/quit", "", b"").status, 200);
    assert!(matches!(house.command(), Some(Command::Quit)));
}

#[test]
fn what_is_switched_off_says_so() {
    let house = House::of(&[]);
    for (path, status, text) in [
        ("/-/reload", 403, "Lifecycle API is not enabled."),
        ("/-/quit", 403, "Lifecycle API is not enabled."),
        ("/api/v1/admin/tsdb/snapshot", 500, "admin APIs disabled"),
        (
            "/api/v1/write",
            404,
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver",
        ),
    ] {
        let told = house.ask("POST", path, "", b"");
        assert_eq!(told.status, status, "{path}: {}", told.text());
        assert!(told.text().contains(text), "{path}: {}", told.text());
    }
}

#[test]
fn a_prefix_stands_before_every_route() {
    let options = Options { route_prefix: "/prom".to_owned(), ..Options::default() };
    let house = House::with(&[], options);
    assert_eq!(house.get("/prom/-/ready").status, 200);
    assert_eq!(house.get("/prom/api/v1/query?query=1").status, 200);
    assert_eq!(house.get("/-/ready").status, 404);
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let house = House::of(&[]);
    assert_eq!(house.get("/").header("location"), "/query");
    for (path, content_type) in [
        ("/query", "text/html"),
        ("/graph?g0.expr=up&g0.tab=1", "text/html"),
        ("/ui/page.js", "text/javascript"),
        ("/ui/page.css", "text/css"),
    ] {
        let file = house.get(path);
        assert_eq!(
            (file.status, file.header("x-content-type-options")),
            (200, "nosniff"),
            "{path}"
        );
        assert!(file.header("content-type").starts_with(content_type), "{path}");
        assert!(file.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!file.text().contains("//cdn") && !file.text().contains("https:"), "{path}");
    }
}

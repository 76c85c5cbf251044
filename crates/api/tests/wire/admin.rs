//! `admin/tsdb/*`: deleting, cleaning, copying. Statuses and texts are those of Prometheus 3.5.

use crate::house::{House, all_on};

/// What is told when `path` is posted.
fn posted(house: &House, path: &str) -> (u16, String) {
    let told = house.ask("POST", &format!("/api/v1/admin/tsdb/{path}"), "", b"");
    (told.status, told.text())
}

fn error(problem: &str) -> String {
    let problem = serde_json::to_string(problem).expect("a text");
    format!(r#"{{"status":"error","errorType":"bad_data","error":{problem}}}"#)
}

#[test]
fn requests_that_make_no_sense_change_nothing() {
    let house = House::with(&[("up", 1000, 1.0)], all_on());
    for (path, problem) in [
        ("delete_series", "no match[] parameter provided"),
        (
            "delete_series?match[]=up%7B",
            "invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "delete_series?match[]=up&match[]=up%7B",
            "invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "delete_series?match[]=up&start=x",
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "snapshot?skip_head=yes",
            "invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"yes\": invalid syntax",
        ),
    ] {
        assert_eq!(posted(&house, path), (400, error(problem)), "{path}");
    }
    assert_eq!(posted(&house, "delete_series?match[]=up&start=10&end=5"), (204, String::new()));
    assert!(house.told("/api/v1/query?query=up").1.contains(r#""value":"#));
}

#[test]
fn without_the_flag_nothing_is_done() {
    let house = House::of(&[("up", 1000, 1.0)]);
    for path in ["delete_series?match[]=up", "snapshot", "clean_tombstones"] {
        let (status, text) = posted(&house, path);
        assert_eq!(status, 500, "{text}");
        assert!(
            text.contains(r#""errorType":"unavailable","error":"admin APIs disabled""#),
            "{text}"
        );
    }
}

#[test]
fn what_is_deleted_is_gone_from_queries_and_series() {
    let house = House::with(
        &[("a{x=\"1\"}", 2000, 1.0), ("a{x=\"2\"}", 2000, 1.0), ("b", 2000, 1.0), ("c", 2000, 1.0)],
        all_on(),
    );
    let names = || {
        let (_, body) = house.told("/api/v1/series?match[]=%7B__name__!=%22%22%7D");
        ["a\",\"x\":\"1", "a\",\"x\":\"2", "\"b\"", "\"c\""].map(|name| body.contains(name))
    };
    let delete = |selectors: &str| {
        assert_eq!(posted(&house, &format!("delete_series?{selectors}")), (204, String::new()));
    };
    assert_eq!(names(), [true, true, true, true]);
    delete("match[]=a%7Bx=%221%22%7D&match[]=b");
    assert_eq!(names(), [false, true, false, true]);
    delete("match[]=c&end=10");
    assert_eq!(names(), [false, true, false, true]);
    let told = house.ask("PUT", "/api/v1/admin/tsdb/clean_tombstones", "", b"");
    assert_eq!((told.status, told.text()), (204, String::new()));
    delete("match[]=%7B%7D");
    assert_eq!(names(), [false, false, false, false]);
}

#[test]
fn a_snapshot_tells_its_name() {
    let house = House::with(&[("up", 1000, 1.0)], all_on());
    for path in ["snapshot", "snapshot?skip_head=true", "snapshot?skip_head=0"] {
        let (status, body) = posted(&house, path);
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, &body["status"]), (200, &"success".into()), "{body}");
        let name = body["data"]["name"].as_str().expect("a name");
        let (time, number) = name.split_once('-').expect("two parts");
        assert_eq!((time.len(), &time[8..9], &time[15..]), (16, "T", "Z"), "{name}");
        assert!(u64::from_str_radix(number, 16).is_ok(), "{name}");
        let dir = house.parts.db.options().path.join("snapshots").join(name);
        let blocks = std::fs::read_dir(&dir).expect("a directory").count();
        assert_eq!(blocks, usize::from(path != "snapshot?skip_head=true"), "{path}");
    }
    assert_eq!(house.get("/api/v1/admin/tsdb/snapshot").status, 405);
}

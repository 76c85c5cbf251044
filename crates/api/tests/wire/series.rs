//! `labels`, `label/NAME/values`, `series`, `metadata`, `/federate`.

use testkit::http::encoded;

use crate::house::{House, NOW};

fn house() -> House {
    House::of(&[
        ("up{job=\"a\", zone=\"eu\"}", 30_000, 1.0),
        ("up{job=\"b\"}", 30_000, 0.0),
        ("old{job=\"c\"}", 1_000_000, 1.0),
    ])
}

fn data(house: &House, path: &str) -> String {
    let (status, body) = house.told(path);
    assert_eq!(status, 200, "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    body["data"].to_string()
}

#[test]
fn names_and_values_are_sorted_and_filtered() {
    let house = house();
    let recent = format!("start={}", NOW / 1000 - 60);
    for (path, expected) in [
        ("/api/v1/labels".to_owned(), r#"["__name__","job","zone"]"#),
        (format!("/api/v1/labels?match[]={}", encoded("up{job=\"b\"}")), r#"["__name__","job"]"#),
        ("/api/v1/labels?limit=1".to_owned(), r#"["__name__"]"#),
        ("/api/v1/label/job/values".to_owned(), r#"["a","b","c"]"#),
        (format!("/api/v1/label/job/values?match[]={}&{recent}", encoded("up")), r#"["a","b"]"#),
        ("/api/v1/label/__name__/values".to_owned(), r#"["old","up"]"#),
        ("/api/v1/label/nope/values".to_owned(), "[]"),
    ] {
        assert_eq!(data(&house, &path), expected, "{path}");
    }
}

#[test]
fn series_are_those_that_match() {
    let house = house();
    let path = format!("/api/v1/series?match[]={}", encoded("up{zone=\"eu\"}"));
    assert_eq!(data(&house, &path), r#"[{"__name__":"up","job":"a","zone":"eu"}]"#);
    let both = "/api/v1/series?match[]=up&match[]=old";
    let all = data(&house, both);
    assert_eq!(all.matches("__name__").count(), 3, "{all}");
}

#[test]
fn bad_selectors_are_refused() {
    let house = house();
    for (path, message) in [
        ("/api/v1/series".to_owned(), "no match[] parameter provided"),
        (
            format!("/api/v1/series?match[]={}", encoded("{job=\"\"}")),
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        (
            format!("/api/v1/series?match[]={}", encoded("up[5m]")),
            "invalid parameter \"match[]\": 1:3: parse error: unexpected \"[\"",
        ),
        (
            "/api/v1/labels?start=x".to_owned(),
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
    ] {
        let (status, body) = house.told(&path);
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            (status, &body["errorType"], &body["error"]),
            (400, &"bad_data".into(), &message.into())
        );
    }
}

#[test]
fn metadata_is_an_object_even_when_empty() {
    assert_eq!(data(&house(), "/api/v1/metadata"), "{}");
}

#[test]
fn federation_gives_the_newest_samples_with_external_labels() {
    let house = house();
    let answer = house.get(&format!("/federate?match[]={}", encoded("{__name__=~\"up|old\"}")));
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let at = NOW - 30_000;
    assert_eq!(
        answer.text(),
        format!(
            "# TYPE up untyped\nup{{job=\"a\",zone=\"eu\",site=\"here\",instance=\"\"}} 1 {at}\n\
             up{{job=\"b\",site=\"here\",instance=\"\"}} 0 {at}\n"
        )
    );
}

#[test]
fn federation_of_nothing_in_particular_is_nothing() {
    let house = house();
    for (path, status) in [
        ("/federate", 200),
        ("/federate?match[]={}", 200),
        ("/federate?match[]=nope", 200),
        ("/federate?match[]=up{", 400),
    ] {
        let (told, body) = house.told(path);
        assert_eq!((told, body.contains("# TYPE")), (status, false), "{path}: {body}");
    }
}

#[test]
fn series_are_cut_to_the_limit_and_to_the_range() {
    let house = house();
    let recent = format!("start={}", NOW / 1000 - 60);
    for (query, count, warned) in [
        ("limit=1".to_owned(), 1, true),
        ("limit=3".to_owned(), 3, false),
        ("limit=0".to_owned(), 3, false),
        (recent, 2, false),
        ("start=2&end=1".to_owned(), 0, false),
    ] {
        let (status, body) = house.told(&format!("/api/v1/series?match[]=up&match[]=old&{query}"));
        assert_eq!((status, body.matches("__name__").count()), (200, count), "{query}: {body}");
        assert_eq!(body.contains("results truncated due to limit"), warned, "{query}: {body}");
    }
}

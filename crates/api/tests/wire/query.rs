//! `query`, `query_range`, `format_query`, `parse_query`.

use std::io::Read;

use promql::EngineOptions;
use testkit::http::encoded;

use crate::house::{House, NOW};

fn house() -> House {
    House::of(&[
        ("up{job=\"a\"}", 30_000, 1.0),
        ("up{job=\"b\"}", 30_000, 0.0),
        ("big", 30_000, 1e21),
        ("small", 30_000, -1.5e-7),
        ("odd", 30_000, f64::NAN),
        ("end", 30_000, f64::INFINITY),
    ])
}

fn ok(data: &str) -> (u16, String) {
    (200, format!("{{\"status\":\"success\",\"data\":{data}}}"))
}

fn error(status: u16, kind: &str, text: &str) -> (u16, String) {
    (status, format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":{text:?}}}"))
}

#[test]
fn each_type_of_value_has_its_form() {
    let house = house();
    let at = NOW / 1000;
    for (query, data) in [
        ("1.5", format!(r#"{{"resultType":"scalar","result":[{at},"1.5"]}}"#)),
        ("\"a<b\"", format!(r#"{{"resultType":"string","result":[{at},"a\u003cb"]}}"#)),
        (
            "up{job=\"a\"}",
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"up","job":"a"}},"value":[{at},"1"]}}]}}"#
            ),
        ),
        (
            "up{job=\"a\"}[1m]",
            format!(
                r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","job":"a"}},"values":[[{},"1"]]}}]}}"#,
                at - 30
            ),
        ),
        ("nothing", r#"{"resultType":"vector","result":[]}"#.to_owned()),
        (
            "big",
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"big"}},"value":[{at},"1e+21"]}}]}}"#
            ),
        ),
        (
            "small * 1",
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{}},"value":[{at},"-1.5e-07"]}}]}}"#
            ),
        ),
        (
            "-odd",
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{}},"value":[{at},"NaN"]}}]}}"#
            ),
        ),
        (
            "-end",
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{}},"value":[{at},"-Inf"]}}]}}"#
            ),
        ),
    ] {
        assert_eq!(house.query(query), ok(&data), "{query}");
    }
}

#[test]
fn a_range_is_a_matrix_sorted_by_labels() {
    let house = house();
    let (start, end) = (NOW / 1000 - 40, NOW / 1000);
    let path = format!("/api/v1/query_range?query=up&start={start}&end={end}&step=20");
    let points = |v: &str| format!(r#"[[{},"{v}"],[{},"{v}"]]"#, start + 20, start + 40);
    let data = format!(
        r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","job":"a"}},"values":{}}},{{"metric":{{"__name__":"up","job":"b"}},"values":{}}}]}}"#,
        points("1"),
        points("0"),
    );
    assert_eq!(house.told(&path), ok(&data));
    let fraction = format!("/api/v1/query_range?query=1&start={start}.5&end={end}&step=1m");
    let data = format!(
        r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[{start}.500,"1"]]}}]}}"#
    );
    assert_eq!(house.told(&fraction), ok(&data));
}

#[test]
fn a_form_and_the_url_are_one_list_of_parameters() {
    let house = house();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let path = format!("/api/v1/query?time={}", NOW / 1000);
    let body = format!("query={}", encoded("up{job=\"a\"}"));
    let answer = house.ask("POST", &path, form, body.as_bytes());
    assert_eq!((answer.status, answer.text()), house.query("up{job=\"a\"}"));
    let empty =
        house.ask("POST", &format!("{path}&query=1"), "Content-Type: application/json\r\n", b"");
    assert_eq!((empty.status, empty.text()), house.query("1"));
}

#[test]
fn a_limit_cuts_with_a_warning() {
    let house = house();
    let path = format!("/api/v1/query?query=up&limit=1&time={}", NOW / 1000);
    let (status, body) = house.told(&path);
    assert_eq!(status, 200);
    assert!(body.ends_with(r#"]},"warnings":["results truncated due to limit"]}"#), "{body}");
}

#[test]
fn annotations_stand_beside_the_data() {
    let house = house();
    let (_, body) = house.query("rate(up[1m]) or quantile(2, up)");
    assert!(
        body.contains(r#""warnings":["PromQL warning: quantile value should be between 0 and 1, got 2 (1:26)"]"#),
        "{body}"
    );
}

/// Paths behind `/api/v1/`, and the text of the bad data they are.
const BAD_DATA: &[(&str, &str)] = &[
    (
        "query",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "query?query=up%20%2B%2B",
        "invalid parameter \"query\": 1:6: parse error: unexpected end of input",
    ),
    (
        "query?query=1&time=1h",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"1h\" to a valid \
         timestamp",
    ),
    (
        "query?query=1&timeout=x",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "query?query=1&limit=x",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "query_range?query=up&end=1&step=1",
        "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
    ),
    (
        "query_range?query=up&start=2&end=1&step=1",
        "invalid parameter \"end\": end timestamp must not be before start time",
    ),
    (
        "query_range?query=up&start=0&end=11001&step=1",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
         resolution (?step=XX)",
    ),
    (
        "query_range?query=up&start=0&end=2&step=0.0001",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
         resolution (?step=XX)",
    ),
    (
        "query_range?query=up&start=0&end=1&step=0",
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. \
         Try a positive integer",
    ),
    (
        "query_range?query=up&start=0&end=1&step=x",
        "invalid parameter \"step\": cannot parse \"x\" to a valid duration",
    ),
    (
        "query_range?query=up[1m]&start=0&end=1&step=1",
        "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must \
         be Scalar or instant Vector",
    ),
];

#[test]
fn what_is_wrong_is_said_in_prometheus_s_words() {
    let house = house();
    for (path, text) in BAD_DATA {
        let told = house.told(&format!("/api/v1/{path}"));
        assert_eq!(told, error(400, "bad_data", text), "{path}");
    }
    let twice = encoded("label_replace(up, \"job\", \"\", \"\", \"\")");
    assert_eq!(
        house.told(&format!("/api/v1/query?query={twice}")),
        error(422, "execution", "vector cannot contain metrics with the same labelset")
    );
}

#[test]
fn methods_and_paths_that_are_not_there_are_refused() {
    let house = house();
    assert_eq!(house.ask("DELETE", "/api/v1/query", "", b"").status, 405);
    assert_eq!(house.get("/api/v1/nope").status, 404);
    assert_eq!(house.ask("OPTIONS", "/api/v1/query", "", b"").status, 204);
}

#[test]
fn queries_are_formatted_and_parsed() {
    let house = house();
    let path = |what: &str| format!("/api/v1/{what}?query={}", encoded("sum(up)by(job)"));
    assert_eq!(house.told(&path("format_query")), ok(r#""sum by (job) (up)""#));
    let (status, tree) = house.told(&path("parse_query"));
    assert_eq!(status, 200);
    let tree: serde_json::Value = serde_json::from_str(&tree).expect("JSON");
    assert_eq!(tree["data"]["type"], "aggregation");
    assert_eq!(tree["data"]["expr"]["name"], "up");
}

#[test]
fn long_answers_are_packed_if_that_is_understood() {
    let house = house();
    let labels =
        "label_replace(up, \"long\", \"".to_owned() + &"x".repeat(2000) + "\", \"\", \"\")";
    let path = format!("/api/v1/query?query={}&time={}", encoded(&labels), NOW / 1000);
    let plain = house.get(&path);
    let packed = house.ask("GET", &path, "Accept-Encoding: gzip\r\n", b"");
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, plain.text());
}

#[test]
fn a_query_explains_itself_if_asked_and_only_then() {
    let house = house();
    let path = format!("/api/v1/query?query={}&time={}", encoded("sum(up) > -1"), NOW / 1000);
    let (_, plain) = house.told(&path);
    let (status, explained) = house.told(&format!("{path}&explain=true"));
    assert_eq!(status, 200);
    let begin = plain.strip_suffix("}}").expect("an answer ends so");
    assert!(explained.starts_with(&format!("{begin},\"explain\":{{")), "{explained}");
    let told: serde_json::Value = serde_json::from_str(&explained).expect("JSON");
    let sum = &told["data"]["explain"]["operands"][0];
    assert_eq!(
        *sum,
        serde_json::json!({
            "kind": "aggregation", "name": "sum", "expr": "sum(up)", "ownSeconds": 0,
            "totalSeconds": 0, "series": 1, "samples": 0, "chunksDecoded": 0, "chunksSkipped": 0,
            "operands": [{
                "kind": "selector", "expr": "up", "ownSeconds": 0, "totalSeconds": 0, "series": 2,
                "samples": 2, "chunksDecoded": 2, "chunksSkipped": 0,
            }],
        })
    );
    assert_eq!(house.told(&format!("{path}&explain=0")), (200, plain));
    let (status, body) = house.told(&format!("{path}&explain=maybe"));
    assert!(status == 400 && body.contains("invalid parameter \\\"explain\\\""), "{body}");
    let (start, end) = (NOW / 1000 - 60, NOW / 1000);
    let range = format!("/api/v1/query_range?query=up&start={start}&end={end}&step=20&explain=1");
    assert!(house.told(&range).1.contains(r#""explain":{"kind":"selector","expr":"up""#));
}

#[test]
fn stats_have_figures_by_step_if_that_is_switched_on_and_asked_for() {
    let samples = [("up", 120_000, 1.0)];
    let (start, end) = (NOW / 1000 - 60, NOW / 1000);
    let range = format!("/api/v1/query_range?query=up&start={start}&end={end}&step=40.25&stats=");
    let instant = format!("/api/v1/query?query=up&time={end}&stats=");
    let by_step = format!(
        r#""samples":{{"totalQueryableSamplesPerStep":[[{start},1],[{}.25,1]],"totalQueryableSamples":2,"#,
        start + 40
    );
    let at_once = format!(
        r#""samples":{{"totalQueryableSamplesPerStep":[[{end},1]],"totalQueryableSamples":1,"#
    );
    for (per_step_stats, asked, has_steps) in
        [(true, "all", true), (true, "true", false), (false, "all", false)]
    {
        let engine = EngineOptions { per_step_stats, ..EngineOptions::default() };
        let house = House::of_engine(&samples, engine);
        for (path, steps, total) in [(&range, &by_step, 2), (&instant, &at_once, 1)] {
            let (status, body) = house.told(&format!("{path}{asked}"));
            assert_eq!(status, 200, "{body}");
            let plain = format!(r#""samples":{{"totalQueryableSamples":{total},"#);
            let expected = if has_steps { steps } else { &plain };
            assert!(body.contains(expected.as_str()), "{path}{asked}: {body}");
        }
    }
}

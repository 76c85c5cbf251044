//! Whatever is wrong is named, and what was stored stays.

use std::fs;

use testkit::fakes::FakeTarget;
use testkit::http::encoded;

use crate::ferula::{Ferula, json, run};

#[test]
fn bad_usage_and_bad_files_end_it_with_two() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("c.yml");
    let rules = dir.path().join("r.yml");
    let check = |config: &str, message: &str| {
        fs::write(&file, config).expect("written");
        let (code, said) = run(dir.path(), &["--config.file=c.yml"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("c.yml") && said.contains(message), "{said}\nwant: {message}");
    };
    check("global: [\n", "line 1: expected mapping");
    check("global:\n  foo: 1\n", "line 2: unknown field `foo`");
    check(
        "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {action: drop, regex: '('}\n",
        "line 4: error parsing regexp: missing closing )",
    );
    let broken = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: 'sum('\n";
    fs::write(&rules, broken).expect("written");
    check("rule_files: [r.yml]\n", "unclosed left parenthesis");

    for (arguments, message) in [
        (&["--config.file=none.yml"][..], "none.yml: cannot read"),
        (&["--storage.tsdb.pth=x"], "--storage.tsdb.path"),
        (&["--query.timeout=x"], "--query.timeout takes a duration"),
    ] {
        let (code, said) = run(dir.path(), arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(message), "{said}");
    }
    let (code, said) = run(dir.path(), &["--version"]);
    assert_eq!(code, Some(0));
    assert!(said.starts_with("ferula"), "{said}");
    let (code, said) = run(dir.path(), &["--help"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("--storage.tsdb.retention.time"), "{said}");
}

#[test]
fn a_bad_body_fails_the_scrape_and_nothing_else() {
    let target = FakeTarget::start("a 1\nb 2\n");
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: j\n  body_size_limit: 1KB\n  \
         static_configs:\n  - targets: ['{}']\n",
        target.server.address()
    );
    fs::write(dir.path().join("prometheus.yml"), text).expect("written");
    let mut ferula = Ferula::start(dir.path(), &[]);
    ferula.until("it is scraped", |f| (f.value("b")? == "2").then_some(()));
    for (body, message) in [
        ("a 1\nb{ 2\n".to_owned(), "line 2"),
        ("# ".to_owned() + &"x".repeat(2000) + "\na 1\n", "body size limit"),
    ] {
        target.set_text(&body);
        ferula.until("the scrape fails", |f| (f.value("up")? == "0").then_some(()));
        let error = ferula.until("the target says why", |f| {
            let targets = json(&f.get("/api/v1/targets"));
            let error = targets["data"]["activeTargets"][0]["lastError"].as_str()?.to_owned();
            error.contains(message).then_some(error)
        });
        assert!(!error.is_empty());
        target.set_text("a 1\nb 2\n");
        ferula.until("it recovers", |f| (f.value("up")? == "1").then_some(()));
    }
    let count = ferula.value("count_over_time(b[1h])").expect("what was stored stays");
    assert!(count.parse::<u32>().expect("a number") >= 2);
}

#[test]
fn bad_questions_get_prometheus_s_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let ferula = Ferula::start(dir.path(), &[]);
    for (path, status, kind, message) in [
        (
            format!("/api/v1/query?query={}", encoded("sum(")),
            400,
            "bad_data",
            "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis",
        ),
        (
            "/api/v1/query?query=up&time=x".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=10&step=0".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=100000&step=1".to_owned(),
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        ("/api/v1/series".to_owned(), 400, "bad_data", "no match[] parameter provided"),
        (
            format!(
                "/api/v1/query?query={}",
                encoded("label_replace(vector(1), \"\", \"\", \"\", \"\")")
            ),
            422,
            "execution",
            "invalid destination label name in label_replace(): ",
        ),
    ] {
        let answer = ferula.get(&path);
        let json = json(&answer);
        assert_eq!(answer.status, status, "{json}");
        assert_eq!((&json["errorType"], &json["error"]), (&kind.into(), &message.into()));
    }
    assert_eq!(ferula.get("/api/v1/nope").status, 404);
    assert_eq!(ferula.get("/-/healthy").status, 200);
}

//! Templates and what Prometheus makes of them, side by side in two files.

use model::Labels;
use template::{Data, Element, Options, check, expand};

/// The blocks of a golden file; blank lines part them, comments begin with `#`.
fn blocks(file: &str) -> Vec<Vec<String>> {
    let lines = file.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    lines
        .split(|line| line.is_empty())
        .filter(|block| !block.is_empty())
        .map(|block| block.iter().map(|line| line.replace('⏎', "\n")).collect())
        .collect()
}

fn query(expression: &str) -> Result<Vec<Element>, String> {
    let element = |x: &str, value| Element {
        labels: Labels::from_pairs([("__name__", "m"), ("x", x)]),
        value,
    };
    match expression {
        "m" => Ok(vec![element("a", 1.0), element("b", 22.5), element("c", 3.0)]),
        "m{x='b'}" => Ok(vec![element("b", 22.5)]),
        "scalar(m{x='a'})" => Ok(vec![Element { labels: Labels::empty(), value: 1.0 }]),
        "nope" => Ok(Vec::new()),
        "bad(" => Err("1:5: parse error: unclosed left parenthesis".to_owned()),
        _ => Err("rule result is not a vector or scalar".to_owned()),
    }
}

fn run(value: f64, text: &str) -> Result<String, String> {
    let data = Data {
        labels: &Labels::from_pairs([("instance", "h:1")]),
        external_labels: &Labels::from_pairs([("cluster", "c1")]),
        external_url: "http://ex.org:9090/pre",
        value,
    };
    let options = Options { path_prefix: "/pre", ..Options::default() };
    expand("__alert_A", text, &data, &options, &mut query).map_err(|error| error.to_string())
}

#[test]
fn templates_become_what_prometheus_makes_of_them() {
    let mut wrong = Vec::new();
    let all = blocks(include_str!("expansions.txt"));
    assert!(all.len() > 400, "the file of expansions was cut off");
    for block in all {
        let [value, text, expected] = block.as_slice() else {
            panic!("not three lines: {block:?}")
        };
        let value = model::float::parse(value).expect("the first line is a number");
        let found = match run(value, text) {
            Ok(output) => format!("text {output}"),
            // A template that cannot be read is refused when its file is loaded.
            Err(message) if message.starts_with("error parsing") => {
                match check("__alert_A", text) {
                    Ok(()) => message,
                    Err(error) => format!("error {error}"),
                }
            }
            Err(message) => format!("error {message}"),
        };
        if found != *expected {
            wrong.push(format!("{value} {text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn templates_are_refused_in_the_words_of_prometheus() {
    let mut wrong = Vec::new();
    for block in blocks(include_str!("readings.txt")) {
        let [text, expected] = block.as_slice() else { panic!("not two lines: {block:?}") };
        let found = match check("__alert_A", text) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        if found != *expected {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

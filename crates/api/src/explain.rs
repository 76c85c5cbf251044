//! The plan of a query and what its nodes cost, to JSON.
//!
//! ```text
//! {"kind":"call","name":"rate","expr":"rate(x[5m])","ownSeconds":0.5,"totalSeconds":2.5,"series":3,
//!  "samples":0,"chunksDecoded":0,"chunksSkipped":0,"operands":[…]}
//! ```
//! `name` is left out where the kind says it all, `operands` where there are none. Times are seconds.

use std::io::Write;

use promql::Explained;

use crate::envelope::list;
use crate::json::{self, Escape};

/// Writes a node of the plan of `query`, and all below it.
pub(crate) fn write(out: &mut Vec<u8>, node: &Explained, query: &str) {
    write!(out, "{{\"kind\":\"{}\"", node.kind).expect("a Vec takes everything");
    if !node.name.is_empty() {
        out.extend_from_slice(b",\"name\":");
        json::text(out, node.name, Escape::Html);
    }
    out.extend_from_slice(b",\"expr\":");
    json::text(out, node.text(query), Escape::Html);
    let cost = &node.cost;
    for (name, time) in [("ownSeconds", cost.own), ("totalSeconds", node.total)] {
        write!(out, ",\"{name}\":").expect("a Vec takes everything");
        json::number(out, time.as_secs_f64());
    }
    for (name, count) in [
        ("series", cost.series),
        ("samples", cost.samples),
        ("chunksDecoded", cost.chunks_decoded),
        ("chunksSkipped", cost.chunks_skipped),
    ] {
        write!(out, ",\"{name}\":{count}").expect("a Vec takes everything");
    }
    if !node.operands.is_empty() {
        out.extend_from_slice(b",\"operands\":");
        list(out, &node.operands, |out, operand| write(out, operand, query));
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use promql::ast::Span;
    use promql::eval::profile::Cost;

    #[test]
    fn a_node_has_its_text_its_costs_and_its_operands() {
        let selector = Explained {
            kind: "selector",
            name: "",
            span: Span { start: 4, end: 9 },
            cost: Cost {
                own: Duration::from_millis(1500),
                series: 2,
                samples: 3,
                chunks_decoded: 4,
                chunks_skipped: 5,
            },
            total: Duration::from_millis(1500),
            operands: Vec::new(),
        };
        let call = Explained {
            kind: "call",
            name: "abs",
            span: Span { start: 0, end: 10 },
            cost: Cost::default(),
            total: Duration::from_millis(1500),
            operands: vec![selector],
        };
        let mut out = Vec::new();
        write(&mut out, &call, "abs(x > 1)");
        assert_eq!(
            String::from_utf8(out).expect("JSON is UTF-8"),
            concat!(
                r#"{"kind":"call","name":"abs","expr":"abs(x \u003e 1)","ownSeconds":0,"totalSeconds":1.5,"#,
                r#""series":0,"samples":0,"chunksDecoded":0,"chunksSkipped":0,"operands":["#,
                r#"{"kind":"selector","expr":"x \u003e 1","ownSeconds":1.5,"totalSeconds":1.5,"#,
                r#""series":2,"samples":3,"chunksDecoded":4,"chunksSkipped":5}]}"#
            )
        );
    }
}

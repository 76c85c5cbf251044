//! A series whose samples are their own numbers, sent by remote write.

use prost::Message;

use testkit::http::{Answer, encoded};

use crate::ferula::{Ferula, json};

/// When the series `written` begins, and how far its samples are apart.
pub(crate) struct Written {
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
}

impl Written {
    /// Sends the samples `from..to`.
    pub(crate) fn send(&self, ferula: &Ferula, from: i64, to: i64) -> Answer {
        let label =
            |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let timestamp = |n: i64| self.start_ms + n * self.step_ms;
        let samples = (from..to).map(|n| Sample { value: n as f64, timestamp: timestamp(n) });
        let series =
            TimeSeries { labels: vec![label("__name__", "written")], samples: samples.collect() };
        let request = WriteRequest { timeseries: vec![series] };
        let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
        let headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                       X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
        ferula.post("/api/v1/write", headers, &body.expect("it fits"))
    }

    /// What a function over all of the first `sent` samples says.
    pub(crate) fn ask(&self, function: &str, ferula: &Ferula, sent: i64) -> Option<i64> {
        let range_ms = (sent + 10) * self.step_ms;
        let query = encoded(&format!("{function}(written[{range_ms}ms])"));
        let time_ms = self.start_ms + sent * self.step_ms;
        let (seconds, ms) = (time_ms / 1000, time_ms % 1000);
        let answer = ferula.get(&format!("/api/v1/query?query={query}&time={seconds}.{ms:03}"));
        let value = json(&answer)["data"]["result"][0]["value"][1].clone();
        value.as_str().map(|n| n.parse().expect("a whole number"))
    }

    /// How many of the first `sent` samples are there.
    pub(crate) fn counted(&self, ferula: &Ferula, sent: i64) -> i64 {
        self.ask("count_over_time", ferula, sent).unwrap_or(0)
    }
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

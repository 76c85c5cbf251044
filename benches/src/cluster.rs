//! The series of a cluster: nodes with an exporter, and containers with an application.
//!
//! Ten labels a series, long values, most of them shared, as Kubernetes discovery makes them.

use model::Labels;

/// Series of one container.
const PER_CONTAINER: usize = 100;
/// Upper bounds of the buckets of the application's histogram.
const BOUNDS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
const SERVICES: [&str; 8] =
    ["cart", "user", "auth", "search", "billing", "catalog", "mail", "edge"];

/// The labels of so many series of one cluster; the same ones for the same number.
pub fn labels(series: usize) -> Vec<Labels> {
    let mut all = Vec::with_capacity(series);
    for container in 0..series.div_ceil(PER_CONTAINER) {
        let left = (series - all.len()).min(PER_CONTAINER);
        all.extend((0..left).map(|i| container_series(container, i)));
    }
    all
}

/// The `i`th series of a container: a third each from the node's agent, from the buckets of the
/// application, from its gauges and counters.
fn container_series(container: usize, i: usize) -> Labels {
    let node = container % 40;
    let app = container / 6;
    let service = format!("{}-service-{app}", SERVICES[app % SERVICES.len()]);
    let pod = format!("{service}-{}-{}", word(app, 10), word(container * 31 + 7, 5));
    let mut pairs = vec![
        ("namespace", format!("team-{}", app % 23)),
        ("pod", pod),
        ("container", "app".to_owned()),
    ];
    match i % 3 {
        0 => pairs.extend([
            ("__name__", format!("container_{}_total", word(i, 12))),
            ("instance", format!("10.42.{}.{}:10250", node / 250, node % 250)),
            ("job", "kubelet".to_owned()),
            ("service", "kubelet".to_owned()),
            ("endpoint", "https-metrics".to_owned()),
            ("metrics_path", "/metrics/cadvisor".to_owned()),
            ("node", format!("ip-10-42-{}-{}.ec2.internal", node / 250, node % 250)),
            ("image", format!("registry.example.com/shop/{service}:v1.{}", app % 40)),
        ]),
        1 => pairs.extend([
            ("__name__", "http_request_duration_seconds_bucket".to_owned()),
            ("instance", format!("10.43.{}.{}:8080", container / 250, container % 250)),
            ("job", service.clone()),
            ("service", service),
            ("endpoint", "http".to_owned()),
            ("le", BOUNDS[i / 3 % BOUNDS.len()].to_owned()),
            ("handler", format!("/api/v1/{}", SERVICES[i / 36 % SERVICES.len()])),
            ("code", "200".to_owned()),
        ]),
        _ => pairs.extend([
            ("__name__", format!("app_{}", word(i, 14))),
            ("instance", format!("10.43.{}.{}:8080", container / 250, container % 250)),
            ("job", service.clone()),
            ("service", service),
            ("endpoint", "http".to_owned()),
            ("node", format!("ip-10-42-{}-{}.ec2.internal", node / 250, node % 250)),
            ("uid", format!("{}-{}", word(container, 8), word(container * 3, 12))),
        ]),
    }
    Labels::from_pairs(pairs)
}

/// A word of letters and digits that looks random.
fn word(seed: usize, len: usize) -> String {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[(state >> 33) as usize % 36])
    };
    (0..len).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_series_is_there_twice_and_each_has_about_ten_labels() {
        let all = labels(10_050);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 10_050);
        let pairs: usize = all.iter().map(|labels| labels.iter().count()).sum();
        assert!((9.0..12.0).contains(&(pairs as f64 / 10_050.0)), "{pairs}");
    }
}

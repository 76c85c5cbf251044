//! What a view shows while commits go on.

use super::*;

#[test]
fn a_view_sees_whole_commits_up_to_its_making() {
    let (_dir, head) = fresh();
    let mut views = Vec::new();
    let mut expected = Samples::new();
    for i in 0..300 {
        let name = format!("series{}", i / 50);
        let batch = [("all", i, i as f64), ("odd", i / 2 * 2 + 1, 0.0), (name.as_str(), i, 1.0)];
        let batch = &batch[..if i % 2 == 0 { 3 } else { 1 }];
        commit(&head, batch);
        for (name, samples) in samples_of(batch) {
            expected.entry(name).or_default().extend(samples);
        }
        if i % 30 == 0 {
            views.push((head.view(TimeRange::ALL), expected.clone()));
        }
        if i % 70 == 69 {
            views.remove(0);
        }
        for (view, expected) in &views {
            assert_eq!(&seen_by(view), expected, "after {i}");
            let names: Vec<&String> = expected.keys().collect();
            assert_eq!(view.label_values("__name__").unwrap().iter().collect::<Vec<_>>(), names);
        }
    }
    drop(views);
    assert_eq!(all(&head), expected);
}

#[test]
fn queries_beside_appends_never_see_half_a_commit() {
    let (_dir, head) = fresh();
    let names: Vec<String> = (0..200).map(|i| format!("m{i}")).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for t in 0..400 {
                let batch: Vec<_> = names.iter().map(|n| (n.as_str(), t, t as f64)).collect();
                commit(&head, &batch);
            }
            done.store(true, Ordering::Release);
        });
        let mut last = 0;
        while !done.load(Ordering::Acquire) {
            let view = head.view(TimeRange::ALL);
            let (first, second) = (seen_by(&view), seen_by(&view));
            assert_eq!(first, second, "one view, one answer");
            let mut lengths = first.values().map(Vec::len);
            let length = lengths.next().unwrap_or(0);
            assert!(lengths.all(|l| l == length) && length >= last, "{length} after {last}");
            assert!(first.is_empty() || first.len() == names.len());
            last = length;
        }
    });
}

#[test]
fn rows_are_found_by_matchers() {
    let (_dir, head) = fresh();
    commit(&head, &[("up", 1, 1.0), ("down", 1, 1.0)]);
    let view = head.view(TimeRange::ALL);
    let found = select::rows(&view, &[Matcher::equal("__name__", "up")]).unwrap();
    let found: Vec<String> =
        found.iter().map(|row| view.labels(row).unwrap().to_string()).collect();
    assert_eq!(found, [labels("up").to_string()]);
    assert_eq!(view.label_names().unwrap(), ["__name__", "job"]);
    assert_eq!(view.rows_with("job").unwrap().len(), 2);
    assert_eq!(view.labels(99).unwrap(), Labels::empty());
}

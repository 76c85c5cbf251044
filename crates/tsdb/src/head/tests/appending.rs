//! What an append takes and refuses, and how it names series.

use super::*;

#[test]
fn staged_samples_are_not_seen_before_the_commit() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 1, 1.0).unwrap();
    assert_eq!(all(&head), Samples::new());
    assert_eq!(head.range(), None);
    appender.commit().unwrap();
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
    assert_eq!(head.range(), TimeRange::new(1, 1));
}

#[test]
fn a_dropped_appender_leaves_no_trace() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0)]);
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 2, 1.0).unwrap();
    appender.append(None, &labels("b"), 2, 1.0).unwrap();
    drop(appender);
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
    let view = head.view(TimeRange::ALL);
    assert_eq!(view.label_values("__name__").unwrap(), ["a"]);
    assert_eq!((head.status().num_series, head.counters.series_created.get()), (1, 1));
    drop(view);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 1, 1.0)]));
}

#[test]
fn samples_are_refused_as_prometheus_refuses_them() {
    let (_dir, head) = fresh();
    commit(&head, &[("a", 90 * MINUTE, 1.0), ("nan", 90 * MINUTE, STALE_NAN)]);
    let conflict = |existing, new| {
        AppendError::DuplicateFloat(Conflict::new(90 * MINUTE, Some(existing), new))
    };
    for (name, t, v, expected) in [
        ("a", 90 * MINUTE + 1, 2.0, Ok(())),
        ("a", 90 * MINUTE, 1.0, Ok(())),
        ("a", 90 * MINUTE, 2.0, Err(conflict(1.0, 2.0))),
        ("a", 90 * MINUTE - 1, 1.0, Err(AppendError::OutOfOrder)),
        ("nan", 90 * MINUTE, STALE_NAN, Ok(())),
        ("nan", 90 * MINUTE, f64::NAN, Err(conflict(STALE_NAN, f64::NAN))),
        // Half of two hours behind the newest sample.
        ("new", 30 * MINUTE, 1.0, Ok(())),
        ("new", 30 * MINUTE - 1, 1.0, Err(AppendError::OutOfBounds)),
        ("a", 30 * MINUTE - 1, 1.0, Err(AppendError::OutOfBounds)),
    ] {
        assert_eq!(check(&head, name, t, v), expected, "{name} at {t}");
    }
    let counters = &head.counters;
    let refused = [
        counters.samples_duplicate.get(),
        counters.samples_out_of_order[Kind::Float].get(),
        counters.samples_out_of_bounds[Kind::Float].get(),
        counters.samples_appended[Kind::Float].get(),
    ];
    assert_eq!(refused, [2, 1, 2, 2]);
}

#[test]
fn within_one_commit_what_is_not_newer_is_left_out() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let mut append = |name, t, v| appender.append(None, &labels(name), t, v).map(|_| ());
    assert_eq!(append("a", 1, 1.0), Ok(()));
    assert_eq!(append("a", 2, 1.0), Ok(()));
    assert_eq!(append("a", 2, 2.0), Ok(()));
    assert_eq!(append("a", 1, 2.0), Ok(()));
    assert_eq!(append("b", 1, 1.0), Ok(()));
    assert_eq!(appender.commit().unwrap(), 3);
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0), ("a", 2, 1.0), ("b", 1, 1.0)]));
    assert_eq!(head.counters.samples_out_of_order[Kind::Float].get(), 1);
    let mut appender = head.appender();
    for t in [3, 4, 4] {
        appender.append(None, &labels("a"), t, 1.0).unwrap();
        appender.append(None, &labels("b"), t, 1.0).unwrap();
    }
    // The third of each is not newer than the second, which only the commit notices.
    assert_eq!(appender.commit().unwrap(), 4);
}

#[test]
fn an_empty_head_takes_any_time() {
    for t in [0, 1, -5, 1_700_000_000_000, i64::MIN, i64::MAX] {
        let (dir, head) = fresh();
        commit(&head, &[("a", t, 1.0)]);
        assert_eq!(all(&head), samples_of(&[("a", t, 1.0)]));
        drop(head);
        assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", t, 1.0)]));
    }
}

#[test]
fn series_may_be_loaded_one_after_the_other_where_blocks_are_wide() {
    let dir = tempfile::tempdir().unwrap();
    let wide = Options { min_block_duration_ms: 365 * 24 * 60 * MINUTE, ..options(dir.path()) };
    let head = open(&wide);
    for name in ["a", "b", "c"] {
        for t in 0..100 {
            commit(&head, &[(name, t * MINUTE, 1.0)]);
        }
    }
    assert!(all(&head).values().all(|samples| samples.len() == 100));
}

#[test]
fn labels_that_name_nothing_are_refused() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let long = Labels::from_pairs([("a", "x".repeat(17 << 20))]);
    for labels in [Labels::empty(), long] {
        let refused = appender.append(None, &labels, 1, 1.0);
        assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
    }
    let unknown = SeriesRef(std::num::NonZeroU64::new(77).unwrap());
    let refused = appender.append(Some(unknown), &Labels::empty(), 1, 1.0);
    assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
}

#[test]
fn a_reference_skips_the_labels_from_its_first_append_on() {
    let (_dir, head) = fresh();
    let nothing = Labels::empty();
    let mut appender = head.appender();
    let series = appender.append(None, &labels("a"), 1, 1.0).unwrap();
    assert_eq!(appender.append(Some(series), &nothing, 2, 1.0), Ok(series));
    appender.commit().unwrap();
    let mut appender = head.appender();
    assert_eq!(appender.append(Some(series), &nothing, 3, 1.0), Ok(series));
    assert_eq!(appender.append(None, &labels("a"), 4, 1.0), Ok(series));
    appender.commit().unwrap();
    assert_eq!(all(&head)["a"].len(), 4);
}

#[test]
fn a_reference_of_a_series_that_is_gone_names_no_other() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let gone = appender.append(None, &labels("gone"), 1, 1.0).unwrap();
    appender.commit().unwrap();
    head.truncate(100, None);
    // The row of the first is the second's now.
    let mut appender = head.appender();
    let other = appender.append(None, &labels("other"), 200, 2.0).unwrap();
    assert_eq!(stripes::place_of(other).0, stripes::place_of(gone).0);
    for _ in ["staged", "committed"] {
        let refused = appender.append(Some(gone), &Labels::empty(), 201, 3.0);
        assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
        appender.commit().unwrap();
        appender = head.appender();
    }
    let again = appender.append(Some(gone), &labels("gone"), 202, 4.0).unwrap();
    assert!(again != gone && again != other);
    appender.commit().unwrap();
    assert_eq!(all(&head), samples_of(&[("other", 200, 2.0), ("gone", 202, 4.0)]));
}

#[test]
fn two_commits_that_make_the_same_series_make_one() {
    let (dir, head) = fresh();
    let (mut first, mut second) = (head.appender(), head.appender());
    first.append(None, &labels("a"), 1, 1.0).unwrap();
    let reference = second.append(None, &labels("a"), 2, 2.0).unwrap();
    second.append(None, &labels("b"), 2, 2.0).unwrap();
    first.commit().unwrap();
    assert_eq!(second.commit().unwrap(), 2);
    let expected = samples_of(&[("a", 1, 1.0), ("a", 2, 2.0), ("b", 2, 2.0)]);
    assert_eq!(all(&head), expected);
    // The second one's reference has gone stale; labels find the series.
    let mut appender = head.appender();
    let found = appender.append(Some(reference), &labels("a"), 3, 3.0).unwrap();
    assert_ne!(found, reference);
    drop(appender);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), expected);
}

#[test]
fn commits_from_many_threads_all_arrive() {
    let (dir, head) = fresh();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let head = &head;
            scope.spawn(move || {
                for t in 0..100 {
                    let own = format!("own{thread}");
                    let made = format!("made{}", t / 10);
                    let mut appender = head.appender();
                    appender.append(None, &labels(&own), t, 1.0).unwrap();
                    // All threads make these; whoever comes later may be refused.
                    let _ = appender.append(None, &labels(&made), t, thread as f64);
                    appender.commit().unwrap();
                }
            });
        }
    });
    let found = all(&head);
    assert!((0..4).all(|thread| found[&format!("own{thread}")].len() == 100));
    let rises = |samples: &Vec<(i64, u64)>| samples.is_sorted_by(|a, b| a.0 < b.0);
    assert!(found.len() == 14 && found.values().all(rises));
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), found);
}

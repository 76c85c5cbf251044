//! What a truncation drops, and what it must leave.

use super::*;

#[test]
fn truncating_drops_series_with_nothing_left() {
    let (dir, head) = fresh();
    for t in 0..200 {
        commit(&head, &[("long", t, 1.0)]);
    }
    commit(&head, &[("short", 50, 1.0)]);
    head.truncate(150, None);
    assert_eq!(head.range(), TimeRange::new(150, 199));
    let view = head.view(TimeRange::ALL);
    assert_eq!(view.label_values("__name__").unwrap(), ["long"]);
    let samples = seen_by(&view);
    assert_eq!(samples["long"].last(), Some(&(199, 1f64.to_bits())));
    drop(view);
    assert_eq!(check(&head, "short", 149, 1.0), Err(AppendError::OutOfBounds));
    // Its row is another series' now.
    commit(&head, &[("new", 200, 5.0), ("short", 201, 6.0)]);
    assert_eq!(all(&head)["short"], [(201, 6f64.to_bits())]);
    assert_eq!(all(&head)["new"], [(200, 5f64.to_bits())]);
    let counters = &head.counters;
    assert_eq!((counters.series_created.get(), counters.series_removed.get()), (4, 1));
    assert_eq!(head.status().num_chunks, 3);
    drop(head);
    let again = Head::open(&options(dir.path()), Arc::default(), 150).unwrap();
    let found = all(&again);
    assert_eq!(found["short"], [(201, 6f64.to_bits())]);
    assert_eq!(found["long"].len(), 50);
}

#[test]
fn truncating_everything_leaves_an_empty_head() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0), ("b", 2, 1.0)]);
    head.truncate(100, None);
    assert_eq!((head.range(), head.status().num_series, head.size_bytes()), (None, 0, 0));
    assert_eq!(all(&head), Samples::new());
    commit(&head, &[("a", 100, 1.0)]);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 100, 1.0)]));
}

#[test]
fn a_series_with_a_sample_on_its_way_stays() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0)]);
    let mut appender = head.appender();
    let series = appender.append(None, &labels("a"), 200, 2.0).unwrap();
    head.truncate(100, None);
    assert_eq!(appender.commit().unwrap(), 1);
    assert_eq!(all(&head)["a"].last(), Some(&(200, 2f64.to_bits())));
    let mut appender = head.appender();
    assert_eq!(appender.append(Some(series), &Labels::empty(), 201, 1.0), Ok(series));
    drop(appender);
    head.truncate(300, None);
    assert_eq!(head.status().num_series, 0);
    drop(head);
    let again = Head::open(&options(dir.path()), Arc::default(), 100).unwrap();
    assert_eq!(all(&again), Samples::new());
}

#[test]
fn sealing_refuses_what_is_older_even_if_it_is_staged() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 5, 1.0).unwrap();
    appender.append(None, &labels("a"), 15, 1.0).unwrap();
    head.seal_before(10);
    assert_eq!(appender.commit().unwrap(), 1);
    assert_eq!(all(&head), samples_of(&[("a", 15, 1.0)]));
    assert_eq!(check(&head, "b", 9, 1.0), Err(AppendError::OutOfBounds));
    assert_eq!(check(&head, "b", 10, 1.0), Ok(()));
}

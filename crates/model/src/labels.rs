//! Labels: the sorted name-value pairs that name one series.
//!
//! A [`Labels`] is immutable and one pointer wide: all pairs lie in one shared string, each part
//! behind its length. Always true: names are unique and sorted by bytes, no value is empty (an
//! empty value is no label), so two equal sets have equal bytes.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";
/// The label that names a classic histogram's bucket.
pub const BUCKET_LABEL: &str = "le";
/// The label that holds the scrape job.
pub const JOB: &str = "job";
/// The label that holds the scraped instance.
pub const INSTANCE: &str = "instance";

/// A sorted, immutable set of labels, cheap to clone.
///
/// The text is `len name len value …`; a length is written in ASCII bytes of six bits each, least
/// significant first, with bit 6 set on all but the last, so that the whole stays UTF-8.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// The empty set, `{}`.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Labels from pairs in any order.
    ///
    /// Of a name given twice the last pair wins; pairs with an empty value are dropped.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        builder.build()
    }

    /// Labels from pairs that are already sorted by name, unique, and without empty values.
    ///
    /// Equals [`Labels::from_pairs`] on such input, without its sort and copies.
    pub fn from_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::with_capacity(128);
        let mut previous: Option<&str> = None;
        for (name, value) in pairs {
            debug_assert!(previous.is_none_or(|p| p < name) && !value.is_empty());
            previous = Some(name);
            push_part(&mut text, name);
            push_part(&mut text, value);
        }
        Self(text.into())
    }

    /// The value of `name`; empty if there is no such label.
    pub fn get(&self, name: &str) -> &str {
        for (n, v) in self {
            match n.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return v,
                Ordering::Greater => break,
            }
        }
        ""
    }

    /// Whether the label is there.
    pub fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The metric's name; empty if there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> LabelsIter<'_> {
        LabelsIter { rest: &self.0 }
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether this is `{}`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes this set is stored as: equal sets have equal bytes, nothing else is promised.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// These labels without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        if !self.has(METRIC_NAME) {
            return self.clone();
        }
        Self::from_sorted(self.iter().filter(|(name, _)| *name != METRIC_NAME))
    }

    /// Only those labels whose name passes.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self::from_sorted(self.iter().filter(|(name, _)| keep(name)))
    }

    /// A builder that starts from these labels.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }
}

/// Sorted as Prometheus sorts: name, value, name, value … by bytes; of two sets of which one
/// begins the other, the shorter comes first.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        // Neighbours in a vector have most of their parts in common.
        let from = start_of_part(&self.0, equal_bytes(self.as_bytes(), other.as_bytes()));
        LabelsIter { rest: &self.0[from..] }
            .parts()
            .cmp(LabelsIter { rest: &other.0[from..] }.parts())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As Prometheus prints a label set: `{__name__="up", job="a"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(name) {
                f.write_str(name)?;
            } else {
                write!(f, "{}", Quoted(name))?;
            }
            write!(f, "={}", Quoted(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;
    fn into_iter(self) -> LabelsIter<'a> {
        self.iter()
    }
}

/// The pairs of a [`Labels`], sorted by name.
#[derive(Clone, Debug)]
pub struct LabelsIter<'a> {
    rest: &'a str,
}

impl<'a> LabelsIter<'a> {
    /// Names and values in turn.
    fn parts(mut self) -> impl Iterator<Item = &'a str> {
        std::iter::from_fn(move || (!self.rest.is_empty()).then(|| take_part(&mut self.rest)))
    }
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let name = take_part(&mut self.rest);
        let value = take_part(&mut self.rest);
        Some((name, value))
    }
}

/// Builds a [`Labels`] out of order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsBuilder {
    /// Unordered, names unique; an empty value stands for a label that is gone.
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets a label, in place of any of that name. An empty value removes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.pairs.iter_mut().find(|(n, _)| *n == name) {
            Some(pair) => pair.1 = value,
            None => self.pairs.push((name, value)),
        }
        self
    }

    /// Removes a label, if it is there.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Keeps only those labels whose name passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.pairs.retain(|(n, _)| keep(n));
        self
    }

    /// The value of `name`; empty if there is no such label.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// The pairs so far, in no order; those with an empty value left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The labels.
    pub fn build(&self) -> Labels {
        let mut pairs: Vec<(&str, &str)> = self.iter().collect();
        pairs.sort_unstable();
        Labels::from_sorted(pairs)
    }
}

/// Label sets made one after the other, each from the front of the one before: neighbours in a sorted
/// list have most of their labels in common.
///
/// Equals [`Labels::from_sorted`] of the pairs that were pushed and not dropped since.
#[derive(Clone, Debug, Default)]
pub struct LabelsSequence {
    text: String,
    /// Where each label ends in the text.
    ends: Vec<usize>,
}

impl LabelsSequence {
    /// Drops all labels but the first so many.
    pub fn truncate(&mut self, labels: usize) {
        self.ends.truncate(labels);
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Adds a label behind the last, whose name is less. `value` is not empty.
    pub fn push(&mut self, name: &str, value: &str) {
        debug_assert!(!value.is_empty());
        push_part(&mut self.text, name);
        push_part(&mut self.text, value);
        self.ends.push(self.text.len());
    }

    /// The labels that are there now.
    pub fn labels(&self) -> Labels {
        debug_assert!(
            Labels(self.text.as_str().into()).iter().is_sorted_by(|(a, _), (b, _)| a < b)
        );
        Labels(self.text.as_str().into())
    }
}

/// A string in double quotes with Go's escapes, as `%q` prints it.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        put_escaped(self.0, f)?;
        f.write_str("\"")
    }
}

fn put_escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '\u{7}' => f.write_str("\\a")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{b}' => f.write_str("\\v")?,
            '\u{c}' => f.write_str("\\f")?,
            c if u32::from(c) < 0x20 || c == '\u{7f}' => write!(f, "\\x{:02x}", u32::from(c))?,
            c if (0x80..0xa0).contains(&u32::from(c)) => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    Ok(())
}

/// Bytes that may not be UTF-8, likewise; those that are not as `\xc5`.
#[derive(Clone, Copy, Debug)]
pub struct QuotedBytes<'a>(pub &'a [u8]);

impl fmt::Display for QuotedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.0.utf8_chunks() {
            put_escaped(chunk.valid(), f)?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_str("\"")
    }
}

/// Whether `name` is a label name in the old, ASCII sense: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(':') && is_legacy_metric_name(name)
}

/// Whether `name` is a metric name in the old, ASCII sense: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

#[inline]
fn push_part(text: &mut String, part: &str) {
    let mut len = part.len();
    loop {
        let six = u8::try_from(len & 0x3f).expect("six bits fit a byte");
        len >>= 6;
        if len == 0 {
            text.push(char::from(six));
            break;
        }
        text.push(char::from(six | 0x40));
    }
    text.push_str(part);
}

/// How many bytes two texts have in common from their begin.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let eights = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let equal = 8 * eights.take_while(|(a, b)| a == b).count();
    equal + a[equal..].iter().zip(&b[equal..]).take_while(|(a, b)| a == b).count()
}

/// Where the part begins that byte `at` of a text belongs to; its end if that is `at`.
fn start_of_part(text: &str, at: usize) -> usize {
    let mut rest = text;
    let mut start = 0;
    while !rest.is_empty() {
        take_part(&mut rest);
        let end = text.len() - rest.len();
        if end > at {
            break;
        }
        start = end;
    }
    start
}

#[inline]
fn take_part<'a>(rest: &mut &'a str) -> &'a str {
    // Nearly every length is one byte.
    let (at, len) = match rest.as_bytes() {
        [len @ 0..0x40, ..] => (1, usize::from(*len)),
        bytes => take_len(bytes),
    };
    let (part, after) = rest.split_at(at + len);
    *rest = after;
    &part[at..]
}

/// A length, behind how many bytes it takes.
#[cold]
fn take_len(bytes: &[u8]) -> (usize, usize) {
    let (mut len, mut at) = (0usize, 0);
    for byte in bytes {
        len |= usize::from(byte & 0x3f) << (6 * at);
        at += 1;
        if byte & 0x40 == 0 {
            break;
        }
    }
    (at, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn pairs_come_back_sorted_and_without_empty_values() {
        let l = labels(&[("b", "2"), ("a", "1"), ("c", ""), ("__name__", "up")]);
        assert_eq!(l.iter().collect::<Vec<_>>(), [("__name__", "up"), ("a", "1"), ("b", "2")]);
        assert_eq!((l.get("a"), l.get("c"), l.get("zz")), ("1", "", ""));
        assert_eq!(l.to_string(), r#"{__name__="up", a="1", b="2"}"#);
    }

    #[test]
    fn a_prefix_sorts_before_the_longer_set() {
        assert!(labels(&[("a", "1")]) < labels(&[("a", "1"), ("b", "1")]));
        assert!(labels(&[]) < labels(&[("a", "1")]));
        assert!(labels(&[("a", "2")]) > labels(&[("a", "1"), ("b", "1")]));
        assert!(labels(&[("a", "1"), ("b", "1")]) < labels(&[("b", "0")]));
    }

    #[test]
    fn control_characters_and_foreign_names_are_quoted_as_go_does() {
        let l = labels(&[("http.route", "a\"b\\c\n\u{1}\u{7f}é")]);
        assert_eq!(l.to_string(), r#"{"http.route"="a\"b\\c\n\x01\x7fé"}"#);
    }

    proptest! {
        #[test]
        fn labels_are_the_sorted_map_of_their_pairs(
            pairs in prop::collection::vec(("[a-zé\u{0}]{1,4}", ".{0,200}"), 0..8)
        ) {
            let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
            let l = Labels::from_pairs(pairs.clone());
            let expected: Vec<_> =
                map.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(l.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!(l.to_builder().build(), l);
        }

        /// With values so much alike, and some so long, that they differ in any byte of a part.
        #[test]
        fn the_order_is_that_of_the_pairs(
            a in prop::collection::btree_map("[ab]{1,2}", "a{0,70}[ab]{1,2}", 0..4),
            b in prop::collection::btree_map("[ab]{1,2}", "a{0,70}[ab]{1,2}", 0..4)
        ) {
            let of = |pairs: &BTreeMap<String, String>| Labels::from_pairs(pairs.clone());
            prop_assert_eq!(of(&a).cmp(&of(&b)), a.iter().cmp(b.iter()));
        }

        #[test]
        fn a_sequence_gives_what_its_pairs_give(
            sets in prop::collection::vec((0usize..6, prop::collection::vec(".{1,80}", 0..4)), 1..6)
        ) {
            let mut sequence = LabelsSequence::default();
            let mut pairs: Vec<(String, String)> = Vec::new();
            for (kept, values) in sets {
                pairs.truncate(kept);
                sequence.truncate(kept);
                for value in values {
                    let name = format!("{:03}", pairs.len());
                    sequence.push(&name, &value);
                    pairs.push((name, value));
                }
                prop_assert_eq!(sequence.labels(), Labels::from_pairs(pairs.clone()));
            }
        }
    }
}

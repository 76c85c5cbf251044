//! What a target says about its metric families: type, help and unit.

use exposition::{Entry, MetricType};

use crate::texts::Texts;

/// What a target says about one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricMetadata {
    /// The family's name.
    pub metric: String,
    /// Its type.
    pub kind: MetricType,
    /// What it is.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// A family that was not spoken of in so many good scrapes is forgotten.
const KEPT_ROUNDS: u32 = 10;

/// The families of one target.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    families: Texts<Family>,
    /// The family that was spoken of last: its lines come together.
    last: Option<usize>,
    round: u32,
}

#[derive(Debug, Default)]
struct Family {
    kind: MetricType,
    help: Box<str>,
    unit: Box<str>,
    round: u32,
}

impl MetadataCache {
    /// Takes in an entry; samples say nothing here.
    pub(crate) fn note(&mut self, entry: &Entry<'_>) {
        let (Entry::Help { family, .. } | Entry::Type { family, .. } | Entry::Unit { family, .. }) =
            entry
        else {
            return;
        };
        let Some(family) = self.family(family) else {
            return;
        };
        match entry {
            Entry::Help { text, .. } => replace(&mut family.help, text),
            Entry::Type { kind, .. } => family.kind = *kind,
            Entry::Unit { unit, .. } => replace(&mut family.unit, unit),
            Entry::Series(_) => {}
        }
    }

    /// Ends a good scrape.
    pub(crate) fn end_round(&mut self) {
        let oldest = self.round.saturating_sub(KEPT_ROUNDS - 1);
        self.families.retain(|family| family.round >= oldest);
        self.families.rewind();
        self.last = None;
        self.round += 1;
    }

    /// All families, sorted by name.
    pub(crate) fn snapshot(&self) -> Vec<MetricMetadata> {
        let mut all: Vec<MetricMetadata> = self
            .families
            .iter()
            .map(|(metric, family)| MetricMetadata {
                metric: metric.to_owned(),
                kind: family.kind,
                help: family.help.to_string(),
                unit: family.unit.to_string(),
            })
            .collect();
        all.sort_by(|a, b| a.metric.cmp(&b.metric));
        all
    }

    /// How many families there are, and the bytes of what is said about them.
    pub(crate) fn size(&self) -> (usize, usize) {
        let bytes = self
            .families
            .iter()
            .map(|(name, family)| name.len() + family.help.len() + family.unit.len())
            .sum();
        (self.families.len(), bytes)
    }

    /// The family of that name, made if need be; `None` if there is no room for one more.
    fn family(&mut self, name: &str) -> Option<&mut Family> {
        let known = self.last.filter(|place| self.families.is_at(*place, name));
        let place = known.or_else(|| self.families.find(name));
        let place = place.or_else(|| self.families.insert(name, Family::default()))?;
        self.last = Some(place);
        let family = self.families.get_mut(place)?;
        family.round = self.round;
        Some(family)
    }
}

/// Sets a text, without allocating if it is the same: it nearly always is.
fn replace(place: &mut Box<str>, text: &str) {
    if **place != *text {
        *place = text.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_outlives_ten_scrapes_that_do_not_mention_it() {
        let mut cache = MetadataCache::default();
        cache.note(&Entry::Type { family: "a".into(), kind: MetricType::Counter });
        cache.note(&Entry::Help { family: "a".into(), text: "old".into() });
        cache.note(&Entry::Help { family: "a".into(), text: "new".into() });
        cache.end_round();
        let expected = MetricMetadata {
            metric: "a".into(),
            kind: MetricType::Counter,
            help: "new".into(),
            unit: String::new(),
        };
        for _ in 0..9 {
            assert_eq!(cache.snapshot(), std::slice::from_ref(&expected));
            assert_eq!(cache.size(), (1, 4));
            cache.end_round();
        }
        cache.end_round();
        assert_eq!(cache.snapshot(), []);
    }
}

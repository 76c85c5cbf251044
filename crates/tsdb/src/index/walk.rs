//! Rows of a block's index in order, with their labels as texts.
//!
//! Neighbouring rows have most of their labels in common, and those that differ have neighbouring
//! values. So the labels of a row are made from the front of those before, and of each name a few of
//! the value frames lately read are kept.

#![deny(clippy::indexing_slicing)]

use model::{Labels, LabelsSequence};
use storage::ChunkMeta;

use super::Postings;
use super::format::ROWS_PER_FRAME;
use super::reader::IndexReader;
use super::rows::RowFrame;
use super::slot::Values;
use super::times::Group;
use super::values::Texts;
use crate::error::BlockError;

/// So many value frames of a name are kept: the buckets of a histogram may be in some of them, and come
/// again with the next one.
const FRAMES_KEPT: usize = 8;

/// A row of a block.
pub(crate) struct BlockRow<'a> {
    pub(crate) labels: Labels,
    /// From the first to the last of those that were asked for; one at least.
    pub(crate) chunks: Group<'a>,
    /// Where the values of each of them lie.
    pub(crate) values: Vec<Values>,
}

/// Some rows of an index, read in order.
pub(crate) struct Rows<'a> {
    index: &'a IndexReader,
    wanted: roaring::bitmap::IntoIter,
    open: Option<RowFrame<'a>>,
    /// Of each name.
    values: Vec<RecentValues>,
    /// The labels that were last made, and which they are.
    labels: LabelsSequence,
    made: Vec<(u32, u32)>,
}

impl<'a> Rows<'a> {
    /// The rows `wanted` of an index with so many label names.
    pub(super) fn new(index: &'a IndexReader, names: usize, wanted: Postings) -> Self {
        let values = std::iter::repeat_with(RecentValues::default).take(names).collect();
        let (labels, made) = (LabelsSequence::default(), Vec::new());
        Self { index, wanted: wanted.into_iter(), open: None, values, labels, made }
    }

    /// The next wanted row with chunks for which `keep` holds, and those chunks.
    pub(crate) fn next_with(
        &mut self,
        keep: impl Fn(&ChunkMeta) -> bool,
    ) -> Result<Option<BlockRow<'a>>, BlockError> {
        let index = self.index;
        for row in self.wanted.by_ref() {
            let group = row / ROWS_PER_FRAME;
            let fresh = self.open.as_ref().is_none_or(|open| open.group != group);
            if fresh {
                self.open = Some(index.row_frame(group)?);
            }
            let open = self.open.as_mut().expect("just opened");
            while open.read <= row % ROWS_PER_FRAME {
                let advanced = open.advance(index.shapes(), index.times()?);
                advanced.ok_or_else(|| index.damaged("row frame", open.offset, "a series"))?;
            }
            let metas = open.chunks.metas;
            let Some(first) = metas.iter().position(&keep) else { continue };
            let kept = first..metas.iter().rposition(&keep).map_or(first, |last| last + 1);
            let values = open.values.get(kept.clone()).unwrap_or_default().to_vec();
            let chunks = open.chunks.part(kept).expect("a part of it");
            let labels = self.labels()?;
            return Ok(Some(BlockRow { labels, chunks, values }));
        }
        Ok(None)
    }

    /// The labels of the row last read.
    fn labels(&mut self) -> Result<Labels, BlockError> {
        let open = self.open.as_ref().expect("a row was read");
        let shape = self.index.shapes().get(open.shape).expect("looked up when the row was read");
        let wanted = || shape.iter().copied().zip(open.ordinals.iter().copied());
        let equal = wanted().zip(&self.made).take_while(|(label, made)| label == *made).count();
        self.labels.truncate(equal);
        self.made.truncate(equal);
        for (name, ordinal) in wanted().skip(equal) {
            let at = name as usize;
            let values = self.values.get_mut(at).expect("as many as there are names");
            let value = values.get(ordinal, |ordinal| self.index.texts(at, ordinal))?;
            self.labels.push(self.index.name_text(at), value);
            self.made.push((name, ordinal));
        }
        Ok(self.labels.labels())
    }
}

/// The values of a name that were lately read.
#[derive(Default)]
struct RecentValues {
    frames: Vec<Texts>,
    /// Which of them was asked last, and which is the oldest.
    last: usize,
    oldest: usize,
}

impl RecentValues {
    /// The value with this ordinal, which the frame that `read` gives has.
    fn get(
        &mut self,
        ordinal: u32,
        read: impl FnOnce(u32) -> Result<Texts, BlockError>,
    ) -> Result<&str, BlockError> {
        let has = |frame: &Texts| frame.get(ordinal).is_some();
        if !self.frames.get(self.last).is_some_and(has) {
            self.last = match self.frames.iter().position(has) {
                Some(known) => known,
                None => self.keep(read(ordinal)?),
            };
        }
        let value = self.frames.get(self.last).and_then(|frame| frame.get(ordinal));
        Ok(value.expect("the frame was looked up, or read, for it"))
    }

    /// Keeps a frame, in place of the oldest if there are enough; returns its place.
    fn keep(&mut self, frame: Texts) -> usize {
        if self.frames.len() < FRAMES_KEPT {
            self.frames.push(frame);
            return self.frames.len() - 1;
        }
        let place = self.oldest;
        self.oldest = (place + 1) % FRAMES_KEPT;
        if let Some(oldest) = self.frames.get_mut(place) {
            *oldest = frame;
        }
        place
    }
}

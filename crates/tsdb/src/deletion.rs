//! Deleting: samples are hidden at once, and leave the disk when their blocks are rewritten.

use std::sync::PoisonError;

use model::{Matcher, TimeRange, Timestamp};

use crate::block::Block;
use crate::compact::merge;
use crate::db::Db;
use crate::error::ChangeError;
use crate::index::{Source, select};
use crate::tombstones::Tombstones;

impl Db {
    /// Deletes the samples there are in `range`, both ends inside, of the series that pass all
    /// matchers. Samples that come later are not deleted, whatever their time.
    ///
    /// When it returns, no query that begins shows them, nor after a crash. After an error some of
    /// them may be deleted; asking again deletes the rest. Label names and values may be listed until
    /// the blocks are compacted or cleaned. Waits for heavy work to end.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), ChangeError> {
        let mut maintenance = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        maintenance.look_again();
        self.head.delete(matchers, range)?;
        for block in &self.block_list().blocks {
            self.delete_from(block, matchers, range)?;
        }
        Ok(())
    }

    fn delete_from(
        &self,
        block: &Block,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(), ChangeError> {
        let Some(range) = block.span().intersect(range) else { return Ok(()) };
        let rows = select::rows(block, matchers)?;
        if rows.is_empty() {
            return Ok(());
        }
        let old = block.tombstones();
        let mut new = Tombstones::clone(&old);
        new.add(range, &rows);
        if new == *old {
            return Ok(());
        }
        Ok(block.publish_tombstones(&self.files, &self.options.path, new)?)
    }

    /// Rewrites the blocks of which something is deleted, without that. Waits for heavy work to end.
    pub fn clean_tombstones(&self, now_ms: Timestamp) -> Result<(), ChangeError> {
        let _maintenance = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        self.head.check_open()?;
        for block in &self.block_list().blocks {
            if block.tombstones().is_empty() {
                continue;
            }
            let old = std::slice::from_ref(block);
            let made = merge::merge(&self.files, &self.options.path, old, now_ms)?;
            let list = self.block_list();
            let kept = list.blocks.iter().filter(|kept| kept.meta() != block.meta()).cloned();
            let kept = kept.collect();
            self.replace_blocks(old, kept, made)?;
        }
        Ok(())
    }
}

//! The tables that segments of a stream define for the scans after them.

use super::huffman::Table;
use super::standard;
use crate::image::error::JpegError;

/// What stands until it is redefined.
pub(super) struct Tables {
    pub quant: [Option<[u16; 64]>; 4],
    pub dc: [Option<Table>; 4],
    pub ac: [Option<Table>; 4],
    pub restart_interval: usize,
}

impl Tables {
    /// Puts typical Huffman tables in the place of those that are missing.
    pub fn complete(&mut self) -> Result<(), JpegError> {
        let is_missing = |tables: &[Option<Table>; 4]| tables[..2].iter().any(Option::is_none);
        if is_missing(&self.dc) || is_missing(&self.ac) {
            let [dc, ac] = standard::tables()?;
            for (table, standard) in self.dc.iter_mut().zip(dc).chain(self.ac.iter_mut().zip(ac)) {
                table.get_or_insert(standard);
            }
        }
        Ok(())
    }
}

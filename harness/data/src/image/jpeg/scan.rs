//! Entropy decoding of one scan into the components' coefficients (T.81, annexes F and G).

use super::bits::{BitReader, Step};
use super::frame::{Block, Frame};
use super::huffman::Table;
use super::markers::next_marker;
use super::tables::Tables;
use super::transform::ZIGZAG;
use crate::image::error::JpegError;

/// A scan header.
pub(super) struct Scan {
    /// Component, DC table, AC table; a table's number may be out of range.
    pub components: Vec<(usize, usize, usize)>,
    first: usize,
    last: usize,
    high: u32,
    low: u32,
}

/// The way one block of a scan is coded.
#[derive(Clone, Copy)]
enum Coding {
    Sequential,
    DcFirst,
    DcRefine,
    AcFirst,
    AcRefine,
}

/// The Huffman tables of one component; those that the coding does without may be missing.
#[derive(Clone, Copy)]
struct Codes<'a> {
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
}

struct Decoder<'a> {
    reader: BitReader<'a>,
    bytes: &'a [u8],
    scan: &'a Scan,
    coding: Coding,
    codes: Vec<Codes<'a>>,
    dc: Vec<i32>,
    /// Blocks still to come in a run of ended bands.
    eob_run: u32,
    next_restart: u8,
}

impl Scan {
    /// Reads a scan header and checks it against the frame.
    pub fn read(body: &[u8], frame: &Frame) -> Result<Self, JpegError> {
        let broken = |what| JpegError::Segment { segment: "SOS", what };
        let (&n, rest) = body.split_first().ok_or(broken("too short"))?;
        let n = usize::from(n);
        if !(1..=4).contains(&n) || rest.len() != 2 * n + 3 {
            return Err(broken("not as long as its components need"));
        }
        let mut components: Vec<(usize, usize, usize)> = Vec::with_capacity(n);
        for spec in rest[..2 * n].chunks_exact(2) {
            let idx = frame.components.iter().position(|component| component.id == spec[0]);
            let idx = idx.ok_or(broken("an unknown component"))?;
            let (dc, ac) = (usize::from(spec[1] >> 4), usize::from(spec[1] & 15));
            if components.iter().any(|known| known.0 == idx) {
                return Err(broken("a component twice"));
            }
            components.push((idx, dc, ac));
        }
        let [first, last, approximation] = [rest[2 * n], rest[2 * n + 1], rest[2 * n + 2]];
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (u32::from(approximation >> 4), u32::from(approximation & 15));
        if !frame.is_progressive {
            return Ok(Scan { components, first: 0, last: 63, high: 0, low: 0 });
        }
        let dc_only = first == 0 && last == 0;
        let ac_only = 0 < first && first <= last && last < 64 && n == 1;
        if !(dc_only || ac_only) || 13 < low || (high != 0 && high != low + 1) {
            return Err(broken("progressive parameters out of range"));
        }
        Ok(Scan { components, first, last, high, low })
    }

    fn coding(&self, frame: &Frame) -> Coding {
        match (frame.is_progressive, self.first, self.high) {
            (false, _, _) => Coding::Sequential,
            (true, 0, 0) => Coding::DcFirst,
            (true, 0, _) => Coding::DcRefine,
            (true, _, 0) => Coding::AcFirst,
            (true, _, _) => Coding::AcRefine,
        }
    }
}

/// Decodes a scan and returns the position after its data.
pub(super) fn decode_scan(
    bytes: &[u8],
    pos: usize,
    scan: &Scan,
    frame: &mut Frame,
    tables: &Tables,
) -> Result<usize, JpegError> {
    let coding = scan.coding(frame);
    let mut decoder = Decoder {
        reader: BitReader::new(bytes, pos),
        bytes,
        scan,
        coding,
        codes: pick_codes(scan, coding, tables)?,
        dc: vec![0; scan.components.len()],
        eob_run: 0,
        next_restart: 0,
    };
    let mcus = match scan.components[..] {
        [(idx, _, _)] => {
            let only = &frame.components[idx];
            (only.width.div_ceil(8), only.height.div_ceil(8))
        }
        _ => frame.mcus(),
    };
    let mut left = tables.restart_interval;
    for mcu_y in 0..mcus.1 {
        for mcu_x in 0..mcus.0 {
            if tables.restart_interval != 0 {
                if left == 0 {
                    decoder.restart()?;
                    left = tables.restart_interval;
                }
                left -= 1;
            }
            if !decoder.reader.is_starved {
                decoder.mcu(frame, mcu_x, mcu_y)?;
            }
        }
    }
    Ok(decoder.reader.pos)
}

fn pick_codes<'a>(
    scan: &Scan,
    coding: Coding,
    tables: &'a Tables,
) -> Result<Vec<Codes<'a>>, JpegError> {
    let broken = |what| JpegError::Segment { segment: "SOS", what };
    let (needs_dc, needs_ac) = match coding {
        Coding::Sequential => (true, true),
        Coding::DcFirst => (true, false),
        Coding::DcRefine => (false, false),
        Coding::AcFirst | Coding::AcRefine => (false, true),
    };
    let mut picked = Vec::with_capacity(scan.components.len());
    for &(_, dc, ac) in &scan.components {
        // A number out of range matters as little as a missing table where it is not needed.
        let table = |tables: &'a [Option<Table>; 4], idx: usize| tables.get(idx)?.as_ref();
        let (dc, ac) = (table(&tables.dc, dc), table(&tables.ac, ac));
        if (needs_dc && dc.is_none()) || (needs_ac && ac.is_none()) {
            return Err(broken("a Huffman table is missing"));
        }
        if needs_dc && dc.is_some_and(|table| !table.symbols_within(15)) {
            return Err(broken("a Huffman table out of range"));
        }
        picked.push(Codes { dc, ac });
    }
    Ok(picked)
}

impl Decoder<'_> {
    fn mcu(&mut self, frame: &mut Frame, mcu_x: usize, mcu_y: usize) -> Result<(), JpegError> {
        let scan = self.scan;
        if let [(idx, _, _)] = scan.components[..] {
            let component = &mut frame.components[idx];
            let block = &mut component.blocks[mcu_y * component.blocks_wide + mcu_x];
            return self.block(0, block);
        }
        for (slot, &(idx, _, _)) in scan.components.iter().enumerate() {
            let component = &mut frame.components[idx];
            for y in mcu_y * component.v..(mcu_y + 1) * component.v {
                for x in mcu_x * component.h..(mcu_x + 1) * component.h {
                    self.block(slot, &mut component.blocks[y * component.blocks_wide + x])?;
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, slot: usize, block: &mut Block) -> Result<(), JpegError> {
        let Codes { dc, ac } = self.codes[slot];
        match (self.coding, dc, ac) {
            (Coding::Sequential, Some(dc), Some(ac)) => self.sequential(slot, block, dc, ac),
            (Coding::DcFirst, Some(dc), _) => {
                block[0] = (self.dc_value(slot, dc)? << self.scan.low) as i16;
                Ok(())
            }
            (Coding::AcFirst, _, Some(ac)) => self.ac_first(block, ac),
            (Coding::AcRefine, _, Some(ac)) => self.ac_refine(block, ac),
            _ => {
                if self.reader.bit()? {
                    block[0] |= 1 << self.scan.low;
                }
                Ok(())
            }
        }
    }

    fn dc_value(&mut self, slot: usize, table: &Table) -> Result<i32, JpegError> {
        let n_bits = self.reader.symbol(table)?;
        let difference = self.reader.signed(u32::from(n_bits))?;
        self.dc[slot] = self.dc[slot].wrapping_add(difference);
        Ok(self.dc[slot])
    }

    fn sequential(
        &mut self,
        slot: usize,
        block: &mut Block,
        dc: &Table,
        ac: &Table,
    ) -> Result<(), JpegError> {
        block[0] = self.dc_value(slot, dc)? as i16;
        let mut k = 1;
        while k < 64 {
            match self.reader.step(ac)? {
                Step::Value { run, value } => {
                    k += run;
                    // A run past the end lands on the last coefficient, as in libjpeg.
                    block[usize::from(ZIGZAG[k.min(63)])] = value as i16;
                    k += 1;
                }
                Step::Zeros { run: 15 } => k += 16,
                Step::Zeros { .. } => break,
            }
        }
        Ok(())
    }

    fn ac_first(&mut self, block: &mut Block, ac: &Table) -> Result<(), JpegError> {
        if 0 < self.eob_run {
            self.eob_run -= 1;
            return Ok(());
        }
        let mut k = self.scan.first;
        while k <= self.scan.last {
            match self.reader.step(ac)? {
                Step::Value { run, value } => {
                    k += run;
                    block[usize::from(ZIGZAG[k.min(63)])] = (value << self.scan.low) as i16;
                    k += 1;
                }
                Step::Zeros { run: 15 } => k += 16,
                Step::Zeros { run } => {
                    self.eob_run = (1 << run) - 1 + self.reader.bits(run as u32)?;
                    break;
                }
            }
        }
        Ok(())
    }

    fn ac_refine(&mut self, block: &mut Block, ac: &Table) -> Result<(), JpegError> {
        let (one, last) = (1i16 << self.scan.low, self.scan.last);
        let mut k = self.scan.first;
        while self.eob_run == 0 && k <= last {
            let symbol = self.reader.symbol(ac)?;
            let (run, n_bits) = (u32::from(symbol >> 4), symbol & 15);
            let mut fresh = 0;
            if n_bits != 0 {
                fresh = if self.reader.bit()? { one } else { -one };
            } else if run != 15 {
                self.eob_run = (1 << run) + self.reader.bits(run)?;
                break;
            }
            k = self.refine_run(block, k, run)?;
            if fresh != 0 {
                block[usize::from(ZIGZAG[k.min(63)])] = fresh;
            }
            k += 1;
        }
        if 0 < self.eob_run {
            self.refine_run(block, k, u32::MAX)?;
            self.eob_run -= 1;
        }
        Ok(())
    }

    /// Refines known coefficients from `k` on and stops at the zero after `zeros` zeros.
    fn refine_run(
        &mut self,
        block: &mut Block,
        mut k: usize,
        mut zeros: u32,
    ) -> Result<usize, JpegError> {
        let one = 1i16 << self.scan.low;
        while k <= self.scan.last {
            let value = &mut block[usize::from(ZIGZAG[k])];
            if *value == 0 {
                if zeros == 0 {
                    break;
                }
                zeros -= 1;
            } else if self.reader.bit()? && *value & one == 0 {
                *value = value.wrapping_add(if *value < 0 { -one } else { one });
            }
            k += 1;
        }
        Ok(k)
    }

    /// Starts anew after a restart marker, or searches for it as libjpeg does.
    fn restart(&mut self) -> Result<(), JpegError> {
        self.reader.discard_bits();
        self.dc.fill(0);
        self.eob_run = 0;
        let expected = self.next_restart;
        self.next_restart = (expected + 1) & 7;
        loop {
            let (marker, after) =
                next_marker(self.bytes, self.reader.pos).ok_or(JpegError::Truncated)?;
            match (marker, (marker & 7).wrapping_sub(expected) & 7) {
                // No marker at all, or an old one.
                (0x01..=0xbf, _) | (0xd0..=0xd7, 6 | 7) => self.reader.pos = after,
                (0xd0..=0xd7, 0 | 3..=5) => {
                    self.reader.resume(after);
                    return Ok(());
                }
                // The next one or the one after it, or another segment: our part of the data is lost.
                _ => {
                    self.reader.stop_before(after);
                    return Ok(());
                }
            }
        }
    }
}

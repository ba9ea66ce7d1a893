//! Chroma upsampling with libjpeg's triangle filters ("fancy upsampling") and their alternating roundings.

/// Doubles a row of at least three samples with weights 3/4 and 1/4.
pub(super) fn widen_row(row: &[u8], out: &mut [u8]) {
    let widen = |[left, here, right]: [u8; 3]| {
        let (left, here, right) = (u16::from(left), u16::from(here) * 3, u16::from(right));
        [((here + left + 1) >> 2) as u8, ((here + right + 2) >> 2) as u8]
    };
    let out = out.as_chunks_mut().0;
    let last = row.len() - 1;
    for (pair, around) in out[1..last].iter_mut().zip(neighbours(row)) {
        *pair = widen(around);
    }
    let ends = beyond_the_edges(row);
    (out[0], out[last]) = (widen(ends[0]), widen(ends[1]));
}

/// Doubles a row of at least three samples across, between two rows, with weights 9, 3, 3 and 1 in 16.
pub(super) fn widen_rows(near: &[u8], far: &[u8], out: &mut [u8]) {
    let widen = |near: [u8; 3], far: [u8; 3]| {
        let at = |x: usize| u16::from(near[x]) * 3 + u16::from(far[x]);
        let here = at(1) * 3;
        [((here + at(0) + 8) >> 4) as u8, ((here + at(2) + 7) >> 4) as u8]
    };
    let out = out.as_chunks_mut().0;
    let last = near.len() - 1;
    for (pair, (near, far)) in out[1..last].iter_mut().zip(neighbours(near).zip(neighbours(far))) {
        *pair = widen(near, far);
    }
    let (near, far) = (beyond_the_edges(near), beyond_the_edges(far));
    (out[0], out[last]) = (widen(near[0], far[0]), widen(near[1], far[1]));
}

/// Makes a row between two rows with weights 3/4 and 1/4.
pub(super) fn mix_rows(near: &[u8], far: &[u8], bias: u16, out: &mut [u8]) {
    for ((out, &near), &far) in out.iter_mut().zip(near).zip(far) {
        *out = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
    }
}

/// Each sample of a row between its neighbours, without the row's ends.
fn neighbours(row: &[u8]) -> impl Iterator<Item = [u8; 3]> {
    row.iter().zip(&row[1..]).zip(&row[2..]).map(|((&left, &here), &right)| [left, here, right])
}

/// The row's ends between their neighbours; outside the image its edges repeat.
fn beyond_the_edges(row: &[u8]) -> [[u8; 3]; 2] {
    let last = row.len() - 1;
    [[row[0], row[0], row[1]], [row[last - 1], row[last], row[last]]]
}

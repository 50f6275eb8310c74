//! Masking: every payload byte from a client is XORed with a key of four bytes.

/// Takes the mask off `bytes` (or puts it on), in place.
///
/// Eight bytes at a time, which the compiler widens further; a tail of up to seven goes singly.
pub(super) fn apply(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, k) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= k;
    }
}

/// The key for the bytes that follow the first `taken` ones of a payload.
pub(super) fn advance(key: &mut [u8; 4], taken: usize) {
    key.rotate_left(taken % 4);
}

#[cfg(test)]
mod tests;

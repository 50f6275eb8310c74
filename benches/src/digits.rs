//! Whole numbers as ASCII digits, without the detour over `str`.

/// Width of [`write_fixed`]: nanoseconds of a monotonic clock for three years of uptime.
pub(crate) const FIXED_WIDTH: usize = 17;

/// The number at the start of `bytes` and how many digits it has; `None` without a digit or with more than 18.
#[inline]
#[must_use]
pub fn parse_digits(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut len = 0;
    while let Some(byte) = bytes.get(len) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    // 18 digits always fit; the protocol's numbers end at 2^53 - 1, which has 16.
    (1..=18).contains(&len).then_some((value, len))
}

/// Appends `value` in as many digits as it needs.
pub fn push_digits(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `value` in exactly 17 digits; of a longer number the last 17.
pub fn write_fixed(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; FIXED_WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Reads what [`write_fixed`] wrote at the start of `bytes`.
#[inline]
#[must_use]
pub fn read_fixed(bytes: &[u8]) -> Option<u64> {
    let (value, len) = parse_digits(bytes.get(..FIXED_WIDTH)?)?;
    (len == FIXED_WIDTH).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_both_ways() {
        for value in [0, 1, 9, 10, 99, 1_234_567, (1 << 53) - 1, 99_999_999_999_999_999] {
            let mut out = Vec::new();
            push_digits(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
            assert_eq!(parse_digits(&out), Some((value, out.len())));
            out.clear();
            write_fixed(&mut out, value);
            assert_eq!(out.len(), FIXED_WIDTH);
            out.push(b';');
            assert_eq!(read_fixed(&out), Some(value));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(parse_digits(b""), None);
        assert_eq!(parse_digits(b"x1"), None);
        assert_eq!(parse_digits(b"1234567890123456789"), None);
        assert_eq!(read_fixed(b"123"), None);
        assert_eq!(read_fixed(b"1234567890123456x"), None);
    }
}

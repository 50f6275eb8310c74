//! Which part of a file is asked for.

/// A part of a file, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From, up to and not including.
    Some(u64, u64),
    /// There is nothing there.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes (RFC 9110). What is no range of bytes, or several, is passed over.
pub(super) fn parse(header: &str, size: u64) -> Part {
    let Some(spec) = header.trim().strip_prefix("bytes=").map(str::trim) else { return Part::Whole };
    if spec.contains(',') {
        return Part::Whole;
    }
    let Some((from, to)) = spec.split_once('-') else { return Part::Whole };
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(from), number(to)) {
        (Some(from), to) if to.is_some() || spec.ends_with('-') => {
            if to.is_some_and(|to| to < from) {
                return Part::Whole;
            }
            let end = to.map_or(size, |to| to.saturating_add(1).min(size));
            if from < size { Part::Some(from, end) } else { Part::Unsatisfiable }
        }
        (None, Some(last)) if from.is_empty() => {
            if last == 0 || size == 0 {
                Part::Unsatisfiable
            } else {
                Part::Some(size.saturating_sub(last), size)
            }
        }
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, parse};

    #[test]
    fn ranges_are_read_as_they_are_meant() {
        for (header, part) in [
            ("bytes=0-0", Part::Some(0, 1)),
            ("bytes=0-", Part::Some(0, 10)),
            ("bytes=3-5", Part::Some(3, 6)),
            ("bytes=9-99", Part::Some(9, 10)),
            ("bytes=-3", Part::Some(7, 10)),
            ("bytes=-99", Part::Some(0, 10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=99999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=0-1, 9999999-", Part::Whole),
            ("bytes=0-1,-1", Part::Whole),
            ("bytes=-1,0-", Part::Whole),
            ("bytes=20-,0-1", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=1-x", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("items=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(parse(header, 10), part, "{header}");
        }
    }
}

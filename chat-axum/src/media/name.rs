//! Names of files: as messages show them, and as a header carries them.

use std::fmt::Write as _;

/// What is left without a name.
const NAMELESS: &str = "file";

/// A name without a path and without signs that do not show, at most `chars_max` long; an ending survives shortening.
pub(super) fn clean(given: &str, chars_max: usize) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    // Those that turn the direction of writing would hide an ending.
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    let shown: String = last.chars().filter(|c| !hides(*c)).collect();
    let shown = shown.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    if shown.is_empty() {
        return NAMELESS.to_owned();
    }
    let count = shown.chars().count();
    if count <= chars_max {
        return shown.to_owned();
    }
    let (stem, ending) = match shown.rsplit_once('.') {
        Some((stem, ending)) if ending.chars().count() <= 10 => (stem, format!(".{ending}")),
        _ => (shown, String::new()),
    };
    let left = chars_max.saturating_sub(ending.chars().count()).max(1);
    stem.chars().take(left).chain(ending.chars()).collect()
}

/// The header `Content-Disposition` (RFC 6266): the name for those who read UTF-8, and one in ASCII for the rest.
pub(super) fn disposition(how: &str, name: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let mut header = format!("{how}; filename=\"{ascii}\"");
    if ascii != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                header.push(char::from(byte));
            } else {
                // Writing into a text does not fail.
                let _ = write!(header, "%{byte:02X}");
            }
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::{clean, disposition};

    #[test]
    fn names_have_no_path_and_nothing_hidden() {
        for (given, name) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\cat.png", "cat.png"),
            ("a/", "file"),
            ("..", "file"),
            (".htaccess", "htaccess"),
            ("", "file"),
            ("  x \n\0.txt ", "x .txt"),
            ("exe\u{202E}gnp.js", "exegnp.js"),
            ("Gr\u{FC}\u{DF}e \u{1F980}.txt", "Gr\u{FC}\u{DF}e \u{1F980}.txt"),
        ] {
            assert_eq!(clean(given, 128), name, "{given:?}");
        }
        assert_eq!(clean(&format!("{}.jpeg", "x".repeat(300)), 20), format!("{}.jpeg", "x".repeat(15)));
        assert_eq!(clean(&"y".repeat(300), 20), "y".repeat(20));
    }

    #[test]
    fn headers_cannot_be_broken_out_of() {
        assert_eq!(disposition("inline", "a b.png"), "inline; filename=\"a b.png\"");
        assert_eq!(
            disposition("attachment", "\"\u{E9}\r\n.txt"),
            "attachment; filename=\"____.txt\"; filename*=UTF-8''%22%C3%A9%0D%0A.txt"
        );
    }
}

//! What a file is, told from its first bytes.

use std::collections::BTreeSet;

use chat_core::model::AttachmentKind;

/// Bytes of a file's beginning that its type is told from.
pub(super) const HEAD_BYTES: usize = 8 * 1024;

/// What nobody is surprised by. None of them runs anything where it is opened.
pub(super) const DEFAULT_TYPES: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/mp4",
    "audio/webm",
    "audio/flac",
    "audio/aac",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "application/pdf",
    "application/zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/json",
    "text/plain",
    "text/csv",
    "text/markdown",
];

/// What a browser may show where it stands; everything else is only ever saved.
const INLINE: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/mp4",
    "audio/webm",
    "audio/flac",
    "audio/aac",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
];

pub(super) fn is_inline(content_type: &str) -> bool {
    INLINE.contains(&content_type)
}

/// The type of a file that begins with `head` and is said to be `claimed`, where it is among those allowed.
///
/// # Errors
/// Why it is not taken.
pub(super) fn tell(
    claimed: Option<&str>,
    head: &[u8],
    allowed: &BTreeSet<String>,
) -> Result<String, &'static str> {
    // What says nothing claims nothing.
    let claimed =
        claimed.map(essence).filter(|claimed| claimed != "application/octet-stream" && !claimed.is_empty());
    let told = match infer::get(head) {
        Some(kind) => agree(&canonical(kind.mime_type()), claimed.as_deref())?,
        None => undetected(claimed, head)?,
    };
    if allowed.contains(&told) { Ok(told) } else { Err("files of this type are not taken") }
}

/// What the bytes say and what is claimed, as one; the same container is named by what is in it.
fn agree(found: &str, claimed: Option<&str>) -> Result<String, &'static str> {
    let Some(claimed) = claimed else { return Ok(found.to_owned()) };
    let is_of_zip = |kind: &str| {
        kind.starts_with("application/vnd.openxmlformats") || kind.starts_with("application/vnd.oasis")
    };
    match (found, claimed) {
        _ if found == claimed => Ok(found.to_owned()),
        ("video/webm", "audio/webm") | ("video/mp4", "audio/mp4") | ("audio/ogg", "video/ogg") => {
            Ok(claimed.to_owned())
        }
        ("application/zip", _) if is_of_zip(claimed) => Ok(claimed.to_owned()),
        (_, "application/zip") if is_of_zip(found) => Ok(found.to_owned()),
        _ => Err("the file is not of the type that it is said to be"),
    }
}

/// What has no mark of its own is text, or just bytes. Nothing that a browser would show in place is without a mark.
fn undetected(claimed: Option<String>, head: &[u8]) -> Result<String, &'static str> {
    match claimed {
        Some(claimed) if AttachmentKind::of(&claimed) != AttachmentKind::File => {
            Err("the file is not of the type that it is said to be")
        }
        Some(claimed) if is_text(head) => Ok(claimed),
        None if is_text(head) => Ok("text/plain".to_owned()),
        _ => Ok("application/octet-stream".to_owned()),
    }
}

fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The end of the head may lie within a character.
        Err(error) => error.error_len().is_none(),
    };
    whole && !head.contains(&0)
}

/// A MIME type without its parameters, in the one spelling of several.
fn essence(mime: &str) -> String {
    canonical(mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str())
}

fn canonical(mime: &str) -> String {
    match mime {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "audio/mp3" => "audio/mpeg",
        "audio/opus" | "application/ogg" => "audio/ogg",
        "audio/x-aac" => "audio/aac",
        "video/x-m4v" => "video/mp4",
        "application/x-zip-compressed" => "application/zip",
        "application/x-pdf" => "application/pdf",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_TYPES, tell};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    const WEBM: &[u8] = &padded(b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm");

    /// As long as the least file of its kind.
    const fn padded(head: &[u8; 28]) -> [u8; 300] {
        let mut bytes = [0; 300];
        let mut at = 0;
        while at < head.len() {
            bytes[at] = head[at];
            at += 1;
        }
        bytes
    }

    #[test]
    fn the_bytes_say_what_a_file_is_and_the_claim_must_agree() {
        let allowed = DEFAULT_TYPES.iter().map(|kind| (*kind).to_owned()).collect();
        for (claimed, head, told) in [
            (Some("image/png"), PNG, Some("image/png")),
            (Some("IMAGE/PNG; x=y"), PNG, Some("image/png")),
            (None, PNG, Some("image/png")),
            (Some("application/octet-stream"), PNG, Some("image/png")),
            (Some("image/jpeg"), PNG, None),
            (Some("text/plain"), PNG, None),
            (Some("audio/webm;codecs=opus"), WEBM, Some("audio/webm")),
            (Some("video/webm"), WEBM, Some("video/webm")),
            (Some("image/png"), b"no image".as_slice(), None),
            (Some("audio/mpeg"), b"no sound".as_slice(), None),
            (Some("text/markdown"), "# \u{E9}".as_bytes(), Some("text/markdown")),
            (None, b"hello".as_slice(), Some("text/plain")),
            (None, b"\0\x01\x02".as_slice(), None),
            (Some("text/plain"), b"a\0b".as_slice(), None),
            (Some("text/html"), b"<!DOCTYPE html><p>x".as_slice(), None),
            (Some("text/plain"), b"<!DOCTYPE html><p>x".as_slice(), None),
            (None, b"<html>".as_slice(), None),
            (Some("image/svg+xml"), b"<svg xmlns='http://www.w3.org/2000/svg'/>".as_slice(), None),
            (Some("image/svg+xml"), b"<?xml version='1.0'?><svg/>".as_slice(), None),
            (Some("application/x-msdownload"), b"MZ\x90\0\x03".as_slice(), None),
            (Some("application/pdf"), b"%PDF-1.7\n".as_slice(), Some("application/pdf")),
        ] {
            assert_eq!(tell(claimed, head, &allowed).ok().as_deref(), told, "{claimed:?} {head:?}");
        }
    }
}

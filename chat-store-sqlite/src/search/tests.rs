use chat_core::{
    model::{RoomId, Seq},
    store::{SearchScope, SearchText, SearchedRoom},
};

use super::{asked, words};

#[test]
fn every_word_is_in_quotation_marks() {
    let room = |id| SearchedRoom { room: RoomId::new(id).unwrap(), visible_from: Seq::ZERO };
    let scope = SearchScope::These(vec![room(7), room(8)]);
    for (text, expected) in [
        ("\"a\" OR b*", "\"a\" AND \"or\" AND \"b\" * AND (\"\u{E000}7\" OR \"\u{E000}8\")"),
        ("東京都", "\"京都\" AND \"東京\" AND (\"\u{E000}7\" OR \"\u{E000}8\")"),
        ("東", "\"東\" * AND (\"\u{E000}7\" OR \"\u{E000}8\")"),
    ] {
        assert_eq!(asked(&SearchText::new(text), &scope), expected, "{text:?}");
    }
    assert_eq!(asked(&SearchText::new("x"), &SearchScope::Everywhere), "\"x\" *");
}

#[test]
fn no_text_names_a_room() {
    let room = RoomId::new(7).unwrap();
    assert_eq!(words(room, "a \u{E000}8 \"b\""), "\u{E000}7 8 a b");
}

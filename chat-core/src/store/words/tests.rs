use super::{SearchTerm, SearchText, WORD_CHARS_MAX, index_words};

fn words(text: &str) -> Vec<String> {
    index_words(text).into_iter().collect()
}

#[test]
fn words_are_letters_and_digits_in_small_letters() {
    for (text, expected) in [
        ("", vec![]),
        (" \n\u{1F44D}!? \"-*:^()", vec![]),
        ("Hello, hello World-wide x2", vec!["hello", "wide", "world", "x2"]),
        ("don't a_b", vec!["a", "b", "don", "t"]),
        ("\u{C4}PFEL \u{391}\u{3A3} \u{3B1}\u{3C2}", vec!["\u{E4}pfel", "\u{3B1}\u{3C3}"]),
        ("Cafe\u{301} \u{301}x", vec!["cafe\u{301}", "x"]),
        (
            "\u{0939}\u{093F}\u{0928}\u{094D}\u{0926}\u{0940}",
            vec!["\u{0939}\u{093F}\u{0928}\u{094D}\u{0926}\u{0940}"],
        ),
    ] {
        assert_eq!(words(text), expected, "{text:?}");
    }
    let long = "x".repeat(WORD_CHARS_MAX + 9);
    assert_eq!(words(&long), [&long[..WORD_CHARS_MAX]]);
}

#[test]
fn runs_are_kept_as_pairs() {
    for (text, expected) in [
        ("東京都", vec!["京都", "東京", "都"]),
        ("東", vec!["東"]),
        ("Rustで書いた2", vec!["2", "いた", "た", "で書", "rust", "書い"]),
        ("学生です。東京", vec!["京", "す", "です", "東京", "生で", "学生"]),
        ("ที่นี่", vec!["ที", "นี", "ี่", "ี่", "่", "่น"]),
    ] {
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        expected.sort();
        expected.dedup();
        assert_eq!(words(text), expected, "{text:?}");
    }
}

#[test]
fn all_of_it_must_occur_and_the_last_word_may_go_on() {
    for (asked, text, found) in [
        ("", "x", false),
        ("!", "!", false),
        ("hello wor", "World, HELLO", true),
        ("wor hello", "World, HELLO", false),
        ("hello hello", "Hello", true),
        ("ell", "hello", false),
        ("京都", "東京都", true),
        ("東都", "東京都", false),
        ("東京都", "東京と京都", false),
        ("都", "東京都", true),
        ("京x", "東京都 x2", true),
        ("x京", "東京都 x2", false),
        ("สวย", "วันนี้สวยมาก", true),
        ("학교", "우리학교에서", true),
    ] {
        let asked = SearchText::new(asked);
        assert_eq!(asked.is_in(text), found, "{asked:?} in {text:?}");
        let has = |term: &SearchTerm| match term {
            SearchTerm::Whole(word) => words(text).contains(word),
            SearchTerm::Beginning(start) => words(text).iter().any(|word| word.starts_with(start)),
        };
        assert!(!found || asked.terms().iter().all(has), "what an index is asked for is no more than that");
    }
}

#[test]
fn an_index_is_asked_for_so_much_and_no_more() {
    let asked = SearchText::new(&"一二三四五六七八九十".repeat(20));
    assert_eq!((asked.len(), asked.terms().len()), (1, 10));
    assert_eq!(SearchText::new("a b a c").len(), 3);
    let long = SearchText::new(&"y".repeat(100));
    assert!(long.is_in(&"Y".repeat(200)));
}

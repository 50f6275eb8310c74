use super::Soak;

fn parse(words: &[&str]) -> Result<Soak, String> {
    Soak::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
}

#[test]
fn options_are_read() {
    assert_eq!(parse(&[]), Ok(Soak::default()));
    let both = parse(&["--seed", "7", "--minutes", "30"]);
    assert_eq!(both, Ok(Soak { minutes: Some(30), seed: Some(7) }));
    for wrong in [&["--minutes"][..], &["--seed", "x"], &["--hours", "1"], &["7"]] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

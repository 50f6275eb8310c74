//! What a search finds in a text: the words of both, told apart here once for every store.
//!
//! A text falls into parts at everything that is neither letter nor digit. In scripts that put spaces between words a
//! part is a word, found whole, or by its beginning where it is the last one asked for. In scripts that do not (Chinese,
//! Japanese, Korean, Thai, Lao, Khmer, Burmese) a part is a run, in which any piece is found. Case counts nowhere.
//!
//! An index of whole words can serve both, as a run goes into it as its pairs of neighbours: see [`index_words`].

use std::collections::BTreeSet;

/// Characters of a word that count; the rest of a longer one neither finds nor is found.
pub const WORD_CHARS_MAX: usize = 64;

/// Pairs of one run that an index is asked for at most; more would hardly find less.
const PAIRS_MAX: usize = 16;

/// What is looked for, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText {
    parts: Vec<Wanted>,
}

/// What an index is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "stores take it apart")]
pub enum SearchTerm {
    /// This word of the index.
    Whole(String),
    /// Any word of the index that begins so.
    Beginning(String),
}

/// A part of what is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Word(String),
    Beginning(String),
    Piece(String),
}

impl SearchText {
    /// Takes a text apart. Nothing in it is special.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut parts: Vec<Wanted> = Vec::new();
        let mut found = split(text).into_iter().peekable();
        while let Some(part) = found.next() {
            let wanted = match part {
                Part::Run(run) => Wanted::Piece(run),
                Part::Word(word) if found.peek().is_none() => Wanted::Beginning(word),
                Part::Word(word) => Wanted::Word(word),
            };
            if !parts.contains(&wanted) {
                parts.push(wanted);
            }
        }
        Self { parts }
    }

    /// Whether it has no word to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many words and runs it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether all of it occurs in a text. An empty one occurs in none.
    #[must_use]
    pub fn is_in(&self, content: &str) -> bool {
        let mut missing: Vec<&Wanted> = self.parts.iter().collect();
        for part in split(content) {
            missing.retain(|wanted| !wanted.is_in(&part));
            if missing.is_empty() {
                return !self.is_empty();
            }
        }
        false
    }

    /// What an index of [`index_words`] is asked for: every text that this occurs in has all of these, and a few others
    /// may have them too, so that [`SearchText::is_in`] decides.
    #[must_use]
    pub fn terms(&self) -> Vec<SearchTerm> {
        let mut terms = BTreeSet::new();
        for wanted in &self.parts {
            match wanted {
                Wanted::Word(word) => _ = terms.insert(SearchTerm::Whole(word.clone())),
                Wanted::Beginning(word) => _ = terms.insert(SearchTerm::Beginning(word.clone())),
                Wanted::Piece(piece) if piece.chars().nth(1).is_none() => {
                    terms.insert(SearchTerm::Beginning(piece.clone()));
                }
                Wanted::Piece(piece) => {
                    let pairs = pairs(piece).filter(|pair| pair.chars().nth(1).is_some());
                    terms.extend(pairs.take(PAIRS_MAX).map(|pair| SearchTerm::Whole(pair.to_owned())));
                }
            }
        }
        terms.into_iter().collect()
    }
}

impl Wanted {
    fn is_in(&self, part: &Part) -> bool {
        match (self, part) {
            (Self::Word(wanted), Part::Word(word)) => word == wanted,
            (Self::Beginning(wanted), Part::Word(word)) => word.starts_with(wanted),
            (Self::Piece(wanted), Part::Run(run)) => run.contains(wanted),
            _ => false,
        }
    }
}

/// The words under which an index keeps a text, each once: of a run every two neighbours, and its last character, so
/// that a piece of one character is the beginning of a word. They are letters, digits and marks in small letters.
#[must_use]
pub fn index_words(content: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for part in split(content) {
        match part {
            Part::Word(word) => _ = words.insert(word),
            Part::Run(run) => words.extend(pairs(&run).map(str::to_owned)),
        }
    }
    words
}

/// A part of a text, in small letters.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Run(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Run,
    /// Belongs to what it follows.
    Mark,
    Gap,
}

fn split(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut current, mut class, mut length) = (String::new(), Class::Gap, 0);
    for c in text.chars() {
        let next = match class_of(c) {
            Class::Mark => class,
            other => other,
        };
        if next != class {
            end(&mut parts, &mut current, class);
            (class, length) = (next, 0);
        }
        if class == Class::Run || (class == Class::Word && length < WORD_CHARS_MAX) {
            current.extend(c.to_lowercase().map(plain));
            length += 1;
        }
    }
    end(&mut parts, &mut current, class);
    parts
}

fn end(parts: &mut Vec<Part>, current: &mut String, class: Class) {
    let text = std::mem::take(current);
    match class {
        Class::Word => parts.push(Part::Word(text)),
        Class::Run => parts.push(Part::Run(text)),
        Class::Mark | Class::Gap => {}
    }
}

/// A small letter that has two forms, in one of them: a sigma at the end of a word is not known as such while the word
/// is still being typed.
const fn plain(c: char) -> char {
    if c == '\u{3C2}' { '\u{3C3}' } else { c }
}

/// Every two neighbours of a run, and the last character.
fn pairs(run: &str) -> impl Iterator<Item = &str> {
    run.char_indices().map(|(at, first)| {
        let rest = &run[at + first.len_utf8()..];
        let second = rest.chars().next().map_or(0, char::len_utf8);
        &run[at..at + first.len_utf8() + second]
    })
}

const fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' // Burmese
        | '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' // Hangul
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{303C}' // radicals, numerals, repetitions
        | '\u{3041}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' // kana, bopomofo
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' // Han
        | '\u{FF66}'..='\u{FFDC}' // halfwidth kana and Hangul
        | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}')
}

/// Signs inside words that are neither letters nor digits to `char`.
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0487}' // accents
        | '\u{093C}' | '\u{094D}' | '\u{0951}'..='\u{0954}' | '\u{09BC}' | '\u{09CD}' | '\u{0A3C}' | '\u{0A4D}'
        | '\u{0ABC}' | '\u{0ACD}' | '\u{0B3C}' | '\u{0B4D}' | '\u{0BCD}' | '\u{0C3C}' | '\u{0C4D}' | '\u{0CBC}'
        | '\u{0CCD}' | '\u{0D3B}' | '\u{0D3C}' | '\u{0D4D}' | '\u{0DCA}' // signs of Indian scripts
        | '\u{0E47}'..='\u{0E4E}' | '\u{0EB8}'..='\u{0ECE}' // tones
        | '\u{1037}' | '\u{1039}' | '\u{103A}' | '\u{17C9}'..='\u{17D3}' | '\u{17DD}'
        | '\u{200C}' | '\u{200D}' // joiners
        | '\u{3099}' | '\u{309A}' | '\u{FE0F}')
}

fn class_of(c: char) -> Class {
    match (c.is_alphanumeric(), is_unspaced(c)) {
        (true, true) => Class::Run,
        (true, false) => Class::Word,
        _ if is_mark(c) => Class::Mark,
        _ => Class::Gap,
    }
}

#[cfg(test)]
mod tests;

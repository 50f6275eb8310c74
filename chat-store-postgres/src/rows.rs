//! Rows of the seldom kinds on their way in: JSON arrays of arrays, which the database takes apart again, so that a
//! thousand rows of a kind cost one statement.

use serde::Serialize;

/// Rows for `jsonb_array_elements`; the n-th column of one is `value ->> n`.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    json: Vec<u8>,
}

impl Rows {
    /// One row more.
    pub(crate) fn push(&mut self, fill: impl FnOnce(&mut Row<'_>)) {
        self.json.push(if self.json.is_empty() { b'[' } else { b',' });
        self.json.push(b'[');
        fill(&mut Row { json: &mut self.json, is_first: true });
        self.json.push(b']');
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// The text of them all.
    pub(crate) fn into_json(mut self) -> String {
        if self.json.is_empty() {
            self.json.push(b'[');
        }
        self.json.push(b']');
        String::from_utf8(self.json).expect("JSON is written as UTF-8")
    }
}

/// A row being filled.
#[derive(Debug)]
pub(crate) struct Row<'r> {
    json: &'r mut Vec<u8>,
    is_first: bool,
}

impl Row<'_> {
    /// One column more.
    pub(crate) fn put(&mut self, value: impl Serialize) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut *self.json, &value).expect("numbers, texts and lists of them are JSON");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn rows_are_arrays_of_an_array() {
        assert_eq!(Rows::default().into_json(), "[]");
        let mut rows = Rows::default();
        rows.push(|row| {
            row.put(1).put("a\"b").put(None::<i64>);
        });
        assert_eq!(rows.into_json(), r#"[[1,"a\"b",null]]"#);
    }
}

//! Rows on their way in: a JSON array of arrays, which one statement takes apart again with `json_each`, so that a
//! thousand rows cost one statement.

use serde::Serialize;

/// Rows for `json_each(?)`; the n-th column of one is `value ->> n`.
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

    /// The text to be bound.
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

    /// 16 bytes, for `unhex(…)`: JSON has no bytes.
    pub(crate) fn put_hex(&mut self, bytes: &[u8; 16]) -> &mut Self {
        self.put(format_args!("{:032x}", u128::from_be_bytes(*bytes)))
    }
}

/// A list of single values for `json_each(?)`.
pub(crate) fn list<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    let mut json = vec![b'['];
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, &value).expect("numbers and texts are JSON");
    }
    json.push(b']');
    String::from_utf8(json).expect("JSON is written as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::{Rows, list};

    #[test]
    fn rows_are_arrays_of_an_array() {
        assert_eq!(Rows::default().into_json(), "[]");
        let mut rows = Rows::default();
        rows.push(|row| {
            row.put(1).put("a\"b").put(None::<i64>);
        });
        rows.push(|row| {
            row.put_hex(&[0xab; 16]);
        });
        assert_eq!(rows.into_json(), format!(r#"[[1,"a\"b",null],["{}"]]"#, "ab".repeat(16)));
    }

    #[test]
    fn a_list_is_an_array() {
        assert_eq!(list::<i64>([]), "[]");
        assert_eq!(list(["a", "b"]), r#"["a","b"]"#);
    }
}

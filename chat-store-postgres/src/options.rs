//! How a store is made.

/// Longest name in bytes that the database keeps as it is.
const NAME_BYTES_MAX: usize = 63;

/// How a store is made. [`PostgresOptions::default`] is right for most.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    pub(crate) schema: String,
    pub(crate) statement_cache: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { schema: "chat".to_owned(), statement_cache: true }
    }
}

impl PostgresOptions {
    /// The schema that all tables and functions are in, `chat` by default: a small letter or underscore, then small
    /// letters, digits and underscores, at most 63 bytes, not beginning with `pg_`. [`crate::PostgresStore::migrate`]
    /// makes it where it is missing. Every name is written with it: `search_path` is neither read nor changed.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Whether statements stay prepared on their connections; they do by default.
    ///
    /// Off is for a pooler in transaction mode that knows nothing of prepared statements. A statement is then prepared
    /// each time, inside a transaction of its own, since only within one does such a pooler stay with a connection: it
    /// costs three round trips more, and what a commit locks it holds for one of them. A pooler that keeps prepared
    /// statements (`PgBouncer` from 1.21 with `max_prepared_statements`) needs no switch.
    #[must_use]
    pub const fn statement_cache(mut self, keep: bool) -> Self {
        self.statement_cache = keep;
        self
    }

    /// Whether the name can be put into statements.
    pub(crate) fn check(&self) -> Result<(), InvalidName> {
        if is_name(&self.schema) && !self.schema.starts_with("pg_") { Ok(()) } else { Err(InvalidName) }
    }
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let begins = text.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    letters && begins && text.len() <= NAME_BYTES_MAX
}

/// A name that cannot be put into statements.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the schema must be small letters, digits and underscores, no digit first, at most 63 bytes, not pg_"
)]
pub(crate) struct InvalidName;

#[cfg(test)]
mod tests {
    use super::PostgresOptions;

    #[test]
    fn a_name_is_checked() {
        for schema in ["chat", "_a", "a1_", "user", &"a".repeat(63)] {
            assert!(PostgresOptions::default().schema(schema).check().is_ok(), "{schema:?}");
        }
        for schema in ["", "1a", "A", "a b", "a;--", "a\"", "pg_a", "ä", &"a".repeat(64)] {
            assert!(PostgresOptions::default().schema(schema).check().is_err(), "{schema:?}");
        }
    }
}

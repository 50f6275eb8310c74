//! The statements' texts, with the schema of this store's names put in once, when the store is made.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// Declares a set of statements as a struct with a field for each. In a text, `{s}` stands for the schema with its dot.
macro_rules! statements {
    ($(#[$doc:meta])* $set:ident { $($name:ident = $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $set {
            $(pub(crate) $name: sqlx::SqlStr,)*
        }

        impl $set {
            pub(crate) fn new(schema: &str) -> Self {
                Self { $($name: $crate::sql::with_schema($text, schema),)* }
            }
        }
    };
}

pub(crate) use statements;

/// A text with its names; `{n}` stands for the schema's bare name. It was checked to be letters, digits and
/// underscores, so nothing but a name can come of it. It is quoted, since some such names are words of SQL.
pub(crate) fn with_schema(text: &str, schema: &str) -> SqlStr {
    let quoted = format!("\"{schema}\".");
    let shared: std::sync::Arc<str> = text.replace("{s}", &quoted).replace("{n}", schema).into();
    AssertSqlSafe(shared).into_sql_str()
}

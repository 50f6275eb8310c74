//! The statements' texts, with the prefix of this store's names put in once, when the store is opened.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// Declares a set of statements as a struct with a field for each. In a text, `{p}` stands for the prefix.
macro_rules! statements {
    ($(#[$doc:meta])* $set:ident { $($name:ident = $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $set {
            $(pub(crate) $name: sqlx::SqlStr,)*
        }

        impl $set {
            pub(crate) fn new(prefix: &str) -> Self {
                Self { $($name: $crate::sql::with_prefix($text, prefix),)* }
            }

            #[cfg(test)]
            pub(crate) fn all(&self) -> Vec<(&'static str, sqlx::SqlStr)> {
                vec![$((stringify!($name), self.$name.clone()),)*]
            }
        }
    };
}

pub(crate) use statements;

/// A text with its names. The prefix was checked to be letters, digits and underscores, so nothing but a name can
/// come of it.
pub(crate) fn with_prefix(text: &str, prefix: &str) -> SqlStr {
    let shared: std::sync::Arc<str> = text.replace("{p}", prefix).into();
    AssertSqlSafe(shared).into_sql_str()
}

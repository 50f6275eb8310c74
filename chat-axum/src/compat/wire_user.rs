//! User ids as foreign formats have them.

use chat_core::model::{MAX_SAFE_INTEGER, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A user id in a frame: a number where it is a whole decimal number up to 2^53-1 without sign or leading zeros, else a
/// text. Both are read, and `1` and `"1"` are the same user; `1.0` is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct WireUser(pub UserId);

impl Serialize for WireUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match number(self.0.as_str()) {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.serialize_str(self.0.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for WireUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = WireUser;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a user id: a whole number up to 2^53-1, or a text")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<WireUser, E> {
                if value > MAX_SAFE_INTEGER {
                    return Err(E::invalid_value(de::Unexpected::Unsigned(value), &self));
                }
                self.visit_str(&value.to_string())
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<WireUser, E> {
                UserId::new(value).map(WireUser).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// The number that a text is the one way to write.
fn number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|number| is_plain && *number <= MAX_SAFE_INTEGER)
}

#[cfg(test)]
mod tests {
    use super::WireUser;

    #[test]
    fn numbers_where_they_are_canonical() {
        for (read, written) in [
            ("1", Some("1")),
            ("\"1\"", Some("1")),
            ("0", Some("0")),
            ("\"01\"", Some("\"01\"")),
            ("\"+1\"", Some("\"+1\"")),
            ("\"ann\"", Some("\"ann\"")),
            ("9007199254740991", Some("9007199254740991")),
            ("\"9007199254740992\"", Some("\"9007199254740992\"")),
            ("9007199254740992", None),
            ("1.0", None),
            ("-1", None),
            ("\"\"", None),
            ("null", None),
            ("true", None),
        ] {
            let user: Option<WireUser> = serde_json::from_str(read).ok();
            assert_eq!(user.map(|user| serde_json::to_string(&user).unwrap()).as_deref(), written, "{read}");
        }
    }
}

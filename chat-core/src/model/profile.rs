//! What is shown of a user.

use serde::{Deserialize, Serialize};

use super::{Timestamp, UserId};

/// What is shown of a user. The host's directory gives it, else the claims seen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hosts build it; a new field must not be forgotten")]
pub struct Profile {
    /// The user.
    pub id: UserId,
    /// The name shown; the user id where none is known.
    pub name: String,
    /// The name signed in with; the user id where none is known.
    pub username: String,
    /// Mail address; empty where none is known.
    #[serde(default)]
    pub email: String,
    /// A label, never a right: `user` where none is known.
    pub role: String,
    /// Where the picture lies.
    #[serde(default)]
    pub avatar: Option<String>,
}

impl Profile {
    /// What is shown of a user of whom nothing but the id is known.
    #[must_use]
    pub fn unknown(id: UserId) -> Self {
        Self {
            name: id.as_str().to_owned(),
            username: id.as_str().to_owned(),
            email: String::new(),
            role: "user".to_owned(),
            avatar: None,
            id,
        }
    }
}

/// A profile with when its user was last connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores build it; a new field must not be forgotten")]
pub struct StoredProfile {
    /// The profile.
    pub profile: Profile,
    /// When the last connection ended.
    pub last_seen: Option<Timestamp>,
}

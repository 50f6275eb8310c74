//! From claims to a user.

use chat_core::{
    Principal,
    model::{MAX_SAFE_INTEGER, Profile, Timestamp, UserId},
};
use serde_json::{Map, Value};

use crate::auth::AuthError;

/// The user that verified claims name.
pub(super) fn principal(
    claims: &Map<String, Value>,
    admin_role: Option<&str>,
) -> Result<Principal, AuthError> {
    let user = user(claims)?;
    let mut principal = Principal::new(user.clone());
    if let Some(profile) = profile(claims, user) {
        principal = principal.with_profile(profile);
    }
    if let Some(at) = claims.get("exp").and_then(Value::as_f64) {
        // Microseconds of any date that matters fit; what is beyond is cut to the farthest.
        principal = principal.with_expiry(Timestamp::from_micros((at * 1e6) as i64));
    }
    let is_admin = admin_role.is_some() && claims.get("role").and_then(Value::as_str) == admin_role;
    Ok(principal.with_admin(is_admin))
}

fn user(claims: &Map<String, Value>) -> Result<UserId, AuthError> {
    let claim = ["user_id", "sub"].into_iter().find_map(|name| claims.get(name).filter(|v| !v.is_null()));
    let text = match claim {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => {
            let whole = number.as_i64().filter(|n| n.unsigned_abs() <= MAX_SAFE_INTEGER);
            whole
                .ok_or_else(|| AuthError::invalid("the token's user is no whole number up to 2^53-1"))?
                .to_string()
        }
        Some(_) => return Err(AuthError::invalid("the token's user is neither a text nor a number")),
        None => return Err(AuthError::invalid("the token names no user")),
    };
    UserId::new(text)
        .map_err(|_| AuthError::invalid("the token's user must be 1 to 128 bytes without U+0000"))
}

/// What the claims say of the user; none where they say nothing, so that nothing known is replaced by nothing.
fn profile(claims: &Map<String, Value>, user: UserId) -> Option<Profile> {
    let text = |name: &str| {
        let text = claims.get(name)?.as_str()?.trim();
        // Not every store can keep a U+0000.
        (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
    };
    let name = text("name").or_else(|| match (text("first_name"), text("last_name")) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.or(last),
    });
    let (username, email, role, avatar) = (text("username"), text("email"), text("role"), text("avatar"));
    let known = [&name, &username, &email, &role, &avatar].into_iter().any(Option::is_some);
    known.then(|| {
        let unknown = Profile::unknown(user);
        Profile {
            name: name.unwrap_or(unknown.name),
            username: username.unwrap_or(unknown.username),
            email: email.unwrap_or_default(),
            role: role.unwrap_or(unknown.role),
            avatar,
            id: unknown.id,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::principal;
    use serde_json::{Value, json};

    fn user_of(claims: Value) -> Option<String> {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        principal(&claims, None).ok().map(|principal| principal.user.to_string())
    }

    #[test]
    fn the_user_is_a_text_or_a_whole_number() {
        for (claims, user) in [
            (json!({"user_id": 7, "sub": "x"}), Some("7")),
            (json!({"user_id": "7"}), Some("7")),
            (json!({"user_id": null, "sub": "x"}), Some("x")),
            (json!({"sub": 9_007_199_254_740_991_u64}), Some("9007199254740991")),
            (json!({"sub": "ab c"}), Some("ab c")),
            (json!({"user_id": 1.0}), None),
            (json!({"user_id": 9_007_199_254_740_992_u64}), None),
            (json!({"user_id": ""}), None),
            (json!({"user_id": "a\0"}), None),
            (json!({"user_id": "a".repeat(129)}), None),
            (json!({"user_id": {}, "sub": "x"}), None),
            (json!({"user_id": true, "sub": "x"}), None),
            (json!({}), None),
        ] {
            assert_eq!(user_of(claims.clone()).as_deref(), user, "{claims}");
        }
    }

    #[test]
    fn claims_fill_the_profile() {
        let claims = |value: Value| value.as_object().cloned().unwrap();
        let of = |value| principal(&claims(value), Some("boss")).unwrap();
        let full = of(json!({"sub": "u", "first_name": "A", "last_name": "B", "username": "ab",
            "email": "a@b", "role": "boss", "avatar": "/a.png", "exp": 12.5}));
        let profile = full.profile.unwrap();
        assert_eq!((profile.name.as_str(), profile.username.as_str()), ("A B", "ab"));
        assert_eq!((profile.email.as_str(), profile.role.as_str()), ("a@b", "boss"));
        assert_eq!(profile.avatar.as_deref(), Some("/a.png"));
        assert!(full.admin);
        assert_eq!(full.expires_at.unwrap().as_micros(), 12_500_000);
        let named = of(json!({"sub": "u", "name": "N", "role": 5}));
        assert!(!named.admin);
        let profile = named.profile.unwrap();
        assert_eq!(
            (profile.name.as_str(), profile.username.as_str(), profile.role.as_str()),
            ("N", "u", "user")
        );
        assert_eq!(of(json!({"sub": "u"})).profile, None);
        assert_eq!(of(json!({"sub": "u", "name": "a\0b"})).profile, None);
    }
}

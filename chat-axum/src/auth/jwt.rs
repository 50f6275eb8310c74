//! Users by JSON Web Token.

mod claims;

use std::{collections::HashSet, fmt};

use async_trait::async_trait;
use chat_core::Principal;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};

use super::{AuthError, Authenticator, Credentials};

/// Seconds by which a clock may be behind the one that `nbf` is of. `exp` has no such margin: live sockets end at it, and
/// a token that would end a socket opens none.
const LEEWAY_SECONDS: u64 = 5;

/// Below so many bytes a secret can be guessed (RFC 7518 asks for as many as the hash has).
const SECRET_BYTES_WARN: usize = 32;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
#[non_exhaustive]
pub enum JwtAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// A key that does not fit its algorithm.
#[derive(Debug, thiserror::Error)]
#[error("not a key for {algorithm:?}")]
pub struct InvalidKey {
    algorithm: JwtAlgorithm,
    source: Option<jsonwebtoken::errors::Error>,
}

/// Takes JSON Web Tokens.
///
/// - A token is taken with the algorithm of a key that was given here and with no other, whatever its header says.
/// - `exp` is required, and ends live sockets; `nbf` is kept where there is one. Clocks may differ by 5 seconds.
/// - [`audience`](Self::audience) and [`issuer`](Self::issuer), once set, are required. Set them where the issuer
///   makes tokens for others too.
/// - The user is claim `user_id`, else `sub`: a text, or a whole number up to 2^53−1, which is the same user as its
///   decimal text. `1.0` is refused.
/// - `name` (or `first_name` and `last_name`), `username`, `email`, `role` and `avatar` are what is shown of the user
///   where the host gives no directory.
///
/// The crypto backend is the binary's choice: enable a feature of `jsonwebtoken` there (`aws_lc_rs` or
/// `rust_crypto`). Without one, the first token panics.
///
/// ```
/// use chat_axum::{JwtAlgorithm, JwtAuthenticator};
///
/// # fn main() -> Result<(), chat_axum::InvalidKey> {
/// let secret = b"at least thirty-two bytes of chance";
/// let authenticator = JwtAuthenticator::hs256(secret)?.admin_role("admin").audience("chat");
/// # let pem = b"-----BEGIN PUBLIC KEY-----
/// # MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
/// # -----END PUBLIC KEY-----";
/// let rotated = JwtAuthenticator::new(JwtAlgorithm::EdDsa, pem)?.or_key(JwtAlgorithm::Hs256, secret)?;
/// # Ok(())
/// # }
/// ```
pub struct JwtAuthenticator {
    keys: Vec<(Algorithm, DecodingKey)>,
    audience: Option<HashSet<String>>,
    issuer: Option<HashSet<String>>,
    admin_role: Option<String>,
}

impl JwtAuthenticator {
    /// Takes tokens signed with `algorithm`: for `Hs…` by this secret, else by the private half of this public key
    /// in PEM.
    ///
    /// # Errors
    /// [`InvalidKey`] for an empty secret, or for what is no such key.
    pub fn new(algorithm: JwtAlgorithm, key: &[u8]) -> Result<Self, InvalidKey> {
        let none = Self { keys: Vec::new(), audience: None, issuer: None, admin_role: None };
        none.or_key(algorithm, key)
    }

    /// Takes tokens signed with HS256 by this secret.
    ///
    /// # Errors
    /// [`InvalidKey`] for an empty secret.
    pub fn hs256(secret: &[u8]) -> Result<Self, InvalidKey> {
        Self::new(JwtAlgorithm::Hs256, secret)
    }

    /// Takes tokens of a further key too, as while keys are rotated.
    ///
    /// # Errors
    /// As [`JwtAuthenticator::new`].
    pub fn or_key(mut self, algorithm: JwtAlgorithm, key: &[u8]) -> Result<Self, InvalidKey> {
        self.keys.push((algorithm.into(), decoding_key(algorithm, key)?));
        Ok(self)
    }

    /// Takes only tokens made for this audience (`aud`); said again, for any of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.get_or_insert_default().insert(audience.into());
        self
    }

    /// Takes only tokens of this issuer (`iss`); said again, of any of them.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer.get_or_insert_default().insert(issuer.into());
        self
    }

    /// Whose claim `role` is this text has the host's admin power, for as long as the token lasts.
    #[must_use]
    pub fn admin_role(mut self, role: impl Into<String>) -> Self {
        self.admin_role = Some(role.into());
        self
    }

    /// Who a token names.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] with the rule that the token breaks, and nothing of the token.
    pub fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::invalid("not a JWT"))?;
        let mut failed = AuthError::invalid("the token is not signed as it must be");
        for (algorithm, key) in self.keys.iter().filter(|(algorithm, _)| *algorithm == header.alg) {
            match jsonwebtoken::decode(token, key, &self.validation(*algorithm)) {
                Ok(data) => return claims::principal(&data.claims, self.admin_role.as_deref()),
                Err(error) => failed = told(error.kind()),
            }
        }
        Err(failed)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        // Takes the leeway back from `exp`.
        validation.reject_tokens_expiring_in_less_than = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.aud.clone_from(&self.audience);
        validation.validate_aud = self.audience.is_some();
        validation.iss.clone_from(&self.issuer);
        let asked = [("aud", self.audience.is_some()), ("iss", self.issuer.is_some())];
        let asked = asked.into_iter().filter(|(_, asked)| *asked).map(|(claim, _)| claim.to_owned());
        validation.required_spec_claims.extend(asked);
        validation
    }
}

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        self.verify(credentials.token().ok_or(AuthError::Missing)?)
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.keys.iter().map(|(algorithm, _)| algorithm).collect();
        f.debug_struct("JwtAuthenticator").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::Hs256 => Self::HS256,
            JwtAlgorithm::Hs384 => Self::HS384,
            JwtAlgorithm::Hs512 => Self::HS512,
            JwtAlgorithm::Rs256 => Self::RS256,
            JwtAlgorithm::Rs384 => Self::RS384,
            JwtAlgorithm::Rs512 => Self::RS512,
            JwtAlgorithm::Ps256 => Self::PS256,
            JwtAlgorithm::Ps384 => Self::PS384,
            JwtAlgorithm::Ps512 => Self::PS512,
            JwtAlgorithm::Es256 => Self::ES256,
            JwtAlgorithm::Es384 => Self::ES384,
            JwtAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

fn decoding_key(algorithm: JwtAlgorithm, key: &[u8]) -> Result<DecodingKey, InvalidKey> {
    let parsed = match algorithm {
        JwtAlgorithm::Hs256 | JwtAlgorithm::Hs384 | JwtAlgorithm::Hs512 => {
            if key.is_empty() {
                return Err(InvalidKey { algorithm, source: None });
            }
            if key.len() < SECRET_BYTES_WARN {
                tracing::warn!("the token secret is short; use at least {SECRET_BYTES_WARN} bytes of chance");
            }
            Ok(DecodingKey::from_secret(key))
        }
        JwtAlgorithm::Es256 | JwtAlgorithm::Es384 => DecodingKey::from_ec_pem(key),
        JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(key),
        _ => DecodingKey::from_rsa_pem(key),
    };
    parsed.map_err(|source| InvalidKey { algorithm, source: Some(source) })
}

/// What a client is told: the rule, never the token.
fn told(error: &ErrorKind) -> AuthError {
    AuthError::invalid(match error {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::MissingRequiredClaim(claim) => {
            return AuthError::invalid(format!("the token lacks the claim {claim}"));
        }
        _ => "the token is not signed as it must be",
    })
}

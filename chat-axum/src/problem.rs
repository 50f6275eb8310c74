//! Errors as HTTP answers: `application/problem+json` (RFC 9457) with the code that the socket has.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chat_core::{Error, ErrorCode, MissingRoom};
use serde::Serialize;

use crate::auth::AuthError;

/// Told where a request may succeed later and nothing says when.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);

/// What an answer says went wrong, for layers that say it in another form.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// In words, the field that it is about among them.
    pub(crate) detail: String,
    /// It is not found because who asks is no member.
    pub(crate) not_member: bool,
}

/// An error on its way out: the code that the socket has, and what HTTP makes of it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: ErrorCode,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    epoch: Option<Arc<str>>,
    not_member: bool,
}

/// What goes over the wire.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Problem"))]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the status says what kind it is, `code` which one.
    r#type: &'static str,
    /// What the status means.
    title: &'a str,
    /// The status.
    status: u16,
    /// What went wrong, as on the socket.
    code: ErrorCode,
    /// What went wrong, for people.
    detail: &'a str,
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// When to ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// The store was restored or replaced: what the client holds is void, and it loads anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reset: bool,
    /// The epoch that stands, after a reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
}

impl Problem {
    /// An error with the status that goes with its code.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = status_of(code);
        Self {
            status,
            code,
            detail: detail.into(),
            field: None,
            retry_after: None,
            epoch: None,
            not_member: false,
        }
    }

    /// With a status of its own: what HTTP tells apart and the protocol does not.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn bad_field(
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::BadField, detail) }
    }

    /// About a field of the engine's: under the name that a format has for it.
    pub(crate) fn renamed(mut self, field: &str, name: &'static str) -> Self {
        if self.field.as_deref() == Some(field) {
            self.field = Some(Cow::Borrowed(name));
        }
        self
    }

    pub(crate) fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "there is nothing here")
    }

    pub(crate) fn unavailable(detail: &'static str) -> Self {
        Self::new(ErrorCode::Unavailable, detail)
    }

    /// The client's cursors are of another epoch than this.
    pub(crate) fn reset(epoch: Arc<str>) -> Self {
        let detail = "the store was restored or replaced; load anew";
        Self { epoch: Some(epoch), ..Self::new(ErrorCode::Conflict, detail) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            field: error.field().map(Cow::Borrowed),
            retry_after: error.retry_after(),
            not_member: error.why_missing() == Some(MissingRoom::NotMember),
            ..Self::new(error.code(), error.message().to_owned())
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let retryable = self.code.is_retryable();
        let wait = self.retry_after.or_else(|| retryable.then_some(RETRY_DEFAULT));
        let body = ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            field: self.field.as_deref(),
            retryable,
            retry_after_ms: self.retry_after.map(millis),
            reset: self.epoch.is_some(),
            epoch: self.epoch.as_deref(),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let detail = match self.field {
            Some(field) => format!("{field}: {}", self.detail),
            None => self.detail.into_owned(),
        };
        response.extensions_mut().insert(Told { detail, not_member: self.not_member });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = wait {
            // Whole seconds, and never too early.
            let seconds = millis(wait).div_ceil(1_000).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The status that goes with a code.
pub(crate) const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadFrame | ErrorCode::BadField => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::Muted | ErrorCode::Banned | ErrorCode::Blocked => {
            StatusCode::FORBIDDEN
        }
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict | ErrorCode::BodyMismatch => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable | ErrorCode::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, status_of};
    use axum::response::IntoResponse;
    use chat_core::{Error, ErrorCode};
    use std::time::Duration;

    #[test]
    fn every_code_has_its_status() {
        let statuses: Vec<u16> = ErrorCode::ALL.iter().map(|code| status_of(*code).as_u16()).collect();
        assert_eq!(statuses, [400, 400, 401, 403, 404, 409, 409, 413, 429, 403, 403, 403, 503, 503, 500]);
    }

    #[test]
    fn waits_are_told_in_whole_seconds_and_never_too_early() {
        for (wait, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let error = Error::rate_limited(Duration::from_millis(wait));
            let response = Problem::from(error).into_response();
            assert_eq!(response.headers()["retry-after"], seconds, "{wait}");
        }
    }
}

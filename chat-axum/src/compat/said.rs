//! Bodies of these formats, which may name their own sender.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use chat_core::Principal;
use serde::{Deserialize, de::DeserializeOwned};

use super::WireUser;
use crate::{
    extract::{User, parse, read_json},
    problem::Problem,
    shared::Shared,
};

/// The field in which a body names its sender.
pub(super) const SENDER: &str = "user_id";

/// Who asks, and the JSON body sent along. One that names another as its sender is refused.
pub(super) struct Said<T>(pub(super) Principal, pub(super) T);

/// A body, as far as it names its sender.
#[derive(Deserialize)]
struct Signed {
    user_id: Option<WireUser>,
}

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let User(me) = User::from_request_parts(&mut parts, shared).await?;
        let body = read_json(Request::from_parts(parts, body), shared).await?;
        let Signed { user_id } = parse(&body)?;
        must_be(&me, user_id.as_ref())?;
        Ok(Self(me, parse(&body)?))
    }
}

/// Refuses a sender that is somebody else.
pub(super) fn must_be(me: &Principal, sender: Option<&WireUser>) -> Result<(), Problem> {
    match sender {
        Some(WireUser(sender)) if *sender != me.user => Err(Problem::bad_field(SENDER, "is not yours")),
        _ => Ok(()),
    }
}

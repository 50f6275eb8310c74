//! Bodies of these formats, which may name their own sender.

use std::sync::Arc;

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, FromRequestParts as _, OptionalFromRequest, Request},
};
use chat_core::{Principal, model::UserId};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Received, WireUser};
use crate::{
    extract::{User, parse, read_json},
    problem::Problem,
    shared::Shared,
};

/// The field in which a body names its sender.
const SENDER: &str = "user_id";

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

/// A body that may be left out altogether; who asks is known otherwise then.
impl<T: DeserializeOwned> OptionalFromRequest<Arc<Shared>> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Option<Self>, Problem> {
        if request.body().size_hint().exact() == Some(0) {
            return Ok(None);
        }
        <Self as FromRequest<_>>::from_request(request, shared).await.map(Some)
    }
}

/// Refuses a form that names another as its sender.
pub(super) fn must_be_signed_by(me: &Principal, form: &Received) -> Result<(), Problem> {
    let Some(sender) = form.field(SENDER) else { return Ok(()) };
    let sender = UserId::new(sender).map_err(|error| Problem::bad_field(SENDER, error.to_string()))?;
    must_be(me, Some(&WireUser(sender)))
}

/// Refuses a sender that is somebody else.
fn must_be(me: &Principal, sender: Option<&WireUser>) -> Result<(), Problem> {
    match sender {
        Some(WireUser(sender)) if *sender != me.user => Err(Problem::bad_field(SENDER, "is not yours")),
        _ => Ok(()),
    }
}

//! Where the descriptions lie that machines read.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    routing::{MethodRouter, get},
};
use chat_core::schema;

use crate::{asyncapi, openapi, shared::Shared, typescript};

/// Each for whoever asks.
pub(crate) fn routes() -> [(&'static str, MethodRouter<Arc<Shared>>); 4] {
    let of_rest = async |State(shared): State<Arc<Shared>>| Json(openapi::document(&shared.cookie));
    let of_socket = async |State(shared): State<Arc<Shared>>| Json(asyncapi::document(&shared.cookie));
    let of_frames =
        async || ([(header::CONTENT_TYPE, "application/schema+json")], schema::protocol().to_string());
    [
        ("/openapi.json", get(of_rest)),
        ("/asyncapi.json", get(of_socket)),
        ("/protocol.schema.json", get(of_frames)),
        // As text: what it is called otherwise is a video.
        ("/protocol.d.ts", get(async || typescript::types())),
    ]
}

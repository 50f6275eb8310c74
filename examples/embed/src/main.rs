//! The smallest host: chat in an axum app of one's own, with the app's own users and its own word on who may do what.

use std::error::Error;

use axum::{Router, routing::get, serve::ListenerExt as _};
use chat_axum::{AuthError, Authenticator, Credentials};
use chat_core::{
    Engine, Policy, Principal,
    hooks::{Action, ActionKind, Denied},
    model::{Profile, UserId},
};
use chat_store_sqlite::{SqliteOptions, SqliteStore};

/// A user, as this app has had them long before it had chat.
struct Employee {
    badge: &'static str,
    name: &'static str,
    is_temp: bool,
}

const STAFF: &[Employee] = &[
    Employee { badge: "7", name: "Ann Poe", is_temp: false },
    Employee { badge: "8", name: "Bob Ray", is_temp: false },
    Employee { badge: "9", name: "Cy Dee", is_temp: true },
];

/// Who is asking: this app's sessions are called `badge-7`. (Yours are looked up.)
#[derive(Debug)]
struct Badges;

#[chat_axum::async_trait]
impl Authenticator for Badges {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        let token = credentials.token().ok_or(AuthError::Missing)?;
        let badge =
            token.strip_prefix("badge-").and_then(|badge| STAFF.iter().find(|one| one.badge == badge));
        let employee = badge.ok_or_else(|| AuthError::invalid("no such badge"))?;
        let user = UserId::new(employee.badge).map_err(|_| AuthError::invalid("not a user id"))?;
        let mut profile = Profile::unknown(user.clone());
        profile.name = employee.name.to_owned();
        Ok(Principal::new(user).with_profile(profile))
    }
}

/// Who may do what, beyond rooms' own roles: temps chat where they are asked to, and make no rooms.
#[derive(Debug)]
struct HouseRules;

#[chat_axum::async_trait]
impl Policy for HouseRules {
    fn concerns(&self, kind: ActionKind) -> bool {
        kind == ActionKind::CreateRoom
    }

    async fn check(&self, principal: &Principal, _action: &Action<'_>) -> Result<(), Denied> {
        match STAFF.iter().find(|one| one.badge == principal.user.as_str()) {
            Some(employee) if !employee.is_temp => Ok(()),
            _ => Err(Denied::new("temps make no rooms")),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open("embed.db", SqliteOptions::default()).await?;
    let engine = Engine::builder().store(store).policy(HouseRules).build().await?;

    let app = Router::new()
        .route("/", get(async || "the app that was here before"))
        .nest("/chat", chat_axum::router(engine, Badges));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    #[expect(clippy::print_stdout, reason = "for the one who started it")]
    {
        println!("listening on {}", listener.local_addr()?);
    }
    axum::serve(listener.tap_io(|tcp| drop(tcp.set_nodelay(true))), app).await?;
    Ok(())
}

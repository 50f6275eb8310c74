//! What those who wait for a batch are told.

use std::sync::Arc;

use super::{hot::Run, intake::InFlight, writer::Done};
use crate::{
    error::Error,
    event::{Event, EventBody},
    model::Seq,
    protocol::{ErrorBody, OkBody, ServerFrame},
    store::Outcome,
};

/// Answers of a batch, so that each connection gets its own with one write.
#[derive(Default)]
pub(crate) struct Replies {
    by_connection: Vec<(Vec<InFlight>, Run)>,
}

impl Replies {
    pub(crate) fn add(&mut self, result: Result<Outcome, Error>, done: Done) {
        let (flight, id) = match done {
            Done::Call(sender) => {
                // A caller that is gone does not want to know.
                drop(sender.send(result));
                return;
            }
            Done::Frame { flight, id } => (flight, id),
        };
        let known = self
            .by_connection
            .iter()
            .position(|(flights, _)| Arc::ptr_eq(&flights[0].connection, &flight.connection));
        let run = match known {
            Some(at) => &mut self.by_connection[at].1,
            None => {
                self.by_connection.push((Vec::new(), Run::default()));
                let last = self.by_connection.len() - 1;
                &mut self.by_connection[last].1
            }
        };
        let format = &flight.connection.format;
        match (&result, &id) {
            (Ok(outcome), Some(id)) => {
                let body = ok_body(outcome);
                run.push(|out| format.frame(&ServerFrame::Ok { id, body }, out));
            }
            (Ok(_), None) => {}
            (Err(error), id) => {
                let body = ErrorBody::new(id.as_ref(), error);
                run.push(|out| format.frame(&ServerFrame::Error(body), out));
            }
        }
        let at = known.unwrap_or(self.by_connection.len() - 1);
        self.by_connection[at].0.push(flight);
    }

    pub(crate) fn tell(self) {
        for (flights, run) in self.by_connection {
            flights[0].connection.reply_frames(&run);
        }
    }
}

fn ok_body(outcome: &Outcome) -> OkBody<'_> {
    match outcome {
        Outcome::Applied(Event { room, seq, body: EventBody::Message { message }, .. })
        | Outcome::Repeat(Event { room, seq, body: EventBody::Message { message }, .. }) => {
            OkBody::Sent { room_id: *room, seq: *seq, message, repeat: matches!(outcome, Outcome::Repeat(_)) }
        }
        Outcome::Applied(event) | Outcome::Repeat(event) => OkBody::Changed { seq: Some(event.seq) },
        Outcome::Unchanged => OkBody::Changed { seq: None::<Seq> },
    }
}

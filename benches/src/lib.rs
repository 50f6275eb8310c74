//! What the load generator (`load`) and the bare server it is held against (`yardstick`) share.
//!
//! Everything here is small and free of the engine: a generator that used the engine's own code to read frames would
//! not notice what that code gets wrong. Linux only, as is what it measures (epoll, `/proc`, affinity).

mod clock;
mod cursor;
mod digits;
mod frame;
mod histogram;
mod poller;
mod process;
mod read_buffer;
mod scan;
mod stamp;
mod token;
mod upgrade;

pub use clock::now_ns;
pub use cursor::{Cursor, Verdict};
pub use digits::{parse_digits, push_digits, read_fixed, write_fixed};
pub use frame::{BrokenFrame, Frame, Opcode, next_frame, push_client_frame, push_server_text, unmask};
pub use histogram::Histogram;
pub use poller::{Interest, Poller, Ready};
pub use process::{Usage, allowed_cores, pin_to, raise_open_files};
pub use read_buffer::ReadBuffer;
pub use scan::{Seen, scan, scan_event};
pub use stamp::{SMALLEST_CONTENT, StampFinder, push_stamped};
pub use token::Signer;
pub use upgrade::{SAMPLE_ACCEPT, SAMPLE_KEY, accept_for};

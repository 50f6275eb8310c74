//! `direct`.

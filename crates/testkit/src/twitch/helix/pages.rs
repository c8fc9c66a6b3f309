//! Lists in pages: `first` and `after`. Twenty in a page unless asked otherwise, which has surprised many clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::MOST;
use crate::Reply;
use crate::twitch::answer::{first, problem};

/// Which part of a list is wanted.
pub(crate) struct Page {
    size: usize,
    from: usize,
}

impl Page {
    /// As the query says; `usual` is its size if it does not.
    pub(crate) fn asked(query: &[(String, String)], usual: usize) -> Result<Self, Reply> {
        let size = match first(query, "first") {
            None => usual,
            Some(text) => text.parse().ok().filter(|size| (1..=MOST).contains(size)).ok_or_else(|| {
                problem(400, "The parameter \"first\" was malformed: the value must be 1 to 100")
            })?,
        };
        let from = match first(query, "after").filter(|cursor| !cursor.is_empty()) {
            None => 0,
            Some(cursor) => place(cursor).ok_or_else(|| problem(400, "Invalid cursor"))?,
        };
        Ok(Self { size, from })
    }

    /// That part of the list, and where the next one begins.
    pub(crate) fn cut(&self, all: Vec<Value>) -> Value {
        let next = self.from.saturating_add(self.size);
        let pagination =
            if next < all.len() { json!({ "cursor": STANDARD.encode(next.to_string()) }) } else { json!({}) };
        let data: Vec<Value> = all.into_iter().skip(self.from).take(self.size).collect();
        json!({ "data": data, "pagination": pagination })
    }
}

fn place(cursor: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?.parse().ok()
}

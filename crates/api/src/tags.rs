//! Tags, wherever they are given.

use crate::fields::Fields;
use crate::problem::Problem;

/// How many tags one thing may carry.
const MOST: usize = 32;
/// How long one may be, in characters.
const LONGEST: usize = 64;

/// Takes `tags`: at most 32, each 1 to 64 of `A-Z a-z 0-9 _ . : -`. What stands there twice is kept once.
pub(crate) fn tags(fields: &mut Fields) -> Result<Option<Vec<String>>, Problem> {
    let Some(mut tags) = fields.words("tags")? else { return Ok(None) };
    if !tags.iter().all(|tag| good(tag)) {
        return Err(Problem::bad(format!(
            "each of the tags must have 1 to {LONGEST} characters, which may be letters from a to z, digits, '_', '.', \
             ':' and '-'"
        )));
    }
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    if tags.len() > MOST {
        return Err(Problem::bad(format!("tags must have at most {MOST} entries")));
    }
    Ok(Some(tags))
}

fn good(tag: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
    (1..=LONGEST).contains(&tag.len()) && tag.bytes().all(allowed)
}

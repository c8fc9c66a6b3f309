//! Names of files made of a template: `{channel}/{date} {title} [{id}]`. A `/` makes a folder. Whatever the values are,
//! the result is relative, stays inside the directory it is put into, and is a name on every file system
//! ([`crate::safe_name`]). When a name becomes too long, its longest values are shortened, so that what stands
//! behind a long title is not lost.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use holdfast_model::RecordingId;

use crate::safe_name::{self, LONGEST, cut};

/// The longest template, in bytes.
const LONGEST_TEMPLATE: usize = 500;
/// The most folders, the file itself included.
const DEEPEST: usize = 8;
/// Left free in the name of a file, in bytes: ` (9999).mkv`.
const ENDING: usize = 11;
/// What file systems allow for a name, in bytes.
const MOST_BYTES: usize = 255;
/// The longest ending that is put behind a name, in bytes: `.part001.mkv`.
const LONGEST_ENDING: usize = 12;
/// How much of an identity is shown: the end of it is random, and collisions are numbered.
const ID_DIGITS: usize = 8;

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Channel,
    Title,
    Category,
    Date,
    Time,
    Year,
    Month,
    Day,
    Id,
}

const FIELDS: [(&str, Field); 9] = [
    ("channel", Field::Channel),
    ("title", Field::Title),
    ("category", Field::Category),
    ("date", Field::Date),
    ("time", Field::Time),
    ("year", Field::Year),
    ("month", Field::Month),
    ("day", Field::Day),
    ("id", Field::Id),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing in it.
    #[error("the filename template is empty: '{{channel}}/{{date}} {{title}} [{{id}}]' would be one")]
    Empty,
    /// More than 500 bytes, or more than 8 names.
    #[error("the filename template is too long: at most {LONGEST_TEMPLATE} bytes and {DEEPEST} names")]
    TooLong,
    /// No such placeholder.
    #[error("the filename template has no placeholder {{{0}}}: there are {known}", known = known())]
    Unknown(String),
    /// A brace without the other.
    #[error(
        "a brace in the filename template has no other: braces stand around a placeholder, as in {{title}}"
    )]
    Brace,
    /// It would lead out of the directory, or a name in it is empty.
    #[error(
        "the filename template names a folder '{0}': it begins in the directory of recordings, and each name in it must say something"
    )]
    Folder(String),
    /// A character that some file system refuses.
    #[error("the filename template holds {0:?}, which not every file system allows in a name")]
    Character(char),
    /// It ends in .ts, .mkv or .mp4.
    #[error("the filename template ends in {0}: leave the ending out, the container chooses it")]
    Ending(&'static str),
}

fn known() -> String {
    FIELDS.map(|(name, _)| format!("{{{name}}}")).join(", ")
}

/// What the placeholders of one recording stand for.
#[derive(Clone, Debug)]
pub struct Values {
    /// The name of the channel, as people know it.
    pub channel: String,
    /// What the broadcast is called, if that is known.
    pub title: Option<String>,
    /// Its category or game, if that is known.
    pub category: Option<String>,
    /// When the recording began, on this machine's clock.
    pub at: DateTime<Local>,
    /// The recording: its last 8 hexadecimal digits are shown.
    pub id: RecordingId,
}

impl Values {
    fn of(&self, field: Field) -> String {
        let time = |format| self.at.format(format).to_string();
        match field {
            Field::Channel => self.channel.clone(),
            Field::Title => self.title.clone().unwrap_or_default(),
            Field::Category => self.category.clone().unwrap_or_default(),
            Field::Date => time("%Y-%m-%d"),
            Field::Time => time("%H-%M-%S"),
            Field::Year => time("%Y"),
            Field::Month => time("%m"),
            Field::Day => time("%d"),
            Field::Id => {
                let id = self.id.to_string();
                id.get(id.len().saturating_sub(ID_DIGITS)..).unwrap_or(&id).to_owned()
            }
        }
    }

    /// The text with every placeholder that is known filled in; everything else stays as it is.
    pub(crate) fn fill(&self, text: &str) -> String {
        FIELDS.iter().fold(text.to_owned(), |text, (name, field)| {
            let placeholder = format!("{{{name}}}");
            if text.contains(&placeholder) {
                text.replace(&placeholder, &safe_name::component(&self.of(*field), LONGEST / 2))
            } else {
                text
            }
        })
    }
}

/// A template that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    folders: Vec<Vec<Piece>>,
    file: Vec<Piece>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`], in words that a person can act on.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > LONGEST_TEMPLATE || text.split('/').count() > DEEPEST {
            return Err(TemplateError::TooLong);
        }
        let endings = [".ts", ".mkv", ".mp4"];
        if let Some(ending) = endings.into_iter().find(|ending| text.to_ascii_lowercase().ends_with(ending)) {
            return Err(TemplateError::Ending(ending));
        }
        let mut folders = text.split('/').map(name).collect::<Result<Vec<_>, _>>()?;
        let file = folders.pop().ok_or(TemplateError::Empty)?;
        Ok(Self { folders, file })
    }

    /// The path for these values, relative and without its ending (for which there is room).
    #[must_use]
    pub fn path(&self, values: &Values) -> PathBuf {
        let folders = self.folders.iter().map(|folder| render(folder, values, LONGEST));
        folders.chain([render(&self.file, values, LONGEST - ENDING)]).collect()
    }
}

/// One name of a template.
fn name(text: &str) -> Result<Vec<Piece>, TemplateError> {
    if text.trim_matches(['.', ' ']).is_empty() {
        return Err(TemplateError::Folder(text.to_owned()));
    }
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        let (inside, behind) =
            after.strip_prefix('{').and_then(|after| after.split_once('}')).ok_or(TemplateError::Brace)?;
        let field = FIELDS.iter().find(|(name, _)| *name == inside.trim());
        let (_, field) = field.ok_or_else(|| TemplateError::Unknown(inside.to_owned()))?;
        pieces.extend([literal(before)?, Piece::Field(*field)]);
        rest = behind;
    }
    pieces.push(literal(rest)?);
    Ok(pieces)
}

fn literal(text: &str) -> Result<Piece, TemplateError> {
    let refused = |c: &char| c.is_control() || "<>:\"\\|?*".contains(*c);
    text.chars().find(refused).map_or(Ok(Piece::Text(text.to_owned())), |c| Err(TemplateError::Character(c)))
}

/// One name of a path: the pieces, the longest values shortened until it fits.
fn render(pieces: &[Piece], values: &Values, limit: usize) -> String {
    let mut texts: Vec<(bool, String)> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => (false, text.clone()),
            Piece::Field(field) => (true, safe_name::value(&values.of(*field), limit)),
        })
        .collect();
    let length = |texts: &[(bool, String)]| texts.iter().map(|(_, text)| text.len()).sum::<usize>();
    while length(&texts) > limit {
        let longest = texts.iter_mut().filter(|(is_value, _)| *is_value).max_by_key(|(_, text)| text.len());
        if longest.and_then(|(_, text)| text.pop()).is_none() {
            break;
        }
    }
    let text: String = texts.into_iter().map(|(_, text)| text).collect();
    safe_name::component(&text, limit)
}

/// The first path of a row of candidates (`name.ts`, `name (2).ts` …) that is free. A name is shortened for its number
/// where both do not fit.
pub(crate) fn numbered(path: &Path, mut is_free: impl FnMut(&Path) -> bool) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let with_number = |number: u32| {
        let (mut name, suffix) = (name.clone(), format!(" ({number})"));
        cut(&mut name, MOST_BYTES - LONGEST_ENDING - suffix.len());
        path.with_file_name(name + &suffix)
    };
    std::iter::once(path.to_owned()).chain((2..=9999).map(with_number)).find(|path| is_free(path))
}

#[cfg(test)]
mod tests;

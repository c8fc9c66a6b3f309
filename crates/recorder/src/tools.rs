//! Finding Streamlink and ffmpeg: where the person says, else on PATH.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// A program that is needed is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// No Streamlink at the given path.
    #[error(
        "Streamlink was not found at {0}: give the path of an executable with --streamlink, or leave it out to search PATH"
    )]
    StreamlinkAt(PathBuf),
    /// No Streamlink on PATH.
    #[error(
        "Streamlink was not found: install it with 'pip install streamlink' (or 'pipx install streamlink'), or give its path with --streamlink"
    )]
    Streamlink,
    /// No ffmpeg at the given path. (Without a given path ffmpeg may be missing: parts then stay as they are.)
    #[error(
        "ffmpeg was not found at {0}: give the path of an executable with --ffmpeg, or leave it out to search PATH"
    )]
    FfmpegAt(PathBuf),
}

/// The programs a recording runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Streamlink.
    pub streamlink: PathBuf,
    /// ffmpeg, if there is one.
    pub ffmpeg: Option<PathBuf>,
    /// ffprobe, beside ffmpeg or on PATH, if there is one.
    pub ffprobe: Option<PathBuf>,
}

impl Tools {
    /// Looks at the given paths, else along PATH.
    ///
    /// # Errors
    /// [`ToolError`] if Streamlink is missing, or ffmpeg is not where it was said to be.
    pub fn find(streamlink: Option<&Path>, ffmpeg: Option<&Path>) -> Result<Self, ToolError> {
        let streamlink = match streamlink {
            Some(path) => given(path).ok_or_else(|| ToolError::StreamlinkAt(path.to_owned()))?,
            None => on_path("streamlink").ok_or(ToolError::Streamlink)?,
        };
        let ffmpeg = match ffmpeg {
            Some(path) => Some(given(path).ok_or_else(|| ToolError::FfmpegAt(path.to_owned()))?),
            None => on_path("ffmpeg"),
        };
        let beside = ffmpeg.as_ref().and_then(|f| executable(f.with_file_name("ffprobe")));
        Ok(Self { streamlink, ffprobe: beside.or_else(|| on_path("ffprobe")), ffmpeg })
    }
}

/// A bare name is looked up on PATH, as a shell would.
fn given(path: &Path) -> Option<PathBuf> {
    match (path.components().count(), path.to_str()) {
        (1, Some(name)) if !path.is_absolute() => on_path(name),
        _ => executable(path.to_owned()),
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH");
    search(path.as_deref().unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin")), name)
}

fn search(path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(path).filter(|dir| dir.is_absolute()).find_map(|dir| executable(dir.join(name)))
}

fn executable(path: PathBuf) -> Option<PathBuf> {
    (path.is_file() && access(&path, Access::EXEC_OK).is_ok()).then_some(path)
}

/// Why Streamlink could not be started; what to do about it, where another Streamlink would help.
pub(crate) fn not_started(streamlink: &Path, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ". Give its path with --streamlink",
        _ => "",
    };
    format!("Streamlink at {} could not be started: {error}{advice}", streamlink.display())
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn another_streamlink_is_advised_only_where_it_helps() {
        for (errno, advised) in
            [(Errno::NOENT, true), (Errno::ACCESS, true), (Errno::MFILE, false), (Errno::NOMEM, false)]
        {
            let text = not_started(Path::new("/bin/streamlink"), &errno.into());
            assert_eq!(text.contains("--streamlink"), advised, "{text}");
        }
    }
}

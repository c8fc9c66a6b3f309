//! One picture of a finished recording, for lists: beside the file, under its name. Nice to have and no more: whatever goes
//! wrong is noted in the log.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, info};

use super::ffmpeg::{self, RunError};
use crate::control::Control;
use crate::output::Output;
use crate::tools::Tools;

/// The picture is taken after this share of the play time, when most broadcasts have begun …
const SHARE: f64 = 0.1;
/// … and after so many seconds at most: nobody waits for a file of eight hours to be searched.
const AT_MOST: f64 = 60.0;
/// A picture that takes longer is not worth it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes `show.jpg` for the finished `show.mkv`: at most 640 pixels wide, some seconds into it. A file that is there
/// already is left alone, and another name taken (`show (2).jpg`). `None` if it could not be made, or the program is to end
/// first; the log says why.
pub async fn thumbnail(output: &Output, tools: &Tools, control: &Control) -> Option<PathBuf> {
    let made = output.beside("thumbnail", "jpg");
    let taken = tokio::select! {
        taken = timeout(PATIENCE, take(output.path(), &made, tools)) => {
            taken.unwrap_or_else(|_| Err(format!("it took longer than {} s", PATIENCE.as_secs())))
        }
        () = control.join_must_end() => Err("the program is to end".to_owned()),
    };
    let put = taken.and_then(|()| output.put_beside(&made, "jpg").map_err(|error| error.to_string()));
    match put {
        Ok(path) => Some(path),
        Err(why) => {
            let _ = fs::remove_file(&made);
            info!("there is no thumbnail of {}: {why}", output.path().display());
            None
        }
    }
}

async fn take(file: &Path, to: &Path, tools: &Tools) -> Result<(), String> {
    let Some(program) = &tools.ffmpeg else { return Err("ffmpeg was not found".to_owned()) };
    let play_time = match &tools.ffprobe {
        Some(probe) => ffmpeg::play_time(probe, file).await.ok().flatten(),
        None => None,
    };
    let at = play_time.map_or(AT_MOST, |seconds| (seconds * SHARE).clamp(0.0, AT_MOST));
    match picture(program, file, to, Some(at)).await {
        Ok(true) => return Ok(()),
        Ok(false) => debug!(at, "there is no picture there: the first one is taken"),
        Err(error) => debug!(at, %error, "the first picture is taken"),
    }
    match picture(program, file, to, None).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("it holds no picture that can be read".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The picture nearest to a second, or the first that can be read; false if there is none.
async fn picture(program: &Path, file: &Path, to: &Path, at: Option<f64>) -> Result<bool, RunError> {
    let mut before: Vec<OsString> = Vec::new();
    if let Some(at) = at {
        // Only pictures that stand by themselves: what is decoded on the way to another one may be broken.
        before.extend(["-skip_frame", "nokey", "-noaccurate_seek", "-ss"].map(OsString::from));
        before.push(format!("{at:.3}").into());
    }
    let size = "scale=w='min(640,iw)':h=-2";
    let after = ["-map", "0:v:0", "-frames:v", "1", "-vf", size, "-c:v", "mjpeg", "-q:v", "4", "-f", "mjpeg"];
    ffmpeg::convert(program, &before, file, &after, to).await?;
    Ok(to.metadata().is_ok_and(|meta| meta.len() > 0))
}

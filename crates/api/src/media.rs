//! The media of a recording, whole or by range, also while they are still being written: the answer ends where the
//! file ended when it was asked for.

use std::io::SeekFrom;
use std::path::Path;
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Busy, Conflict, NoRecording, OutOfRange};
use crate::fields::Fields;
use crate::input::{Query, Read};
use crate::path::RecordingPath;
use crate::problem::Problem;
use crate::range::{Wanted, wanted};
use crate::server::Server;

/// What is read from the disk at a time, in bytes.
const CHUNK: usize = 128 * 1024;

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(get_recording_file)).routes(routes!(get_recording_thumbnail))
}

/// Which file.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct PartWanted {
    /// One of its `parts`, counted from 1, while they are not one file.
    #[param(minimum = 1, maximum = 100000, nullable = false)]
    part: Option<u32>,
}

impl Read for PartWanted {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { part: fields.number("part", 1..=100_000)? })
    }
}

/// The media, with range requests. While it is being recorded: what there is so far.
#[utoipa::path(
    get, path = "/api/recordings/{id}/file", tag = "recordings",
    params(
        ("id" = String, Path, format = "uuid"),
        PartWanted,
        ("Range" = Option<String>, Header, description = "One range, such as `bytes=0-1023`", nullable = false),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part one has already", nullable = false)
    ),
    responses(
        (status = 200, description = "The whole file", content(
            (String = "video/mp2t"), (String = "video/x-matroska"), (String = "video/mp4"),
            (String = "application/octet-stream")
        )),
        (status = 206, description = "The range asked for", content(
            (String = "video/mp2t"), (String = "video/x-matroska"), (String = "video/mp4"),
            (String = "application/octet-stream")
        )),
        NoRecording, Conflict, OutOfRange, Busy
    )
)]
async fn get_recording_file(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
    Query(PartWanted { part }): Query<PartWanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let part = part.and_then(|part| usize::try_from(part).ok());
    let (path, file) = server.engine.recording_file(id, part).await?;
    let file = File::from_std(file);
    let gone = |error: std::io::Error| {
        Problem::missing(format!("the file of this recording cannot be read: {error}"))
    };
    let about = file.metadata().await.map_err(gone)?;
    let tag = tag(&about);
    let wanted = match headers.get(header::RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if same(&headers, &tag) => wanted(range, about.len()),
        _ => Wanted::All,
    };
    let mut response = send(file, about.len(), wanted).await.map_err(gone)?;
    describe(response.headers_mut(), &path, tag);
    Ok(response)
}

/// A picture of a recording that is over.
#[utoipa::path(
    get, path = "/api/recordings/{id}/thumbnail", tag = "recordings",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, description = "The picture", content_type = "image/jpeg", body = String), NoRecording, Busy)
)]
async fn get_recording_thumbnail(
    State(server): State<Server>,
    RecordingPath(id): RecordingPath,
) -> Result<Response, Problem> {
    let mut file = File::from_std(server.engine.recording_thumbnail(id).await?);
    let mut picture = Vec::new();
    file.read_to_end(&mut picture).await.map_err(|error| {
        Problem::missing(format!("the picture of this recording cannot be read ({error})"))
    })?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=86400")], picture)
        .into_response())
}

/// Whether the file is still the one of which the client has a part (RFC 9110, 13.1.5). Dates never match: they are
/// too coarse for a file that grows.
fn same(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|known| known == tag)
}

/// Changes with every byte that is written.
fn tag(about: &std::fs::Metadata) -> HeaderValue {
    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let text = format!("\"{:x}-{:x}\"", about.len(), changed.map_or(0, |since| since.as_nanos()));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}

async fn send(mut file: File, size: u64, wanted: Wanted) -> std::io::Result<Response> {
    let (status, bytes) = match wanted {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Wanted::Beyond => {
            let detail = format!("the file has {size} bytes: ask for a range that begins before its end");
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((range, Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)).into_response());
        }
    };
    file.seek(SeekFrom::Start(bytes.start)).await?;
    let length = bytes.end - bytes.start;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK));
    let mut response = (status, [(header::CONTENT_LENGTH, length)], body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        let range = HeaderValue::try_from(range).unwrap_or(HeaderValue::from_static("bytes */*"));
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, path: &Path, tag: HeaderValue) {
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ts") => "video/mp2t",
        Some("mkv") => "video/x-matroska",
        Some("mp4") => "video/mp4",
        _ => "application/octet-stream",
    };
    // A problem has its own type.
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, tag);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let disposition =
        format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&name, NON_ALPHANUMERIC));
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
}

//! As much of an HLS playlist (RFC 8216) as the question takes: its numbers, whether it has ended, and of a master
//! playlist the best variant. Line by line and in one pass: the parser that was here before looked for the end of an
//! attribute beyond the end of its line, so that a playlist of 1.6 MB kept a thread busy for 13 s (measured).

/// What a playlist says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Playlist {
    Media {
        /// It carries EXT-X-ENDLIST.
        ended: bool,
        /// The first and the number after the last of its segments.
        first: u64,
        next: u64,
    },
    Master {
        /// The address of the variant with the highest bandwidth, if there is any.
        best: Option<String>,
    },
}

/// These tags stand in master playlists only.
const OF_MASTERS: [&str; 5] = [
    "#EXT-X-STREAM-INF",
    "#EXT-X-I-FRAME-STREAM-INF",
    "#EXT-X-MEDIA:",
    "#EXT-X-SESSION-DATA",
    "#EXT-X-SESSION-KEY",
];

/// Reads a playlist; `None` if it is none, or its numbers are none.
pub(super) fn read(body: &[u8]) -> Option<Playlist> {
    let text = String::from_utf8_lossy(body);
    if !text.starts_with("#EXTM3U") {
        return None;
    }
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines().any(|line| OF_MASTERS.iter().any(|tag| line.starts_with(tag))) {
        return Some(Playlist::Master { best: best_variant(lines()) });
    }
    let (mut first, mut segments, mut ended, mut announced) = (0, 0, false, false);
    for line in lines() {
        if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            first = number.trim().parse().ok()?;
        } else if line.starts_with("#EXT-X-ENDLIST") {
            ended = true;
        } else if line.starts_with("#EXTINF") {
            announced = true;
        } else if !line.starts_with('#') && std::mem::take(&mut announced) {
            segments += 1;
        }
    }
    Some(Playlist::Media { ended, first, next: first.saturating_add(segments) })
}

fn best_variant<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let (mut announced, mut best) = (None, None);
    for line in lines {
        if let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            announced = Some(bandwidth(attributes));
        } else if !line.starts_with('#')
            && let Some(bandwidth) = announced.take()
            && best.is_none_or(|(most, _)| bandwidth >= most)
        {
            best = Some((bandwidth, line));
        }
    }
    best.map(|(_, address)| address.to_owned())
}

/// 0 where it is not said.
fn bandwidth(attributes: &str) -> u64 {
    // What stands between quotes may hold commas, and names of attributes.
    let outside = attributes.split('"').step_by(2).flat_map(|piece| piece.split(','));
    let mut values = outside.filter_map(|attribute| attribute.trim().strip_prefix("BANDWIDTH="));
    values.next().and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn playlists_are_read() {
        let media = |ended, first, next| Some(Playlist::Media { ended, first, next });
        let master = |best: Option<&str>| Some(Playlist::Master { best: best.map(str::to_owned) });
        for (text, expected) in [
            (
                "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2.0,\na.ts\n#EXTINF:2.0,\nb.ts\n",
                media(false, 7, 9),
            ),
            (
                "#EXTM3U\r\n#EXT-X-TARGETDURATION:2\r\n#EXTINF:2,one, two\r\n#EXT-X-BYTERANGE:5@0\r\na.ts\r\n\r\n#EXT-X-ENDLIST\r\n",
                media(true, 0, 1),
            ),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n", media(false, 0, 0)),
            (
                "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:2,\na.ts",
                media(false, u64::MAX, u64::MAX),
            ),
            ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551616\n#EXTINF:2,\na.ts", None),
            // Not yet there: announced, and without an address. And a comment in between.
            ("#EXTM3U\n#EXTINF:2,\n# b.ts\na.ts\n#EXTINF:2,\n", media(false, 0, 1)),
            ("#EXTM3U\n#EXTINF:99999999999999999999999,\na.ts\n", media(false, 0, 1)),
            (
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=5,AVERAGE-BANDWIDTH=99,CODECS=\"x,BANDWIDTH=70\"\nlow.m3u8\n\
                 #EXT-X-STREAM-INF:CODECS=\"a,b\", BANDWIDTH=60\n# here\nhttps://h/high.m3u8?a=b\n\
                 #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90,URI=\"frames.m3u8\"\n",
                master(Some("https://h/high.m3u8?a=b")),
            ),
            ("#EXTM3U\n#EXT-X-STREAM-INF:\nonly.m3u8", master(Some("only.m3u8"))),
            ("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a.m3u8\"\n", master(None)),
            ("<html>#EXTM3U", None),
            ("", None),
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(read(b"#EXTM3U\n#EXTINF:2,\xff\xfe\na.ts\n"), media(false, 0, 1));
    }

    #[test]
    fn no_playlist_takes_long() {
        for line in
            ["#EXT-X-STREAM-INF:a\n", "#EXT-X-MAP:a\n", "#EXT-X-STREAM-INF:\"\n", "\n", "#EXTINF:1,\na\n"]
        {
            let text = format!("#EXTM3U\n{}=", line.repeat((1 << 20) / line.len()));
            let begun = Instant::now();
            assert!(read(text.as_bytes()).is_some());
            assert!(begun.elapsed() < Duration::from_secs(5), "{line:?} took {:?}", begun.elapsed());
        }
    }
}
